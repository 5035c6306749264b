package chat

import (
	"errors"
	"strings"
	"testing"
	"time"

	"usher/internal/attr"
	"usher/internal/sid"
)

func TestChecks(t *testing.T) {
	t.Parallel()
	wide := strings.Repeat("é", 300)
	for _, tc := range []struct {
		name string
		err  error
		code int
	}{
		{"identity", identity("ada@example.org"), 0},
		{"no identity", identity(""), 50204},
		{"identity like a SID", identity(string(sid.New(sid.User))), 50206},
		{"identity like another SID", identity(string(sid.New(sid.Channel))), 0},
		{"long identity", identity(wide), 50207},
		{"longest identity", identity(wide[:2*MaxIdentity]), 0},
		{"broken identity", identity("\xff"), 20001},
		{"friendly name", friendlyName("", 1), 0},
		{"long friendly name", friendlyName("éé", 1), 50003},
		{"broken friendly name", friendlyName("\xff", 1), 20001},
		{"unique name", uniqueName("a/b c", 10), 0},
		{"long unique name", uniqueName("éé", 1), 50004},
		{"unique name like a SID", uniqueName(string(sid.New(sid.Channel)), 64), 50306},
		{"author", author(""), 0},
		{"long author", author(wide), 50310},
		{"editor", updatedBy("ada"), 0},
		{"long editor", updatedBy(wide), 50505},
		{"body", body(strings.Repeat("x", MaxBody)), 0},
		{"long body", body(strings.Repeat("x", MaxBody+1)), 50504},
		{"broken body", body("\xc3"), 20001},
	} {
		t.Log(tc.name)
		want(t, tc.err, tc.code)
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, out string }{
		{"", "{}"}, {"{}", "{}"}, {` {"b" : 1.50, "a":"é<"} `, `{"b":1.50,"a":"é<"}`}, {"[1]", "[1]"}, {`"text"`, `"text"`}, {"null", "null"},
	} {
		got, err := document(tc.in, 100)
		want(t, err, 0)
		same(t, tc.in, string(got), tc.out)
	}
	_, err := document(strings.Repeat(" ", 101), 100)
	want(t, err, 50303)
	if !errors.Is(err, attr.ErrTooLong) {
		t.Error("the cause is lost")
	}
	_, err = document(`{"a":1,}`, 100)
	want(t, err, 50304)
	if !strings.Contains(err.Error(), "offset") {
		t.Errorf("%v does not say where", err)
	}
}

func TestWebhookURL(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"", "http://example.org", "https://example.org:8443/a?b=c"} {
		same(t, ok, webhookURL(ok), true)
	}
	for _, bad := range []string{"example.org", "ftp://example.org", "https://", "://", "https://example.org/" + strings.Repeat("x", 512)} {
		same(t, bad, webhookURL(bad), false)
	}
}

func TestSetRead(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC)
	then := now.Add(-time.Hour)
	for _, tc := range []struct {
		index int64
		at    time.Time
		want  time.Time
		code  int
	}{
		{3, time.Time{}, now, 0}, {3, then, moment(then), 0}, {-1, then, time.Time{}, 0}, {-2, then, time.Time{}, 50406},
	} {
		m := Member{LastRead: 7}
		want(t, m.setRead(tc.index, tc.at, now), tc.code)
		if tc.code == 0 {
			same(t, "index", m.LastRead, tc.index)
			same(t, "at", m.LastReadAt, tc.want)
		}
	}
}

func TestMoment(t *testing.T) {
	t.Parallel()
	same(t, "zero", moment(time.Time{}), time.Time{})
	in := time.Date(2026, 1, 2, 3, 4, 5, 6789, time.FixedZone("", 3600))
	same(t, "microseconds, UTC", moment(in), time.Date(2026, 1, 2, 2, 4, 5, 6000, time.UTC))
}
