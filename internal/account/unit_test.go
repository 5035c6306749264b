package account

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestMemo(t *testing.T) {
	t.Parallel()
	m := newMemo[string, int](2)
	at := time.Unix(1000, 0)
	later := at.Add(time.Minute)
	has := func(key string, now time.Time, generation uint64, want bool) {
		t.Helper()
		if _, ok := m.get(key, now, generation); ok != want {
			t.Errorf("get(%s, %d) = %v", key, generation, ok)
		}
	}
	m.put("a", 1, later, 0)
	m.put("b", 2, later, 0)
	has("a", at, 0, true)
	m.put("c", 3, later, 0) // b was used longest ago
	has("b", at, 0, false)
	has("a", at, 0, true)
	has("c", at, 1, false) // another generation
	has("c", at, 0, false) // and dropped with it
	has("a", later, 0, false)
	m.put("a", 4, later, 1)
	m.put("a", 5, later, 1)
	if v, ok := m.get("a", at, 1); !ok || v != 5 || m.order.Len() != 1 || len(m.at) != 1 {
		t.Errorf("%d, %v, %d", v, ok, m.order.Len())
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	at := time.Unix(100000, 0)
	person, nobody := [32]byte{1}, [32]byte{}
	addr := netip.MustParseAddr("192.0.2.1")
	t.Run("waits grow and stay in bound", func(t *testing.T) {
		t.Parallel()
		b := newBackoff()
		now := at
		var waits []time.Duration
		for range 14 {
			_, wait := b.begin(person, noAddress, now)
			if wait > 0 {
				waits = append(waits, wait)
				now = now.Add(wait)
				b.begin(person, noAddress, now)
			}
		}
		if got := fmt.Sprint(waits); got != "[1s 2s 4s 8s 16s 32s 1m0s 1m0s 1m0s]" {
			t.Error(got)
		}
		if _, wait := b.begin(person, noAddress, now.Add(2*forgetFailures)); wait != 0 {
			t.Errorf("not forgotten: %v", wait)
		}
		for range freePerPerson - 1 {
			b.begin(person, noAddress, now.Add(2*forgetFailures))
		}
		if _, wait := b.begin(person, noAddress, now.Add(2*forgetFailures)); wait != 0 {
			t.Errorf("old failures count: %v", wait)
		}
	})
	t.Run("success clears the person and not the address", func(t *testing.T) {
		t.Parallel()
		b := newBackoff()
		for range freePerPerson {
			b.begin(person, addr, at)
		}
		try, wait := b.begin(person, addr, at)
		if wait != 0 {
			t.Fatal(wait)
		}
		try.succeeded()
		key, _ := addressKey(addr)
		if n := b.at[key].Value.(*tally).fails; n != freePerPerson || len(b.at) != 1 {
			t.Errorf("%d failures, %d tallies", n, len(b.at))
		}
		attempt{}.succeeded()
	})
	t.Run("an office signs in", func(t *testing.T) {
		t.Parallel()
		b := newBackoff()
		for i := range 500 {
			try, wait := b.begin([32]byte{byte(i), byte(i >> 8)}, addr, at)
			if wait != 0 {
				t.Fatalf("number %d waits %v", i, wait)
			}
			try.succeeded()
		}
		if len(b.at) != 0 {
			t.Errorf("%d tallies are left", len(b.at))
		}
	})
	t.Run("addresses", func(t *testing.T) {
		t.Parallel()
		b := newBackoff()
		for i := range freePerAddress + 1 {
			b.begin([32]byte{byte(i + 1)}, netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i)), at)
		}
		if _, wait := b.begin(nobody, netip.MustParseAddr("2001:db8::ffff:1"), at); wait != time.Second {
			t.Errorf("the same network waits %v", wait)
		}
		if _, wait := b.begin(nobody, netip.MustParseAddr("2001:db8:0:1::1"), at); wait != 0 {
			t.Errorf("another network waits %v", wait)
		}
		a, _ := addressKey(netip.MustParseAddr("::ffff:192.0.2.1"))
		if c, ok := addressKey(addr); !ok || a != c {
			t.Error("an IPv4 address has two keys")
		}
		if _, ok := addressKey(noAddress); ok {
			t.Error("no address has a key")
		}
	})
	t.Run("bounded", func(t *testing.T) {
		t.Parallel()
		b := newBackoff()
		for i := range talliesKept + 10 {
			b.begin([32]byte{1, byte(i), byte(i >> 8), byte(i >> 16)}, noAddress, at)
		}
		if len(b.at) != talliesKept || b.order.Len() != talliesKept {
			t.Errorf("%d tallies", len(b.at))
		}
	})
}

func TestPasswordHash(t *testing.T) {
	t.Parallel()
	a := New(Deps{})
	ctx := t.Context()
	hash := must(a.hashPassword(ctx, "päss wörd 123"))(t)
	if again := must(a.hashPassword(ctx, "päss wörd 123"))(t); again == hash {
		t.Error("two hashes are equal: the salt is not random")
	}
	for pw, want := range map[string]bool{"päss wörd 123": true, "pass wörd 123": false, "": false} {
		ok, stale, err := a.verifyPassword(ctx, pw, hash)
		if ok != want || stale || err != nil {
			t.Errorf("%q: %v, %v, %v", pw, ok, stale, err)
		}
	}
	if ok, stale, err := a.verifyPassword(ctx, "", decoy); ok || stale || err != nil {
		t.Errorf("decoy: %v, %v, %v", ok, stale, err)
	}
	// Known answer of the reference implementation of Argon2, by its command line tool:
	// echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1
	const known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, stale, err := a.verifyPassword(ctx, "password", known); !ok || !stale || err != nil {
		t.Errorf("known answer: %v, %v, %v", ok, stale, err)
	}
	for _, bad := range []string{
		"", "plain", "$argon2i$v=19$m=1,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", strings.Replace(known, "v=19", "v=16", 1),
		strings.Replace(known, "m=65536", "m=9999999", 1), strings.Replace(known, "t=2", "t=0", 1), strings.Replace(known, "m=65536", "x", 1),
		strings.Replace(known, "c29tZXNhbHQ", "!", 1), known[:60], strings.Replace(known, "PPc", "!", 1), strings.Replace(known, "p=1", "p=0", 1),
	} {
		if _, _, err := a.verifyPassword(ctx, "password", bad); err == nil {
			t.Errorf("%q went through", bad)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	for range cap(a.hashing) {
		a.hashing <- struct{}{}
	}
	if _, err := a.hashPassword(gone, "x"); err == nil {
		t.Error("a canceled caller gets no place")
	}
	if checkPassword("ada@example.com", "ADA@example.com") == nil {
		t.Error("the e-mail address is no password")
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add(decoy)
	f.Add("$argon2id$v=19$m=1,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		c, salt, sum, err := parseHash(text)
		if err != nil {
			return
		}
		again, salt2, sum2, err := parseHash(c.format(salt, sum))
		if err != nil || again != c || string(salt) != string(salt2) || string(sum) != string(sum2) {
			t.Fatalf("%q reads back differently: %v", text, err)
		}
	})
}

func TestIdentityOf(t *testing.T) {
	t.Parallel()
	for email, want := range map[string]string{
		"teste.twilioflex": "teste_2Etwilioflex", // as recorded
		"ada@example.com":  "ada_40example_2Ecom", "a_b": "a_5Fb", "é": "_C3_A9", "": "",
	} {
		if got := IdentityOf(email); got != want {
			t.Errorf("%q: %q, want %q", email, got, want)
		}
	}
}
