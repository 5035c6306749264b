package messaging

import (
	"errors"
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/sid"
)

func TestNumber(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for name, c := range map[string]struct {
			address string
			change  NumberChange
			code    int
		}{
			"none":        {"", NumberChange{}, 21421},
			"a word":      {"ACME", NumberChange{}, 21421},
			"twice":       {"+1 555 000 1000", NumberChange{}, 21422},
			"url":         {"+15550005000", NumberChange{URL: ptr("x")}, 21402},
			"fallback":    {"+15550005000", NumberChange{FallbackURL: ptr("https://e.com")}, 21406},
			"method":      {"+15550005000", NumberChange{Method: ptr("PUT")}, 21403},
			"callback":    {"+15550005000", NumberChange{StatusCallback: ptr("x")}, 21502},
			"application": {"+15550005000", NumberChange{Application: ptr(sid.New(sid.Application))}, 21420},
			"name":        {"+15550005000", NumberChange{FriendlyName: ptr(strings.Repeat("x", 65))}, 20001},
		} {
			_, err := w.CreateNumber(ctx, w.owner, c.address, c.change)
			want(t, name, err, c.code)
		}
		short := w.own("12345", NumberChange{FriendlyName: ptr("short")})
		if short.Kind != KindShort || sid.Prefix(string(short.SID)) != sid.ShortCode {
			t.Errorf("%+v", short)
		}
		_, err := w.GetNumber(ctx, w.owner, short.SID, KindPhone)
		want(t, "of another kind", err, 20404)
		_, err = w.GetNumber(ctx, w.other, w.number.SID, KindPhone)
		want(t, "of another account", err, 20404)
		n, err := w.UpdateNumber(ctx, w.owner, w.number.SID, KindPhone, NumberChange{URL: ptr("https://e.com/in"), Voice: map[string]string{"voice_url": "https://e.com/v"}})
		if err != nil || n.URL != "https://e.com/in" || n.Voice["voice_url"] != "https://e.com/v" || n.Connection != w.connection {
			t.Errorf("%+v %v", n, err)
		}
		page, err := w.ListNumbers(ctx, w.owner, KindPhone, NumberFilter{Address: "5550001"}, db.Page{Size: 5})
		if err != nil || len(page.Items) != 1 {
			t.Errorf("%+v %v", page, err)
		}
		if page, err := w.ListNumbers(ctx, w.owner, KindPhone, NumberFilter{Service: sid.New(sid.MessageService)}, db.Page{Size: 5}); err != nil || len(page.Items) != 0 {
			t.Errorf("%+v %v", page, err)
		}
		want(t, "strike another kind", w.DeleteNumber(ctx, w.owner, short.SID, KindPhone), 20404)
		want(t, "strike", w.DeleteNumber(ctx, w.owner, w.number.SID, KindPhone), 0)
		err = w.db.View(ctx, func(tx *db.Tx) error { _, err := w.NumberTx(tx, w.owner.Account, own); return err })
		if !errors.Is(err, db.ErrNotFound) {
			t.Errorf("struck out: %v", err)
		}
		agent := account.Actor{Account: w.owner.Account, Role: account.RoleAgent}
		_, err = w.ListNumbers(ctx, agent, KindPhone, NumberFilter{}, db.Page{Size: 1})
		want(t, "an agent reads", err, 20403)
		_, err = w.CreateNumber(ctx, account.Actor{Account: w.owner.Account, Role: account.RoleSupervisor}, "+15550007000", NumberChange{})
		want(t, "a supervisor writes", err, 20403)
	})
}

func TestApplication(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for name, c := range map[string]struct {
			change ApplicationChange
			code   int
		}{
			"url": {ApplicationChange{URL: ptr("x")}, 21402}, "method": {ApplicationChange{FallbackMethod: ptr("x")}, 21403},
			"callback": {ApplicationChange{MessageStatusCallback: ptr("x")}, 21502}, "status": {ApplicationChange{StatusCallbackMethod: ptr("x")}, 21403},
			"name": {ApplicationChange{FriendlyName: ptr(strings.Repeat("x", 65))}, 20001}, "fallback": {ApplicationChange{URL: ptr("https://e.com"), FallbackURL: ptr("x")}, 21402},
		} {
			_, err := w.CreateApplication(ctx, w.owner, c.change)
			want(t, name, err, c.code)
		}
		a, err := w.CreateApplication(ctx, w.owner, ApplicationChange{FriendlyName: ptr("A"), URL: ptr("https://e.com"), Voice: map[string]string{"voice_url": "v"}})
		if err != nil {
			t.Fatal(err)
		}
		w.own("+15550006000", NumberChange{Application: &a.SID})
		if a, err = w.UpdateApplication(ctx, w.owner, a.SID, ApplicationChange{FriendlyName: ptr("B")}); err != nil || a.FriendlyName != "B" || a.URL != "https://e.com" {
			t.Errorf("%+v %v", a, err)
		}
		if page, err := w.ListApplications(ctx, w.owner, "B", db.Page{Size: 5}); err != nil || len(page.Items) != 1 {
			t.Errorf("%+v %v", page, err)
		}
		_, err = w.GetApplication(ctx, w.other, a.SID)
		want(t, "another account", err, 20404)
		_, err = w.UpdateApplication(ctx, w.other, a.SID, ApplicationChange{})
		want(t, "another account changes", err, 20404)
		w.do(func(tx *db.Tx) error { _, err := w.ApplicationTx(tx, w.owner.Account, a.SID); return err })
		want(t, "delete", w.DeleteApplication(ctx, w.owner, a.SID), 0)
		want(t, "delete again", w.DeleteApplication(ctx, w.owner, a.SID), 20404)
	})
}

func TestNormal(t *testing.T) {
	t.Parallel()
	for in, c := range map[string]struct{ want, kind string }{
		"+1 (415) 555-2345": {"+14155552345", KindPhone}, "+49.30.123456": {"+4930123456", KindPhone}, "12345": {"12345", KindShort},
		"ACME": {"ACME", KindAlpha}, "A1 B2": {"A1 B2", KindAlpha}, "whatsapp:+1 415 555 2345": {"whatsapp:+14155552345", KindPhone},
		"whatsapp:US.abc": {"whatsapp:US.abc", KindPhone}, "messenger:123": {"messenger:123", KindPhone}, "line:U0a": {"line:U0a", KindPhone},
		"custom:any-thing": {"custom:any-thing", KindPhone}, "": {}, "+": {}, "+0123456789": {}, "+123456": {}, "12": {}, "123456789": {},
		"+1234567890123456": {}, "twelve-chars": {}, "a:b": {}, "custom:": {}, "custom:a b": {}, "+1555\x00000": {}, "whatsapp:": {},
	} {
		if got, kind, ok := normal(in); got != c.want && ok || ok != (c.want != "") || ok && kind != c.kind {
			t.Errorf("%q: %q %s %v", in, got, kind, ok)
		}
	}
}

func TestLike(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern string
		want    bool
	}{
		{"+14155552345", true},
		{"+1 415 555 2345", true},
		{"+14155552346", false},
		{"415", true},
		{"4155*52345", true},
		{"+1415*", true},
		{"99", false},
		{"*", true},
		{"14155552345678", false},
	} {
		if got := like("+14155552345", c.pattern); got != c.want {
			t.Errorf("%q: %v", c.pattern, got)
		}
	}
}

func FuzzNormal(f *testing.F) {
	for _, s := range []string{"+1 (415) 555-2345", "ACME", "whatsapp:+1", "line:U1", "12345", "a:b:c", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean, kind, ok := normal(s)
		if !ok {
			return
		}
		if again, k, ok := normal(clean); !ok || again != clean || k != kind {
			t.Errorf("%q is %q, which is %q %s %v", s, clean, again, k, ok)
		}
		like(clean, s)
		_ = like(s, clean)
	})
}
