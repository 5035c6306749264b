package studio

import (
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/sid"
)

func (w *world) maps(match, address string) Function {
	w.t.Helper()
	f, err := w.CreateFunction(w.t.Context(), w.owner, FunctionChange{Match: &match, URL: &address})
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

func TestFunctions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		f := w.maps(" https://Shop-1.twil.io/Hours/?a=1 ", " https://user:pass@fn.example.com/x ")
		if f.Match != "shop-1.twil.io/Hours" || f.URL != "https://user:pass@fn.example.com/x" {
			t.Errorf("function %+v", f.FunctionDocument)
		}
		other := w.maps("*", "https://fn.example.com")
		for name, row := range map[string]struct {
			match, url string
			code       int
		}{
			"again":          {"shop-1.twil.io/Hours", "https://a.example.com", 20409},
			"no match":       {" ", "https://a.example.com", 20001},
			"white space":    {"a b", "https://a.example.com", 20001},
			"a long match":   {strings.Repeat("a", matchMost+1), "https://a.example.com", 20001},
			"no address":     {"a", "", 20001},
			"a file":         {"a", "file:///etc/passwd", 20001},
			"no host":        {"a", "https:///x", 20001},
			"a fragment":     {"a", "https://a.example.com/#x", 20001},
			"a long address": {"a", "https://a.example.com/" + strings.Repeat("x", targetMost), 20001},
		} {
			_, err := w.CreateFunction(ctx, w.owner, FunctionChange{Match: &row.match, URL: &row.url})
			want(t, name, err, row.code)
			_, err = w.UpdateFunction(ctx, w.owner, other.SID, FunctionChange{Match: &row.match, URL: &row.url})
			want(t, name+", changed", err, row.code)
		}
		changed, err := w.UpdateFunction(ctx, w.owner, other.SID, FunctionChange{URL: new("http://fn.example.com/")})
		if err != nil || changed.Match != "*" || changed.URL != "http://fn.example.com/" {
			t.Errorf("changed %+v %v", changed, err)
		}
		page, err := w.Functions(ctx, w.owner, db.Page{Size: 10})
		if err != nil || len(page.Items) != 2 || page.Items[0].SID != f.SID {
			t.Errorf("list %+v %v", page.Items, err)
		}
		for name, actor := range map[string]account.Actor{"another account": w.other, "a supervisor": w.as(account.RoleSupervisor), "nobody": {}} {
			code := 20403
			if name == "another account" {
				code = 20404
				if page, err := w.Functions(ctx, actor, db.Page{Size: 10}); err != nil || len(page.Items) != 0 {
					t.Errorf("%s lists %+v %v", name, page.Items, err)
				}
			} else {
				_, err := w.Functions(ctx, actor, db.Page{Size: 10})
				want(t, name+" lists", err, code)
				_, err = w.CreateFunction(ctx, actor, FunctionChange{Match: new("b"), URL: new("https://b.example.com")})
				want(t, name+" creates", err, code)
			}
			_, err := w.Function(ctx, actor, f.SID)
			want(t, name+" reads", err, code)
			_, err = w.UpdateFunction(ctx, actor, f.SID, FunctionChange{Match: new("x")})
			want(t, name+" changes", err, code)
			want(t, name+" deletes", w.DeleteFunction(ctx, actor, f.SID), code)
		}
		want(t, "delete", w.DeleteFunction(ctx, w.owner, f.SID), 0)
		_, err = w.Function(ctx, w.owner, f.SID)
		want(t, "read", err, 20404)
		_, err = w.Function(ctx, w.owner, sid.New(functionPrefix))
		want(t, "one that never was", err, 20404)
	})
}

func TestAddressOf(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if got, err := w.AddressOf(t.Context(), w.owner.Account, Called{URL: "https://shop.twil.io/hours"}); got != "" || err != nil {
			t.Errorf("nothing is mapped: %q %v", got, err)
		}
		for match, address := range map[string]string{
			"ZH1": "https://a.example.com/one", "shop.twil.io/hours": "https://b.example.com/hours?key=1", "/prices": "https://c.example.com/p",
			"ZE1": "https://d.example.com/env/", "ZS1": "https://e.example.com?key=1", "shop.twil.io": "http://f.example.com:8080/shop",
		} {
			w.maps(match, address)
		}
		for name, row := range map[string]struct {
			c    Called
			want string
		}{
			"a function":         {Called{URL: "https://shop.twil.io/hours?a=1", Function: "ZH1", Service: "ZS1"}, "https://a.example.com/one?a=1"},
			"a function's SID":   {Called{Function: "ZH1"}, "https://a.example.com/one"},
			"a host and path":    {Called{URL: "https://Shop.twil.io/hours?a=1", Service: "ZS1"}, "https://b.example.com/hours?key=1&a=1"},
			"a path":             {Called{URL: "https://else.twil.io/prices", Service: "ZS1"}, "https://c.example.com/p"},
			"an environment":     {Called{URL: "https://shop.twil.io/x/y", Environment: "ZE1", Service: "ZS1"}, "https://d.example.com/env/x/y"},
			"a service":          {Called{URL: "https://else.twil.io/x?a=1", Service: "ZS1"}, "https://e.example.com/x?key=1&a=1"},
			"a host":             {Called{URL: "https://shop.twil.io/x"}, "http://f.example.com:8080/shop/x"},
			"out of the base":    {Called{URL: "https://shop.twil.io/../../etc/%2e%2e/x"}, "http://f.example.com:8080/shop/x"},
			"nothing":            {Called{URL: "https://else.twil.io/x", Service: "ZS2", Environment: "ZE2", Function: "ZH2"}, ""},
			"no URL, no SID":     {Called{}, ""},
			"what is no address": {Called{URL: "https://[", Service: "ZS2"}, ""},
		} {
			got, err := w.AddressOf(t.Context(), w.owner.Account, row.c)
			if got != row.want || err != nil {
				t.Errorf("%s: %q %v, want %q", name, got, err, row.want)
			}
		}
		w.maps("*", "https://g.example.com/all")
		if got, err := w.AddressOf(t.Context(), w.owner.Account, Called{URL: "https://else.twil.io/x"}); got != "https://g.example.com/all/x" || err != nil {
			t.Errorf("all: %q %v", got, err)
		}
		if got, err := w.AddressOf(t.Context(), w.other.Account, Called{Function: "ZH1"}); got != "" || err != nil {
			t.Errorf("another account: %q %v", got, err)
		}
	})
}

func TestAssistant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		a, err := w.Assistant(ctx, w.owner)
		if err != nil || a.On() || a.ID != 0 || a.Turns != defaultTurns || a.Seconds != defaultSeconds || a.Output != defaultOutput {
			t.Fatalf("before: %+v %v", a, err)
		}
		number := func(n int64) *int64 { return &n }
		for name, in := range map[string]AssistantChange{
			"no model":          {URL: new("https://m.example.com/v1")},
			"a long model":      {URL: new("https://m.example.com/v1"), Model: new(strings.Repeat("m", modelMost+1))},
			"no address":        {URL: new("m.example.com"), Model: new("m")},
			"a key with spaces": {URL: new("https://m.example.com/v1"), Model: new("m"), Key: new("a b")},
			"a long text":       {URL: new("https://m.example.com/v1"), Model: new("m"), Instructions: new(strings.Repeat("é", instructionsMost+1))},
			"no turns":          {Turns: number(0)},
			"many turns":        {Turns: number(turnsMost + 1)},
			"much output":       {Output: number(outputMost + 1)},
			"long":              {Seconds: number(secondsMost + 1)},
		} {
			_, err := w.SetAssistant(ctx, w.owner, in)
			want(t, name, err, 20001)
		}
		set := func(in AssistantChange) Assistant {
			t.Helper()
			a, err := w.SetAssistant(ctx, w.owner, in)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		a = set(AssistantChange{URL: new("https://m.example.com/v1"), Key: new("sk-1"), Model: new("m"), Instructions: new("Be kind."), Turns: number(5)})
		if !a.On() || a.Secret != "sk-1" || a.Turns != 5 || a.Seconds != defaultSeconds {
			t.Errorf("set %+v", a)
		}
		if a = set(AssistantChange{URL: new("https://m.example.com/v2"), Model: new("n")}); a.Secret != "sk-1" || a.Model != "n" || a.Instructions != "Be kind." {
			t.Errorf("the same server: %+v", a)
		}
		if a = set(AssistantChange{URL: new("https://evil.example.com/v2")}); a.Secret != "" {
			t.Error("the key went to another server")
		}
		if read, err := w.AssistantOf(ctx, w.owner.Account); err != nil || read.URL != a.URL || read.Model != "n" {
			t.Errorf("read %+v %v", read, err)
		}
		if a = set(AssistantChange{URL: new("")}); a.On() || a.Model != "n" {
			t.Errorf("turned off: %+v", a)
		}
		if a, err = w.Assistant(ctx, w.other); err != nil || a.ID != 0 {
			t.Errorf("another account: %+v %v", a, err)
		}
		_, err = w.Assistant(ctx, w.as(account.RoleSupervisor))
		want(t, "a supervisor reads", err, 20403)
		_, err = w.SetAssistant(ctx, w.as(account.RoleAgent), AssistantChange{URL: new("")})
		want(t, "an agent changes", err, 20403)
		if n := w.count("studio_assistant"); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}
