package carriers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
)

func message(sid, body string) carry.Outbound {
	return carry.Outbound{SID: sid, From: "+15550001", To: "+15550002", Body: body}
}

// persist sends until the carrier has taken the message, as the queue of outgoing messages does. It answers how often it was asked.
func persist(ctx context.Context, c connector.Sender, m carry.Outbound) (carry.Sent, int, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for tries := 1; ; tries++ {
		sent, err := c.Send(ctx, m)
		if err == nil {
			return sent, tries, nil
		}
		wait := 50 * time.Millisecond
		if refusal := new(carry.Refusal); errors.As(err, &refusal) {
			if !refusal.Again {
				return sent, tries, err
			}
			wait = max(wait, refusal.After)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return sent, tries, ctx.Err()
		}
	}
}

var ways = []map[string]string{{"long": "udh"}, {"long": "udh16"}, {"long": "sar"}, {"long": "payload"}}

func TestNPM_texts(t *testing.T) {
	for _, settings := range ways {
		t.Run(settings["long"], func(t *testing.T) {
			p := start(t, "node", "smsc.mjs")
			c, k := bind(t, p.port, settings)
			for i, text := range []string{plain, wide, longPlain, longWide} {
				if _, _, err := persist(t.Context(), c, message(fmt.Sprint("SM", i), text)); err != nil {
					t.Fatal(err)
				}
				if s := p.until("message", nil); s.Text != text || s.To != "15550002" || s.From != "15550001" {
					t.Errorf("the carrier has heard %+v", s)
				}
			}
			number := map[string]any{"source_addr": "15550002", "destination_addr": "15550001"}
			for i, text := range []string{plain, wide, longPlain, longWide} {
				for j, how := range []string{"plain", "udh", "sar", "payload"} {
					if how == "plain" && i > 1 {
						continue
					}
					p.do(map[string]any{"do": "deliver", "n": 10*i + j, "text": text, "how": how, "wide": i%2 == 1, "pdu": number})
					if s := p.until("kept", nil); s.Tries != 1 {
						t.Errorf("text %d by %s was delivered %d times", i, how, s.Tries)
					}
				}
			}
			for text, n := range map[string]int{plain: 4, wide: 4, longPlain: 3, longWide: 3} {
				if got := k.bodies()[text]; got != n {
					t.Errorf("%.20q was kept %d times, want %d", text, got, n)
				}
			}
			if m := k.messages[0]; m.From != "+15550002" || m.To != "+15550001" {
				t.Errorf("%+v", m)
			}
		})
	}
}

func TestNPM_receipts(t *testing.T) {
	p := start(t, "node", "smsc.mjs")
	c, k := bind(t, p.port, map[string]string{"receipt_errors": "001=30005"})
	for _, tt := range []struct {
		stat   string
		status carry.Status
		code   int
	}{{"DELIVRD", carry.Delivered, 0}, {"UNDELIV", carry.Undelivered, 30005}, {"ACCEPTD", carry.SentOut, 0}} {
		p.do(map[string]any{"do": "mode", "mode": map[string]any{"receipts": tt.stat}})
		sent, _, err := persist(t.Context(), c, message("SM"+tt.stat, longWide))
		if err != nil || len(sent.IDs) < 2 {
			t.Fatal(sent, err)
		}
		for _, id := range sent.IDs {
			if r := k.receipt(t, id, tt.status); r.Code != tt.code {
				t.Errorf("%+v", r)
			}
		}
	}
	if len(k.messages) != 0 {
		t.Errorf("a receipt was taken for a message")
	}
}

// The window is filled and never overfilled, and one link carries hundreds of messages a second although each answer takes a while.
func TestNPM_window(t *testing.T) {
	p := start(t, "node", "smsc.mjs")
	c, _ := bind(t, p.port, nil)
	p.do(map[string]any{"do": "mode", "mode": map[string]any{"hold": 50}})
	began := time.Now()
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			if _, _, err := persist(t.Context(), c, message(fmt.Sprint("SM", i), "hello")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	t.Logf("1000 messages in %v with answers after 50 ms", time.Since(began).Round(time.Millisecond))
	p.do(map[string]any{"do": "most"})
	if s := p.until("most", nil); s.Most != 50 {
		t.Errorf("%d messages were under way at once, want 50", s.Most)
	}
}

func TestNPM_throttled(t *testing.T) {
	p := start(t, "node", "smsc.mjs")
	c, _ := bind(t, p.port, nil)
	p.do(map[string]any{"do": "mode", "mode": map[string]any{"throttle": 20}})
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			if _, _, err := persist(t.Context(), c, message(fmt.Sprint("SM", i), fmt.Sprint("text ", i))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	heard := map[string]int{}
	for range 60 {
		heard[p.until("message", nil).Text]++
	}
	for i := range 60 {
		if heard[fmt.Sprint("text ", i)] != 1 {
			t.Errorf("message %d was taken %d times", i, heard[fmt.Sprint("text ", i)])
		}
	}
}

// The link is cut again and again while both sides send. Nothing is lost; what the carrier delivers is kept once; what was answered is not
// sent again.
func TestNPM_cuts(t *testing.T) {
	p := start(t, "node", "smsc.mjs")
	c, k := bind(t, p.port, nil)
	const n = 150
	number := map[string]any{"source_addr": "15550002", "destination_addr": "15550001"}
	asked := make([]int, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			_, tries, err := persist(t.Context(), c, message(fmt.Sprint("SM", i), fmt.Sprint("out ", i)))
			if asked[i] = tries; err != nil {
				t.Error(err)
			}
		})
		number["source_addr"] = fmt.Sprint(15550100 + i)
		p.do(map[string]any{"do": "deliver", "n": i, "text": fmt.Sprint("in ", i), "pdu": number})
		if i == n/2 {
			p.do(map[string]any{"do": "cut"})
		}
	}
	p.do(map[string]any{"do": "cut"})
	number["source_addr"] = "15550099"
	p.do(map[string]any{"do": "deliver", "n": n, "text": longWide, "how": "udh", "wide": true, "pdu": number})
	p.do(map[string]any{"do": "cut"})
	heard, kept := map[string]int{}, map[int]bool{}
	take := func(s said) {
		switch s.Event {
		case "message":
			heard[s.Text]++
		case "kept":
			kept[s.N] = true
		}
	}
	all.Wait()
	for len(kept) <= n {
		s := p.until("kept", take)
		take(s)
	}
	p.do(map[string]any{"do": "most"})
	p.until("most", take)
	twice, again := 0, 0
	bodies := k.bodies()
	for i := range n {
		if heard[fmt.Sprint("out ", i)] == 0 || heard[fmt.Sprint("out ", i)] > asked[i] {
			t.Errorf("message %d was taken %d times, asked %d times", i, heard[fmt.Sprint("out ", i)], asked[i])
		}
		twice += heard[fmt.Sprint("out ", i)] - 1
		again += bodies[fmt.Sprint("in ", i)] - 1
		if bodies[fmt.Sprint("in ", i)] != 1 {
			t.Errorf("delivery %d was kept %d times", i, bodies[fmt.Sprint("in ", i)])
		}
	}
	if bodies[longWide] != 1 {
		t.Errorf("the long message was kept %d times", bodies[longWide])
	}
	t.Logf("%d of %d outgoing messages were taken twice, since the answer went down with the link; %d deliveries came again and were known", twice, n, k.again)
}

func TestNPM_unbind(t *testing.T) {
	p := start(t, "node", "smsc.mjs")
	t.Run("run", func(t *testing.T) { bind(t, p.port, nil) })
	if s := p.until("unbind", nil); s.Owner != "usher" {
		t.Errorf("%+v", s)
	}
}
