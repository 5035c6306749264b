package engine

import (
	"strings"
	"testing"
	"time"
)

func TestAssistant(t *testing.T) {
	t.Parallel()
	const asks = `helper assistant {"instructions":"Help {{contact.channel.address}}.","model":" m ","turns":"2","timeout":"60","from":"Robo"}`
	for name, stages := range map[string][]stage{
		"to the limit": {
			{in: first("Hi"), do: []string{"consult 1 Help +491.m"}, steps: []string{"Trigger incomingMessage helper"}, wait: ForAnswer, until: guardTime},
			{in: says("are you there?"), wait: ForAnswer, until: guardTime},
			{in: Consulted{Text: " So? "}, do: []string{"send Robo to +491 in /: So?"}, wait: ForMessage, until: time.Minute},
			{in: Sent{SID: "IM1"}, wait: ForMessage, until: time.Minute},
			{in: says("Well"), do: []string{"consult 2 Help +491.m"}, steps: []string{"helper incomingMessage helper"}, wait: ForAnswer, until: guardTime},
			{in: Consulted{Text: "And?"}, do: []string{"send Robo to +491 in /: And?"}, wait: ForMessage, until: time.Minute},
			{in: says("Nothing"), do: []string{"end"}, steps: []string{"helper handoff Ended"}},
		},
		"asked for a person at once": {
			{in: first("A HUMAN, please"), do: []string{"end"}, steps: []string{"Trigger incomingMessage helper", "helper handoff Ended"}},
		},
		"asked for a person in Japanese": {
			{in: first("Hi"), do: []string{"consult 1 Help +491.m"}, steps: []string{"Trigger incomingMessage helper"}, wait: ForAnswer, until: guardTime},
			{in: Consulted{Text: "So?"}, do: []string{"send Robo to +491 in /: So?"}, wait: ForMessage, until: time.Minute},
			{in: says("担当者をお願いします"), do: []string{"end"}, steps: []string{"helper handoff Ended"}},
		},
		"the model hands off": {
			{in: first("Hi"), do: []string{"consult 1 Help +491.m"}, steps: []string{"Trigger incomingMessage helper"}, wait: ForAnswer, until: guardTime},
			{in: Consulted{HandOff: true}, do: []string{"end"}, steps: []string{"helper handoff Ended"}},
		},
		"the model has done": {
			{in: first("Hi"), do: []string{"consult 1 Help +491.m"}, steps: []string{"Trigger incomingMessage helper"}, wait: ForAnswer, until: guardTime},
			{in: Consulted{Done: true}, do: []string{"end"}, steps: []string{"helper done Ended"}},
		},
		"an error": {
			{in: first("Hi"), do: []string{"consult 1 Help +491.m"}, steps: []string{"Trigger incomingMessage helper"}, wait: ForAnswer, until: guardTime},
			{in: Consulted{Err: "off"}, do: []string{"end The assistant failed: off"}, steps: []string{"helper failed Ended 81016"}},
		},
		"says nothing": {
			{in: first("Hi"), do: []string{"consult 1 Help +491.m"}, steps: []string{"Trigger incomingMessage helper"}, wait: ForAnswer, until: guardTime},
			{in: Consulted{Text: " \n"}, do: []string{"end The assistant's answer is empty"}, steps: []string{"helper failed Ended 81016"}},
		},
		"never answers": {
			{in: first("Hi"), do: []string{"consult 1 Help +491.m"}, steps: []string{"Trigger incomingMessage helper"}, wait: ForAnswer, until: guardTime},
			{after: guardTime, in: Timeout{}, do: []string{"end The assistant gave no answer in time"}, steps: []string{"helper failed Ended 81016"}},
		},
		"the customer says nothing": {
			{in: first("Hi"), do: []string{"consult 1 Help +491.m"}, steps: []string{"Trigger incomingMessage helper"}, wait: ForAnswer, until: guardTime},
			{in: Consulted{Text: "So?"}, do: []string{"send Robo to +491 in /: So?"}, wait: ForMessage, until: time.Minute},
			{after: time.Minute, in: Timeout{}, do: []string{"end"}, steps: []string{"helper timeout Ended"}},
		},
		"the answer cannot be sent": {
			{in: first("Hi"), do: []string{"consult 1 Help +491.m"}, steps: []string{"Trigger incomingMessage helper"}, wait: ForAnswer, until: guardTime},
			{in: Consulted{Text: "So?"}, do: []string{"send Robo to +491 in /: So?"}, wait: ForMessage, until: time.Minute},
			{in: Sent{Code: 30008, Message: "no"}, do: []string{"end The answer was not sent: no"}, steps: []string{"helper failed Ended 81011"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, flow(t, asks), fresh(), stages)
		})
	}
}

// What it says last is sent, and nobody waits for the news of that.
func TestAssistant_lastWords(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		in            Consulted
		event, reason string
	}{
		"by the model":     {Consulted{Text: "A colleague will help.", HandOff: true}, "handoff", reasonModel},
		"at the limit":     {Consulted{Text: "A colleague will help.", HandOff: true, Limit: true}, "handoff", reasonLimit},
		"needs no more":    {Consulted{Text: "Bye", Done: true}, "done", ""},
		"both, the person": {Consulted{Text: "Bye", Done: true, HandOff: true}, "handoff", reasonModel},
	} {
		d := flow(t, `w assistant {} handoff:said done:said`, `said set-variables {"variables":[{"key":"a","value":"{{widgets.w.answer}} {{widgets.w.reason}}"}]}`)
		ex, _, _ := Step(d, fresh(), first("Hi"), start)
		row.in.Token = ex.Wait.Token
		ex, effects, steps := Step(d, ex, row.in, start)
		if len(effects) != 2 || len(steps) != 2 || steps[0].Name != row.event || !ex.Ended {
			t.Fatalf("%s: %+v %+v", name, effects, steps)
		}
		if m, ok := effects[0].(SendMessage); !ok || m.Body != row.in.Text {
			t.Errorf("%s: %+v", name, effects[0])
		}
		if got, want := ex.Context.Variables["a"], row.in.Text+" "+row.reason; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestAssistant_words(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		"agent": true, "I want an agent!": true, "Agents are fine": false, "reagent": false, "": false, "オペレーターと話したい": true, "humane": false, "Human.": true,
	} {
		ex, _, _ := Step(flow(t, `w assistant {}`), fresh(), first(body), start)
		if got := ex.Ended; got != want {
			t.Errorf("%q: %v", body, got)
		}
	}
	ex, _, _ := Step(flow(t, `w assistant {"handoff_words":" , real person,係"}`), fresh(), first("A real  person, now"), start)
	if !ex.Ended || ex.Context.Widgets["w"]["reason"] != reasonAsked {
		t.Errorf("words of the widget: %+v", ex)
	}
}

// However the widget is set, an assistant that always answers comes to an end.
func TestAssistant_ends(t *testing.T) {
	t.Parallel()
	d := flow(t, `w assistant {"turns":"1000000"} handoff:w`)
	ex, _, _ := Step(d, fresh(), first("Hi"), start)
	tokens := map[string]bool{}
	for range mostTurns {
		if tokens[ex.Wait.Token] {
			t.Fatalf("the token %s came twice", ex.Wait.Token)
		}
		tokens[ex.Wait.Token] = true
		ex, _, _ = Step(d, ex, Consulted{Token: ex.Wait.Token, Text: strings.Repeat("x", 10)}, start)
		if tokens[ex.Wait.Token] {
			t.Fatalf("the token %s came twice", ex.Wait.Token)
		}
		tokens[ex.Wait.Token] = true
		ex, _, _ = Step(d, ex, says("go on"), start)
	}
	if got := ex.Context.Widgets["w"]["turns"]; got != 0 || ex.Wait.For != ForAnswer {
		t.Errorf("after the last turn: %v %+v", got, ex.Wait) // it was left by handoff, and came to itself again
	}
}
