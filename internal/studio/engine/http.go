package engine

import (
	"net/url"
	"strings"

	"usher/internal/studio/definition"
)

const (
	// MaxHTTPBody bounds the answer to an HTTPCall, in bytes.
	MaxHTTPBody = 64 << 10
	// httpSeconds is how long a call may take.
	httpSeconds = 10

	formType = "application/x-www-form-urlencoded;charset=utf-8"
)

// makeHTTPRequest calls an address and goes on with the answer.
func makeHTTPRequest(r *run, s *definition.State) outcome {
	call := HTTPCall{
		Method: strings.ToUpper(r.text(s, "method")), URL: r.text(s, "url"), ContentType: r.text(s, "content_type"),
		TimeoutSeconds: httpSeconds, Auth: s.Text("add_twilio_auth") == "true",
	}
	if call.Method == "" {
		call.Method = "GET"
	}
	parameters := r.form(s)
	if !httpURL(call.URL) {
		delete(r.ex.Context.Widgets, s.Name)
		r.fault(CodeHTTP, "The address of the request is no http or https URL")
		return leave("failed")
	}
	switch {
	case call.Method == "GET":
		call.URL = withQuery(call.URL, parameters)
		call.ContentType = ""
	case strings.Contains(call.ContentType, "json"):
		call.Body = r.json(s.Text("body"))
	case len(parameters) > 0:
		call.Body = parameters.Encode()
	default:
		call.Body = r.render(s.Text("body"))
	}
	return r.call(s, call)
}

// runFunction calls a function. There are no hosted ones: the operator maps
// their addresses, for which the effect names what the export said.
func runFunction(r *run, s *definition.State) outcome {
	call := HTTPCall{
		Method: "POST", URL: r.text(s, "url"), ContentType: formType, Body: r.form(s).Encode(),
		TimeoutSeconds: httpSeconds, Function: true,
		Service: s.Text("service_sid"), Environment: s.Text("environment_sid"), FunctionSID: s.Text("function_sid"),
	}
	if !httpURL(call.URL) && call.FunctionSID == "" {
		delete(r.ex.Context.Widgets, s.Name)
		r.fault(CodeFunction, "The function has no address")
		return leave("fail")
	}
	return r.call(s, call)
}

func (r *run) call(s *definition.State, call HTTPCall) outcome {
	delete(r.ex.Context.Widgets, s.Name) // the answer of an earlier round, which parameters may use
	call.Token = r.wait(s, ForHTTP, guardTime)
	return r.do(call)
}

// form renders the parameters of a call. Objects are JSON in there.
func (r *run) form(s *definition.State) url.Values {
	form := make(url.Values)
	for _, p := range s.Pairs("parameters") {
		if p.Key != "" {
			form.Add(p.Key, r.render(p.Value))
		}
	}
	return form
}

// answered handles the answer of either widget, which name their failure
// differently.
func answered(failure string, code int) func(*run, *definition.State, Input) outcome {
	return func(r *run, s *definition.State, in Input) outcome {
		done, ok := in.(HTTPDone)
		switch {
		case !ok:
			r.fault(code, "There was no answer in time")
		case done.Err != "":
			r.fault(code, "The request failed: %s", done.Err)
		case len(done.Body) > MaxHTTPBody:
			r.fault(code, "The answer is longer than %d KB", MaxHTTPBody>>10)
		case done.Status < 200 || done.Status > 299:
			r.fault(code, "The answer has the status %d", done.Status)
		default:
			values := map[string]any{"status_code": done.Status, "body": done.Body, "content_type": done.ContentType}
			mime, _, _ := strings.Cut(done.ContentType, ";")
			if strings.EqualFold(strings.TrimSpace(mime), "application/json") {
				if v, ok := parseJSON(done.Body); ok {
					values["parsed"] = v
				}
			}
			r.put(s, values)
			return leave("success")
		}
		return leave(failure)
	}
}

func httpURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func withQuery(address string, query url.Values) string {
	if len(query) == 0 {
		return address
	}
	address, fragment, _ := strings.Cut(address, "#")
	if fragment != "" {
		fragment = "#" + fragment
	}
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + query.Encode() + fragment
}
