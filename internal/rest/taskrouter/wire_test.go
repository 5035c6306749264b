package taskrouter_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/job"
	resttaskrouter "usher/internal/rest/taskrouter"
	"usher/internal/taskrouter"
	"usher/test/resttest"
	"usher/test/wire"
)

// world is a desk at work: a workspace with the template FIFO, the workers ann and bob, who have tokens of their names, and
// the router running. Transcripts know {workspace}, {ann}, {bob}, {available}, {offline}, {queue} and {workflow}.
func world(t *testing.T, d *db.DB) wire.Server {
	t.Helper()
	s := aging(t, d)
	s.Handler = ageless(s.Handler)
	return s
}

// aging is a world that tells the age of tasks.
func aging(t *testing.T, d *db.DB) wire.Server {
	t.Helper()
	w := resttest.New(t, d)
	b := bus.NewMemory()
	owners := map[event.StreamKind]string{
		event.Worker: taskrouter.WorkerTable, event.Queue: taskrouter.QueueTable, event.Workspace: taskrouter.WorkspaceTable,
	}
	tr := taskrouter.New(taskrouter.Deps{DB: d, Log: event.New(d, b, job.New(d, b), owners, nil)})
	run(t, tr)
	furnish(t, w, tr)
	s := w.Serve(t, resttaskrouter.Product(tr))
	s.Handler = patient(t, s.Handler, b)
	return s
}

// run routes until the test ends.
func run(t *testing.T, tr *taskrouter.TaskRouter) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tr.Router().Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func furnish(t *testing.T, w *resttest.World, tr *taskrouter.TaskRouter) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ws, err := tr.CreateWorkspace(ctx, w.Owner, taskrouter.NewWorkspace{FriendlyName: "Desk", Template: taskrouter.TemplateFIFO})
	must(err)
	w.Vars["workspace"] = string(ws.SID)
	activities, err := tr.Activities(ctx, w.Owner, ws.SID, taskrouter.ActivityFilter{}, db.Page{Size: 10})
	must(err)
	for _, a := range activities.Items {
		w.Vars[strings.ToLower(a.FriendlyName)] = string(a.SID)
	}
	queues, err := tr.TaskQueues(ctx, w.Owner, ws.SID, taskrouter.TaskQueueFilter{}, db.Page{Size: 10})
	must(err)
	workflows, err := tr.Workflows(ctx, w.Owner, ws.SID, "", db.Page{Size: 10})
	must(err)
	w.Vars["queue"], w.Vars["workflow"] = string(queues.Items[0].SID), string(workflows.Items[0].SID)
	for _, name := range []string{"ann", "bob"} {
		worker, err := tr.CreateWorker(ctx, w.Owner, ws.SID, taskrouter.NewWorker{FriendlyName: name, Attributes: `{"contact_uri":"client:` + name + `"}`})
		must(err)
		w.Vars[name] = string(worker.SID)
		w.Token(t, name, account.TokenSpec{Identity: name, Role: account.RoleAgent, Workspace: ws.SID, Worker: worker.SID})
	}
	elsewhere, err := tr.CreateWorkspace(ctx, w.Owner, taskrouter.NewWorkspace{FriendlyName: "Elsewhere"})
	must(err)
	w.Vars["elsewhere"] = string(elsewhere.SID)
}

// patient asks again, after every event, until the answer contains the text of the request's header Until: tasks are routed
// after the request that made them was answered.
func patient(t *testing.T, h http.Handler, b bus.Bus) http.Handler {
	changed := make(chan struct{}, 1)
	t.Cleanup(b.Subscribe(bus.Events, func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		until := r.Header.Get("Until")
		if until == "" {
			h.ServeHTTP(w, r)
			return
		}
		late := time.After(20 * time.Second)
		for {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			if strings.Contains(rec.Body.String(), until) {
				give(w, rec, rec.Body.String())
				return
			}
			select {
			case <-changed:
			case <-late:
				t.Errorf("%s %s never said %s", r.Method, r.URL, until)
				give(w, rec, rec.Body.String())
				return
			}
		}
	})
}

var age = regexp.MustCompile(`"age":\d+`)

// ageless takes out of answers what the mere passing of time changes.
func ageless(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		give(w, rec, age.ReplaceAllString(rec.Body.String(), `"age":0`))
	})
}

func give(w http.ResponseWriter, rec *httptest.ResponseRecorder, body string) {
	for name, values := range rec.Header() {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write([]byte(body))
}

func TestWire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wire.Run(t, "../../../test/wire/taskrouter/*.txtar", func(t *testing.T) wire.Server { return world(t, d) })
	})
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	resttest.Routes(t, "testdata/routes.txt", resttaskrouter.Product(nil))
}
