package flowrun_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"usher/internal/flowrun"
	"usher/internal/hook"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

// prompt is what an endpoint is asked.
type prompt struct {
	Model    string
	Messages []struct{ Role, Content string }
	Max      int `json:"max_tokens"`
	Newer    int `json:"max_completion_tokens"`
}

// assistant sets the account's assistant up; say answers each question.
func (w *world) assistant(say func(p prompt, q hook.Request) (hook.Response, error)) {
	w.T.Helper()
	_, err := w.Studio.SetAssistant(w.T.Context(), w.Owner, studio.AssistantChange{
		URL: new("https://model.example.com/v1/"), Key: new("sk-secret"), Model: new("small"), Instructions: new("Sell socks."), Turns: new(int64(3)),
		Output: new(int64(50)), Seconds: new(int64(7)),
	})
	if err != nil {
		w.T.Fatal(err)
	}
	w.Answer = func(q hook.Request) (hook.Response, error) {
		var p prompt
		if err := json.Unmarshal(q.Body, &p); err != nil {
			w.T.Error(err)
		}
		return say(p, q)
	}
}

func completion(text string) hook.Response {
	raw, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"role": "assistant", "content": text}}}})
	return hook.Response{Status: 200, ContentType: "application/json", Body: raw}
}

func (w *world) assistantFlow() sid.SID {
	return w.studioFlow(begin("helper"),
		widget("helper", "assistant", props{"instructions": "Be short.", "from": "Robo", "timeout": "600"},
			"handoff", "agent", "done", "bye", "timeout", "bye", "failed", "agent"),
		say("bye", "Bye"), w.toAgent("agent", `{"why":"{{widgets.helper.reason}}","last":"{{widgets.helper.answer}}"}`))
}

func TestConsult(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		asked := 0
		w.assistant(func(p prompt, q hook.Request) (hook.Response, error) {
			asked++
			if q.URL != "https://model.example.com/v1/chat/completions" || q.Bearer != "sk-secret" || q.Timeout != 7*time.Second || p.Model != "small" || p.Max != 50 {
				t.Errorf("asked %+v", p)
			}
			if system := p.Messages[0]; system.Role != "system" || !strings.HasSuffix(system.Content, "\n\nSell socks.\n\nBe short.") {
				t.Errorf("instructions %q", system.Content)
			}
			if asked == 1 {
				return completion("<think>hm</think> Which\x00 size\u202e?"), nil
			}
			var talk []string
			for _, m := range p.Messages[1:] {
				talk = append(talk, m.Role+": "+m.Content)
			}
			if got := strings.Join(talk, "|"); got != "user: socks!|assistant: Which size?|user: 42" {
				t.Errorf("the conversation is %s", got)
			}
			return completion("A colleague takes over. [[PERSON]]"), nil
		})
		flow := w.assistantFlow()
		c := w.talk(flow)
		w.hears(c, "socks!")
		w.run(flowrun.Calls) // each job twice
		w.Restart()
		w.hears(c, "42")
		w.run(flowrun.Calls)
		w.wants(string(c.SID), "ada: socks!", "Robo: Which size?", "ada: 42", "Robo: A colleague takes over.")
		if task := w.task(0); asked != 2 || task["why"] != "model" || task["last"] != "A colleague takes over." {
			t.Errorf("asked %d times; task %v", asked, task)
		}
		for _, s := range w.steps(flow) {
			if strings.Contains(s.Error, "socks") {
				t.Errorf("step %+v", s)
			}
		}
	})
}

func TestConsult_ends(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.assistant(func(prompt, hook.Request) (hook.Response, error) { return completion("And?"), nil })
		c := w.talk(w.assistantFlow())
		for range 4 {
			w.hears(c, "more")
			w.run(flowrun.Calls)
		}
		if task := w.task(0); task["why"] != "limit" { // three answers, by the operator's limit
			t.Errorf("task %v", task)
		}
		w.assistant(func(prompt, hook.Request) (hook.Response, error) { return completion("[[DONE]]"), nil })
		c = w.talk(w.assistantFlow())
		w.hears(c, "thanks")
		w.run(flowrun.Calls)
		w.wants(string(c.SID), "ada: thanks", "Bot: Bye")

		c = w.talk(w.assistantFlow())
		w.hears(c, "a human please")
		if task := w.task(1); task["why"] != "asked" {
			t.Errorf("task %v", task)
		}
	})
}

// Whatever an endpoint answers, the customer comes to an agent, and the step says why.
func TestConsult_hostile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, row := range map[string]struct {
			answer hook.Response
			err    error
			want   string
		}{
			"refused":       {hook.Response{}, &hook.Error{Failure: hook.Refused, Reason: "the host's address is not public"}, "not public"},
			"slow":          {hook.Response{}, &hook.Error{Failure: hook.TimedOut}, "timeout"},
			"a wrong key":   {hook.Response{Status: 401}, &hook.Error{Failure: hook.BadStatus, Status: 401}, "status 401"},
			"huge":          {hook.Response{Status: 200}, &hook.Error{Failure: hook.TooLarge, Status: 200}, "too-large"},
			"no JSON":       {hook.Response{Status: 200, Body: []byte("<html>")}, nil, "no completion"},
			"no choices":    {hook.Response{Status: 200, Body: []byte(`{"choices":[]}`)}, nil, "no completion"},
			"null":          {hook.Response{Status: 200, Body: []byte(`{"choices":[{"message":{"content":null}}]}`)}, nil, "no text"},
			"a number":      {hook.Response{Status: 200, Body: []byte(`{"choices":[{"message":{"content":7}}]}`)}, nil, "no text"},
			"deep":          {hook.Response{Status: 200, Body: []byte(`{"choices":` + strings.Repeat("[", 100_000))}, nil, "no completion"},
			"nothing to do": {completion(" \u202e\x07 "), nil, "no text"},
		} {
			w.assistant(func(prompt, hook.Request) (hook.Response, error) { return row.answer, row.err })
			flow := w.assistantFlow()
			before := len(w.AllTasks())
			w.hears(w.talk(flow), "hi")
			w.run(flowrun.Calls)
			step := w.failure(flow, "helper")
			if len(w.AllTasks()) != before+1 || step.Name != "failed" || step.Code != engine.CodeHTTP || !strings.Contains(step.Error, row.want) {
				t.Errorf("%s: %+v", name, step)
			}
		}
		w.assistant(func(prompt, hook.Request) (hook.Response, error) {
			return hook.Response{Status: 200, Body: []byte(`{"choices":[{"message":{"content":[{"type":"text","text":"` + strings.Repeat("é", 99) + `"},{"type":"image"}]}}]}`)}, nil
		})
		c := w.talk(w.assistantFlow())
		w.hears(c, "hi")
		w.run(flowrun.Calls)
		w.wants(string(c.SID), "ada: hi", "Robo: "+strings.Repeat("é", 49)+"…")
	})
}

// An endpoint that knows the limit under its newer name is asked again.
func TestConsult_newerLimit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		asked := 0
		w.assistant(func(p prompt, _ hook.Request) (hook.Response, error) {
			if asked++; p.Newer != 50 {
				return hook.Response{Status: 400, Body: []byte(`{"error":{"message":"Use 'max_completion_tokens' instead."}}`)}, &hook.Error{Failure: hook.BadStatus, Status: 400}
			}
			return completion("Yes."), nil
		})
		c := w.talk(w.assistantFlow())
		w.hears(c, "hi")
		w.run(flowrun.Calls)
		w.wants(string(c.SID), "ada: hi", "Robo: Yes.")
		if asked != 2 {
			t.Errorf("asked %d times", asked)
		}
	})
}

func TestConsult_off(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Answer = func(hook.Request) (hook.Response, error) { t.Error("asked"); return hook.Response{}, nil }
		flow := w.assistantFlow()
		w.hears(w.talk(flow), "hi")
		w.run(flowrun.Calls)
		if step := w.failure(flow, "helper"); len(w.AllTasks()) != 1 || !strings.Contains(step.Error, "no endpoint is configured") {
			t.Errorf("step %+v", step)
		}
		w.assistant(func(prompt, hook.Request) (hook.Response, error) { t.Error("asked"); return hook.Response{}, nil })
		x := w.create(w.assistantFlow(), "+15550100")
		w.run(flowrun.Calls)
		if x = w.execution(x); x.Active || x.State.Context.Widgets["helper"] == nil {
			t.Errorf("without a conversation: %+v", x.State)
		}
	})
}
