package kill

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"usher/test/rig"
)

// chatLoad is a chat service with some channels that everybody writes to.
type chatLoad struct {
	server   *rig.Server
	service  string
	channels []string
}

func newChat(t *testing.T, s *rig.Server, channels int) chatLoad {
	t.Helper()
	c := s.Client()
	load := chatLoad{server: s, service: c.Post(t, "/chat/v2/Services", "FriendlyName", "Kill").SID()}
	for range channels {
		channel := c.Post(t, load.path(), "Type", "private").SID()
		load.channels = append(load.channels, channel)
		for i := range 4 {
			c.Post(t, load.path(channel, "Members"), "Identity", streamer(i))
		}
	}
	return load
}

func streamer(i int) string { return "streamer-" + strconv.Itoa(i) }

func (c chatLoad) path(rest ...string) string {
	p := "/chat/v2/Services/" + c.service + "/Channels"
	for _, part := range rest {
		p += "/" + part
	}
	return p
}

// sendOverREST sends one message after another. A message whose answer did not come may or may not exist; it is not sent
// again, since REST has no key to recognize it by.
func (c chatLoad) sendOverREST(ctx context.Context, t *testing.T, l *ledger, sender int) {
	client := c.server.Client()
	for n := 0; ctx.Err() == nil; n++ {
		channel := c.channels[(sender+n)%len(c.channels)]
		body := fmt.Sprintf("rest-%d-%d", sender, n)
		a, err := client.Call(ctx, http.MethodPost, c.path(channel, "Messages"), rig.Form("Body", body, "From", "rest"))
		switch {
		case err != nil || a.Status == http.StatusServiceUnavailable:
			pause(ctx, 5*time.Millisecond)
		case a.Status == http.StatusCreated:
			l.note(func() { l.messages = append(l.messages, message{channel, a.SID(), body, a.Number("index")}) })
		default:
			t.Errorf("message: %d %s", a.Status, a.Text)
			return
		}
	}
}

// sendOverStream sends one message after another, each again and again with the same client_id until it is acknowledged.
func (c chatLoad) sendOverStream(ctx context.Context, t *testing.T, l *ledger, sender int) {
	var st *rig.Stream
	defer func() {
		if st != nil {
			st.Close()
		}
	}()
	for n := 0; ctx.Err() == nil; n++ {
		channel := c.channels[(sender+n)%len(c.channels)]
		body := fmt.Sprintf("stream-%d-%d", sender, n)
		frame := rig.Frame{"type": "send", "channel": channel, "client_id": body, "body": body, "attributes": rig.Frame{}}
		for ctx.Err() == nil {
			if st == nil {
				next, err := c.server.Dial(ctx, c.server.Token(streamer(sender), c.service, time.Hour))
				if err != nil {
					pause(ctx, 10*time.Millisecond)
					continue
				}
				st = next
			}
			answer, err := st.Ask(ctx, frame)
			if err == nil {
				sent, _ := answer["message"].(map[string]any)
				l.note(func() {
					l.messages = append(l.messages, message{channel, rig.Text(sent, "sid"), body, rig.Number(sent, "index")})
				})
				break
			}
			switch status := rig.Number(answer, "status"); {
			case errors.Is(err, rig.ErrClosed):
				st.Close()
				st = nil
			case status == http.StatusTooManyRequests: // one person's share; the answer says when to come back
				pause(ctx, time.Duration(max(rig.Number(answer, "retry_after"), 1))*time.Second)
			case answer != nil && status != http.StatusServiceUnavailable:
				t.Errorf("stream: %v", err)
				return
			}
			pause(ctx, 5*time.Millisecond)
		}
	}
}

// check reads every channel and compares it with what was acknowledged.
func (c chatLoad) check(t *testing.T, l *ledger) {
	t.Helper()
	client := c.server.Client()
	kept := map[string]message{}
	for _, channel := range c.channels {
		rows, err := client.All(t.Context(), c.path(channel, "Messages")+"?PageSize=1000", "messages")
		if err != nil {
			t.Fatal(err)
		}
		bodies := map[string]bool{}
		for i, row := range rows {
			if index := rig.Number(row, "index"); index != i {
				t.Fatalf("channel %s: message %d of the list has index %d: a gap or a double", channel, i, index)
			}
			body := rig.Text(row, "body")
			if bodies[body] {
				t.Errorf("channel %s holds %q twice", channel, body)
			}
			bodies[body] = true
			kept[rig.Text(row, "sid")] = message{channel, rig.Text(row, "sid"), body, i}
		}
		if count := client.Get(t, c.path(channel)).Number("messages_count"); count != len(rows) {
			t.Errorf("channel %s counts %d messages and has %d", channel, count, len(rows))
		}
	}
	lost := slices.DeleteFunc(slices.Clone(l.messages), func(m message) bool { return kept[m.sid] == m })
	if len(lost) > 0 {
		t.Errorf("%d acknowledged messages are lost or changed, such as %+v", len(lost), lost[0])
	}
	t.Logf("%d messages kept, %d acknowledged, none lost: %v", len(kept), len(l.messages), len(lost) == 0)
}

// checkFile asks SQLite whether its file is sound.
func checkFile(t *testing.T, s *rig.Server) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.Data, "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Database == "" && len(files) == 0 {
		t.Fatal("no database file in the data folder")
	}
	for _, file := range files {
		db, err := sql.Open("sqlite", "file:"+file)
		if err != nil {
			t.Fatal(err)
		}
		var verdict string
		if err := db.QueryRowContext(t.Context(), "pragma integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
			t.Errorf("%s: %s, %v", filepath.Base(file), verdict, err)
		}
		_ = db.Close()
	}
}
