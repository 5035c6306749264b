package account

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/sid"
)

func TestAuthenticateBasic(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		acc, main := h.setup.Account, h.setup.Key
		standard := must(h.CreateKey(ctx, h.owner, "program"))(t)
		want := Actor{Account: acc.ID, AccountSID: acc.SID, Role: RoleOwner}
		if diff := cmp.Diff(want, h.owner); diff != "" {
			t.Error(diff)
		}
		for range 2 { // the second time from memory
			got := must(h.Authenticate(ctx, string(standard.SID), standard.Secret))(t)
			want.Key = standard.SID
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if got.Can(AccountManage) || !got.Can(ChatWrite) {
				t.Error("a standard key must do everything but manage the account")
			}
		}
		if got := must(h.Authenticate(ctx, string(main.SID), main.Secret))(t); !got.Can(AccountManage) {
			t.Error("a main key must manage the account")
		}
		bad := []struct{ name, user, password string }{
			{"wrong token", string(acc.SID), strings.Repeat("0", 32)},
			{"no token", string(acc.SID), ""},
			{"key's secret for the account", string(acc.SID), standard.Secret},
			{"unknown account", string(sid.New(sid.Account)), acc.AuthToken},
			{"unknown key", string(sid.New(sid.Key)), standard.Secret},
			{"wrong secret", string(standard.SID), standard.Secret + "x"},
			{"upper case", strings.ToUpper(string(acc.SID)), acc.AuthToken},
			{"no user", "", ""},
			{"e-mail", "a@b.c", "x"},
		}
		for _, tt := range bad {
			_, err := h.Authenticate(ctx, tt.user, tt.password)
			if err == nil || err.Error() != "20003 Authenticate" {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	})
}

func TestOwnKeyIsNoPassword(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		cred := must(h.signer(t.Context(), h.owner.Account, now()))(t)
		_, err := h.Authenticate(t.Context(), string(cred.key), cred.secret)
		code(t, err, 20003)
		_, err = h.GetKey(t.Context(), h.owner, cred.key)
		code(t, err, 20404)
		code(t, h.DeleteKey(t.Context(), h.owner, cred.key), 20404)
	})
}

func TestRevocationIsImmediate(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		key := must(h.CreateKey(ctx, h.owner, ""))(t)
		actor := must(h.Authenticate(ctx, string(key.SID), key.Secret))(t)
		token := helperToken(t, goodHeader, payload(h, key.SID), key.Secret)
		visitor := must(h.Token(ctx, token))(t)
		for _, a := range []Actor{actor, visitor} {
			if err := h.Recheck(ctx, a); err != nil {
				t.Error(err)
			}
		}
		if err := h.DeleteKey(ctx, h.owner, key.SID); err != nil {
			t.Fatal(err)
		}
		_, err := h.Authenticate(ctx, string(key.SID), key.Secret)
		code(t, err, 20003)
		_, err = h.Token(ctx, token)
		code(t, err, 20103)
		code(t, h.Recheck(ctx, actor), 20103)
		code(t, h.Recheck(ctx, visitor), 20103)
		code(t, h.DeleteKey(ctx, h.owner, key.SID), 20404)
	})
}

func TestRevocationOnAnotherNode(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		other := New(Deps{DB: h.db})
		key := must(h.CreateKey(ctx, h.owner, ""))(t)
		must(other.Authenticate(ctx, string(key.SID), key.Secret))(t)
		if err := h.DeleteKey(ctx, h.owner, key.SID); err != nil {
			t.Fatal(err)
		}
		must(other.Authenticate(ctx, string(key.SID), key.Secret))(t) // still remembered
		sum := digest(string(key.SID), key.Secret)
		if _, ok := other.actors.get(sum, now().Add(staleAfter), other.generation.Load()); ok {
			t.Error("remembered for longer than staleAfter")
		}
	})
}

func TestNewTokenOfAnotherNodeWorks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		other := New(Deps{DB: h.db})
		must(other.Authenticate(ctx, string(h.owner.AccountSID), h.setup.Account.AuthToken))(t)
		acc := must(h.CreateSecondaryToken(ctx, h.owner, h.owner.AccountSID))(t)
		name := h.owner.AccountSID
		c, _ := other.credentials.get(name, now(), other.generation.Load())
		c.loaded = c.loaded.Add(-staleAfter / 2) // as if some time had gone by
		other.credentials.put(name, c, now().Add(staleAfter/2), other.generation.Load())
		must(other.Authenticate(ctx, string(name), acc.SecondaryAuthToken))(t)
	})
}

func TestSecondaryToken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, name := t.Context(), h.owner.AccountSID
		first := h.setup.Account.AuthToken
		login := func(token string) error {
			_, err := h.Authenticate(ctx, string(name), token)
			return err
		}
		_, err := h.PromoteSecondaryToken(ctx, h.owner, name)
		code(t, err, 20409)
		code(t, h.DeleteSecondaryToken(ctx, h.owner, name), 20404)
		acc := must(h.CreateSecondaryToken(ctx, h.owner, name))(t)
		second := acc.SecondaryAuthToken
		if len(second) != 32 || second == first {
			t.Fatalf("secondary token %q", second)
		}
		for _, token := range []string{first, second} {
			if err := login(token); err != nil {
				t.Error(err)
			}
		}
		acc = must(h.PromoteSecondaryToken(ctx, h.owner, name))(t)
		if acc.AuthToken != second || acc.SecondaryAuthToken != "" {
			t.Errorf("%+v", acc.Details)
		}
		code(t, login(first), 20003)
		third := must(h.CreateSecondaryToken(ctx, h.owner, name))(t).SecondaryAuthToken
		if err := h.DeleteSecondaryToken(ctx, h.owner, name); err != nil {
			t.Fatal(err)
		}
		code(t, login(third), 20003)
		if err := login(second); err != nil {
			t.Error(err)
		}
	})
}

func TestInactiveAccounts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		sub := must(h.Create(ctx, h.owner, "Sub"))(t)
		as := must(h.As(ctx, h.owner, sub.SID))(t)
		token, _, err := h.Mint(ctx, TokenSpec{Account: sub.ID, Identity: "ada", Role: RoleVisitor})
		if err != nil {
			t.Fatal(err)
		}
		visitor := must(h.Token(ctx, token))(t)
		suspended := Suspended
		must(h.Update(ctx, h.owner, sub.SID, Change{Status: &suspended}))(t)
		_, err = h.Authenticate(ctx, string(sub.SID), sub.AuthToken)
		code(t, err, 20005)
		_, err = h.Token(ctx, token)
		code(t, err, 20005)
		_, _, err = h.Mint(ctx, TokenSpec{Account: sub.ID, Identity: "ada", Role: RoleVisitor})
		code(t, err, 20005)
		code(t, h.Recheck(ctx, visitor), 20005)
		code(t, h.Recheck(ctx, as), 20005)
		_, err = h.Authenticate(ctx, string(sub.SID), "wrong")
		code(t, err, 20003)
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	h := benchHouse(b)
	user, pass := string(h.setup.Account.SID), h.setup.Account.AuthToken
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Authenticate(b.Context(), user, pass); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkToken(b *testing.B) {
	h := benchHouse(b)
	token, _, err := h.Mint(b.Context(), TokenSpec{Account: h.owner.Account, Identity: "ada", Role: RoleVisitor})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := h.Token(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h.actors = newMemo[[32]byte, Actor](8)
			if _, err := h.Token(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
}
