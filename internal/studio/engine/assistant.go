package engine

import (
	"strings"
	"unicode"

	"usher/internal/studio/definition"
)

// Limits of an assistant in one visit to its widget.
const (
	// defaultTurns and mostTurns bound how often it answers.
	defaultTurns = 10
	mostTurns    = 50
	// defaultWords are what a customer says who wants a person.
	defaultWords = "agent, human, operator, 担当者, オペレーター, 有人"
)

// Reasons of a hand-off, in widgets.<name>.reason.
const (
	reasonAsked = "asked" // the customer asked for a person
	reasonModel = "model" // the assistant gave up, or was told to
	reasonLimit = "limit" // it has answered as often as it may
)

// assistant lets a language model talk to the customer, turn by turn, until it or
// the customer has had enough. It is Usher's own widget: the original has none.
func assistant(r *run, s *definition.State) outcome {
	r.put(s, map[string]any{"turns": 0})
	trigger, _ := r.ex.Context.Trigger["message"].(map[string]any)
	if body, _ := trigger["Body"].(string); r.wantsPerson(s, body) {
		return r.handOff(s, reasonAsked)
	}
	return r.consult(s)
}

// consult asks the model what to say next.
func (r *run) consult(s *definition.State) outcome {
	return r.do(Consult{
		Token: r.wait(s, ForAnswer, guardTime), Instructions: r.render(s.Text("instructions")), Model: r.text(s, "model"), Turn: r.turns(s) + 1,
	})
}

// turns is how often the assistant has answered since the execution came to it.
func (r *run) turns(s *definition.State) int {
	n, _ := r.ex.Context.Widgets[s.Name]["turns"].(int)
	return n
}

// note changes what the widget keeps.
func (r *run) note(s *definition.State, key string, value any) {
	r.put(s, merged(r.ex.Context.Widgets[s.Name], map[string]any{key: value}))
}

func (r *run) handOff(s *definition.State, reason string) outcome {
	r.note(s, "reason", reason)
	return leave("handoff")
}

// assisted goes on with an assistant's answer, and with what the customer says to it.
func assisted(r *run, s *definition.State, in Input) outcome {
	switch in := in.(type) {
	case Consulted:
		return r.consulted(s, in)
	case Message:
		r.note(s, "inbound", message(in.Data))
		body, _ := in.Data["Body"].(string)
		limit := r.number(s, "turns")
		if limit <= 0 {
			limit = defaultTurns
		}
		switch {
		case r.wantsPerson(s, body):
			return r.handOff(s, reasonAsked)
		case r.turns(s) >= min(limit, mostTurns):
			return r.handOff(s, reasonLimit)
		}
		r.record("incomingMessage", s.Name, s.Name)
		return r.consult(s)
	case Sent:
		if in.Code == 0 {
			return waiting
		}
		r.fault(CodeSend, "The answer was not sent: %s", in.Message)
		return leave("failed")
	}
	if r.ex.Wait != nil && r.ex.Wait.For == ForAnswer {
		r.fault(CodeHTTP, "The assistant gave no answer in time")
		return leave("failed")
	}
	return leave("timeout")
}

// consulted says what the model has answered.
func (r *run) consulted(s *definition.State, in Consulted) outcome {
	if in.Err != "" {
		r.fault(CodeHTTP, "The assistant failed: %s", in.Err)
		return leave("failed")
	}
	text := strings.TrimSpace(in.Text)
	if text == "" && !in.HandOff && !in.Done {
		r.fault(CodeHTTP, "The assistant's answer is empty")
		return leave("failed")
	}
	r.note(s, "answer", text)
	r.note(s, "turns", r.turns(s)+1)
	token := r.wait(s, ForMessage, r.seconds(s, "timeout", defaultReply)) + ".said"
	r.ex.Wait.Token = token // not the one of the question, whose timer may be under way
	if text != "" {
		r.do(SendMessage{Token: token, From: r.text(s, "from"), To: r.ex.Contact, Body: text})
	}
	switch {
	case in.HandOff && in.Limit:
		return r.handOff(s, reasonLimit)
	case in.HandOff:
		return r.handOff(s, reasonModel)
	case in.Done:
		return leave("done")
	}
	return waiting
}

// wantsPerson says whether the customer asks for a person, in one of the widget's
// words. Words of letters without spaces between them, as in Japanese, may stand
// inside of others.
func (r *run) wantsPerson(s *definition.State, body string) bool {
	words := r.text(s, "handoff_words")
	if words == "" {
		words = defaultWords
	}
	fold := func(s string) string {
		return " " + strings.Join(strings.FieldsFunc(strings.ToLower(s), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }), " ") + " "
	}
	text := fold(body)
	for word := range strings.SplitSeq(words, ",") {
		word = fold(word)
		if strings.IndexFunc(word, func(c rune) bool { return c > unicode.MaxLatin1 }) >= 0 {
			word = strings.TrimSpace(word)
		}
		if strings.TrimSpace(word) != "" && strings.Contains(text, word) {
			return true
		}
	}
	return false
}
