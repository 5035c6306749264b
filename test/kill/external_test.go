package kill

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"usher/internal/hook"
	"usher/test/rig"
)

// arrival is one try of a message at the operator's URL.
type arrival struct {
	sid, token string
	index      int
}

// bot is the operator's program behind an external flow. Now and then it is not well.
type bot struct {
	t      *testing.T
	secret string
	server *httptest.Server

	mu       sync.Mutex
	arrivals map[string][]arrival // by channel, in the order of their coming
}

func newBot(t *testing.T, secret string) *bot {
	b := &bot{t: t, secret: secret, arrivals: map[string][]arrival{}}
	b.server = httptest.NewServer(b)
	t.Cleanup(b.server.Close)
	return b
}

// ServeHTTP notes a message. Every seventh is refused at its first try and every fifth answered slowly, so that kills meet
// tries under way and tries to come.
func (b *bot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		return // the program died while it wrote
	}
	if want := hook.Sign(b.server.URL+r.URL.RequestURI(), r.PostForm, b.secret); r.Header.Get("X-Twilio-Signature") != want {
		b.t.Errorf("a call without a good signature: %v", r.PostForm)
	}
	index, err := strconv.Atoi(r.PostForm.Get("Index"))
	if err != nil {
		b.t.Error(err)
	}
	b.mu.Lock()
	channel := r.PostForm.Get("ChannelSid")
	b.arrivals[channel] = append(b.arrivals[channel], arrival{r.PostForm.Get("MessageSid"), r.Header.Get("I-Twilio-Idempotency-Token"), index})
	b.mu.Unlock()
	switch {
	case index%7 == 3 && r.PostForm.Get("RetryCount") == "0":
		w.WriteHeader(http.StatusServiceUnavailable)
	case index%5 == 1:
		select {
		case <-r.Context().Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// missing counts the acknowledged messages that have not come.
func (b *bot) missing(l *ledger) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	came := map[string]bool{}
	for _, all := range b.arrivals {
		for _, a := range all {
			came[a.sid] = true
		}
	}
	for _, m := range l.messages {
		if !came[m.sid] {
			n++
		}
	}
	return n
}

// check looks at what came: each message always with its own token, and a channel's messages in their order.
func (b *bot) check(t *testing.T) (repeated int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	owner := map[string]string{}
	for channel, all := range b.arrivals {
		token := map[string]string{}
		for i, a := range all {
			if i > 0 && a.index < all[i-1].index {
				t.Errorf("%s: message %d came after message %d", channel, a.index, all[i-1].index)
			}
			if first, again := token[a.sid]; again {
				repeated++
				if first != a.token {
					t.Errorf("message %s has the tokens %s and %s", a.sid, first, a.token)
				}
				continue
			}
			token[a.sid] = a.token
			if other, taken := owner[a.token]; taken || a.token == "" {
				t.Errorf("messages %s and %s share the token %q", other, a.sid, a.token)
			}
			owner[a.token] = a.sid
		}
	}
	return repeated
}

// Every acknowledged message of an external flow reaches the operator's URL, in the order of its channel, whenever the program dies.
func TestKill_external(t *testing.T) {
	rig.EachDatabase(t, rig.Options{Env: []string{"USHER_ALLOW_NETWORKS=127.0.0.0/8"}}, func(t *testing.T, s *rig.Server) {
		b := newBot(t, s.AuthToken)
		c := s.Client()
		load := chatLoad{server: s, service: c.Post(t, "/chat/v2/Services", "FriendlyName", "Bot").SID()}
		flow := c.Post(t, "/flex-api/v1/FlexFlows", "FriendlyName", "Bot", "ChatServiceSid", load.service, "ChannelType", "web",
			"IntegrationType", "external", "Integration.Url", b.server.URL+"/hear?shop=7", "Integration.RetryCount", "3").SID()
		l := &ledger{}
		ctx, stop := context.WithCancel(t.Context())
		var senders sync.WaitGroup
		for i := range 4 {
			identity := "customer-" + strconv.Itoa(i)
			channel := c.Post(t, "/flex-api/v1/WebChannels", "FlexFlowSid", flow, "Identity", identity,
				"CustomerFriendlyName", identity, "ChatFriendlyName", "Chat").SID()
			senders.Go(func() { load.customer(ctx, t, l, identity, channel) })
		}
		for n := range *kills {
			time.Sleep(time.Duration(500+rand.IntN(1000)) * time.Millisecond)
			_ = s.Kill()
			endLeases(t, s)
			if err := s.Run(t.Context()); err != nil {
				t.Fatalf("start after kill %d: %v", n+1, err)
			}
		}
		time.Sleep(300 * time.Millisecond)
		stop()
		senders.Wait()
		for end := time.Now().Add(2 * time.Minute); b.missing(l) > 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		}
		if n := b.missing(l); n > 0 || len(l.messages) == 0 {
			t.Errorf("%d of %d acknowledged messages never came", n, len(l.messages))
		}
		t.Logf("%d kills: %d messages acknowledged, %d calls were repetitions", *kills, len(l.messages), b.check(t))
		for _, workspace := range workspaces(t, c) {
			if tasks, err := c.All(t.Context(), "/taskrouter/v1/Workspaces/"+workspace+"/Tasks", "tasks"); err != nil || len(tasks) != 0 {
				t.Errorf("%d tasks for customers whose bot listens: %v", len(tasks), err)
			}
		}
	})
}

// customer writes one message after another into one channel, slowly enough for the bot.
func (c chatLoad) customer(ctx context.Context, t *testing.T, l *ledger, identity, channel string) {
	client := c.server.Client()
	for n := 0; ctx.Err() == nil; n++ {
		body := fmt.Sprintf("%s-%d", identity, n)
		a, err := client.Call(ctx, http.MethodPost, c.path(channel, "Messages"), rig.Form("Body", body, "From", identity))
		switch {
		case err != nil || a.Status == http.StatusServiceUnavailable:
		case a.Status == http.StatusCreated:
			l.note(func() { l.messages = append(l.messages, message{channel, a.SID(), body, a.Number("index")}) })
		default:
			t.Errorf("message: %d %s", a.Status, a.Text)
			return
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// endLeases does for jobs that were running what a minute does on PostgreSQL, where another process may still be at them. On
// SQLite the next start knows that nobody is.
func endLeases(t *testing.T, s *rig.Server) {
	t.Helper()
	if s.Database == "" {
		return
	}
	d, err := sql.Open("pgx", s.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.ExecContext(t.Context(), "update job set state = 0, lease_until = 0 where state = 1"); err != nil {
		t.Fatal(err)
	}
}

func workspaces(t *testing.T, c *rig.Client) (list []string) {
	t.Helper()
	rows, err := c.All(t.Context(), "/taskrouter/v1/Workspaces", "workspaces")
	if err != nil || len(rows) == 0 {
		t.Fatal(rows, err)
	}
	for _, row := range rows {
		list = append(list, rig.Text(row, "sid"))
	}
	return list
}
