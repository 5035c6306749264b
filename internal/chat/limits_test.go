package chat

import (
	"errors"
	"strings"
	"testing"
	"time"

	"usher/internal/attr"
	"usher/internal/chat/check"
	"usher/internal/chat/settings"
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
		{"identity", check.Identity("ada@example.org"), 0},
		{"no identity", check.Identity(""), 50204},
		{"identity like a SID", check.Identity(string(sid.New(sid.User))), 50206},
		{"identity like another SID", check.Identity(string(sid.New(sid.Channel))), 0},
		{"long identity", check.Identity(wide), 50207},
		{"longest identity", check.Identity(wide[:2*check.MaxIdentity]), 0},
		{"broken identity", check.Identity("\xff"), 20001},
		{"friendly name", check.FriendlyName("", 1), 0},
		{"long friendly name", check.FriendlyName("éé", 1), 50003},
		{"broken friendly name", check.FriendlyName("\xff", 1), 20001},
		{"unique name", check.UniqueName("a/b c", 10), 0},
		{"long unique name", check.UniqueName("éé", 1), 50004},
		{"unique name like a SID", check.UniqueName(string(sid.New(sid.Channel)), 64), 50306},
		{"author", check.Author(""), 0},
		{"long author", check.Author(wide), 50310},
		{"editor", check.UpdatedBy("ada"), 0},
		{"long editor", check.UpdatedBy(wide), 50505},
		{"body", check.Body(strings.Repeat("x", check.MaxBody)), 0},
		{"long body", check.Body(strings.Repeat("x", check.MaxBody+1)), 50504},
		{"broken body", check.Body("\xc3"), 20001},
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
		got, err := check.Document(tc.in, 100)
		want(t, err, 0)
		same(t, tc.in, string(got), tc.out)
	}
	_, err := check.Document(strings.Repeat(" ", 101), 100)
	want(t, err, 50303)
	if !errors.Is(err, attr.ErrTooLong) {
		t.Error("the cause is lost")
	}
	_, err = check.Document(`{"a":1,}`, 100)
	want(t, err, 50304)
	if !strings.Contains(err.Error(), "offset") {
		t.Errorf("%v does not say where", err)
	}
}

func TestWebhookURL(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"", "http://example.org", "https://example.org:8443/a?b=c"} {
		same(t, ok, settings.WebhookURL(ok), true)
	}
	for _, bad := range []string{"example.org", "ftp://example.org", "https://", "://", "https://example.org/" + strings.Repeat("x", 512)} {
		same(t, bad, settings.WebhookURL(bad), false)
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
		{3, time.Time{}, now, 0}, {3, then, check.Moment(then), 0}, {-1, then, time.Time{}, 0}, {-2, then, time.Time{}, 50406},
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
	same(t, "zero", check.Moment(time.Time{}), time.Time{})
	in := time.Date(2026, 1, 2, 3, 4, 5, 6789, time.FixedZone("", 3600))
	same(t, "microseconds, UTC", check.Moment(in), time.Date(2026, 1, 2, 2, 4, 5, 6000, time.UTC))
}
