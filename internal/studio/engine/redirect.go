package engine

import (
	"strings"

	"usher/internal/studio/definition"
)

// defaultRedirect is how long a widget waits for another application that does
// not say it, in seconds.
const defaultRedirect = 14400

// redirect hands the conversation over and waits until it comes back.
func redirect(r *run, s *definition.State) outcome {
	e := Redirect{Method: strings.ToUpper(r.text(s, "method")), URL: r.text(s, "url")}
	if e.Method == "" {
		e.Method = "POST"
	}
	if !httpURL(e.URL) {
		r.fault(CodeHTTP, "The address of the redirect is no http or https URL")
		return leave("fail")
	}
	limit := r.seconds(s, "timeout", defaultRedirect)
	if r.noReturn(s) {
		limit = guardTime
	}
	e.Token = r.wait(s, ForTwiML, limit)
	return r.do(e)
}

// noReturn says that the conversation is handed over for good.
func (r *run) noReturn(s *definition.State) bool { return r.text(s, "timeout") == "0" }

// returned goes on when the conversation is back. The customer's next message
// returns it too: from then on the other application is not asked any more.
func returned(r *run, s *definition.State, in Input) outcome {
	if said, ok := in.(Message); ok {
		r.put(s, message(said.Data))
		return leave("return")
	}
	back, ok := in.(Returned)
	switch {
	case !ok:
		return leave("timeout")
	case back.Away && r.noReturn(s):
		return leave("timeout")
	case back.Away:
		away := *r.ex.Wait // until the same time, by the same timer
		away.For = ForReturn
		r.ex.Wait = &away
		return waiting
	case back.Err != "":
		r.fault(CodeHTTP, "The redirect failed: %s", back.Err)
		return leave("fail")
	}
	r.put(s, cleanMap(back.Data))
	return leave("return")
}
