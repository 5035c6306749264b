package messaging

import (
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/sid"
)

func TestServices(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for name, c := range map[string]struct {
			change ServiceChange
			code   int
		}{
			"no name":       {ServiceChange{}, 20001},
			"name":          {ServiceChange{FriendlyName: ptr(strings.Repeat("x", 65))}, 20001},
			"url":           {ServiceChange{FriendlyName: ptr("x"), URL: ptr("x")}, 21402},
			"fallback":      {ServiceChange{FriendlyName: ptr("x"), FallbackURL: ptr("https://e.com")}, 21406},
			"callback":      {ServiceChange{FriendlyName: ptr("x"), StatusCallback: ptr("x")}, 21502},
			"validity":      {ServiceChange{FriendlyName: ptr("x"), Validity: ptr[int64](0)}, 21624},
			"usecase":       {ServiceChange{FriendlyName: ptr("x"), Usecase: ptr("spam")}, 21713},
			"empty keyword": {ServiceChange{FriendlyName: ptr("x"), Stop: []string{""}}, 20001},
			"long keyword":  {ServiceChange{FriendlyName: ptr("x"), Help: []string{strings.Repeat("x", 21)}}, 20001},
			"keywords":      {ServiceChange{FriendlyName: ptr("x"), Start: make([]string, 26)}, 20001},
			"answer":        {ServiceChange{FriendlyName: ptr("x"), HelpReply: ptr(strings.Repeat("x", 321))}, 20001},
		} {
			_, err := w.CreateService(ctx, w.owner, c.change)
			want(t, name, err, c.code)
		}
		s, err := w.CreateService(ctx, w.owner, ServiceChange{FriendlyName: ptr("S")})
		if err != nil || !s.Sticky || !s.SmartEncoding || s.Validity != validityMost || s.Method != "POST" || len(Usecases()) == 0 {
			t.Fatalf("%+v %v", s, err)
		}
		s, err = w.UpdateService(ctx, w.owner, s.SID, ServiceChange{Sticky: ptr(false), Stop: []string{"HALT"}, StopReply: ptr("Bye"), StatusCallback: ptr("https://e.com/s")})
		if err != nil || s.Sticky || s.FriendlyName != "S" {
			t.Errorf("%+v %v", s, err)
		}
		_, err = w.GetService(ctx, w.other, s.SID)
		want(t, "of another account", err, 20404)
		_, err = w.UpdateService(ctx, w.other, s.SID, ServiceChange{})
		want(t, "change another account's", err, 20404)
		_, err = w.CreateService(ctx, account.Actor{Account: w.owner.Account, Role: account.RoleAgent}, ServiceChange{FriendlyName: ptr("x")})
		want(t, "an agent", err, 20403)
		if page, err := w.ListServices(ctx, w.owner, db.Page{Size: 5}); err != nil || len(page.Items) != 1 {
			t.Errorf("%+v %v", page, err)
		}
	})
}

func TestSenders(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		make := func(name string) Service {
			s, err := w.CreateService(ctx, w.owner, ServiceChange{FriendlyName: &name, Stop: []string{"halt"}, StopReply: ptr("Bye"), StatusCallback: ptr("https://e.com/s")})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s, other := make("S"), make("T")
		n, err := w.AddSender(ctx, w.owner, s.SID, w.number.SID, KindPhone)
		if err != nil || n.Service != s.SID {
			t.Fatalf("%+v %v", n, err)
		}
		_, err = w.AddSender(ctx, w.owner, s.SID, w.number.SID, KindPhone)
		want(t, "twice", err, 21710)
		_, err = w.AddSender(ctx, w.owner, other.SID, w.number.SID, KindPhone)
		want(t, "in two", err, 21712)
		_, err = w.AddSender(ctx, w.owner, s.SID, w.number.SID, KindShort)
		want(t, "of another kind", err, 20404)
		_, err = w.AddSender(ctx, w.other, s.SID, w.number.SID, KindPhone)
		want(t, "another account", err, 20404)
		alpha, err := w.AddAlpha(ctx, w.owner, s.SID, "ACME")
		if err != nil || alpha.Kind != KindAlpha {
			t.Fatalf("%+v %v", alpha, err)
		}
		_, err = w.AddAlpha(ctx, w.owner, other.SID, "ACME")
		want(t, "alpha twice", err, 21710)
		_, err = w.AddAlpha(ctx, w.owner, s.SID, "+15550001000")
		want(t, "a number as alpha", err, 21709)
		_, err = w.GetSender(ctx, w.owner, other.SID, n.SID, KindPhone)
		want(t, "of the other service", err, 20404)
		if _, err = w.GetSender(ctx, w.owner, s.SID, n.SID, KindPhone); err != nil {
			t.Error(err)
		}
		if msg := w.send(Draft{Service: s.SID, To: "+447700900123", Body: "x"}); msg.From != "ACME" {
			t.Errorf("abroad: %s", msg.From)
		}
		msg := w.send(Draft{Service: s.SID, To: customer, Body: "x"})
		if msg.From != own || msg.StatusCallback != "https://e.com/s" || msg.Validity != validityMost {
			t.Errorf("at home: %+v", msg)
		}
		if in, _ := w.accept("stop", "STOP"); in.OptOut != "" || in.Service != s.SID {
			t.Errorf("not its keyword: %+v", in)
		}
		if in, _ := w.accept("halt", "Halt"); in.OptOut != Stop {
			t.Errorf("its keyword: %+v", in)
		}
		_, err = w.Create(ctx, w.owner, Draft{Service: s.SID, To: customer, Body: "x"})
		want(t, "opted out", err, 21610)
		if _, err := w.UpdateService(ctx, w.owner, s.SID, ServiceChange{NoOptOut: ptr(true)}); err != nil {
			t.Fatal(err)
		}
		if in, _ := w.accept("off", "Halt"); in.OptOut != "" {
			t.Errorf("keywords are off: %+v", in)
		}
		want(t, "remove of the other", w.RemoveSender(ctx, w.owner, other.SID, n.SID, KindPhone), 20404)
		want(t, "remove", w.RemoveSender(ctx, w.owner, s.SID, n.SID, KindPhone), 0)
		want(t, "remove again", w.RemoveSender(ctx, w.owner, s.SID, n.SID, KindPhone), 20404)
		if _, err := w.AddSender(ctx, w.owner, other.SID, w.number.SID, KindPhone); err != nil {
			t.Fatal(err)
		}
		for _, x := range []sid.SID{s.SID, other.SID} {
			want(t, "delete", w.DeleteService(ctx, w.owner, x), 0)
		}
		if n, err = w.GetNumber(ctx, w.owner, w.number.SID, KindPhone); err != nil || n.Service != "" {
			t.Errorf("%+v %v", n, err)
		}
		_, err = w.GetNumber(ctx, w.owner, alpha.SID, KindAlpha)
		want(t, "the alpha has gone", err, 20404)
	})
}
