package fault_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"usher/internal/fault"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	want := map[fault.Kind]int{
		fault.KindInternal: 500, fault.KindInvalid: 400, fault.KindUnauthenticated: 401,
		fault.KindForbidden: 403, fault.KindNotFound: 404, fault.KindConflict: 409,
		fault.KindGone: 410, fault.KindPrecondition: 412, fault.KindTooLarge: 413,
		fault.KindTooMany: 429, fault.KindUnavailable: 503, fault.Kind(-1): 500, fault.Kind(99): 500,
	}
	for k, status := range want {
		if k.Status() != status || k.String() == "" {
			t.Errorf("kind %d: status %d, name %q; want %d", k, k.Status(), k, status)
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err    *fault.Error
		code   int
		kind   fault.Kind
		status int
		text   string
	}{
		{fault.New(50404, ""), 50404, fault.KindConflict, 409, "Member already exists"},
		{fault.New(50107, ""), 50107, fault.KindForbidden, 403, "User not authorized for command"},
		{fault.New(20104, ""), 20104, fault.KindUnauthenticated, 401, "Access Token expired or expiration date invalid"},
		{fault.New(20422, "%s is odd", "X"), 20422, fault.KindInvalid, 422, "X is odd"},
		{fault.New(999999, ""), 999999, fault.KindInvalid, 400, "Bad Request"},
		{fault.New(50400, ""), 50400, fault.KindForbidden, 403, "User not member of channel"},
		{fault.NotFound("/Services/ISx"), 20404, fault.KindNotFound, 404, "The requested resource /Services/ISx was not found"},
		{fault.Invalid("no %d", 1), 20001, fault.KindInvalid, 400, "no 1"},
		{fault.Unauthenticated(), 20003, fault.KindUnauthenticated, 401, "Authenticate"},
		{fault.Forbidden(""), 20403, fault.KindForbidden, 403, "403 Forbidden"},
		{fault.Conflict("busy"), 20409, fault.KindConflict, 409, "busy"},
		{fault.PreconditionFailed(""), 20412, fault.KindPrecondition, 412, "Precondition Failed"},
		{fault.TooMany(time.Second), 20429, fault.KindTooMany, 429, "Too Many Requests"},
		{fault.Unavailable(time.Second, io.EOF), 20503, fault.KindUnavailable, 503, "Service unavailable"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.code), func(t *testing.T) {
			t.Parallel()
			e := tt.err
			if e.Code != tt.code || e.Kind != tt.kind || e.Status() != tt.status || e.Message != tt.text {
				t.Errorf("got %d %v %d %q", e.Code, e.Kind, e.Status(), e.Message)
			}
			if !fault.Is(e, tt.kind) || !fault.HasCode(fmt.Errorf("x: %w", e), tt.code) {
				t.Error("Is or HasCode does not see it")
			}
			if want := fmt.Sprintf("https://www.twilio.com/docs/errors/%d", tt.code); e.MoreInfo() != want {
				t.Errorf("MoreInfo = %q", e.MoreInfo())
			}
		})
	}
	if fault.TooMany(time.Second).RetryAfter != time.Second || fault.Unavailable(time.Second, nil).RetryAfter != time.Second {
		t.Error("RetryAfter is lost")
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	if fault.Of(nil) != nil {
		t.Error("Of(nil) must be nil")
	}
	inner := fault.NotFound("/x").With(io.EOF)
	if got := fault.Of(fmt.Errorf("channel: %w", inner)); got != inner {
		t.Errorf("Of did not find the error in the chain: %v", got)
	}
	if !errors.Is(inner, io.EOF) || !strings.Contains(inner.Error(), "EOF") {
		t.Error("the cause is lost")
	}
	secret := errors.New("dial tcp 10.0.0.1: refused")
	got := fault.Of(secret)
	if got.Code != 20500 || got.Status() != 500 || strings.Contains(got.Message, "10.0.0.1") || !errors.Is(got, secret) {
		t.Errorf("Of(plain error) = %#v", got)
	}
	if fault.Is(io.EOF, fault.KindInternal) || fault.HasCode(io.EOF, 20500) {
		t.Error("a plain error has neither kind nor code")
	}
	if got := (&fault.Error{Code: 20404}).Status(); got != 500 {
		t.Errorf("an error without a kind answers %d, want 500", got)
	}
}

func TestCatalog(t *testing.T) {
	t.Parallel()
	all := fault.Catalog()
	if len(all) != 912 {
		t.Errorf("%d entries, want 912", len(all))
	}
	for i, e := range all {
		if i > 0 && all[i-1].Code >= e.Code {
			t.Errorf("%d is out of order", e.Code)
		}
		if e.Text == "" || e.Status < 400 || e.Status > 599 {
			t.Errorf("bad entry %+v", e)
		}
		if got, ok := fault.Lookup(e.Code); !ok || got != e {
			t.Errorf("Lookup(%d) = %+v, %v", e.Code, got, ok)
		}
	}
	if _, ok := fault.Lookup(1); ok {
		t.Error("code 1 is not in the catalogue")
	}
}

func BenchmarkLookup(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		fault.Lookup(50404)
	}
}
