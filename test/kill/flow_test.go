package kill

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"usher/test/rig"
)

// found is what a flow of this test asks outside. While it holds, nobody gets an answer.
type found struct {
	mu    sync.Mutex
	hold  bool
	calls map[string]int // by the token that tells repeated calls
}

func (f *found) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // only then is the end of the caller noticed
	f.mu.Lock()
	f.calls[r.Header.Get("I-Twilio-Idempotency-Token")]++
	hold := f.hold
	f.mu.Unlock()
	if hold {
		<-r.Context().Done() // until the caller is killed
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"name":"Noa"}`)
}

func (f *found) set(hold bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hold = hold
}

func (f *found) count() (distinct, repeated int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.calls {
		if n > 1 {
			repeated++
		}
	}
	return len(f.calls), repeated
}

// flowLoad is a flow and the customers in it.
type flowLoad struct {
	*rig.Client
	server             *rig.Server
	service, workspace string
	flow, front, who   string
	channels           []string
}

func widget(name, kind, properties string, next ...string) string {
	var transitions []string
	for i := 0; i < len(next); i += 2 {
		transitions = append(transitions, fmt.Sprintf(`{"event":%q,"next":%q}`, next[i], next[i+1]))
	}
	return fmt.Sprintf(`{"name":%q,"type":%q,"properties":%s,"transitions":[%s]}`, name, kind, properties, strings.Join(transitions, ","))
}

// newFlow makes a flow that asks a name and waits so many seconds for it, looks it up, and hands over; and its customers.
func newFlow(t *testing.T, s *rig.Server, outside, name, wait string, customers int) *flowLoad {
	t.Helper()
	l := &flowLoad{Client: s.Client(), server: s, who: name}
	own := l.Get(t, "/flex-api/v1/Configuration")
	l.service, l.workspace = own.String("chat_service_instance_sid"), own.String("taskrouter_workspace_sid")
	definition := `{"description":"Kill","initial_state":"Trigger","states":[` + strings.Join([]string{
		widget("Trigger", "trigger", "{}", "incomingMessage", "ask"),
		widget("ask", "send-and-wait-for-reply", `{"body":"Name?","from":"","timeout":"`+wait+`"}`, "incomingMessage", "find", "timeout", "late"),
		widget("find", "make-http-request", `{"method":"POST","url":"`+outside+`/find","content_type":"application/json","body":"{}"}`, "success", "found", "failed", "late"),
		widget("found", "send-message", `{"body":"Found {{widgets.find.parsed.name}}.","from":"","to":""}`, "sent", "agent"),
		widget("agent", "send-to-flex", `{"workflow":"`+own.String("taskrouter_target_workflow_sid")+`","channel":"chat","attributes":"{}"}`, "callComplete", "bye"),
		widget("bye", "send-message", `{"body":"Bye.","from":"","to":""}`),
		widget("late", "send-message", `{"body":"Late.","from":"","to":""}`),
	}, ",") + "]}"
	l.flow = l.Post(t, "/studio/v2/Flows", "FriendlyName", name, "Status", "published", "Definition", definition).SID()
	l.front = l.Post(t, "/flex-api/v1/FlexFlows", "FriendlyName", name, "ChatServiceSid", l.service, "ChannelType", "web",
		"IntegrationType", "studio", "Integration.FlowSid", l.flow, "Enabled", "true").SID()
	for i := range customers {
		l.channels = append(l.channels, l.Post(t, "/flex-api/v1/WebChannels", "FlexFlowSid", l.front, "Identity", fmt.Sprint(name, i),
			"CustomerFriendlyName", "Noa", "ChatFriendlyName", "Web").SID())
	}
	return l
}

func (l *flowLoad) say(t *testing.T, body string) {
	t.Helper()
	for i, channel := range l.channels {
		l.Post(t, "/chat/v2/Services/"+l.service+"/Channels/"+channel+"/Messages", "Body", body, "From", fmt.Sprint(l.who, i))
	}
}

func (l *flowLoad) said(t *testing.T, channel string) (bodies []string) {
	t.Helper()
	rows, err := l.All(t.Context(), "/chat/v2/Services/"+l.service+"/Channels/"+channel+"/Messages?PageSize=100", "messages")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		bodies = append(bodies, rig.Text(row, "body"))
	}
	return bodies
}

// until waits until so many conversations have ended with a message.
func (l *flowLoad) until(t *testing.T, last string, many int) {
	t.Helper()
	rig.Eventually(t, fmt.Sprintf("%d conversations end with %s", many, last), func() bool {
		n := 0
		for _, channel := range l.channels {
			if all := l.said(t, channel); slices.Contains(all, last) {
				n++
			}
		}
		return n >= many
	})
}

// tasks are the tasks of the customers, by their channels.
func (l *flowLoad) tasks(t *testing.T) map[string][]string {
	t.Helper()
	rows, err := l.All(t.Context(), "/taskrouter/v1/Workspaces/"+l.workspace+"/Tasks?PageSize=100", "tasks")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, row := range rows {
		for _, channel := range l.channels {
			if strings.Contains(rig.Text(row, "attributes"), channel) {
				all[channel] = append(all[channel], rig.Text(row, "sid"))
			}
		}
	}
	return all
}

// again kills the program and starts it on the same rows. Where others could share the database, the jobs of the dead belong to them
// until their lease ends: that time passes here at once.
func (l *flowLoad) again(t *testing.T) {
	t.Helper()
	_ = l.server.Kill()
	if l.server.Database != "" {
		d, err := sql.Open("pgx", l.server.Database)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.ExecContext(t.Context(), "update job set lease_until = 1 where state = 1"); err != nil {
			t.Fatal(err)
		}
		_ = d.Close()
	}
	if err := l.server.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// check reads what every execution has done: each step once.
func (l *flowLoad) check(t *testing.T, said, steps []string) {
	t.Helper()
	for _, channel := range l.channels {
		if got := l.said(t, channel); !slices.Equal(got, said) {
			t.Errorf("said %q, want %q", got, said)
		}
	}
	path := "/studio/v2/Flows/" + l.flow + "/Executions"
	var runs []map[string]any
	rig.Eventually(t, "the end of all executions", func() (over bool) {
		var err error
		if runs, err = l.All(t.Context(), path+"?PageSize=100", "executions"); err != nil {
			t.Fatal(err)
		}
		return !slices.ContainsFunc(runs, func(row map[string]any) bool { return row["status"] != "ended" })
	})
	if len(runs) != len(l.channels) {
		t.Errorf("%d executions for %d customers", len(runs), len(l.channels))
	}
	for _, run := range runs {
		rows, err := l.All(t.Context(), path+"/"+rig.Text(run, "sid")+"/Steps?PageSize=100", "steps")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, row := range rows {
			got = append(got, rig.Text(row, "transitioned_from")+"."+rig.Text(row, "name"))
		}
		if !slices.Equal(got, steps) {
			t.Errorf("steps %q, want %q", got, steps)
		}
	}
}

// TestKillFlows kills the program in the middle of a wait, of an HTTP call, of a hand-off and of its end. Each goes on exactly once.
func TestKillFlows(t *testing.T) {
	rig.EachDatabase(t, rig.Options{Env: []string{"USHER_ALLOW_NETWORKS=127.0.0.0/8"}}, func(t *testing.T, s *rig.Server) {
		outside := &found{calls: map[string]int{}}
		server := httptest.NewServer(outside)
		defer server.Close()
		const many = 6
		talking, silent := newFlow(t, s, server.URL, "talks", "600", many), newFlow(t, s, server.URL, "silent", "2", 2)

		silent.say(t, "hi")
		talking.say(t, "hi")
		talking.again(t) // some have been asked, some not yet
		talking.until(t, "Name?", many)
		silent.until(t, "Name?", 2)
		_ = s.Kill()
		time.Sleep(2 * time.Second) // the time of the silent ones passes while nobody is there
		talking.again(t)
		silent.until(t, "Late.", 2)

		outside.set(true)
		talking.say(t, "Noa")
		rig.Eventually(t, "all calls", func() bool { n, _ := outside.count(); return n == many })
		_ = s.Kill()
		outside.set(false)
		talking.again(t)
		talking.until(t, "Found Noa.", 1)
		talking.again(t) // some have been handed over, some not yet
		talking.until(t, "Found Noa.", many)
		rig.Eventually(t, "all tasks", func() bool { return len(talking.tasks(t)) == many })

		tasks := talking.tasks(t)
		for i, channel := range talking.channels {
			if i == many/2 {
				talking.again(t) // some tasks have ended
			}
			if len(tasks[channel]) != 1 {
				t.Fatalf("tasks of a customer: %v", tasks[channel])
			}
			talking.Must(t, http.MethodPost, "/taskrouter/v1/Workspaces/"+talking.workspace+"/Tasks/"+tasks[channel][0], "AssignmentStatus", "canceled", "Reason", "done")
		}
		talking.again(t)
		talking.until(t, "Bye.", many)
		talking.again(t) // what is read now comes from the disk

		distinct, repeated := outside.count()
		t.Logf("%d calls, %d of them repeated with the same token", distinct, repeated)
		if distinct != many || repeated != many {
			t.Errorf("%d calls, %d of them repeated, want %d of each", distinct, repeated, many)
		}
		if n := len(silent.tasks(t)); n != 0 {
			t.Errorf("%d tasks of the silent", n)
		}
		talking.check(t, []string{"hi", "Name?", "Noa", "Found Noa.", "Bye."},
			[]string{"Trigger.incomingMessage", "ask.incomingMessage", "find.success", "found.sent", "agent.callComplete", "bye.sent"})
		silent.check(t, []string{"hi", "Name?", "Late."}, []string{"Trigger.incomingMessage", "ask.timeout", "late.sent"})
	})
}
