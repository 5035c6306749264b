package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/studio/definition"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func load(t testing.TB, name string) *definition.Definition {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	d, problems := definition.Parse(raw)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return d
}

func fresh() Execution {
	return Execution{SID: "FN1", FlowSID: "FW1", Revision: 3, Contact: "+491", Channel: "shop"}
}

// first is the message that begins most conversations.
func first(body string) Start { return Start{Trigger: IncomingMessage, Data: chat(body)} }

func chat(body string) map[string]any {
	return map[string]any{
		"Body": body, "ChannelSid": "CH1", "InstanceSid": "IS1",
		"ChannelAttributes": `{"from":"Ada \"A\"","channel_type":"web","language":"Deutsch"}`,
	}
}

func says(body string) Message { return Message{chat(body)} }

// show writes an effect in a line. The token is left out: stage checks it.
func show(e Effect) (line, token string) {
	switch e := e.(type) {
	case SendMessage:
		line = fmt.Sprintf("send %s to %s in %s/%s: %s", e.From, e.To, e.Service, e.Channel, e.Body)
		if e.Attributes != "" {
			line += " " + e.Attributes
		}
		return line, e.Token
	case HTTPCall:
		line = fmt.Sprintf("%s %s %s", e.Method, e.URL, e.Body)
		if e.Function {
			line = fmt.Sprintf("function %s%s %s", e.URL, e.FunctionSID, e.Body)
		}
		return line, e.Token
	case CreateTask:
		return fmt.Sprintf("task %s %s %d %d %s", e.Workflow[:2], e.TaskChannel[:2], e.Priority, e.Timeout, e.Attributes), e.Token
	case RunSubflow:
		return fmt.Sprintf("subflow %s %s %s", e.Flow[:2], e.Revision, toJSON(e.Parameters)), e.Token
	case Redirect:
		return fmt.Sprintf("redirect %s %s", e.Method, e.URL), e.Token
	case Consult:
		return fmt.Sprintf("consult %d %s%s", e.Turn, e.Instructions, e.Model), e.Token
	case End:
		return strings.TrimSpace("end " + e.Reason), ""
	}
	return "unknown effect", ""
}

// stage is one input and what it leads to: effects and steps as lines. An input
// whose token is "" gets the token that is waited for.
type stage struct {
	after time.Duration // since the stage before
	in    Input
	do    []string
	steps []string
	wait  Kind
	until time.Duration // from now
}

func withToken(in Input, token string) Input {
	switch in := in.(type) {
	case Sent:
		if in.Token == "" {
			in.Token = token
		}
		return in
	case HTTPDone:
		in.Token = token
		return in
	case TaskDone:
		in.Token = token
		return in
	case SubflowDone:
		in.Token = token
		return in
	case Returned:
		in.Token = token
		return in
	case Consulted:
		in.Token = token
		return in
	}
	return in
}

func stepLines(steps []StepRecord) []string {
	var lines []string
	for _, s := range steps {
		line := s.From + " " + s.Name + " " + s.To
		if s.Code != 0 {
			line += fmt.Sprint(" ", s.Code)
		}
		lines = append(lines, line)
	}
	return lines
}

// play drives a flow through stages. Between them the execution lies as JSON,
// as in its row, and every stage is stepped twice from the same value: the first
// time must leave no trace in it.
func play(t *testing.T, d *definition.Definition, ex Execution, stages []stage) Execution {
	t.Helper()
	now := start
	for i, s := range stages {
		now = now.Add(s.after)
		in := s.in
		if ex.Wait != nil {
			in = withToken(in, ex.Wait.Token)
		}
		before := toJSON(ex)
		next, effects, steps := Step(d, ex, in, now)
		if diff := cmp.Diff(before, toJSON(ex)); diff != "" {
			t.Fatalf("stage %d changed what it was given: %s", i, diff)
		}
		again, _, _ := Step(d, ex, in, now)
		if diff := cmp.Diff(toJSON(next), toJSON(again)); diff != "" {
			t.Fatalf("stage %d: the second time differs: %s", i, diff)
		}
		var lines []string
		for _, e := range effects {
			line, token := show(e)
			lines = append(lines, line)
			if _, end := e.(End); !end && (next.Wait == nil || token != next.Wait.Token || token == "") {
				t.Errorf("stage %d: the token %q of %q is not waited for", i, token, line)
			}
		}
		if diff := cmp.Diff(s.do, lines); diff != "" {
			t.Errorf("stage %d effects: %s", i, diff)
		}
		if diff := cmp.Diff(s.steps, stepLines(steps)); diff != "" {
			t.Errorf("stage %d steps: %s", i, diff)
		}
		var kind Kind
		var until time.Duration
		if next.Wait != nil {
			kind = next.Wait.For
			if !next.Wait.Until.IsZero() {
				until = next.Wait.Until.Sub(now)
			}
		}
		if kind != s.wait || s.until != 0 && until != s.until || next.Ended != (kind == "") {
			t.Errorf("stage %d waits for %q until %v, ended %v", i, kind, until, next.Ended)
		}
		ex = Execution{}
		if err := json.Unmarshal([]byte(toJSON(next)), &ex); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	return ex
}

const web = `"name":"Ada \"A\"","channelType":"web","channelSid":"CH1"`

func TestFlows(t *testing.T) {
	t.Parallel()
	const (
		welcome = "send shop to +491 in IS1/CH1: Welcome! 1 Sales, 2 Support, 3 Opening hours"
		asked   = "send shop to +491 in IS1/CH1: What is your e-mail address?"
	)
	done := TaskDone{Event: CallComplete, Task: map[string]any{"sid": "WT1", "age": 4.0}}
	for name, stages := range map[string][]stage{
		"webchat_flow": {
			{in: first("Hi"), do: []string{"task WW TC 0 0 {" + web + "}"}, steps: []string{"Trigger incomingMessage SendToAgent"}, wait: ForTask},
			{in: done, do: []string{"end"}, steps: []string{"SendToAgent callComplete Ended"}},
			{in: says("Hello?")},
		},
		"messaging_flow": {
			{
				in: Start{Trigger: IncomingConversationMessage, Data: chat("Hi")}, wait: ForTask,
				do: []string{"task WW TC 5 120 {}"}, steps: []string{"Trigger incomingConversationMessage SendConversationToAgent"},
			},
			{
				in: TaskDone{Event: CallFailure, Err: "gone"}, do: []string{"end The task was lost: gone"},
				steps: []string{"SendConversationToAgent callFailure Ended 81015"},
			},
		},
		"menu": {
			{in: first("Hi"), do: []string{welcome}, steps: []string{"Trigger incomingMessage menu"}, wait: ForMessage, until: 10 * time.Minute},
			{in: Sent{SID: "IM1"}, wait: ForMessage},
			{
				in: says("what?"), do: []string{"send shop to +491 in IS1/CH1: Please answer with 1, 2 or 3."}, wait: ForSent,
				steps: []string{"menu incomingMessage choose", "choose noMatch again"},
			},
			{in: Sent{SID: "IM2"}, do: []string{welcome}, steps: []string{"again sent menu"}, wait: ForMessage},
			{
				in: says(" THREE "), do: []string{"send shop to +491 in IS1/CH1: We are here from 9 to 17."}, wait: ForSent,
				steps: []string{"menu incomingMessage choose", "choose match hours"},
			},
			{in: Sent{SID: "IM3"}, do: []string{welcome}, steps: []string{"hours sent menu"}, wait: ForMessage},
			{after: 9 * time.Minute, in: Timeout{}, wait: ForMessage},
			{
				in: says("Support"), wait: ForTask,
				do:    []string{`task WW TC 0 0 {"name":"Ada \"A\"","team":"support","channelSid":"CH1","said":"Support"}`},
				steps: []string{"menu incomingMessage choose", "choose match support", "support next agent"},
			},
			{
				in: TaskDone{Event: FailedToEnqueue, Err: "no workflow"}, wait: ForSent,
				do: []string{"send shop to +491 in IS1/CH1: Nobody is there at the moment."}, steps: []string{"agent failedToEnqueue sorry 81015"},
			},
			{
				in: Sent{Code: 50001, Message: "no channel"}, do: []string{"end The message was not sent: no channel"},
				steps: []string{"sorry failed Ended 81011"},
			},
		},
		"order_status": {
			{in: first("Hi"), do: []string{"send shop to +491 in IS1/CH1: What is the number of your order?"}, steps: []string{"Trigger incomingMessage number"}, wait: ForMessage},
			{
				in: says(`a "7" `), wait: ForHTTP, until: guardTime,
				do:    []string{`POST https://shop.example.com/orders/a+%227%22 {"order": "a \"7\" ", "execution": "FN1"}`},
				steps: []string{"number incomingMessage look_up"},
			},
			{in: says("hello?"), wait: ForHTTP},
			{
				in:    HTTPDone{Status: 200, ContentType: "application/json; charset=utf-8", Body: `{"orders":[{"item":"Tea","state":"SENT"}],"total":1250000}`},
				do:    []string{"send shop to +491 in IS1/CH1: Tea is sent, 1250000 cents."},
				steps: []string{"look_up success found", "found match tell"}, wait: ForSent,
			},
			{in: Sent{SID: "IM1"}, do: []string{"end"}, steps: []string{"tell sent Ended"}},
		},
		"parent": {
			{
				in: first("Hi"), do: []string{`subflow FW LatestPublished {"choices":["English","Deutsch"],"question":"Which language?"}`},
				steps: []string{"Trigger incomingMessage language"}, wait: ForSubflow,
			},
			{
				in: SubflowDone{Event: Completed, Context: Context{Variables: map[string]any{"language": "de", "visits": 3.0}}},
				do: []string{"send shop to +491 in IS1/CH1: Guten Tag!"}, steps: []string{"language completed greet", "greet match german"}, wait: ForSent,
			},
			{after: guardTime, in: Timeout{}, do: []string{`task WW TC 0 0 {"language":"de","visits":3}`}, steps: []string{"german failed agent 81011"}, wait: ForTask},
			{in: done, do: []string{"end"}, steps: []string{"agent callComplete Ended"}},
		},
		"language": {
			{
				in: Start{
					Trigger: IncomingParent, Data: map[string]any{"question": "Which language?", "choices": []any{"English", "Deutsch"}},
					Parent: map[string]any{"message": chat("Hi")},
				},
				do: []string{"send shop to +491 in IS1/CH1: Which language? English / Deutsch"}, steps: []string{"Trigger incomingParent ask"}, wait: ForMessage,
			},
			{in: says("Deutsch"), do: []string{"end"}, steps: []string{"ask incomingMessage keep", "keep next Ended"}},
		},
		"reminder": {
			{
				in: Start{Trigger: IncomingRequest, Data: map[string]any{"name": "Ada", "at": "2026-03-04T10:30:00Z", "patience": 90.0}},
				do: []string{"send shop to +491 in /: Dear Ada, we expect you on 04 March, 10:30. Is that right?"}, steps: []string{"Trigger incomingRequest remind"},
				wait: ForMessage, until: 90 * time.Second,
			},
			{
				after: 90 * time.Second, in: Timeout{}, do: []string{"send shop to +491 in /: Please answer yes or no."},
				steps: []string{"remind timeout second"}, wait: ForMessage, until: time.Hour,
			},
			{
				after: 2 * time.Hour, in: Timeout{}, wait: ForHTTP,
				do: []string{
					"function ZH00000000000000000000000000000001 patient=%7B%22at%22%3A%222026-03-04T10%3A30%3A00Z%22%2C%22name%22%3A%22Ada%22%2C%22patience%22%3A90%7D&to=%2B491",
				},
				steps: []string{"second timeout phone"},
			},
			{in: HTTPDone{Err: "refused"}, do: []string{`task WW TC 0 0 {"name":"Ada"}`}, steps: []string{"phone fail agent 81017"}, wait: ForTask},
			{in: done, do: []string{"end"}, steps: []string{"agent callComplete Ended"}},
		},
		"three_tries": {
			{in: first("Hi"), do: []string{asked}, steps: []string{"Trigger incomingMessage count", "count next ask"}, wait: ForMessage, until: time.Minute},
			{
				in: says("no"), do: []string{asked}, wait: ForMessage,
				steps: []string{"ask incomingMessage check", "check noMatch enough", "enough noMatch count", "count next ask"},
			},
			{after: time.Minute, in: Timeout{}, do: []string{asked}, steps: []string{"ask timeout enough", "enough noMatch count", "count next ask"}, wait: ForMessage},
			{
				in: says("never@"), do: []string{`task WW TC 0 0 {"email":"never@","tries":3}`}, wait: ForTask,
				steps: []string{"ask incomingMessage check", "check noMatch enough", "enough match agent"},
			},
			{in: done, do: []string{"end"}, steps: []string{"agent callComplete Ended"}},
		},
		"liquid": {
			{
				in:    Start{Trigger: IncomingRequest, Data: map[string]any{"extra": `Milk "fresh"`}},
				do:    []string{`send shop to +491 in /: 2 x tea, 1 x Milk "fresh". FEW (3). Paid: true {"order": {"lines":[{"n":2,"name":"tea"},{"n":1,"name":"Milk \"fresh\""}],"paid":true}}`},
				steps: []string{"Trigger incomingRequest prepare", "prepare next tell 81018"}, wait: ForSent,
			},
			{
				in: Sent{SID: "IM1"}, wait: ForHTTP, steps: []string{"tell sent keep"},
				do: []string{"POST https://shop.example.com/keep order=%7B%22lines%22%3A%5B%7B%22n%22%3A2%2C%22name%22%3A%22tea%22%7D%2C%7B%22n%22%3A1%2C%22name%22%3A%22Milk+%5C%22fresh%5C%22%22%7D%5D%2C%22paid%22%3Atrue%7D&who=%2B491+%26+shop"},
			},
			{in: HTTPDone{Status: 302}, do: []string{"end The answer has the status 302"}, steps: []string{"keep failed Ended 81016"}},
		},
		"bot": {
			{
				in: first("Hi & bye"), do: []string{"function https://bot.example.com/talk session=&text=Hi+%26+bye"}, wait: ForHTTP,
				steps: []string{"Trigger incomingMessage first", "first next bot"},
			},
			{
				in: HTTPDone{Status: 200, ContentType: "application/json", Body: `{"session":"s1","text":"Yes?"}`},
				do: []string{"send shop to +491 in IS1/CH1: Yes?"}, steps: []string{"bot success handover", "handover noMatch reply"}, wait: ForMessage,
			},
			{
				// Parameters may use the answer of the round before.
				in: says("more"), do: []string{"function https://bot.example.com/talk session=s1&text=more"}, wait: ForHTTP,
				steps: []string{"reply incomingMessage next", "next next bot"},
			},
			{
				in: HTTPDone{Status: 200, ContentType: "application/json", Body: `{"text":"Transferring you","context":{"k":"v"}}`}, wait: ForTask,
				do: []string{`task WW TC 0 0 {"context":"{\"k\":\"v\"}"}`}, steps: []string{"bot success handover", "handover match agent"},
			},
			{in: done, do: []string{"end"}, steps: []string{"agent callComplete Ended"}},
		},
		"redirect": {
			{in: first("Hi"), do: []string{"redirect POST https://survey.example.com/start"}, steps: []string{"Trigger incomingMessage away"}, wait: ForTwiML, until: 5 * time.Minute},
			{after: time.Minute, in: says("hello?"), wait: ForTwiML, until: 4 * time.Minute},
			{
				in: Returned{Data: map[string]any{"Score": 5.0}}, do: []string{"send shop to +491 in IS1/CH1: Welcome back."},
				steps: []string{"away return back"}, wait: ForSent,
			},
			{in: Sent{SID: "IM1"}, do: []string{"task WW TC 0 0 {}"}, steps: []string{"back sent agent"}, wait: ForTask},
			{in: done, do: []string{"end"}, steps: []string{"agent callComplete Ended"}},
		},
		"call": {
			{
				in: first("Hi"), do: []string{`end The widget "talk" (say-play) works on calls, not on messages`},
				steps: []string{"Trigger incomingMessage talk", "talk failed Ended 81002"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, load(t, name), fresh(), stages)
		})
	}
}
