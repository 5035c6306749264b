package studio

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"usher/internal/db"
	"usher/internal/sid"
	"usher/internal/studio/engine"
)

func request(data map[string]any) engine.Start {
	return engine.Start{Trigger: engine.IncomingRequest, Data: data}
}

// start begins an execution of a flow for a contact.
func (w *world) start(flow Flow, contact string) Execution {
	w.t.Helper()
	x, err := w.CreateExecution(w.t.Context(), w.owner, &runner{}, NewExecution{Flow: flow.SID, Contact: contact, Channel: "+15550100", Start: request(nil)})
	if err != nil {
		w.t.Fatal(err)
	}
	return x
}

// step gives an input to an execution.
func (w *world) step(s sid.SID, in engine.Input) (x Execution, effects []engine.Effect) {
	w.t.Helper()
	w.do(func(tx *db.Tx) (err error) {
		if x, err = w.ExecutionTx(tx, w.owner.Account, s); err != nil {
			return err
		}
		effects, err = w.StepTx(tx, &x, in)
		return err
	})
	return x, effects
}

func (w *world) steps(x Execution) []string {
	w.t.Helper()
	page, err := w.Steps(w.t.Context(), w.owner, x.State.FlowSID, x.SID, db.Page{Size: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	var list []string
	for _, s := range page.Items {
		list = append(list, s.From+" "+s.Name+" "+s.To)
	}
	return list
}

func TestExecution_toItsEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(Published, greet)
		run := &runner{}
		x, err := w.CreateExecution(t.Context(), w.owner, run, NewExecution{
			Flow: flow.SID, Contact: "+15550001", Channel: "+15550100", Start: request(map[string]any{"name": "Ada", "n": int64(12345678)}),
		})
		if err != nil || x.Active || x.Status() != "ended" || x.EndedAt.IsZero() || !x.WakeAt.IsZero() || x.Revision != 1 {
			t.Fatalf("%+v %v", x, err)
		}
		if len(run.effects) != 1 || run.effects[0] != (engine.End{}) {
			t.Errorf("effects %+v", run.effects)
		}
		read, err := w.Execution(t.Context(), w.owner, flow.SID, x.SID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(x.State, read.State, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("what was read differs:\n%s", diff)
		}
		if read.State.Context.Variables["greeting"] != "Hello Ada" || read.State.Context.Data["n"] != 12345678 {
			t.Errorf("context %+v", read.State.Context)
		}
		if text, err := json.Marshal(new(Execution).Values()); err != nil || strings.Contains(string(text), "null") {
			t.Errorf("an empty context is %s %v", text, err)
		}
		if diff := cmp.Diff([]string{"Trigger incomingRequest hello", "hello next Ended"}, w.steps(x)); diff != "" {
			t.Errorf("steps:\n%s", diff)
		}
		w.start(flow, "+15550001") // the end makes room for another one
	})
}

func TestExecution_waits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(Published, ask)
		run := &runner{}
		x, err := w.CreateExecution(t.Context(), w.owner, run, NewExecution{Flow: flow.SID, Contact: "ada", Channel: "usher", Start: request(nil)})
		if err != nil || !x.Active || x.State.Wait == nil || !x.EndedAt.IsZero() {
			t.Fatalf("%+v %v", x, err)
		}
		if until := x.CreatedAt.Add(time.Hour); !x.WakeAt.Equal(until) {
			t.Errorf("wakes at %v, want %v", x.WakeAt, until)
		}
		send, ok := run.effects[0].(engine.SendMessage)
		if !ok || len(run.effects) != 1 || send.Body != "How many?" || send.To != "ada" || send.From != "usher" {
			t.Fatalf("effects %+v", run.effects)
		}
		list, err := w.Next(t.Context(), 10)
		if err != nil || len(list) != 1 || list[0] != (Waiting{w.owner.Account, x.SID, x.WakeAt}) {
			t.Errorf("waiting %+v %v", list, err)
		}
		w.step(x.SID, engine.Sent{Token: send.Token, SID: "IM1"})
		if early, effects := w.step(x.SID, engine.Timeout{}); !early.Active || len(effects) != 0 {
			t.Errorf("before its time: %+v %+v", early, effects)
		}
		x, effects := w.step(x.SID, engine.Message{Data: map[string]any{"Body": "3"}})
		if x.Active || len(effects) != 1 || x.State.Context.Variables["answer"] == nil {
			t.Errorf("answered: %+v %+v", x, effects)
		}
		if again, effects := w.step(x.SID, engine.Message{Data: map[string]any{"Body": "4"}}); again.Version != x.Version || len(effects) != 0 {
			t.Errorf("after the end: %+v %+v", again, effects)
		}
		if list, err := w.Next(t.Context(), 10); err != nil || len(list) != 0 {
			t.Errorf("waiting after the end %+v %v", list, err)
		}
		if diff := cmp.Diff([]string{"Trigger incomingRequest question", "question incomingMessage keep", "keep next Ended"}, w.steps(x)); diff != "" {
			t.Errorf("steps:\n%s", diff)
		}
	})
}

func TestNext_earliestFirst(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		late := w.start(w.flow(Published, ask), "ada")
		early := w.start(w.flow(Published, strings.Replace(ask, "3600", "60", 1)), "ada")
		list, err := w.Next(t.Context(), 10)
		if err != nil || len(list) != 2 || list[0].SID != early.SID || list[1].SID != late.SID {
			t.Errorf("%+v %v", list, err)
		}
		if list, err = w.Next(t.Context(), 1); err != nil || len(list) != 1 {
			t.Errorf("limited: %+v %v", list, err)
		}
	})
}

func TestExecution_oneActive(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow, second := w.flow(Published, ask), w.flow(Published, ask)
		x := w.start(flow, "ada")
		_, err := w.CreateExecution(t.Context(), w.owner, &runner{}, NewExecution{Flow: flow.SID, Contact: "ada", Channel: "c", Start: request(nil)})
		want(t, "a second one", err, 20409)
		if err != nil && !strings.Contains(err.Error(), string(x.SID)+" is already active for this contact") {
			t.Errorf("text %v", err)
		}
		w.start(flow, "Ada")
		w.start(second, "ada")
		w.do(func(tx *db.Tx) error {
			found, err := w.ActiveTx(tx, w.owner.Account, flow.SID, "ada")
			if err != nil || found.SID != x.SID {
				t.Errorf("active: %+v %v", found, err)
			}
			_, err = w.ActiveTx(tx, w.owner.Account, flow.SID, "bob")
			if !errors.Is(err, db.ErrNotFound) {
				t.Errorf("nobody's: %v", err)
			}
			_, err = w.ActiveTx(tx, w.other.Account, flow.SID, "ada")
			want(t, "another account", err, 20404)
			return nil
		})
	})
}

func TestExecution_startedByMany(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(Published, ask)
		var all sync.WaitGroup
		var mu sync.Mutex
		made := 0
		for range 20 {
			all.Go(func() {
				_, err := w.CreateExecution(t.Context(), w.owner, &runner{}, NewExecution{Flow: flow.SID, Contact: "ada", Channel: "c", Start: request(nil)})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					made++
				} else {
					want(t, "the others", err, 20409)
				}
			})
		}
		all.Wait()
		if made != 1 {
			t.Errorf("%d began", made)
		}
	})
}

func TestStart_revision(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(Draft, greet)
		ctx := t.Context()
		start := func(contact, revision string) (Execution, error) {
			return w.CreateExecution(ctx, w.owner, &runner{}, NewExecution{Flow: flow.SID, Revision: revision, Contact: contact, Channel: "c", Start: request(nil)})
		}
		_, err := start("ada", "")
		want(t, "nothing is published", err, 20001)
		if _, err := w.SetTestUsers(ctx, w.owner, flow.SID, []string{"tester"}); err != nil {
			t.Fatal(err)
		}
		if x, err := start("tester", ""); err != nil || x.Revision != 1 {
			t.Errorf("a test user: %+v %v", x, err)
		}
		if _, err := w.UpdateFlow(ctx, w.owner, flow.SID, FlowChange{Status: Published}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.UpdateFlow(ctx, w.owner, flow.SID, FlowChange{Status: Draft, Definition: &broken}); err != nil {
			t.Fatal(err)
		}
		for _, row := range []struct {
			contact, revision string
			number            int64
			code              int
		}{
			{"ada", "", 2, 0},
			{"ada", "1", 1, 0},
			{"ada", LatestPublished, 2, 0},
			{"ada", "3", 0, 81022},
			{"ada", LatestRevision, 0, 81022},
			{"tester", "", 0, 81022},
			{"ada", "4", 0, 20404},
			{"ada", "0", 0, 20404},
			{"ada", "newest", 0, 81021},
		} {
			x, err := start(row.contact, row.revision)
			want(t, row.contact+" "+row.revision, err, row.code)
			if x.Revision != row.number {
				t.Errorf("%s %s: revision %d, want %d", row.contact, row.revision, x.Revision, row.number)
			}
		}
	})
}

// An execution stays with its revision, and ends when its flow is gone.
func TestStep_revisionAndDeletedFlow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(Published, ask)
		x := w.start(flow, "ada")
		if _, err := w.UpdateFlow(t.Context(), w.owner, flow.SID, FlowChange{Status: Published, Definition: new(greet)}); err != nil {
			t.Fatal(err)
		}
		clear(w.parsed)
		got, _ := w.step(x.SID, engine.Message{Data: map[string]any{"Body": "3"}})
		if got.Active || got.Revision != 1 || got.State.Context.Variables["answer"] == nil {
			t.Errorf("%+v", got)
		}
		if len(w.parsed) != 1 {
			t.Errorf("%d definitions are kept", len(w.parsed))
		}
		old, err := w.CreateExecution(t.Context(), w.owner, &runner{}, NewExecution{Flow: flow.SID, Revision: "1", Contact: "bob", Channel: "c", Start: request(nil)})
		if err != nil {
			t.Fatal(err)
		}
		clear(w.parsed)
		w.do(func(tx *db.Tx) error {
			_, err := tx.Exec("delete from studio_revision where number = 1")
			return err
		})
		got, effects := w.step(old.SID, engine.Message{Data: map[string]any{"Body": "3"}})
		if got.Active || got.State.Reason == "" || len(effects) != 1 {
			t.Errorf("without a definition: %+v %+v", got, effects)
		}
	})
}

func TestEndAndDelete(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow, other := w.flow(Published, ask), w.flow(Published, ask)
		ctx, run := t.Context(), &runner{}
		x := w.start(flow, "ada")
		_, err := w.EndExecution(ctx, w.other, run, flow.SID, x.SID)
		want(t, "another account", err, 20404)
		_, err = w.EndExecution(ctx, w.owner, run, other.SID, x.SID)
		want(t, "another flow", err, 20404)
		_, err = w.Execution(ctx, w.owner, other.SID, x.SID)
		want(t, "read in another flow", err, 20404)
		ended, err := w.EndExecution(ctx, w.owner, run, flow.SID, x.SID)
		if err != nil || ended.Active || ended.State.Wait != nil || len(run.effects) != 1 || run.effects[0] != (engine.End{Reason: reasonEnded}) {
			t.Errorf("ended: %+v %+v %v", ended, run.effects, err)
		}
		again, err := w.EndExecution(ctx, w.owner, run, flow.SID, x.SID)
		if err != nil || again.Version != ended.Version || len(run.effects) != 1 {
			t.Errorf("ended again: %+v %+v %v", again, run.effects, err)
		}
		page, err := w.Steps(ctx, w.owner, flow.SID, x.SID, db.Page{Size: 10})
		if err != nil || len(page.Items) != 1 {
			t.Fatalf("steps %+v %v", page, err)
		}
		step := page.Items[0]
		if got, err := w.Step(ctx, w.owner, flow.SID, x.SID, step.SID); err != nil || got.Name != "incomingRequest" {
			t.Errorf("step %+v %v", got, err)
		}
		live := w.start(flow, "bob")
		_, err = w.Step(ctx, w.owner, flow.SID, live.SID, step.SID)
		want(t, "a step of another execution", err, 20404)
		_, err = w.Step(ctx, w.other, flow.SID, x.SID, step.SID)
		want(t, "a step of another account", err, 20404)
		want(t, "delete in another account", w.DeleteExecution(ctx, w.other, run, flow.SID, x.SID), 20404)
		want(t, "delete", w.DeleteExecution(ctx, w.owner, run, flow.SID, x.SID), 0)
		if len(run.effects) != 1 {
			t.Errorf("effects %+v", run.effects)
		}
		want(t, "delete what is active", w.DeleteExecution(ctx, w.owner, run, flow.SID, live.SID), 0)
		if len(run.effects) != 2 || w.count("studio_step") != 0 || w.count("studio_execution") != 0 {
			t.Errorf("effects %+v; %d steps, %d executions", run.effects, w.count("studio_step"), w.count("studio_execution"))
		}
		want(t, "delete again", w.DeleteExecution(ctx, w.owner, run, flow.SID, x.SID), 20404)
	})
}

func TestSubflow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		parent := w.start(w.flow(Published, ask), "ada")
		below := w.flow(Published, ask)
		child := func() (x Execution) {
			w.do(func(tx *db.Tx) (err error) {
				x, _, err = w.StartTx(tx, w.owner.Account, NewExecution{
					Flow: below.SID, Contact: "ada", Channel: "c", Start: engine.Start{Trigger: engine.IncomingParent}, Parent: &parent, ParentToken: "t1",
				})
				return err
			})
			return x
		}
		x := child()
		if x.ParentID != parent.ID || x.Parent != parent.SID || x.ParentToken != "t1" {
			t.Errorf("%+v", x)
		}
		if _, err := w.EndExecution(t.Context(), w.owner, &runner{}, parent.State.FlowSID, parent.SID); err != nil {
			t.Fatal(err)
		}
		if got, err := w.Execution(t.Context(), w.owner, below.SID, x.SID); err != nil || got.Active {
			t.Errorf("the subflow goes on: %+v %v", got, err)
		}
		x = child()
		want(t, "delete the parent", w.DeleteExecution(t.Context(), w.owner, &runner{}, parent.State.FlowSID, parent.SID), 0)
		if got, err := w.Execution(t.Context(), w.owner, below.SID, x.SID); err != nil || got.ParentID != 0 {
			t.Errorf("the subflow of nobody: %+v %v", got, err)
		}
	})
}

func TestExecutions_filters(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(Published, ask)
		ended, active := w.start(flow, "ada"), w.start(flow, "bob")
		if _, err := w.EndExecution(t.Context(), w.owner, &runner{}, flow.SID, ended.SID); err != nil {
			t.Fatal(err)
		}
		now := active.CreatedAt
		for _, row := range []struct {
			name   string
			filter ExecutionFilter
			want   []sid.SID
		}{
			{"all, newest first", ExecutionFilter{}, []sid.SID{active.SID, ended.SID}},
			{"active", ExecutionFilter{Status: "active"}, []sid.SID{active.SID}},
			{"ended", ExecutionFilter{Status: "ended"}, []sid.SID{ended.SID}},
			{"from before", ExecutionFilter{From: now.Add(-time.Minute)}, []sid.SID{active.SID, ended.SID}},
			{"from after", ExecutionFilter{From: now.Add(time.Minute)}, nil},
			{"until before", ExecutionFilter{To: now.Add(-time.Minute)}, nil},
			{"until this second", ExecutionFilter{From: now.Add(-time.Minute), To: now.Truncate(time.Second), Status: "active"}, []sid.SID{active.SID}},
		} {
			page, err := w.Executions(t.Context(), w.owner, flow.SID, row.filter, db.Page{Size: 10})
			if err != nil {
				t.Fatal(err)
			}
			var got []sid.SID
			for _, x := range page.Items {
				got = append(got, x.SID)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("%s:\n%s", row.name, diff)
			}
		}
		_, err := w.Executions(t.Context(), w.other, flow.SID, ExecutionFilter{}, db.Page{Size: 10})
		want(t, "another account", err, 20404)
	})
}

func TestForget(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow, greeter := w.flow(Published, ask), w.flow(Published, greet)
		live := w.start(flow, "ada")
		var last Execution
		for range 3 {
			last = w.start(greeter, "ada")
		}
		for _, row := range []struct {
			before time.Time
			limit  int
			want   int
		}{{last.EndedAt.Add(-time.Hour), 10, 0}, {last.EndedAt.Add(time.Second), 2, 2}, {last.EndedAt.Add(time.Second), 2, 1}, {last.EndedAt.Add(time.Second), 2, 0}} {
			if n, err := w.Forget(t.Context(), row.before, row.limit); err != nil || n != row.want {
				t.Errorf("%+v: %d %v", row, n, err)
			}
		}
		if _, err := w.Execution(t.Context(), w.owner, flow.SID, live.SID); err != nil || w.count("studio_execution") != 1 || w.count("studio_step") != 1 {
			t.Errorf("what is active: %v; %d executions, %d steps", err, w.count("studio_execution"), w.count("studio_step"))
		}
	})
}

func TestCreateExecution_addresses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(Published, greet)
		for name, in := range map[string]NewExecution{
			"no contact": {Channel: "c"}, "no channel": {Contact: "c"}, "too long": {Contact: strings.Repeat("a", 200), Channel: strings.Repeat("b", 101)},
		} {
			in.Flow, in.Start = flow.SID, request(nil)
			_, err := w.CreateExecution(t.Context(), w.owner, &runner{}, in)
			want(t, name, err, 81023)
		}
		_, err := w.CreateExecution(t.Context(), w.other, &runner{}, NewExecution{Flow: flow.SID, Contact: "a", Channel: "b", Start: request(nil)})
		want(t, "another account", err, 20404)
		_, err = w.CreateExecution(t.Context(), w.owner, failing{}, NewExecution{Flow: flow.SID, Contact: "a", Channel: "b", Start: request(nil)})
		if !errors.Is(err, errFailing) || w.count("studio_execution") != 0 {
			t.Errorf("a runner that fails: %v, %d executions", err, w.count("studio_execution"))
		}
	})
}

var errFailing = errors.New("no")

// failing carries out nothing.
type failing struct{}

func (failing) RunTx(*db.Tx, *Execution, []engine.Effect) error { return errFailing }

func (failing) KeyTx(*db.Tx, int64, string) (int64, error) { return 0, nil }

// Nothing that people wrote, and no name that they gave, is in the clear.
func TestSealed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const canary = "kanarienvogel"
		marked := strings.NewReplacer("question", canary, "How many?", canary, "answer", canary).Replace(ask)
		flow, err := w.CreateFlow(t.Context(), w.owner, NewFlow{FriendlyName: canary, Status: Published, Definition: marked, CommitMessage: new(canary)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.SetTestUsers(t.Context(), w.owner, flow.SID, []string{canary}); err != nil {
			t.Fatal(err)
		}
		x, err := w.CreateExecution(t.Context(), w.owner, &runner{}, NewExecution{
			Flow: flow.SID, Contact: canary, Channel: canary, Start: request(map[string]any{canary: canary}),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.step(x.SID, engine.Message{Data: map[string]any{"Body": canary}})
		for _, table := range []string{"studio_flow", "studio_revision", "studio_execution", "studio_step"} {
			if w.count(table) == 0 {
				t.Errorf("%s is empty", table)
			}
			for _, text := range w.cells(table) {
				if strings.Contains(text, canary) {
					t.Errorf("%s holds %s in the clear", table, canary)
				}
			}
		}
	})
}

// cells returns the values of all columns of a table as text.
func (w *world) cells(table string) (all []string) {
	w.t.Helper()
	w.do(func(tx *db.Tx) error {
		all = nil
		rows, err := tx.Query("select * from " + table)
		if err != nil {
			return err
		}
		columns, err := rows.Columns()
		if err != nil {
			return errors.Join(err, rows.Close())
		}
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new([]byte)
			}
			if err := rows.Scan(values...); err != nil {
				return errors.Join(err, rows.Close())
			}
			for _, v := range values {
				all = append(all, string(*v.(*[]byte)))
			}
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	return all
}
