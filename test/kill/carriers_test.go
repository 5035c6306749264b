package kill

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/test/rig"
)

// phones write to the account's number and are written to by agents.
type phones struct {
	chatLoad
	path    string              // of the connection's phones
	numbers []string            // one for each channel
	written map[string][]string // by number: what was acknowledged, in its order
}

func newPhones(t *testing.T, s *rig.Server, n int) *phones {
	t.Helper()
	c := s.Client()
	rows, err := c.All(t.Context(), "/carriers/v1/Connections", "connections")
	if err != nil || len(rows) == 0 {
		t.Fatalf("%d connections, %v", len(rows), err)
	}
	p := &phones{path: "/carriers/v1/Connections/" + rig.Text(rows[0], "sid") + "/Phones/", written: map[string][]string{}}
	p.server = s
	for i := range n {
		number := "+1500555020" + strconv.Itoa(i)
		p.numbers = append(p.numbers, number)
		c.Post(t, p.path+url.PathEscape(number)+"/Messages", "Body", "0", "Id", number+"-0")
		p.written[number] = []string{"0"}
	}
	services, err := c.All(t.Context(), "/chat/v2/Services", "services")
	if err != nil || len(services) != 1 {
		t.Fatalf("%d services, %v", len(services), err)
	}
	p.service = rig.Text(services[0], "sid")
	channels, err := c.All(t.Context(), "/flex-api/v1/Channels", "flex_chat_channels")
	if err != nil || len(channels) != n {
		t.Fatalf("%d channels, %v", len(channels), err)
	}
	for _, row := range channels {
		channel := rig.Text(row, "sid")
		p.channels = append(p.channels, channel)
		for i := range 4 {
			c.Post(t, p.chatLoad.path(channel, "Members"), "Identity", streamer(i))
		}
	}
	return p
}

// write sends one message after another from a phone, each again and again until it is acknowledged.
func (p *phones) write(ctx context.Context, t *testing.T, l *ledger, number string) {
	client := p.server.Client()
	for n := 1; ctx.Err() == nil; n++ {
		body := strconv.Itoa(n)
		for ctx.Err() == nil {
			a, err := client.Call(ctx, http.MethodPost, p.path+url.PathEscape(number)+"/Messages", rig.Form("Body", body, "Id", number+"-"+body))
			if err == nil && a.Status == http.StatusCreated {
				l.note(func() { p.written[number] = append(p.written[number], body) })
				break
			}
			if err == nil && a.Status < 500 {
				t.Errorf("phone: %d %s", a.Status, a.Text)
				return
			}
			pause(ctx, 5*time.Millisecond)
		}
	}
}

// sent lists what a phone was sent, the oldest first, and counts what has not arrived.
func (p *phones) sent(t *testing.T, number string) (bodies []string, under int) {
	t.Helper()
	next := "/2010-04-01/Accounts/" + p.server.AccountSID + "/Messages.json?PageSize=1000&To=" + url.QueryEscape(number)
	for next != "" {
		a := p.server.Client().Get(t, next)
		list, _ := a.Body["messages"].([]any)
		for _, v := range list {
			row, _ := v.(map[string]any)
			bodies = append([]string{rig.Text(row, "body")}, bodies...)
			if rig.Text(row, "status") != "delivered" {
				under++
			}
		}
		next = a.String("next_page_uri")
	}
	return bodies, under
}

// Every message that a phone has sent is in its channel once and in order, and every word of an agent's has reached the phone once,
// whenever the program dies.
func TestKill_carriers(t *testing.T) {
	rig.EachDatabase(t, rig.Options{}, func(t *testing.T, s *rig.Server) {
		p := newPhones(t, s, 4)
		l := &ledger{}
		ctx, stop := context.WithCancel(t.Context())
		var senders sync.WaitGroup
		for _, number := range p.numbers {
			senders.Go(func() { p.write(ctx, t, l, number) })
		}
		for i := range 4 {
			senders.Go(func() { p.sendOverStream(ctx, t, l, i) })
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
		p.checkWords(t, l)
		total := 0
		for _, channel := range p.channels {
			total += p.checkRoom(t, l, channel)
		}
		t.Logf("%d kills: phones wrote %d messages and agents %d", *kills, total, len(l.messages))
		if total == 0 || len(l.messages) == 0 {
			t.Error("there was no load")
		}
	})
}

// checkWords waits until everything has gone out and compares it with what agents were told.
func (p *phones) checkWords(t *testing.T, l *ledger) {
	t.Helper()
	came := map[string]int{}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		clear(came)
		waiting, all := 0, 0
		for _, number := range p.numbers {
			bodies, under := p.sent(t, number)
			last := map[string]int{}
			for _, body := range bodies {
				came[body]++
				all++
				who, n := order(body)
				if n <= last[who] && last[who] > 0 {
					t.Errorf("%s: %s came after %d", number, body, last[who])
				}
				last[who] = n
			}
			waiting += under
		}
		missing := 0
		for _, m := range l.messages {
			if came[m.body] == 0 {
				missing++
			}
		}
		if waiting == 0 && missing == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d words never came, %d of %d messages have not arrived", missing, len(l.messages), waiting, all)
		}
	}
	for body, n := range came {
		if n != 1 {
			t.Errorf("%q went out %d times", body, n)
		}
	}
}

// order reads the sender of a word and its number.
func order(body string) (who string, n int) {
	at := strings.LastIndexByte(body, '-')
	n, _ = strconv.Atoi(body[at+1:])
	return body[:max(at, 0)], n
}

// checkRoom compares what a phone has written with what is in its channel, and counts it.
func (p *phones) checkRoom(t *testing.T, l *ledger, channel string) int {
	t.Helper()
	rows, err := p.server.Client().All(t.Context(), p.chatLoad.path(channel, "Messages")+"?PageSize=1000", "messages")
	if err != nil {
		t.Fatal(err)
	}
	number, n := "", 0
	for i, row := range rows {
		if rig.Number(row, "index") != i {
			t.Fatalf("channel %s: message %d has index %d", channel, i, rig.Number(row, "index"))
		}
		if from := rig.Text(row, "from"); strings.HasPrefix(from, "+") {
			number = from
			if body := rig.Text(row, "body"); body != fmt.Sprint(n) {
				t.Fatalf("%s: message %d of the phone is %q", channel, n, body)
			}
			n++
		}
	}
	// The last one may have been kept without its answer.
	if known := len(p.written[number]); n < known || n > known+1 {
		t.Errorf("%s has %d messages of its phone, which was told of %d", channel, n, known)
	}
	return n
}
