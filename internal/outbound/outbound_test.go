package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/chat"
	"usher/internal/chat/delivery"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/flex"
	"usher/internal/inbound"
	"usher/internal/inbound/inboundtest"
	"usher/internal/job"
	"usher/internal/messaging"
	"usher/internal/messaging/carry"
	"usher/internal/messaging/connection"
	"usher/internal/outbound"
	"usher/internal/sid"
)

// house is a conversation by text message.
type house struct {
	*inboundtest.World
	*inboundtest.Carrier
	t    *testing.T
	room sid.SID
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := inboundtest.New(t, d)
		h := &house{World: w, Carrier: w.Carrier(), t: t}
		w.Flow(func(c *flex.FlowChange) { c.ChannelType, c.ContactIdentity = new("sms"), new(inboundtest.OwnNumber) })
		if err := h.Write("1", "hello"); err != nil {
			t.Fatal(err)
		}
		w.Pump()
		page, err := w.Flex.ListOpen(t.Context(), w.Owner, db.Page{Size: 2})
		if err != nil || len(page.Items) != 1 {
			t.Fatalf("%d channels, %v", len(page.Items), err)
		}
		h.room = page.Items[0].SID
		fn(t, h)
	})
}

// deliveries lists what became of what was said, the oldest first, as "status code".
func (h *house) deliveries() (list []string) {
	h.t.Helper()
	page, err := h.Deliveries.List(context.Background(), h.Owner, h.room, db.Page{Size: 100})
	if err != nil {
		h.t.Fatal(err)
	}
	for i := len(page.Items) - 1; i >= 0; i-- {
		d := page.Items[i]
		list = append(list, strings.TrimSuffix(fmt.Sprintf("%s %d", d.Status(), d.Code), " 0"))
	}
	return list
}

func (h *house) expect(what string, want ...string) {
	h.t.Helper()
	if diff := cmp.Diff(want, h.deliveries()); diff != "" {
		h.t.Errorf("%s:\n%s", what, diff)
	}
}

// try runs the one sending that waits, as its next attempt after a failure.
func (h *house) try(attempt int, failure string) error {
	h.t.Helper()
	due := h.Due(outbound.Sends)
	if len(due) != 1 {
		h.t.Fatalf("%d sendings wait", len(due))
	}
	due[0].Attempt, due[0].Failure = attempt, failure
	err := h.Outbound.OnSend(context.Background(), due[0])
	if err == nil {
		h.Finish(due[0])
		h.Carry()
	}
	return err
}

func later(err error) time.Duration {
	var l *job.Later
	if errors.As(err, &l) {
		return l.After
	}
	return 0
}

func TestWords_goOutInOrderAndOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var want []string
		for i := range 10 {
			want = append(want, fmt.Sprintf("word %d", i))
			h.Say(h.room, []string{"bert", "Bot", "system"}[i%3], want[i])
		}
		h.Say(h.room, inboundtest.CustomersNumber, "my own words, by another way")
		h.Carry()
		h.Again()
		h.Carry()
		if diff := cmp.Diff(want, h.Taken()); diff != "" {
			t.Errorf("taken:\n%s", diff)
		}
		if n := h.Rows("messaging_message"); n != 11 {
			t.Errorf("%d messages", n)
		}
		h.expect("sent", "sent", "sent", "sent", "sent", "sent", "sent", "sent", "sent", "sent", "sent")
		if err := h.Receipt(carry.Receipt{ID: "id-2", Status: carry.Undelivered, Code: 30003}, carry.Receipt{ID: "id-1", Status: carry.Read}); err != nil {
			t.Fatal(err)
		}
		h.Carry()
		if got := h.deliveries(); got[0] != "read" || got[1] != "undelivered 30003" {
			t.Errorf("after receipts: %q", got)
		}
	})
}

func TestWords_thatCannotGo(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		long := strings.Repeat("twelve chars", 200) + " " + strings.Repeat("é", 1000) // without a space for long
		h.Say(h.room, "bert", long)
		h.Carry()
		if got := h.Taken(); len(got) != 3 || strings.Join(got, "") != long {
			t.Errorf("a long text went out as %d parts", len(got))
		}
		h.expect("a long text", "sent")
		if err := h.Write("2", "STOP"); err != nil {
			t.Fatal(err)
		}
		h.Pump()
		h.Say(h.room, "bert", "please stay")
		h.Carry()
		h.expect("somebody who has opted out", "sent", "failed 21610")
		// What was said after the end is nobody's to hear; what was said before is.
		h.Say(h.room, "bert", "never mind")
		h.Do(func(tx *db.Tx) error {
			c, err := h.Flex.ChannelTx(tx, h.Owner.Account, h.room)
			if err != nil {
				return err
			}
			c.Open = false
			return h.Flex.UpdateChannelTx(tx, &c)
		})
		for begin := time.Now(); time.Since(begin) < 2*time.Millisecond; { // events tell milliseconds
		}
		h.Say(h.room, "bert", "anybody?")
		h.Carry()
		h.expect("after the end", "sent", "failed 21610", "failed 21610")
	})
}

func TestWords_elsewhereGoNowhere(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		web := h.Open(h.Flow(nil), "ada", nil)
		h.Say(web.SID, "bert", "hello")
		// A text flow's channel without a target, as programs that carry messages by themselves make them.
		own := h.Flow(func(c *flex.FlowChange) { c.ChannelType = new("custom") })
		custom := h.Open(own, "eve", func(o *inbound.Opening) { o.Web = false })
		h.Say(custom.SID, "bert", "hello")
		h.Carry()
		if got := h.Taken(); len(got) != 0 {
			t.Errorf("taken %q", got)
		}
		if n := h.Rows("chat_delivery"); n != 0 {
			t.Errorf("%d deliveries", n)
		}
		if err := h.Outbound.OnWord(t.Context(), job.Job{}); err != nil {
			t.Errorf("words to an erased customer: %v", err)
		}
		if err := h.Outbound.OnSend(t.Context(), job.Job{}); err != nil {
			t.Errorf("a sending of an erased customer: %v", err)
		}
		if err := h.Outbound.OnTick(t.Context(), job.Job{}); err != nil {
			t.Errorf("a tick of an erased customer: %v", err)
		}
		for what, do := range map[string]func(context.Context, job.Job) error{"send": h.Outbound.OnSend, "tick": h.Outbound.OnTick, "word": h.Outbound.OnWord} {
			if err := do(t.Context(), job.Job{Args: []byte(`{`)}); err == nil {
				t.Errorf("%s: a broken job", what)
			}
		}
	})
}

// An agent writes first: to a number, by a flow whose task is made at once.
func TestWords_first(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		flow := h.Flow(func(c *flex.FlowChange) {
			c.ChannelType, c.ContactIdentity, c.Enabled = new("sms"), new(inboundtest.OwnNumber), new(false)
			c.Integration.CreationOnMessage = new(false)
		})
		c, opened, err := h.Inbound.Open(t.Context(), h.Owner, inbound.Opening{Flow: flow.SID, Identity: "+15005550155", Target: "+15005550155"})
		if err != nil || !opened || c.Task == nil {
			t.Fatalf("%+v %v %v", c, opened, err)
		}
		h.Say(c.SID, "bert", "your parcel is here")
		h.Carry()
		if got := h.Taken(); len(got) != 1 {
			t.Errorf("taken %q", got)
		}
		if err := h.Bring(carry.Inbound{ID: "a", From: "+15005550155", To: inboundtest.OwnNumber, Body: "great"}); err != nil {
			t.Fatal(err)
		}
		page, err := h.Chat.ListMessages(t.Context(), h.Owner, chat.Place{Channel: string(c.SID)}, db.Page{Size: 10})
		if err != nil || len(page.Items) != 2 || page.Items[1].Body != "great" {
			t.Errorf("%+v %v", page.Items, err)
		}
	})
}

func TestSend_again(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Carrier.Answer = func(carry.Outbound) (carry.Sent, error) {
			return carry.Sent{}, &carry.Refusal{Reason: "no bind", Again: true, After: 90 * time.Second}
		}
		h.Say(h.room, "bert", "hello")
		h.Carry()
		if got := later(h.try(1, "")); got < 90*time.Second {
			t.Errorf("tried again after %s", got)
		}
		h.expect("while it waits", "sending")
		h.Carrier.Answer = func(carry.Outbound) (carry.Sent, error) {
			return carry.Sent{}, &carry.Refusal{Reason: "busy", Again: true, After: 250 * time.Millisecond}
		}
		if got := later(h.try(30, "not taken: no bind")); got != 250*time.Millisecond {
			t.Errorf("a busy line is tried again after %s", got)
		}
		h.Carrier.Answer = nil
		if err := h.try(3, "not taken: busy"); err != nil {
			t.Error(err)
		}
		h.expect("at last", "sent")
		if got := h.Taken(); len(got) != 1 {
			t.Errorf("taken %q", got)
		}
	})
}

func TestSend_refused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Carrier.Answer = func(carry.Outbound) (carry.Sent, error) {
			return carry.Sent{}, &carry.Refusal{Code: 21614, Reason: "no mobile"}
		}
		h.Say(h.room, "bert", "hello")
		h.Carry()
		h.expect("refused", "failed 21614")
		h.Carrier.Answer = nil
		// Its time is over.
		h.Say(h.room, "bert", "late")
		h.Pump()
		h.Do(func(tx *db.Tx) error {
			_, err := tx.Exec("update messaging_message set created_at = created_at - $1", (25 * time.Hour).Microseconds())
			return err
		})
		h.Carry()
		h.expect("late", "failed 21614", "failed 30036")
		// A connection that is off is waited for.
		for _, on := range []bool{false, true} {
			if _, err := h.Update(t.Context(), h.Owner, h.Line.SID, connection.Change{Enabled: &on}); err != nil {
				t.Fatal(err)
			}
			if on {
				break
			}
			h.Say(h.room, "bert", "patience")
			h.Carry()
			if got := later(h.try(1, "")); got != 15*time.Second {
				t.Errorf("off: tried again after %s", got)
			}
		}
		h.Carry()
		h.expect("on again", "failed 21614", "failed 30036", "sent")
		// Nobody carries the sender any more.
		h.Say(h.room, "bert", "nobody")
		h.Pump()
		if err := h.Connections.Delete(t.Context(), h.Owner, h.Line.SID); err != nil {
			t.Fatal(err)
		}
		h.Carry()
		h.expect("nobody", "failed 21614", "failed 30036", "sent", "failed 21606")
		if got := h.Taken(); len(got) != 1 {
			t.Errorf("taken %q", got)
		}
	})
}

// A cut before the carrier's answer, and a process that died in the middle of a sending.
func TestSend_unknown(t *testing.T) {
	for _, row := range []struct {
		name, unknown string
		knows         bool
		taken         int
		delivery      string
	}{
		{"the carrier knows our key", connection.GiveUp, true, 1, "sent"},
		{"sent again", connection.Resend, false, 1, "sent"},
		{"given up", connection.GiveUp, false, 0, "failed 30008"},
	} {
		t.Run(row.name, func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				var err error
				if h.Line, err = h.Update(t.Context(), h.Owner, h.Line.SID, connection.Change{Unknown: &row.unknown}); err != nil {
					t.Fatal(err)
				}
				h.Knows = row.knows
				h.Carrier.Answer = func(carry.Outbound) (carry.Sent, error) { return carry.Sent{}, io.ErrUnexpectedEOF }
				h.Say(h.room, "bert", "hello")
				h.Carry()
				h.Carrier.Answer = nil
				if len(h.Due(outbound.Sends)) > 0 {
					if err := h.try(2, "the carrier did not answer"); err != nil {
						t.Error(err)
					}
				}
				h.expect("a cut", row.delivery)

				h.Say(h.room, "bert", "again")
				h.Pump()
				due := h.Due(outbound.Sends)[0]
				h.Do(func(tx *db.Tx) error { // the process died after it had said that it sends
					_, _, err := h.Messages.SendingTx(tx, h.Owner.Account, h.newest(tx), h.Line.SID)
					return err
				})
				due.Attempt = 2
				if err := h.Outbound.OnSend(t.Context(), due); err != nil {
					t.Error(err)
				}
				h.Finish(due)
				h.Carry()
				h.expect("a death", row.delivery, row.delivery)
				if got := h.Taken(); len(got) != 2*row.taken {
					t.Errorf("taken %q", got)
				}
			})
		})
	}
}

// newest is the message that was made last.
func (h *house) newest(tx *db.Tx) sid.SID {
	h.t.Helper()
	list, err := h.Messages.BetweenTx(tx, h.Owner.Account, inboundtest.OwnNumber, inboundtest.CustomersNumber, time.Time{}, 1)
	if err != nil || len(list) != 1 {
		h.t.Fatalf("%d messages, %v", len(list), err)
	}
	return list[0].SID
}

func TestSend_filesAndChoiceOfLine(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		other, err := h.Create(t.Context(), h.Owner, connection.Change{Kind: new(connection.Sandbox)})
		if err != nil {
			t.Fatal(err)
		}
		var seen []carry.Outbound
		h.Carrier.Answer = func(m carry.Outbound) (carry.Sent, error) { seen = append(seen, m); return carry.Sent{}, nil }
		h.Do(func(tx *db.Tx) error {
			_, err := h.Messages.CreateTx(tx, h.Owner.Account, messaging.Draft{
				From: inboundtest.OwnNumber, To: inboundtest.CustomersNumber, Body: "look", Media: []string{"https://shop.example/1.jpg"},
				Files: []messaging.Item{{SID: "ME1", Kept: true, ContentType: "image/png"}},
			})
			return err
		})
		h.Carry()
		if len(seen) != 1 || len(seen[0].Media) != 2 {
			t.Fatalf("seen %+v", seen)
		}
		for i, want := range []string{"https://files.example/" + seen[0].SID + "/ME1", "https://shop.example/1.jpg"} {
			if got := seen[0].Media[i].URL; got != want {
				t.Errorf("file %d at %s, want %s", i, got, want)
			}
		}
		// The number names a connection of its own: messages go by it, and by whoever carries the address once it is gone.
		h.Do(func(tx *db.Tx) error {
			_, err := tx.Exec("update messaging_number set connection_sid = $1", string(other.SID))
			return err
		})
		h.Say(h.room, "bert", "hello")
		h.Carry()
		if got := h.connection(); got != other.SID {
			t.Errorf("went by %s, want %s", got, other.SID)
		}
		if err := h.Connections.Delete(t.Context(), h.Owner, other.SID); err != nil {
			t.Fatal(err)
		}
		h.Say(h.room, "bert", "hello again")
		h.Carry()
		if got := h.connection(); got != h.Line.SID {
			t.Errorf("went by %s, want %s", got, h.Line.SID)
		}
	})
}

// connection is what the newest message went out by.
func (h *house) connection() (s sid.SID) {
	h.t.Helper()
	h.Do(func(tx *db.Tx) error {
		msg, err := h.Messages.MessageTx(tx, h.Owner.Account, h.newest(tx))
		s = msg.Connection
		return err
	})
	return s
}

func TestTick_ofNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		args := fmt.Sprintf(`{"data":{"message":%q,"origin":%q}}`, sid.New(sid.SMS), sid.New(sid.Message))
		if err := h.Outbound.OnTick(t.Context(), job.Job{Account: h.Owner.Account, Args: []byte(args)}); err != nil {
			t.Errorf("a message that was deleted: %v", err)
		}
		if err := h.Outbound.OnSend(t.Context(), job.Job{Account: h.Owner.Account, Args: []byte(args)}); err != nil {
			t.Errorf("a sending of a message that was deleted: %v", err)
		}
		if got := (&delivery.Delivery{}).Status(); got != delivery.Failed {
			t.Errorf("a delivery of nothing is %s", got)
		}
	})
}
