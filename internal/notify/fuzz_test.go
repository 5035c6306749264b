package notify

import (
	"encoding/json"
	"testing"

	"usher/internal/event"
)

// FuzzAmendment reads whatever a webhook answers: nothing breaks, and what is no JSON object changes nothing.
func FuzzAmendment(f *testing.F) {
	for _, s := range []string{``, `{}`, `[]`, `{"body":"x","author":"y"}`, `{"attributes":{"a":1}}`, `{"attributes":"{}"}`, `{"attributes":null}`, `{"body":7}`, `{"from":"z"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a := amendment(body)
		if !json.Valid(body) && (a.Body != nil || a.Author != nil || a.Attributes != nil || a.FriendlyName != nil) {
			t.Errorf("%q changes %+v", body, a)
		}
	})
}

// FuzzRead reads payloads of events, as jobs hold them, and describes them.
func FuzzRead(f *testing.F) {
	for kind := range names {
		f.Add(kind, `{"sid":"IM1","body":"x","index":3,"attributes":{},"date_created":"2026-11-20T11:00:00.007Z"}`)
	}
	f.Add(event.MessageAdded, `{"date_removed":null,"attributes":null}`)
	f.Fuzz(func(t *testing.T, kind, data string) {
		v, err := read(kind, json.RawMessage(data))
		if err != nil {
			return
		}
		of := form{}
		of.describe(v, true)
		if len(of["Attributes"]) != 1 {
			t.Errorf("%v", of)
		}
	})
}
