package studio

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/studio/engine"
)

// world is an account and another one.
type world struct {
	*Studio
	t            *testing.T
	owner, other account.Actor
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := &world{Studio: New(d), t: t}
		for _, a := range []*account.Actor{&w.owner, &w.other} {
			w.do(func(tx *db.Tx) error {
				id, err := db.CreateKeyset(tx)
				*a = account.System(id, sid.New(sid.Account))
				return err
			})
		}
		fn(t, w)
	})
}

func (w *world) do(fn func(tx *db.Tx) error) {
	w.t.Helper()
	if err := w.db.Do(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// as is another actor of the same account.
func (w *world) as(role account.Role) account.Actor {
	return account.Actor{Account: w.owner.Account, AccountSID: w.owner.AccountSID, Role: role, Identity: string(role)}
}

func want(t *testing.T, what string, err error, code int) {
	t.Helper()
	if code == 0 && err != nil || code != 0 && !fault.HasCode(err, code) {
		t.Errorf("%s: %v, want code %d", what, err, code)
	}
}

// flow makes a flow of a definition.
func (w *world) flow(status, definition string) Flow {
	w.t.Helper()
	f, err := w.CreateFlow(w.t.Context(), w.owner, NewFlow{FriendlyName: "Menu", Status: status, Definition: definition})
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

// runner keeps the effects that it is given, and carries out nothing.
type runner struct{ effects []engine.Effect }

func (r *runner) RunTx(_ *db.Tx, _ *Execution, effects []engine.Effect) error {
	r.effects = append(r.effects, effects...)
	return nil
}

func (r *runner) KeyTx(*db.Tx, int64, string) (int64, error) { return 0, nil }

// greet sets a variable and ends.
const greet = `{"description":"Greets","initial_state":"Trigger","flags":{"allow_concurrent_calls":true},"states":[
	{"name":"Trigger","type":"trigger","properties":{"offset":{"x":0,"y":0}},"transitions":[
		{"event":"incomingMessage","next":"hello"},{"event":"incomingCall"},{"event":"incomingRequest","next":"hello"}]},
	{"name":"hello","type":"set-variables","properties":{"variables":[{"key":"greeting","value":"Hello {{flow.data.name}}"}]},
		"transitions":[{"event":"next"}]}]}`

// ask sends a question, waits for an hour, and keeps the answer.
const ask = `{"description":"Asks","initial_state":"Trigger","states":[
	{"name":"Trigger","type":"trigger","properties":{},"transitions":[
		{"event":"incomingMessage","next":"question"},{"event":"incomingRequest","next":"question"},{"event":"incomingParent","next":"question"}]},
	{"name":"question","type":"send-and-wait-for-reply","properties":{"body":"How many?","from":"{{flow.channel.address}}","timeout":"3600"},
		"transitions":[{"event":"incomingMessage","next":"keep"},{"event":"timeout"},{"event":"deliveryFailure"}]},
	{"name":"keep","type":"set-variables","properties":{"variables":[{"key":"answer","value":"{{widgets.question.inbound.Body}}"}]},
		"transitions":[{"event":"next"}]}]}`

// broken leads to a widget that is not there.
var broken = strings.Replace(greet, `"event":"next"`, `"event":"next","next":"nowhere"`, 1)

func TestCreateFlow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(Published, greet)
		if flow.Latest != 1 || flow.Published != 1 || flow.Status != Published || !flow.Revision.Valid {
			t.Errorf("flow %+v", flow)
		}
		read, err := w.Flow(t.Context(), w.owner, flow.SID)
		if err != nil || read.FriendlyName != "Menu" || read.Revision.CommitMessage != nil || string(read.Revision.Definition) != compact(t, greet) {
			t.Errorf("read %+v %v", read, err)
		}
		page, err := w.Flows(t.Context(), w.owner, db.Page{Size: 10})
		if err != nil || len(page.Items) != 1 || page.Items[0].Revision.Number != 0 {
			t.Errorf("list %+v %v", page, err)
		}
		_, err = w.Flow(t.Context(), w.other, flow.SID)
		want(t, "another account reads", err, 20404)
		if page, err := w.Flows(t.Context(), w.other, db.Page{Size: 10}); err != nil || len(page.Items) != 0 {
			t.Errorf("another account lists %+v %v", page, err)
		}
	})
}

func compact(t *testing.T, text string) string {
	t.Helper()
	raw, err := document(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestFlow_refused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, row := range []struct {
			name string
			in   NewFlow
			code int
			text string
		}{
			{"no name", NewFlow{Status: Draft, Definition: greet}, 20001, "FriendlyName"},
			{"a long name", NewFlow{FriendlyName: strings.Repeat("n", 257), Status: Draft, Definition: greet}, 20001, "FriendlyName"},
			{"a long commit message", NewFlow{FriendlyName: "F", Status: Draft, Definition: greet, CommitMessage: new(strings.Repeat("n", 1025))}, 20001, "CommitMessage"},
			{"no status", NewFlow{FriendlyName: "F", Definition: greet}, 20001, "Status"},
			{"another status", NewFlow{FriendlyName: "F", Status: "final", Definition: greet}, 20001, "Status"},
			{"no definition", NewFlow{FriendlyName: "F", Status: Draft}, 20001, "Definition"},
			{"no JSON", NewFlow{FriendlyName: "F", Status: Draft, Definition: "{"}, 81022, "#: the definition is not valid JSON"},
			{"no object", NewFlow{FriendlyName: "F", Status: Draft, Definition: "[]"}, 81022, "#: the definition is not a JSON object"},
			{"too long", NewFlow{FriendlyName: "F", Status: Draft, Definition: `{"a":"` + strings.Repeat("a", 1<<20) + `"}`}, 81022, "#: the definition is longer"},
			{"no states", NewFlow{FriendlyName: "F", Status: Published, Definition: "{}"}, 81022, "#/states"},
			{"a transition to nowhere", NewFlow{FriendlyName: "F", Status: Published, Definition: broken}, 81022, "#/states/1/transitions/0/next"},
		} {
			_, err := w.CreateFlow(t.Context(), w.owner, row.in)
			want(t, row.name, err, row.code)
			if err != nil && !strings.Contains(err.Error(), row.text) {
				t.Errorf("%s: %v does not say %s", row.name, err, row.text)
			}
			want(t, row.name+", validated", w.Validate(w.owner, row.in), row.code)
		}
		if page, err := w.Flows(t.Context(), w.owner, db.Page{Size: 10}); err != nil || len(page.Items) != 0 {
			t.Errorf("what was refused is there: %+v %v", page, err)
		}
		want(t, "a valid one", w.Validate(w.owner, NewFlow{FriendlyName: "F", Status: Draft, Definition: "\ufeff" + greet}), 0)
		want(t, "an invalid draft", w.Validate(w.owner, NewFlow{FriendlyName: "F", Status: Draft, Definition: broken}), 81022)
	})
}

func TestProblems(t *testing.T) {
	t.Parallel()
	var many Problems
	for range 12 {
		many = append(many, Problems{{Pointer: "/a", Code: 81025, Message: "no"}}...)
	}
	if text := many.Error(); strings.Count(text, "#/a: no") != 10 || !strings.HasSuffix(text, "; and 2 more") {
		t.Errorf("text %q", text)
	}
	details, err := json.Marshal(many[:1].Details())
	if want := `{"errors":[{"message":"no","property_path":"#/a"}],"warnings":[]}`; err != nil || string(details) != want {
		t.Errorf("details %s %v, want %s", details, err, want)
	}
	if err := refuse(many); !fault.HasCode(err, 81025) || !fault.Is(err, fault.KindInvalid) {
		t.Errorf("too many widgets: %v", err)
	}
	if err := refuse(nil); err != nil {
		t.Errorf("nothing wrong: %v", err)
	}
}

func TestUpdateFlow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(Draft, broken)
		if flow.Published != 0 || flow.Revision.Valid || len(flow.Revision.Errors) != 1 || flow.Revision.Errors[0].Pointer != "/states/1/transitions/0/next" {
			t.Fatalf("an invalid draft: %+v", flow)
		}
		_, err := w.UpdateFlow(t.Context(), w.owner, flow.SID, FlowChange{Status: Published})
		want(t, "publish what is invalid", err, 81022)
		published, err := w.UpdateFlow(t.Context(), w.owner, flow.SID, FlowChange{Status: Published, Definition: new(greet), CommitMessage: new("fixed")})
		if err != nil || published.Latest != 2 || published.Published != 2 || *published.Revision.CommitMessage != "fixed" || published.FriendlyName != "Menu" {
			t.Fatalf("published %+v %v", published, err)
		}
		draft, err := w.UpdateFlow(t.Context(), w.owner, flow.SID, FlowChange{Status: Draft, FriendlyName: new("Other")})
		if err != nil || draft.Latest != 3 || draft.Published != 2 || draft.Status != Draft || draft.FriendlyName != "Other" ||
			draft.Revision.CommitMessage != nil || string(draft.Revision.Definition) != compact(t, greet) {
			t.Fatalf("a draft again %+v %v", draft, err)
		}
		for which, number := range map[string]int64{"1": 1, "2": 2, "3": 3, LatestPublished: 2, LatestRevision: 3} {
			rev, err := w.RevisionOf(t.Context(), w.owner, flow.SID, which)
			if err != nil || rev.Number != number || rev.Published != (number == 2) || rev.FriendlyName == "" {
				t.Errorf("revision %s: %+v %v", which, rev, err)
			}
		}
		for which, code := range map[string]int{"0": 20404, "4": 20404, "-1": 20404, "latest": 81021, "1.5": 81021, "": 81021} {
			_, err := w.RevisionOf(t.Context(), w.owner, flow.SID, which)
			want(t, "revision "+which, err, code)
		}
		page, err := w.Revisions(t.Context(), w.owner, flow.SID, db.Page{Size: 2})
		if err != nil || len(page.Items) != 2 || page.Items[0].Number != 3 || page.Items[1].Number != 2 || page.Next == "" {
			t.Errorf("revisions %+v %v", page, err)
		}
		_, err = w.UpdateFlow(t.Context(), w.other, flow.SID, FlowChange{Status: Draft})
		want(t, "another account", err, 20404)
		_, err = w.Revisions(t.Context(), w.other, flow.SID, db.Page{Size: 2})
		want(t, "another account lists revisions", err, 20404)
		never := w.flow(Draft, greet)
		_, err = w.RevisionOf(t.Context(), w.owner, never.SID, LatestPublished)
		want(t, "nothing published", err, 20404)
	})
}

// The old format is kept in the present one.
func TestFlow_converted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(Published, `{"description":"Old","states":[
			{"sid":"FF1","name":"Trigger","type":"InitialState","properties":{},"transitions":[{"event":"incomingMessage","next":"FF2","conditions":[],"uuid":"u1"}]},
			{"sid":"FF2","name":"set","type":"SetVariables","properties":{"variables":[{"key":"a","value":"b"}]},"transitions":[{"event":"next","next":null}]}]}`)
		var got struct {
			States []struct{ Name, Type string } `json:"states"`
		}
		if err := json.Unmarshal(flow.Revision.Definition, &got); err != nil {
			t.Fatal(err)
		}
		if len(got.States) != 2 || got.States[0].Type != "trigger" || got.States[1].Type != "set-variables" {
			t.Errorf("converted to %s", flow.Revision.Definition)
		}
		want(t, "what was made of it is valid", w.Validate(w.owner, NewFlow{FriendlyName: "F", Status: Published, Definition: string(flow.Revision.Definition)}), 0)
	})
}

func TestTestUsers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(Published, greet)
		changed, err := w.SetTestUsers(t.Context(), w.owner, flow.SID, []string{"+15550001", "ada"})
		if err != nil || len(changed.TestUsers) != 2 {
			t.Fatalf("set: %+v %v", changed, err)
		}
		if read, err := w.Flow(t.Context(), w.owner, flow.SID); err != nil || strings.Join(read.TestUsers, " ") != "+15550001 ada" || read.Latest != 1 {
			t.Errorf("read: %+v %v", read, err)
		}
		for name, users := range map[string][]string{"empty": {""}, "long": {strings.Repeat("u", 301)}, "many": make([]string, 101)} {
			_, err := w.SetTestUsers(t.Context(), w.owner, flow.SID, users)
			want(t, name, err, 20001)
		}
		if changed, err = w.SetTestUsers(t.Context(), w.owner, flow.SID, nil); err != nil || len(changed.TestUsers) != 0 {
			t.Errorf("clear: %+v %v", changed, err)
		}
		_, err = w.SetTestUsers(t.Context(), w.other, flow.SID, nil)
		want(t, "another account", err, 20404)
	})
}

func TestFlow_grants(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(Published, greet)
		ctx := t.Context()
		for _, row := range []struct {
			name  string
			actor account.Actor
			read  int
			write int
		}{
			{"admin", w.as(account.RoleAdmin), 0, 0},
			{"supervisor", w.as(account.RoleSupervisor), 0, 20403},
			{"agent", w.as(account.RoleAgent), 20403, 20403},
			{"visitor", w.as(account.RoleVisitor), 20403, 20403},
			{"nobody", account.Actor{}, 20403, 20403},
		} {
			_, err := w.Flow(ctx, row.actor, flow.SID)
			want(t, row.name+" reads", err, row.read)
			_, err = w.Flows(ctx, row.actor, db.Page{Size: 1})
			want(t, row.name+" lists", err, row.read)
			_, err = w.Revisions(ctx, row.actor, flow.SID, db.Page{Size: 1})
			want(t, row.name+" lists revisions", err, row.read)
			_, err = w.Executions(ctx, row.actor, flow.SID, ExecutionFilter{}, db.Page{Size: 1})
			want(t, row.name+" lists executions", err, row.read)
			_, err = w.CreateFlow(ctx, row.actor, NewFlow{FriendlyName: "F", Status: Draft, Definition: greet})
			want(t, row.name+" creates", err, row.write)
			_, err = w.UpdateFlow(ctx, row.actor, flow.SID, FlowChange{Status: Published})
			want(t, row.name+" updates", err, row.write)
			_, err = w.SetTestUsers(ctx, row.actor, flow.SID, nil)
			want(t, row.name+" sets test users", err, row.write)
			want(t, row.name+" validates", w.Validate(row.actor, NewFlow{FriendlyName: "F", Status: Draft, Definition: greet}), row.write)
			x, err := w.CreateExecution(ctx, row.actor, &runner{}, NewExecution{Flow: flow.SID, Contact: row.name, Channel: "c", Start: request(nil)})
			want(t, row.name+" starts", err, row.write)
			if row.write == 0 {
				continue
			}
			_, err = w.EndExecution(ctx, row.actor, &runner{}, flow.SID, x.SID)
			want(t, row.name+" ends", err, 20403)
			want(t, row.name+" deletes an execution", w.DeleteExecution(ctx, row.actor, &runner{}, flow.SID, x.SID), 20403)
			want(t, row.name+" deletes", w.DeleteFlow(ctx, row.actor, flow.SID), 20403)
		}
	})
}

func TestDeleteFlow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow, kept := w.flow(Published, ask), w.flow(Published, ask)
		ctx := t.Context()
		for i := range deleteChunk + 3 {
			w.start(flow, "contact "+strings.Repeat("i", i+1))
		}
		w.start(kept, "ada")
		want(t, "another account", w.DeleteFlow(ctx, w.other, flow.SID), 20404)
		want(t, "delete", w.DeleteFlow(ctx, w.owner, flow.SID), 0)
		want(t, "delete again", w.DeleteFlow(ctx, w.owner, flow.SID), 20404)
		_, err := w.Flow(ctx, w.owner, flow.SID)
		want(t, "read", err, 20404)
		for table, rows := range map[string]int64{"studio_flow": 1, "studio_revision": 1, "studio_execution": 1} {
			if n := w.count(table); n != rows {
				t.Errorf("%s has %d rows, want %d", table, n, rows)
			}
		}
		if n := w.count("studio_step where execution_id not in (select id from studio_execution)"); n != 0 {
			t.Errorf("%d steps are left behind", n)
		}
	})
}

func (w *world) count(from string) (n int64) {
	w.t.Helper()
	w.do(func(tx *db.Tx) error { return tx.QueryRow("select count(*) from " + from).Scan(&n) })
	return n
}
