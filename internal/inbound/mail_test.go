package inbound_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/inbound"
	"usher/internal/inbound/inboundtest"
	"usher/internal/messaging/carry"
	"usher/internal/messaging/connection"
	"usher/internal/taskrouter"
)

// texted makes a flow that owns the carrier's number.
func texted(w *inboundtest.World, change func(c *flex.FlowChange)) flex.Flow {
	return w.Flow(func(c *flex.FlowChange) {
		c.ChannelType, c.ContactIdentity = new("sms"), new(inboundtest.OwnNumber)
		if change != nil {
			change(c)
		}
	})
}

// room is the one channel that there is.
func room(t *testing.T, w *inboundtest.World) flex.Channel {
	t.Helper()
	page, err := w.Flex.ListOpen(t.Context(), w.Owner, db.Page{Size: 10})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("%d open channels, %v", len(page.Items), err)
	}
	return page.Items[0]
}

func said(t *testing.T, w *inboundtest.World, c flex.Channel) (lines []string) {
	t.Helper()
	page, err := w.Chat.ListMessages(t.Context(), w.Owner, chat.Place{Channel: string(c.SID)}, db.Page{Size: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range page.Items {
		lines = append(lines, m.Author+": "+m.Body)
	}
	return lines
}

func TestAccept_opensAChannelAndATask(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Carrier()
		texted(w, nil)
		want(t, "a message", c.Write("1", "hello"), 0)
		want(t, "another", c.Write("2", "are you there?"), 0)
		w.Pump()
		ch := room(t, w)
		if ch.Identity != inboundtest.CustomersNumber || ch.Number != inboundtest.OwnNumber || ch.Target != inboundtest.CustomersNumber || ch.Web {
			t.Errorf("channel %+v", ch)
		}
		me := inboundtest.CustomersNumber
		if diff := cmp.Diff([]string{me + ": hello", me + ": are you there?"}, said(t, w, ch)); diff != "" {
			t.Errorf("said:\n%s", diff)
		}
		if got := w.Attributes(ch.SID); got["channel_type"] != "sms" || got["from"] != me || got["status"] != inbound.Active {
			t.Errorf("attributes %v", got)
		}
		if n := len(w.AllTasks()); n != 1 {
			t.Errorf("%d tasks", n)
		}
		if sent := c.Taken(); len(sent) != 0 {
			t.Errorf("the customer hears what the customer said: %q", sent)
		}
		if n := w.Rows("messaging_message"); n != 2 {
			t.Errorf("%d messages are kept", n)
		}
	})
}

// Five identical retries at once, of three messages, by the carrier.
func TestAccept_onceHoweverOftenItComes(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Carrier()
		texted(w, nil)
		var all sync.WaitGroup
		for range 5 {
			for _, id := range []string{"1", "2", "3"} {
				all.Go(func() { want(t, "a retry", c.Write(id, "hello "+id), 0) })
			}
		}
		all.Wait()
		w.Pump()
		if lines := said(t, w, room(t, w)); len(lines) != 3 {
			t.Errorf("said %q", lines)
		}
		if n, tasks := w.Rows("messaging_message"), len(w.AllTasks()); n != 3 || tasks != 1 {
			t.Errorf("%d messages, %d tasks", n, tasks)
		}
	})
}

func TestAccept_manyCustomersAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Carrier()
		texted(w, nil)
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				for n := range 3 {
					id := strconv.Itoa(i) + "-" + strconv.Itoa(n)
					want(t, id, c.Bring(carry.Inbound{ID: id, From: "+15005551" + strconv.Itoa(100+i), To: inboundtest.OwnNumber, Body: id}), 0)
				}
			})
		}
		all.Wait()
		w.Pump()
		if channels, messages, tasks := w.Rows("flex_channel"), w.Rows("chat_message"), len(w.AllTasks()); channels != 20 || messages != 60 || tasks != 20 {
			t.Errorf("%d channels, %d chat messages, %d tasks", channels, messages, tasks)
		}
	})
}

// Nothing is kept when one of what came together cannot be.
func TestAccept_allOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Carrier()
		flow := texted(w, nil)
		err := c.Bring(
			carry.Inbound{ID: "1", From: inboundtest.CustomersNumber, To: inboundtest.OwnNumber, Body: "hello"},
			carry.Inbound{ID: "2", From: inboundtest.CustomersNumber, To: inboundtest.OwnNumber, Body: strings.Repeat("x", 40_000)},
		)
		want(t, "a long one, which is cut", err, 0)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err = c.Mail.Accept(ctx, connection.Line{Account: w.Owner.Account + 1, Connection: c.Line.SID}, []carry.Inbound{
			{ID: "9", From: "+15005550112", To: inboundtest.OwnNumber, Body: "x"},
		}, nil)
		if err == nil {
			t.Error("an account without keys keeps nothing")
		}
		// What can be no message is left out, and what came with it is kept.
		want(t, "bad addresses", c.Bring(
			carry.Inbound{ID: "3", From: "", To: inboundtest.OwnNumber, Body: "a"}, carry.Inbound{ID: "4", From: inboundtest.CustomersNumber, To: "?", Body: "b"},
			carry.Inbound{ID: "", From: inboundtest.CustomersNumber, To: inboundtest.OwnNumber, Body: "c"},
			carry.Inbound{ID: "5", From: inboundtest.CustomersNumber, To: inboundtest.OwnNumber, Body: "d"},
		), 0)
		if n := w.Rows("messaging_message"); n != 3 {
			t.Errorf("%d messages are kept", n)
		}
		if lines := said(t, w, room(t, w)); len(lines) != 3 || !strings.HasSuffix(lines[2], ": d") {
			t.Errorf("%d lines", len(lines))
		}
		if got := room(t, w).Flow; got != flow.SID {
			t.Errorf("flow %s", got)
		}
	})
}

func TestAccept_whoseNumberItIs(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Carrier()
		want(t, "a number without a flow", c.Write("1", "hello"), 0)
		off := texted(w, func(c *flex.FlowChange) { c.Enabled = new(false) })
		want(t, "a flow that is off", c.Write("2", "hello"), 0)
		if n := w.Rows("flex_channel"); n != 0 {
			t.Fatalf("%d channels", n)
		}
		app := w.Flow(func(c *flex.FlowChange) {
			c.ChannelType, c.ContactIdentity = new("whatsapp"), new(inboundtest.OwnNumber)
		})
		want(t, "WhatsApp", c.Bring(carry.Inbound{
			ID: "3", From: "whatsapp:" + inboundtest.CustomersNumber, To: "whatsapp:" + inboundtest.OwnNumber, Body: "hello", ProfileName: "Ada",
			Media: []carry.Media{{URL: "https://carrier.example/1.jpg"}},
		}), 0)
		ch := room(t, w)
		if ch.Flow != app.SID || ch.Name != "Ada" || ch.ChannelType != "whatsapp" {
			t.Errorf("channel %+v", ch)
		}
		if lines := said(t, w, ch); len(lines) != 1 || !strings.HasSuffix(lines[0], ": hello\nhttps://carrier.example/1.jpg") {
			t.Errorf("said %q", lines)
		}
		// An agent has written first, by the flow that is off for what comes: the answer finds that conversation.
		opened, _, err := w.Inbound.Open(t.Context(), w.Owner, inbound.Opening{
			Flow: off.SID, Identity: "customer-7", CustomerName: "Ada L", Target: inboundtest.CustomersNumber,
		})
		if err != nil {
			t.Fatal(err)
		}
		again, fresh, err := w.Inbound.Open(t.Context(), w.Owner, inbound.Opening{Flow: off.SID, Identity: "customer-7", Target: inboundtest.CustomersNumber})
		if err != nil || fresh || again.SID != opened.SID {
			t.Errorf("a second opening: %s %v %v", again.SID, fresh, err)
		}
		want(t, "an answer", c.Write("4", "who is this?"), 0)
		if diff := cmp.Diff([]string{"customer-7: who is this?"}, said(t, w, opened)); diff != "" {
			t.Errorf("said:\n%s", diff)
		}
	})
}

// After the end of a conversation the next message begins another; on a long-lived flow it is the same with a new task.
func TestAccept_afterTheEnd(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Carrier()
		flow := texted(w, nil)
		want(t, "first", c.Write("1", "hello"), 0)
		w.Pump()
		first := room(t, w)
		w.SetTask(w.AllTasks()[0].SID, taskrouter.TaskCanceled)
		w.Pump()
		want(t, "second", c.Write("2", "hello again"), 0)
		w.Pump()
		second := room(t, w)
		if second.SID == first.SID || second.Key != first.Key || second.Flow != flow.SID {
			t.Errorf("second channel %+v, first %+v", second, first)
		}
		if n := len(w.AllTasks()); n != 2 {
			t.Errorf("%d tasks", n)
		}
		// A chat channel that somebody deleted does not lock the customer out.
		if err := w.Chat.DeleteChannel(t.Context(), w.Owner, chat.Place{Channel: string(second.SID)}); err != nil {
			t.Fatal(err)
		}
		want(t, "third", c.Write("3", "hello?"), 0)
		if third := room(t, w); third.SID == second.SID {
			t.Error("a channel without its chat channel was found")
		}
	})
}

func TestReceipts_beforeTheirMessageIsKnown(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Carrier()
		texted(w, nil)
		want(t, "a message", c.Write("1", "hello"), 0)
		w.Pump()
		want(t, "a receipt too early", c.Receipt(carry.Receipt{ID: "id-1", Status: carry.Delivered}), 0)
		waiting := w.Due(inbound.Receipts)
		if len(waiting) != 1 {
			t.Fatalf("%d receipts wait", len(waiting))
		}
		if err := c.Mail.OnReceipt(t.Context(), waiting[0]); err == nil {
			t.Error("it is of nothing yet")
		}
		w.Say(room(t, w).SID, "bert", "hi")
		c.Carry()
		want(t, "looked at again", c.Mail.OnReceipt(t.Context(), waiting[0]), 0)
		c.Carry()
		page, err := c.Deliveries.List(t.Context(), w.Owner, room(t, w).SID, db.Page{Size: 10})
		if err != nil || len(page.Items) != 1 || page.Items[0].Status() != "delivered" {
			t.Errorf("deliveries %+v %v", page.Items, err)
		}
		want(t, "a receipt of nothing", c.Receipt(carry.Receipt{ID: "id-99", Status: carry.Delivered}), 0)
		last := w.Due(inbound.Receipts)[1]
		last.Attempt = inbound.ReceiptBackoff.Attempts
		want(t, "at last it is dropped", c.Mail.OnReceipt(t.Context(), last), 0)
	})
}

func TestPhones(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Carrier()
		texted(w, nil)
		ask := inbound.Question{Phone: inboundtest.CustomersNumber}
		list, next, err := c.Phones.Read(t.Context(), w.Owner, c.Line.SID, ask)
		if err != nil || len(list) != 0 || !next.IsZero() {
			t.Errorf("a new phone shows %v %v %v", list, next, err)
		}
		for range 2 {
			if id, err := c.Phones.Write(t.Context(), w.Owner, c.Line.SID, inbound.Writing{Phone: inboundtest.CustomersNumber, Body: "hello", ID: "1"}); err != nil || id != "1" {
				t.Fatal(id, err)
			}
		}
		w.Pump()
		w.Say(room(t, w).SID, "bert", "hi")
		c.Carry()
		list, next, err = c.Phones.Read(t.Context(), w.Owner, c.Line.SID, ask)
		if err != nil || len(list) != 2 || list[0].Body != "hello" || list[1].Body != "hi" || list[1].Status != carry.SentOut {
			t.Fatalf("the phone shows %+v %v", list, err)
		}
		ask.Since, ask.Wait = next, time.Minute
		got := make(chan int, 1)
		go func() {
			list, _, err := c.Phones.Read(context.Background(), w.Owner, c.Line.SID, ask)
			if err != nil {
				t.Error(err)
			}
			got <- len(list)
		}()
		want(t, "a receipt", c.Receipt(carry.Receipt{ID: "id-1", Status: carry.Delivered}), 0)
		if n := <-got; n != 1 {
			t.Errorf("%d messages are new", n)
		}
		agent := w.Owner
		agent.Role = account.RoleAgent
		for name, write := range map[string]inbound.Writing{
			"no text": {Phone: inboundtest.CustomersNumber}, "no phone": {Phone: "somebody at home", Body: "a"},
			"a foreign number": {Phone: inboundtest.CustomersNumber, To: "+15005550999", Body: "a"},
			"a long id":        {Phone: inboundtest.CustomersNumber, Body: "a", ID: strings.Repeat("x", 65)},
		} {
			if _, err := c.Phones.Write(t.Context(), w.Owner, c.Line.SID, write); !fault.HasCode(err, 20001) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := c.Phones.Write(t.Context(), agent, c.Line.SID, inbound.Writing{Phone: inboundtest.CustomersNumber, Body: "a"}); !fault.Is(err, fault.KindForbidden) {
			t.Errorf("an agent: %v", err)
		}
		if _, _, err := c.Phones.Read(t.Context(), w.Account(), c.Line.SID, ask); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("a stranger: %v", err)
		}
	})
}
