package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/studio/definition"
)

// flow reads a flow whose trigger leads to the first of these states, given as
// "name type properties event:next …".
func flow(t testing.TB, states ...string) *definition.Definition {
	t.Helper()
	text := `{"states":[{"name":"Trigger","type":"trigger","transitions":[`
	firstName, _, _ := strings.Cut(states[0], " ")
	for i, event := range []string{IncomingMessage, IncomingConversationMessage, IncomingRequest, IncomingParent} {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(`{"event":%q,"next":%q}`, event, firstName)
	}
	text += "]}"
	for _, s := range states {
		parts := strings.SplitN(s, " ", 3)
		end := strings.LastIndex(parts[2], "}") + 1
		text += fmt.Sprintf(`,{"name":%q,"type":%q,"properties":%s,"transitions":[`, parts[0], parts[1], parts[2][:end])
		for i, t := range strings.Fields(parts[2][end:]) {
			event, next, _ := strings.Cut(t, ":")
			if i > 0 {
				text += ","
			}
			text += fmt.Sprintf(`{"event":%q,"next":%q}`, event, next)
		}
		text += "]}"
	}
	d, problems := definition.Parse([]byte(text + `],"initial_state":"Trigger"}`))
	if len(problems) > 0 {
		t.Fatal(problems, text)
	}
	return d
}

func TestOperators(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		operator, subject, value string
		want                     bool
	}{
		{"equal_to", " YES ", "yes", true},
		{"equal_to", "yes!", "yes", false},
		{"equal_to", "", "", true},
		{"equal_to", "ÄÖ", "äö", true},
		{"not_equal_to", "a", "b", true},
		{"not_equal_to", "A", "a", false},
		{"matches_any_of", "Parking", "Hours, parking", true},
		{"matches_any_of", "park", "Hours, parking", false},
		{"does_not_match_any_of", "x", "a,b", true},
		{"does_not_match_any_of", "A", "a,b", false},
		{"contains", "Transferring you", "transfer", true},
		{"contains", "no", "transfer", false},
		{"does_not_contain", "no", "transfer", true},
		{"does_not_contain", "Transfer", "transfer", false},
		{"starts_with", "Deutsch", "de", true},
		{"starts_with", "Deutsch", "eu", false},
		{"does_not_start_with", "Deutsch", "eu", true},
		{"does_not_start_with", "Deutsch", "de", false},
		{"is_blank", "  ", "Is Blank", true},
		{"is_blank", "x", "", false},
		{"is_not_blank", "x", "", true},
		{"is_not_blank", "\n", "x", false},
		{"regex", "A12", "[a-z]\\d+", true},
		{"regex", "A12b", "[a-z]\\d+", false},
		{"regex", "no\nyes", "no.yes", true},
		{"regex", "b", "a|b", true},
		{"regex", "ab", "a|b", false},
		{"regex", "x", "(", false},
		{"less_than", "2", "10", true},
		{"less_than", "10", "2", false},
		{"less_than", "x", "10", false},
		{"less_than", "", "10", false},
		{"greater_than", "10.5", "2", true},
		{"greater_than", "2", "2", false},
		{"is_before_date", "2026-01-31", "2026-02-01", true},
		{"is_before_date", "2026-02-01T00:00:00Z", "2026-02-01", false},
		{"is_before_date", "soon", "2026-02-01", false},
		{"is_after_date", "2026-02-02", "2026-02-01", true},
		{"is_after_date", "02/03/2026", "2026-02-01", true},
		{"is_after_date", "2026-02-01", "x", false},
		{"is_before_time", "08:59", "09:00", true},
		{"is_before_time", "9:01 pm", "21:02", true},
		{"is_before_time", "", "21:02", false},
		{"is_after_time", "17:00:01", "17:00", true},
		{"is_after_time", "2026-02-02T16:00:00Z", "17:00", false},
		{"resembles", "a", "a", false},
	} {
		if got := compare(tt.operator, tt.subject, tt.value); got != tt.want {
			t.Errorf("%q %s %q: %v", tt.subject, tt.operator, tt.value, got)
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	text := `{"states":[{"name":"T","type":"trigger","transitions":[{"event":"incomingRequest","next":"s"}]},
	 {"name":"s","type":"split-based-on","properties":{"input":"{{flow.data.x}}"},"transitions":[
	  {"event":"noMatch","next":"none"},
	  {"event":"match","next":"both","conditions":[
	    {"type":"starts_with","arguments":["{{flow.data.x}}"],"value":"a"},{"type":"contains","arguments":[],"value":"{{flow.data.y}}"}]},
	  {"event":"match","next":"first","conditions":[{"type":"starts_with","value":"a"}]},
	  {"event":"match","conditions":[{"type":"equal_to","value":"stop"}]}]},
	 {"name":"none","type":"set-variables"},{"name":"both","type":"set-variables"},{"name":"first","type":"set-variables"}],"initial_state":"T"}`
	d, problems := definition.Parse([]byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for x, want := range map[string]string{
		"ab": "s match both", "ac": "s match first", "b": "s noMatch none", "": "s noMatch none", "stop": "s match Ended",
	} {
		_, _, steps := Step(d, fresh(), Start{Trigger: IncomingRequest, Data: map[string]any{"x": x, "y": "b"}}, start)
		if got := stepLines(steps)[1]; got != want {
			t.Errorf("%q: %s, want %s", x, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	t.Run("a loop without a wait", func(t *testing.T) {
		t.Parallel()
		ex, effects, steps := Step(load(t, "endless"), fresh(), first("Hi"), start)
		last := steps[len(steps)-1]
		if !ex.Ended || len(effects) != 1 || len(steps) != MaxAlone+1 || last.To != definition.Ended || last.Code != CodeLoop || ex.Reason == "" {
			t.Errorf("ended %v, %d effects, %d steps, last %+v", ex.Ended, len(effects), len(steps), last)
		}
	})
	t.Run("a loop that sends without an answer", func(t *testing.T) {
		t.Parallel()
		d := load(t, "nagging")
		ex, _, _ := Step(d, fresh(), first("Hi"), start)
		n := 0
		for ; !ex.Ended; n++ {
			ex, _, _ = Step(d, ex, Sent{Token: ex.Wait.Token, SID: "IM1"}, start)
		}
		if n != MaxAlone {
			t.Errorf("%d messages", n)
		}
	})
	t.Run("a conversation without an end", func(t *testing.T) {
		t.Parallel()
		d := flow(t, `ask send-and-wait-for-reply {"body":"?","from":"","timeout":"60"} incomingMessage:ask`)
		ex, _, _ := Step(d, fresh(), first("Hi"), start)
		var steps []StepRecord
		for !ex.Ended {
			ex, _, steps = Step(d, ex, says("x"), start)
		}
		if ex.Count != MaxCount+1 || steps[0].Code != CodeSteps {
			t.Errorf("%d transitions, %+v", ex.Count, steps)
		}
	})
	t.Run("a context that grows", func(t *testing.T) {
		t.Parallel()
		var variables []string
		for i := range 100 {
			variables = append(variables, fmt.Sprintf(`{"key":"v%d","value":"{{flow.data.x}}"}`, i))
		}
		d := flow(t, `set set-variables {"variables":[`+strings.Join(variables, ",")+`]} next:ask`, `ask send-and-wait-for-reply {"body":"?","from":"","timeout":"60"}`)
		data := map[string]any{"x": strings.Repeat("x", 50_000)}
		ex, _, steps := Step(d, fresh(), Start{Trigger: IncomingRequest, Data: data}, start)
		if last := steps[len(steps)-1]; !ex.Ended || last.Code != CodeEvent || last.From != "set" || size(ex.Context) > 2*MaxContext {
			t.Errorf("ended %v, %d bytes, %+v", ex.Ended, size(ex.Context), last)
		}
	})
	t.Run("a message too large", func(t *testing.T) {
		t.Parallel()
		d := flow(t, `ask send-and-wait-for-reply {"body":"?","from":"","timeout":"60"} incomingMessage:ask`)
		ex, effects, _ := Step(d, fresh(), first(strings.Repeat("x", MaxContext)), start)
		if diff := cmp.Diff([]Effect{End{"The execution keeps more than 1024 KB"}}, effects); diff != "" || !ex.Ended {
			t.Error(diff)
		}
	})
}

// TestTakes shows that an input that is not waited for changes nothing.
func TestTakes(t *testing.T) {
	t.Parallel()
	waits := func(kind Kind, until time.Time) Execution {
		ex := fresh()
		ex.Widget, ex.Wait = "w", &Wait{Widget: "w", For: kind, Until: until, Token: "t"}
		return ex
	}
	ended := fresh()
	ended.Ended = true
	now := start
	for _, tt := range []struct {
		name string
		ex   Execution
		in   Input
		want bool
	}{
		{"start", fresh(), first("x"), true},
		{"start of nothing", fresh(), Start{}, false},
		{"start twice", waits(ForMessage, now), first("x"), false},
		{"start after the end", ended, first("x"), false},
		{"message after the end", ended, says("x"), false},
		{"message before the start", fresh(), says("x"), false},
		{"message", waits(ForMessage, now), says("x"), true},
		{"message while sending", waits(ForSent, now), says("x"), false},
		{"timeout", waits(ForMessage, now), Timeout{}, true},
		{"timeout too early", waits(ForMessage, now.Add(1)), Timeout{}, false},
		{"timeout without a time", waits(ForTask, time.Time{}), Timeout{}, false},
		{"sent", waits(ForSent, now), Sent{Token: "t"}, true},
		{"sent while waiting for a reply", waits(ForMessage, now), Sent{Token: "t"}, true},
		{"sent of another widget", waits(ForSent, now), Sent{Token: "u"}, false},
		{"sent without a token", waits(ForSent, now), Sent{}, false},
		{"http", waits(ForHTTP, now), HTTPDone{Token: "t"}, true},
		{"http of an old round", waits(ForHTTP, now), HTTPDone{Token: "s"}, false},
		{"http while waiting for a task", waits(ForTask, now), HTTPDone{Token: "t"}, false},
		{"task", waits(ForTask, now), TaskDone{Token: "t"}, true},
		{"subflow", waits(ForSubflow, now), SubflowDone{Token: "t"}, true},
		{"returned", waits(ForTwiML, now), Returned{Token: "t"}, true},
		{"message while TwiML comes", waits(ForTwiML, now), says("x"), false},
		{"returned twice", waits(ForReturn, now), Returned{Token: "t"}, false},
		{"message while away", waits(ForReturn, now), says("x"), true},
		{"consulted", waits(ForAnswer, now), Consulted{Token: "t"}, true},
		{"message while consulting", waits(ForAnswer, now), says("x"), false},
		{"consulted of another turn", waits(ForAnswer, now), Consulted{Token: "s"}, false},
		{"nothing", waits(ForReturn, now), nil, false},
	} {
		if got := Takes(tt.ex, tt.in, now); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
		if tt.want {
			continue
		}
		ex, effects, steps := Step(load(t, "menu"), tt.ex, tt.in, now)
		if diff := cmp.Diff(tt.ex, ex); diff != "" || effects != nil || steps != nil {
			t.Errorf("%s: %s %v %v", tt.name, diff, effects, steps)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	d := load(t, "nagging")
	ex, effects, _ := Step(d, fresh(), first("Hi"), start)
	seen := make(map[string]bool)
	for range 50 {
		_, token := show(effects[0])
		if seen[token] || !strings.HasPrefix(token, "FN1.") {
			t.Fatalf("token %q", token)
		}
		seen[token] = true
		old := ex.Wait.Token
		ex, effects, _ = Step(d, ex, Sent{Token: old, SID: "IM"}, start)
		if again, none, _ := Step(d, ex, Sent{Token: old, SID: "IM"}, start); none != nil || again.Count != ex.Count {
			t.Fatal("an answer counted twice")
		}
	}
}

// TestWidgets holds what single widgets leave in the context.
func TestWidgets(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		state string
		in    []Input
		want  string // widgets and variables as JSON
		steps string // the last one
	}{
		"sent": {
			`w send-message {"body":" {{contact.channel.address}} ","from":"","to":""}`,
			[]Input{Sent{SID: "IM1", Data: map[string]any{"ChannelSid": "CH1"}}},
			`{"w":{"outbound":{"Body":" +491 ","ChannelSid":"CH1","From":"shop","Sid":"IM1","To":"+491"}}}`, "w sent Ended",
		},
		"not sent": {
			`w send-message {"body":"x","from":"me","to":"you"}`,
			[]Input{Sent{Code: 7, Message: "no"}},
			`{"w":{"outbound":{"Body":"x","ErrorCode":7,"ErrorMessage":"no","From":"me","To":"you"}}}`, "w failed Ended 81011",
		},
		"nothing to send": {
			`w send-message {"body":"{{flow.variables.none}}","from":"me","to":"you"}`, nil,
			`{"w":{"outbound":{"Body":"","ErrorCode":81011,"ErrorMessage":"The message has no text","From":"me","To":"you"}}}`, "w failed Ended 81011",
		},
		"nothing to ask": {`w send-and-wait-for-reply {"body":"","from":"me","timeout":"5"}`, nil, "", "w deliveryFailure Ended 81011"},
		"not delivered": {
			`w send-and-wait-for-reply {"body":"x","from":"me","timeout":"5"}`, []Input{Sent{Code: 7, Message: "no"}}, "", "w deliveryFailure Ended 81011",
		},
		"reply before the news of sending": {
			`w send-and-wait-for-reply {"body":"x","from":"me","timeout":"5"}`,
			[]Input{Message{map[string]any{"Body": "y", "n": 2.0}}},
			`{"w":{"inbound":{"Body":"y","n":2},"outbound":{"Body":"x","From":"me","To":"+491"}}}`, "w incomingMessage Ended",
		},
		"http without an address":  {`w make-http-request {"method":"GET","url":"{{x}}","content_type":""}`, nil, `{}`, "w failed Ended 81016"},
		"http to a file":           {`w make-http-request {"method":"GET","url":"file:///etc/passwd","content_type":""}`, nil, `{}`, "w failed Ended 81016"},
		"function without address": {`w run-function {"url":""}`, nil, `{}`, "w fail Ended 81017"},
		"text is not parsed": {
			`w make-http-request {"method":"","url":"http://x/","content_type":""}`,
			[]Input{HTTPDone{Status: 201, Body: `{"a":1}`, ContentType: "text/plain"}},
			`{"w":{"body":"{\"a\":1}","content_type":"text/plain","status_code":201}}`, "w success Ended",
		},
		"broken JSON is not parsed": {
			`w run-function {"url":"http://x/"}`,
			[]Input{HTTPDone{Status: 200, Body: `{"a":`, ContentType: "application/json"}},
			`{"w":{"body":"{\"a\":","content_type":"application/json","status_code":200}}`, "w success Ended",
		},
		"numbers": {
			`w run-function {"url":"http://x/"}`,
			[]Input{HTTPDone{Status: 200, Body: `[1, 2.5, 12345678901234567890]`, ContentType: "application/json"}},
			`{"w":{"body":"[1, 2.5, 12345678901234567890]","content_type":"application/json","parsed":[1,2.5,12345678901234567000],"status_code":200}}`,
			"w success Ended",
		},
		"answer too long": {
			`w run-function {"url":"http://x/"}`, []Input{HTTPDone{Status: 200, Body: strings.Repeat("x", MaxHTTPBody+1)}}, `{}`, "w fail Ended 81017",
		},
		"no answer": {`w make-http-request {"method":"GET","url":"http://x/","content_type":""}`, []Input{Timeout{}}, `{}`, "w failed Ended 81016"},
		"task": {
			`w send-to-flex {"workflow":"WW","channel":"chat","attributes":"","priority":"x","timeout":"-1"}`,
			[]Input{TaskDone{Event: CallComplete, Task: map[string]any{"sid": "WT1", "age": 3.0}}},
			`{"w":{"age":3,"sid":"WT1"}}`, "w callComplete Ended",
		},
		"task with broken attributes": {`w send-to-flex {"workflow":"WW","channel":"chat","attributes":"{name: x}"}`, nil, `{}`, "w failedToEnqueue Ended 81015"},
		"task with a list":            {`w send-to-flex {"workflow":"WW","channel":"chat","attributes":"[]"}`, nil, `{}`, "w failedToEnqueue Ended 81015"},
		"subflow": {
			`w run-subflow {"flow_sid":"FW","flow_revision":"1"}`,
			[]Input{SubflowDone{Event: Completed, Context: Context{Variables: map[string]any{"a": 1.0}}}},
			`{"w":{"a":1}}`, "w completed Ended",
		},
		"subflow fails":      {`w run-subflow {"flow_sid":"FW","flow_revision":"1"}`, []Input{SubflowDone{Event: Failed, Err: "x"}}, `{}`, "w failed Ended 81024"},
		"redirect fails":     {`w add-twiml-redirect {"url":"http://x/"}`, []Input{Returned{Err: "x"}}, `{}`, "w fail Ended 81016"},
		"redirect times out": {`w add-twiml-redirect {"url":"http://x/"}`, []Input{Timeout{}}, `{}`, "w timeout Ended"},
		"redirect for good": {
			`w add-twiml-redirect {"url":"http://x/","timeout":"0"}`, []Input{Returned{Away: true}}, `{}`, "w timeout Ended",
		},
		"redirect returns by a message": {
			`w add-twiml-redirect {"url":"http://x/"}`, []Input{Returned{Away: true}, Message{map[string]any{"Body": "y"}}}, `{"w":{"Body":"y"}}`, "w return Ended",
		},
		"redirect to nowhere":   {`w add-twiml-redirect {"url":""}`, nil, `{}`, "w fail Ended 81016"},
		"back to the trigger":   {`w set-variables {} next:Trigger`, nil, `{}`, "Trigger failed Ended 81002"},
		"a widget switched off": {`w send-to-auto-pilot {}`, nil, `{}`, "w failed Ended 81002"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := flow(t, tt.state)
			ex, effects, steps := Step(d, fresh(), Start{Trigger: IncomingRequest}, start)
			for _, in := range tt.in {
				ex, effects, steps = Step(d, ex, withToken(in, ex.Wait.Token), start.Add(24*time.Hour))
			}
			if got := stepLines(steps); len(got) == 0 || got[len(got)-1] != tt.steps || !ex.Ended {
				t.Errorf("steps %q, want %q at the end", got, tt.steps)
			}
			if _, ok := effects[len(effects)-1].(End); !ok {
				t.Errorf("effects %v", effects)
			}
			if got := toJSON(ex.Context.Widgets); tt.want != "" && got != tt.want {
				t.Errorf("widgets %s\n    want %s", got, tt.want)
			}
		})
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`"value":"x{{flow.data.n}}"`:                                  `"x1000000"`,
		`"value":5`:                                                   `5`,
		`"value":true`:                                                `true`,
		`"value":"5","type":"string"`:                                 `"5"`,
		`"value":" 5.5 ","type":"number"`:                             `5.5`,
		`"value":"five","type":"number"`:                              `"five"`,
		`"value":"Inf","type":"number"`:                               `"Inf"`,
		`"value":"FALSE","type":"boolean"`:                            `false`,
		`"value":"{{flow.data.n | plus: 1}}","type":"integer"`:        `1000001`,
		`"value":"perhaps","type":"boolean"`:                          `"perhaps"`,
		`"value":"{\"a\": {{flow.data.n}}}","parse_as_json":true`:     `{"a":1000000}`,
		`"value":"{\"a\": \"{{flow.data.q}}\"}","parse_as_json":true`: `{"a":"\"q\""}`,
		`"value":"{{flow.data | to_json}}","parse_as_json":true`:      `{"n":1000000,"q":"\"q\""}`,
		`"value":"{a}","parse_as_json":true`:                          `"{a}"`,
		`"value":"","parse_as_json":true`:                             `null`,
		`"value":null`:                                                `""`,
	} {
		d := flow(t, `w set-variables {"variables":[{"key":"","value":"x"},{"key":"v",`+value+`}]}`)
		ex, _, _ := Step(d, fresh(), Start{Trigger: IncomingRequest, Data: map[string]any{"n": 1e6, "q": `"q"`}}, start)
		if got := toJSON(ex.Context.Variables["v"]); got != want {
			t.Errorf("%s: %s, want %s", value, got, want)
		}
	}
}

func TestContent(t *testing.T) {
	t.Parallel()
	d := flow(t, `w send-message {"from":"x","to":"y","content_sid":"HX1","messaging_service_sid":"MG1","media_url":"https://x/{{flow.sid}}",`+
		`"attributes":"[1]","content_variables":[{"key":"1","value":"{{flow.flow_sid}}"}]}`)
	ex, effects, _ := Step(d, fresh(), Start{Trigger: IncomingRequest}, start)
	want := []Effect{SendMessage{
		Token: ex.Wait.Token, From: "x", To: "y", MediaURL: "https://x/FN1", MessagingService: "MG1", ContentSID: "HX1", ContentVariables: `{"1":"FW1"}`,
	}}
	if diff := cmp.Diff(want, effects); diff != "" {
		t.Error(diff)
	}
}

func TestTriggers(t *testing.T) {
	t.Parallel()
	d := flow(t, `w set-variables {"variables":[{"key":"v","value":"{{trigger.message.ChannelAttributes.a.b}}|{{trigger.conversation.Body}}|{{trigger.request.parameters.p}}|{{flow.data.p}}|{{trigger.parent.parameters.p}}|{{flow.channel.address}}"}]}`)
	data := map[string]any{"Body": "x", "ChannelAttributes": `{"a":{"b":"c"}}`, "p": "q"}
	for trigger, want := range map[string]string{
		IncomingMessage:             "c|||||shop",
		IncomingConversationMessage: "c|x||||shop",
		IncomingRequest:             "||q|q||shop",
		IncomingParent:              "c||||q|shop",
	} {
		ex, _, _ := Step(d, fresh(), Start{Trigger: trigger, Data: data, Parent: map[string]any{"message": map[string]any{"ChannelAttributes": map[string]any{"a": map[string]any{"b": "c"}}}}}, start)
		if got := ex.Context.Variables["v"]; got != want {
			t.Errorf("%s: %s, want %s", trigger, got, want)
		}
	}
	ex, _, steps := Step(d, fresh(), Start{Trigger: "incomingCall"}, start)
	if !ex.Ended || steps[0].Code != CodeTrigger {
		t.Errorf("%+v", steps)
	}
	// A flow that was made for the other product's messages runs as well.
	_, _, steps = Step(load(t, "webchat_flow"), fresh(), Start{Trigger: IncomingConversationMessage, Data: data}, start)
	if diff := cmp.Diff([]string{"Trigger incomingMessage SendToAgent"}, stepLines(steps)); diff != "" {
		t.Error(diff)
	}
	// A trigger that leads nowhere ends at once, without a fault.
	d = load(t, "webchat_flow")
	ex, effects, steps := Step(d, fresh(), Start{Trigger: IncomingRequest}, start)
	if diff := cmp.Diff([]Effect{End{}}, effects); diff != "" || !ex.Ended || stepLines(steps)[0] != "Trigger incomingRequest Ended" {
		t.Error(diff, steps)
	}
}

// TestValues shows the context as readers see it, also of an execution that has
// not begun.
func TestValues(t *testing.T) {
	t.Parallel()
	ex := fresh()
	ex.Context = Context{
		Trigger: map[string]any{"message": map[string]any{"Body": "x"}}, Variables: map[string]any{"v": 1}, Data: map[string]any{"d": 2},
		Contact: map[string]any{"name": "Ada", "channel": map[string]any{"kind": "web"}}, Widgets: map[string]map[string]any{"w": {"a": 3}},
	}
	want := `{"contact":{"channel":{"address":"+491","kind":"web"},"name":"Ada"},"flow":{"channel":{"address":"shop"},"data":{"d":2},"flow_sid":"FW1","sid":"FN1",` +
		`"variables":{"v":1}},"trigger":{"message":{"Body":"x"}},"widgets":{"w":{"a":3}}}`
	if got := toJSON(ex.Values()); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	want = `{"contact":{"channel":{"address":""}},"flow":{"channel":{"address":""},"data":{},"flow_sid":"","sid":"","variables":{}},"trigger":{},"widgets":{}}`
	if got := toJSON(Execution{}.Values()); got != want {
		t.Error(got)
	}
}

func TestContextJSON(t *testing.T) {
	t.Parallel()
	var c Context
	text := `{"trigger":{"n":1000000,"f":1.5,"big":1e30},"contact":{"n":1},"variables":{"l":[1,{"n":2}]},"data":{"n":-3},"widgets":{"w":{"n":4},"e":null}}`
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	want := Context{
		Trigger: map[string]any{"n": 1000000, "f": 1.5, "big": 1e30}, Contact: map[string]any{"n": 1},
		Variables: map[string]any{"l": []any{1, map[string]any{"n": 2}}}, Data: map[string]any{"n": -3},
		Widgets: map[string]map[string]any{"w": {"n": 4}, "e": nil},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if err := json.Unmarshal([]byte(`{"trigger":[]}`), &c); err == nil {
		t.Error("a list for an object")
	}
	if got := clean(json.RawMessage(`{"a":1}`)); toJSON(got) != `{"a":1}` {
		t.Error(got)
	}
	if got := clean(json.RawMessage(`{`)); got != "{" {
		t.Error(got)
	}
}

// TestDefinitionChanged shows that an execution whose flow has been changed
// under it ends rather than staying for ever.
func TestDefinitionChanged(t *testing.T) {
	t.Parallel()
	ex, _, _ := Step(load(t, "menu"), fresh(), first("Hi"), start)
	for name, d := range map[string]*definition.Definition{"no such widget": load(t, "bot"), "another widget": flow(t, `menu set-variables {}`)} {
		got, effects, steps := Step(d, ex, says("1"), start)
		if !got.Ended || len(effects) != 1 || len(steps) != 1 || steps[0].Code != CodeEvent {
			t.Errorf("%s: %+v %v %+v", name, got, effects, steps)
		}
	}
	if got, effects, _ := Step(nil, ex, says("1"), start); got.Ended || effects != nil {
		t.Error("without a definition")
	}
}

func TestWidgetsOfDefinition(t *testing.T) {
	t.Parallel()
	for name, w := range widgets {
		if definition.KindOf(name) == 0 || w.enter == nil || w.resume == nil {
			t.Errorf("%s: kind %d", name, definition.KindOf(name))
		}
	}
	if n := definition.Types(); len(n) != len(widgets) {
		t.Errorf("the definition knows %d types, the engine %d", len(n), len(widgets))
	}
}
