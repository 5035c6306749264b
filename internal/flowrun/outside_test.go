package flowrun_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/chat"
	"usher/internal/flex"
	"usher/internal/flowrun"
	"usher/internal/hook"
	"usher/internal/inbound/inboundtest"
	"usher/internal/media"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

// answers says what addresses answer, and keeps what they were asked.
func (w *world) answers(by map[string]hook.Response) *[]hook.Request {
	var asked []hook.Request
	w.Answer = func(q hook.Request) (hook.Response, error) {
		asked = append(asked, q)
		u, err := url.Parse(q.URL)
		if err != nil {
			return hook.Response{}, &hook.Error{Failure: hook.Refused}
		}
		res, ok := by[u.Host+u.Path]
		if !ok {
			return hook.Response{Status: 404}, &hook.Error{Failure: hook.BadStatus, Status: 404}
		}
		return res, nil
	}
	return &asked
}

func (w *world) maps(match, address string) {
	w.T.Helper()
	if _, err := w.Studio.CreateFunction(w.T.Context(), w.Owner, studio.FunctionChange{Match: &match, URL: &address}); err != nil {
		w.T.Fatal(err)
	}
}

// wants compares what was said in a channel.
func (w *world) wants(c string, want ...string) {
	w.T.Helper()
	if diff := cmp.Diff(want, w.said(w.Channel(sid.SID(c)))); diff != "" {
		w.T.Errorf("said:\n%s", diff)
	}
}

func run(name string, p props) map[string]any {
	p["parameters"] = []props{{"key": "said", "value": "{{trigger.message.Body}}"}, {"key": "n", "value": "1 & 2"}}
	return widget(name, "run-function", p, "success", "good", "fail", "bad")
}

func TestFunction(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		asked := w.answers(map[string]hook.Response{
			"fn.example.com/base/hours": {Status: 200, ContentType: "application/json", Body: []byte(`{"open":true,"till":18}`)},
		})
		w.maps("shop-1234.twil.io", "https://fn.example.com/base")
		flow := w.studioFlow(begin("run"), run("run", props{"url": "https://SHOP-1234.twil.io/hours?a=1", "service_sid": "ZS1"}),
			say("good", "{{widgets.run.parsed.open}} till {{widgets.run.parsed.till}}, {{widgets.run.status_code}}"), say("bad", "failed"))
		c := w.talk(flow)
		w.hears(c, `A+B="C"`)
		w.run(flowrun.Calls) // each job twice
		w.wants(string(c.SID), `ada: A+B="C"`, "Bot: true till 18, 200")
		if len(*asked) != 1 {
			t.Fatalf("asked %d times", len(*asked))
		}
		got := (*asked)[0]
		want := hook.Request{
			Method: "POST", URL: "https://fn.example.com/base/hours?a=1", Form: url.Values{"said": {`A+B="C"`}, "n": {"1 & 2"}},
			AuthToken: inboundtest.AuthToken, IdempotencyToken: got.IdempotencyToken, Timeout: hook.DefaultTimeout, MaxResponse: hook.DefaultResponse,
		}
		if diff := cmp.Diff(want, got); diff != "" || got.IdempotencyToken == "" {
			t.Errorf("asked:\n%s", diff)
		}
	})
}

// Where nothing is mapped the step says what to do; somebody's own address needs no mapping.
func TestFunction_unmapped(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		asked := w.answers(map[string]hook.Response{"own.example.com/f": {Status: 200, Body: []byte("yes")}})
		w.maps("ZH1", "https://own.example.com/f")
		w.maps("/elsewhere", "https://own.example.com/f")
		for name, row := range map[string]struct {
			url, function, want string
		}{
			"hosted":     {"https://shop.twil.io/hours", "", "map it in the admin"},
			"no address": {"{{flow.variables.none}}", "ZH0", "map it in the admin"},
			"own":        {"https://own.example.com/f", "", ""},
			"by SID":     {"", "ZH1", ""},
			"an error":   {"https://own.example.com/g", "", "The answer has the status 404"},
		} {
			flow := w.studioFlow(begin("run"), run("run", props{"url": row.url, "function_sid": row.function}), say("good", "yes"), say("bad", "no"))
			c := w.talk(flow)
			w.hears(c, "hi")
			w.run(flowrun.Calls)
			if end := w.said(c)[1]; (end == "Bot: yes") != (row.want == "") {
				t.Errorf("%s: %s", name, end)
			}
			if step := w.failure(flow, "run"); row.want != "" && !strings.Contains(step.Error, row.want) || step.Code != 0 && step.Code != engine.CodeFunction {
				t.Errorf("%s: step %+v", name, step)
			}
		}
		if len(*asked) != 3 {
			t.Errorf("asked %d times", len(*asked))
		}
	})
}

// failure is the step by which the flow's newest execution left a widget.
func (w *world) failure(flow sid.SID, widget string) (step studio.Step) {
	w.T.Helper()
	for _, s := range w.steps(flow) {
		if s.From == widget {
			return s
		}
	}
	w.T.Fatalf("the widget %s was not left", widget)
	return step
}

func away(p props) map[string]any {
	return widget("away", "add-twiml-redirect", p, "return", "back", "timeout", "late", "fail", "bad")
}

func (w *world) redirectFlow(p props) sid.SID {
	return w.studioFlow(begin("away"), away(p), say("back", "back {{widgets.away.foo}}{{widgets.away.Body}}"), say("late", "late"), say("bad", "failed"))
}

func document(inside string) hook.Response {
	return hook.Response{Status: 200, ContentType: "text/xml", Body: []byte("<Response>" + inside + "</Response>")}
}

func TestRedirect(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.redirectFlow(props{"url": "https://app.example.com/start?x=1", "method": "post", "timeout": "600"})
		back := "/v1/Accounts/" + string(w.Owner.AccountSID) + "/Flows/" + string(flow) + "?FlowEvent=return&amp;foo=bar%20baz"
		asked := w.answers(map[string]hook.Response{
			"app.example.com/start": document("<Message>One</Message><Message><Body>Two</Body><Media>https://x.example.com/a.png</Media></Message><Redirect method='GET'>next</Redirect>"),
			"app.example.com/next":  document("<Say>no call</Say><Redirect>https://webhooks.twilio.com" + back + "</Redirect><Message>never</Message>"),
		})
		c := w.talk(flow)
		w.hears(c, "hi")
		w.Say(c.SID, "ada", "still hi") // held back until the document has come
		w.Restart()
		w.run(flowrun.Calls)
		w.wants(string(c.SID), "ada: hi", "ada: still hi", "Bot: One", "Bot: Two\nhttps://x.example.com/a.png", "Bot: back bar baz")
		if len(*asked) != 2 || (*asked)[0].Method != "POST" || (*asked)[1].Method != "GET" || (*asked)[0].AuthToken != inboundtest.AuthToken ||
			(*asked)[0].IdempotencyToken == (*asked)[1].IdempotencyToken {
			t.Fatalf("asked %+v", *asked)
		}
		x := w.last(flow)
		want := url.Values{
			"AccountSid": {string(w.Owner.AccountSID)}, "FlowSid": {string(flow)}, "ExecutionSid": {string(x.SID)}, "From": {string(c.SID)},
			"To": {string(w.Service.SID)}, "Body": {"hi"}, "NumMedia": {"0"}, "ChannelSid": {string(c.SID)}, "InstanceSid": {string(w.Service.SID)},
			"ClientIdentity": {"ada"}, "MessageSid": {(*asked)[0].Form.Get("MessageSid")}, "SmsMessageSid": {(*asked)[0].Form.Get("MessageSid")},
		}
		if diff := cmp.Diff(want, (*asked)[0].Form); diff != "" || !strings.HasPrefix(want.Get("MessageSid"), sid.Message) {
			t.Errorf("asked:\n%s", diff)
		}
	})
}

func TestRedirect_staysAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.answers(map[string]hook.Response{"app.example.com/": document("<Message>Your turn</Message>")})
		flow := w.redirectFlow(props{"url": "https://app.example.com/"})
		c := w.talk(flow)
		w.hears(c, "hi")
		w.run(flowrun.Calls)
		w.hears(c, "mine")
		w.wants(string(c.SID), "ada: hi", "Bot: Your turn", "ada: mine", "Bot: back mine")

		flow = w.redirectFlow(props{"url": "https://app.example.com/", "timeout": "1"})
		c = w.talk(flow)
		w.hears(c, "hi")
		w.run(flowrun.Calls)
		timer := w.Due(flowrun.Timers)
		w.after(timer[len(timer)-1].RunAt)
		w.run(flowrun.Timers)
		w.wants(string(c.SID), "ada: hi", "Bot: Your turn", "Bot: late")

		flow = w.redirectFlow(props{"url": "https://app.example.com/", "timeout": "0"})
		c = w.talk(flow)
		w.hears(c, "hi")
		w.run(flowrun.Calls)
		w.wants(string(c.SID), "ada: hi", "Bot: Your turn", "Bot: late")
	})
}

func TestRedirect_fails(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := string(sid.New(sid.StudioFlow))
		w.answers(map[string]hook.Response{
			"app.example.com/circle":  document("<Redirect>/circle</Redirect>"),
			"app.example.com/html":    {Status: 200, Body: []byte("<html/>")},
			"app.example.com/nowhere": document("<Redirect>http://[</Redirect>"),
			"app.example.com/other":   document("<Redirect>https://x.example.com/v1/Accounts/" + string(w.Owner.AccountSID) + "/Flows/" + other + "?FlowEvent=return</Redirect>"),
			"app.example.com/many":    document(strings.Repeat("<Message>x</Message>", 10) + "<Redirect>/many</Redirect>"),
		})
		for path, want := range map[string]string{
			"circle": "documents lead to one another", "html": "no Response", "nowhere": "no address", "other": "status 404", "many": "more than 20 messages",
			"missing": "status 404",
		} {
			flow := w.redirectFlow(props{"url": "https://app.example.com/" + path})
			c := w.talk(flow)
			w.hears(c, "hi")
			w.run(flowrun.Calls)
			said, step := w.said(c), w.failure(flow, "away")
			if said[len(said)-1] != "Bot: failed" || step.Name != "fail" || step.Code != engine.CodeHTTP || !strings.Contains(step.Error, want) {
				t.Errorf("%s: %q %+v", path, said[len(said)-1], step)
			}
		}
		// Nobody can be told by request who has no conversation.
		flow := w.redirectFlow(props{"url": "https://app.example.com/many"})
		w.create(flow, "+15550100")
		w.run(flowrun.Calls)
		if step := w.failure(flow, "away"); step.Name != "fail" {
			t.Errorf("without a conversation: %+v", step)
		}
		w.Answer = func(hook.Request) (hook.Response, error) { return hook.Response{}, errors.New("strange") }
		w.hears(w.talk(flow), "hi")
		w.run(flowrun.Calls)
		if step := w.failure(flow, "away"); step.Name != "fail" {
			t.Errorf("a strange error: %+v", step)
		}
	})
}

// picture is the beginning of a PNG file.
const picture = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"

// shown lists what was written in a channel, with the files that it carries.
func (w *world) shown(c flex.Channel) (list []string) {
	w.T.Helper()
	all, err := w.Chat.History(w.T.Context(), w.Owner, c.SID, nil, chat.MaxHistory)
	if err != nil {
		w.T.Fatal(err)
	}
	for i := range all {
		text := all[i].Author + ": " + all[i].Body
		if f := all[i].Media; f != nil {
			text += fmt.Sprintf("[%s %s %d]", *f.Filename, f.ContentType, f.Size)
		}
		list = append(list, text)
	}
	return list
}

// The file of a message is fetched once and sent as a file, after its text; one that cannot be had is a failure of the widget.
func TestSend_file(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.answers(map[string]hook.Response{"x.example.com/0.png": {Status: 200, ContentType: "image/png", Body: []byte(picture)}})
		show, more := say("show", "", "sent", "more"), say("more", "And:", "failed", "sorry", "sent", "sorry")
		show["properties"].(props)["media_url"] = "https://x.example.com/{{trigger.message.Index}}.png"
		more["properties"].(props)["media_url"] = "https://x.example.com/none.png"
		wait := ask("wait", "Look", "600", "incomingMessage", "thanks")
		wait["properties"].(props)["media_url"] = "https://x.example.com/0.png"
		flow := w.studioFlow(begin("show"), show, more, say("sorry", "Sorry", "sent", "wait"), wait, say("thanks", "Thanks"))
		c := w.talk(flow)
		w.hears(c, "hi")
		for range 3 {
			w.Restart()
			w.run(flowrun.Calls)
		}
		if why := w.failure(flow, "more").Context; !strings.Contains(string(mustJSON(t, why)), "11200") {
			t.Errorf("the failure is %s", mustJSON(t, why))
		}
		w.hears(c, "nice")
		want := []string{"ada: hi", "Bot: [0.png image/png 16]", "Bot: Sorry", "Helper: Look", "Helper: [0.png image/png 16]", "ada: nice", "Bot: Thanks"}
		if diff := cmp.Diff(want, w.shown(c)); diff != "" {
			t.Errorf("shown:\n%s", diff)
		}
	})
}

// A customer who is faster than the file gets it all the same; after the end of the execution nobody does.
func TestSend_fileLate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.answers(map[string]hook.Response{"x.example.com/a.png": {Status: 200, Body: []byte(picture)}})
		wait := ask("wait", "Look", "600", "incomingMessage", "again")
		wait["properties"].(props)["media_url"] = "https://x.example.com/a.png"
		c := w.talk(w.studioFlow(begin("wait"), wait, ask("again", "Well?", "600")))
		w.hears(c, "hi")
		w.hears(c, "impatient")
		w.run(flowrun.Calls)
		want := []string{"ada: hi", "ada: impatient", "Helper: Well?", "Helper: Look", "Helper: [a.png image/png 16]"}
		if diff := cmp.Diff(want, w.shown(c)); diff != "" {
			t.Errorf("shown:\n%s", diff)
		}
	})
}

// A flow knows of the file that a customer sends, in the words of the original's messages and of chat, and so does who takes over.
func TestHear_file(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		asked := w.answers(map[string]hook.Response{"app.example.com/start": document("")})
		flow := w.studioFlow(begin("ask"), ask("ask", "{{trigger.message.NumMedia}}", "600", "incomingMessage", "tell"),
			say("tell", "{{widgets.ask.inbound.NumMedia}} {{widgets.ask.inbound.MediaContentType0}} {{widgets.ask.inbound.MediaFilename}}", "sent", "away"),
			widget("away", "add-twiml-redirect", props{"url": "https://app.example.com/start"}))
		c := w.talk(flow)
		w.hears(c, "hi")
		m, err := w.Files.Upload(t.Context(), w.Owner, w.Service.SID, media.NewMedia{Filename: "cat.png", Size: -1}, strings.NewReader(picture))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Chat.Send(t.Context(), w.Owner, c.SID, chat.NewMessage{Author: "ada", Media: m.SID}); err != nil {
			t.Fatal(err)
		}
		w.Pump()
		w.run(flowrun.Calls)
		want := []string{"ada: hi", "Helper: 0", "ada: [cat.png image/png 16]", "Bot: 1 image/png cat.png"}
		if diff := cmp.Diff(want, w.shown(c)); diff != "" {
			t.Errorf("shown:\n%s", diff)
		}
		form := (*asked)[len(*asked)-1].Form
		address := "https://usher.example.org/mcs/v1/Services/" + string(w.Service.SID) + "/Media/" + string(m.SID) + "/Content"
		if form.Get("NumMedia") != "1" || form.Get("MediaUrl0") != address || form.Get("MediaContentType0") != "image/png" || form.Get("Body") != "" {
			t.Errorf("asked %v", form)
		}
	})
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
