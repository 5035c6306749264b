package masking

import (
	"errors"
	"strings"
	"testing"
	"time"

	"usher/internal/db"
	"usher/internal/hook"
	"usher/internal/messaging/carry"
	"usher/internal/proxy"
)

// answers lets callbacks answer one document after the other.
func answers(list ...hook.Response) func(hook.Request) (hook.Response, error) {
	n := -1
	return func(hook.Request) (hook.Response, error) {
		n++
		return list[n%len(list)], nil
	}
}

func xml(body string) hook.Response {
	return hook.Response{Status: 200, ContentType: "application/xml", Body: []byte(body)}
}

func object(body string) hook.Response {
	return hook.Response{Status: 200, ContentType: "application/json; charset=utf-8", Body: []byte(body)}
}

func TestOutside_says(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.pool(proxy.ServiceChange{OutOfSession: new("https://example.com/a/lost")}, number)
		reply := func(text string) string { return number + ">" + ann + ": " + text }
		for _, row := range []struct {
			name   string
			answer func(hook.Request) (hook.Response, error)
			want   []string
			asked  string
		}{
			{"words", answers(xml("<Response><Message>Hello</Message><Message>again</Message></Response>")), []string{reply("Hello"), reply("again")}, ""},
			{"nothing", answers(xml("<Response/>")), nil, ""},
			{"an empty answer", answers(hook.Response{Status: 200}), nil, ""},
			{"what is no XML", answers(xml("<Response>")), nil, ""},
			{"plain words", answers(hook.Response{Status: 200, ContentType: "text/plain", Body: []byte("hello")}), nil, ""},
			{
				"a redirect", answers(xml("<Response><Message>One</Message><Redirect>more</Redirect></Response>"), xml("<Response><Message>Two</Message></Response>")),
				[]string{reply("One"), reply("Two")},
				"https://example.com/a/more",
			},
			{"a circle", answers(xml("<Response><Redirect>lost</Redirect></Response>")), nil, "https://example.com/a/lost"},
			{"no session after all", answers(object(`{"uniqueName":"x"}`)), nil, ""},
			{"what is no JSON", answers(object(`{`)), nil, ""},
			{"a failure", func(hook.Request) (hook.Response, error) {
				return hook.Response{}, &hook.Error{Failure: hook.BadStatus, Status: 500}
			}, nil, ""},
		} {
			w.answer = row.answer
			msg := w.write(ann, number, "hello?")
			w.went(row.name, w.pump(), row.want...)
			if row.asked != "" && w.asked[len(w.asked)-1].URL != row.asked {
				t.Errorf("%s: asked %s", row.name, w.asked[len(w.asked)-1].URL)
			}
			if !msg.Masked {
				t.Errorf("%s: not masked", row.name)
			}
		}
	})
}

func TestOutside_hears(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(proxy.ServiceChange{OutOfSession: new("https://example.com/lost")}, number)
		w.answer = answers(hook.Response{Status: 200})
		msg := w.write(ann, number, "hello?", func(in *carry.Inbound) { in.ProfileName, in.Details = "Ann", map[string]string{"FromCity": "NEW YORK"} })
		w.pump()
		r := w.asked[0]
		for name, want := range map[string]string{
			"AccountSid": string(w.owner.AccountSID), "MessageSid": string(msg.SID), "SmsSid": string(msg.SID), "From": ann, "To": number, "Body": "hello?",
			"NumMedia": "0", "NumSegments": "1", "FromCountry": "US", "ToCountry": "US", "FromCity": "NEW YORK", "ProfileName": "Ann", "ApiVersion": "2010-04-01",
			"sessionSid": "", "inboundParticipantSid": "",
		} {
			if got := r.Form.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if r.AuthToken != token || r.IdempotencyToken == "" || r.MaxResponse == 0 {
			t.Errorf("%+v", r)
		}
		v := w.session(s, proxy.NewSession{UniqueName: "order", TTL: new(int64(60))}, ann, bob)
		if _, err := w.Proxy.UpdateSession(t.Context(), w.owner, string(s.SID), string(v.SID), proxy.SessionChange{Status: proxy.Closed}); err != nil {
			t.Fatal(err)
		}
		w.asked = nil
		w.write(ann, number, "hello?")
		w.pump()
		form := w.asked[0].Form
		for name, want := range map[string]string{
			"sessionSid": string(v.SID), "sessionUniqueName": "order", "sessionStatus": "closed", "sessionClosedReason": "api", "sessionServiceSid": string(s.SID),
			"sessionAccountSid": string(w.owner.AccountSID), "sessionMode": "voice-and-message", "ttl": "60", "inboundParticipantIdentifier": ann,
			"inboundParticipantProxyIdentifier": number, "outboundParticipantIdentifier": bob, "outboundParticipantSessionSid": string(v.SID),
		} {
			if got := form.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		for _, name := range []string{"sessionDateCreated", "sessionDateEnded", "inboundParticipantSid", "inboundParticipantProxyIdentifierSid", "outboundParticipantDateCreated"} {
			if form.Get(name) == "" {
				t.Errorf("%s is missing", name)
			}
		}
	})
}

func TestOutside_makesASession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(proxy.ServiceChange{OutOfSession: new("https://example.com/lost"), DefaultTTL: new(int64(60))}, number, second)
		w.answer = answers(object(`{"uniqueName":"auto","ttl":3360,"mode":"message-only","participantIdentifier":"` + bob + `","participantProxyIdentifier":"` + second + `"}`))
		w.write(ann, number, "I need help")
		w.went("the message passes", w.pump(), second+">"+bob+": I need help")
		w.write(bob, second, "coming")
		w.went("and back", w.pump(), number+">"+ann+": coming")
		v, err := w.Proxy.Session(t.Context(), w.owner, string(s.SID), "auto")
		if err != nil || v.TTL != 3360 || v.Mode != proxy.MessageOnly || v.Status != proxy.InProgress {
			t.Errorf("%+v, %v", v, err)
		}
		w.answer = answers(object(`{"participantIdentifier":"` + bob + `","dateExpiry":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"}`))
		w.write(carol, number, "me too")
		out := w.pump() // bob's other number is chosen: he has the second one already
		w.went("a number is chosen", out, number+">"+bob+": me too")
		page, err := w.Proxy.Sessions(t.Context(), w.owner, string(s.SID), db.Page{Size: 9})
		if err != nil || len(page.Items) != 2 {
			t.Fatalf("%d sessions, %v", len(page.Items), err)
		}
		if v := page.Items[1]; v.TTL != 0 || v.DateExpiry.IsZero() || v.Mode != proxy.VoiceAndMessage {
			t.Errorf("%+v", v)
		}
		// What cannot be is refused, and nothing is left of it.
		for _, answer := range []string{
			`{"uniqueName":"auto","participantIdentifier":"+12125550105"}`, `{"participantIdentifier":"nobody"}`, `{"participantIdentifier":"` + number + `"}`,
			`{"participantIdentifier":"+12125550105","mode":"telepathy"}`, `{"participantIdentifier":"+12125550105","ttl":-1}`,
			`{"participantIdentifier":"+12125550105","dateExpiry":"2001-01-01T00:00:00Z"}`, `{"participantIdentifier":"` + bob + `"}`,
		} {
			w.answer = answers(object(answer))
			w.write("+12125550106", number, "and me")
			w.went(answer, w.pump())
		}
		if page, err = w.Proxy.Sessions(t.Context(), w.owner, string(s.SID), db.Page{Size: 9}); err != nil || len(page.Items) != 2 {
			t.Errorf("%d sessions, %v", len(page.Items), err)
		}
	})
}

// A callback that is down for now is asked again by the job, and then the message passes.
func TestOutside_again(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.pool(proxy.ServiceChange{OutOfSession: new("https://example.com/lost")}, number)
		w.write(ann, number, "hello?")
		events := w.heard()
		for _, failure := range []hook.Error{{Failure: hook.TimedOut}, {Failure: hook.BadStatus, Status: 503}} {
			w.answer = func(hook.Request) (hook.Response, error) { return hook.Response{}, &failure }
			if _, err := w.work(events[0]); !errors.As(err, new(*hook.Error)) || strings.Contains(err.Error(), ann) {
				t.Errorf("%v", err)
			}
		}
		w.answer = answers(xml("<Response><Message>Hello</Message></Response>"))
		if _, err := w.work(events[0]); err != nil {
			t.Fatal(err)
		}
		w.went("then", w.pump(), number+">"+ann+": Hello")
		if _, err := w.work(events[0]); err != nil {
			t.Fatal(err)
		}
		w.went("and the same job again", w.pump())
	})
}

func TestReadReply(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		kind, body string
		ok, makes  bool
	}{
		{"application/json", `{"participantIdentifier":"+1"}`, true, true},
		{"application/JSON;charset=x", `{"participantIdentifier":"+1","more":1}`, true, true},
		{"application/json", `[]`, false, false},
		{"application/json", ``, false, false},
		{"application/json", `{"participantIdentifier":1}`, false, false},
		{"application/json", `{"participantIdentifier":"+1","dateExpiry":"soon"}`, false, false},
		{"text/xml", `<Response/>`, true, false},
		{"text/xml", `{`, false, false},
		{"", ``, true, false},
		{"", `x`, false, false},
		{";;;", ``, true, false},
		{"text/plain", `x`, false, false},
	} {
		got, err := readReply(row.kind, []byte(row.body))
		if (err == nil) != row.ok || (got.Make != nil) != row.makes {
			t.Errorf("%q %q: %+v, %v", row.kind, row.body, got, err)
		}
	}
}

func FuzzReadReply(f *testing.F) {
	f.Add("application/json", []byte(`{"participantIdentifier":"+1","ttl":5,"dateExpiry":"2030-01-01T00:00:00Z"}`))
	f.Add("application/xml", []byte(`<Response><Message><Body>x</Body><Media>https://example.com/</Media></Message><Redirect>x</Redirect></Response>`))
	f.Add("text/plain", []byte("x"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		got, err := readReply(kind, body)
		if err != nil && got.Make != nil {
			t.Error("an error and a session")
		}
		if got.Make != nil && got.Make.ParticipantIdentifier == "" {
			t.Error("a session with nobody")
		}
		for _, v := range got.Say {
			_ = resolve("https://example.com/", v.Redirect)
		}
	})
}

func TestStops(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"STOP": true, " stop\n": true, "Arret": true, "stop it": false, "": false, "START": false, "yes": false} {
		if stops(text) != want {
			t.Errorf("%q", text)
		}
	}
}
