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
	e.Token = r.wait(s, ForReturn, r.seconds(s, "timeout", defaultRedirect))
	return r.do(e)
}

func returned(r *run, s *definition.State, in Input) outcome {
	back, ok := in.(Returned)
	switch {
	case !ok:
		return leave("timeout")
	case back.Err != "":
		r.fault(CodeHTTP, "The redirect failed: %s", back.Err)
		return leave("fail")
	}
	r.put(s, cleanMap(back.Data))
	return leave("return")
}
