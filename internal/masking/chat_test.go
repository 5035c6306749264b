package masking

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/flex"
	"usher/internal/hook"
	"usher/internal/proxy"
	"usher/internal/sid"
)

// room makes a chat channel in which an agent talks.
func (w *world) room() (ch chat.Channel) {
	w.t.Helper()
	w.do(func(tx *db.Tx) error {
		service, err := w.Chat.CreateServiceTx(tx, w.owner.Account, chat.NewService{FriendlyName: "Support"})
		if err != nil {
			return err
		}
		if ch, err = w.Chat.CreateChannelTx(tx, service, chat.NewChannel{Private: true}); err != nil {
			return err
		}
		agent, err := w.Chat.CreateUserTx(tx, service, chat.NewUser{Identity: "mia"})
		if err != nil {
			return err
		}
		_, err = w.Chat.AddMemberTx(tx, &ch, chat.NewMember{Identity: agent.Identity})
		return err
	})
	return ch
}

// says writes into a channel.
func (w *world) says(ch chat.Channel, author, body string) (m chat.Message) {
	w.t.Helper()
	w.do(func(tx *db.Tx) error {
		now, err := w.Chat.ChannelTx(tx, w.owner.Account, ch.SID)
		if err != nil {
			return err
		}
		m, _, err = w.Chat.SendTx(tx, &now, chat.NewMessage{Author: author, Body: body})
		return err
	})
	return m
}

// reads returns what is in a channel, as "author: body" lines.
func (w *world) reads(ch chat.Channel) (lines []string) {
	w.t.Helper()
	page, err := w.Chat.ListMessages(w.t.Context(), w.owner, chat.Place{Service: ch.ServiceSID, Channel: string(ch.SID)}, db.Page{Size: 50})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range page.Items {
		lines = append(lines, m.Author+": "+m.Body)
	}
	return lines
}

// flexSession makes a session as programs of the contact center do.
func (w *world) flexSession(ch chat.Channel) proxy.Session {
	w.t.Helper()
	s := w.pool(proxy.ServiceChange{UniqueName: new(proxy.FlexService)}, number)
	v, err := w.Proxy.CreateSession(w.t.Context(), w.owner, string(s.SID), proxy.NewSession{
		UniqueName: string(ch.SID), Mode: proxy.MessageOnly,
		Participants: []proxy.NewParticipant{{Identifier: ann, Proxy: number}, {Identifier: string(ch.SID), Proxy: number}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func TestChat_bothWays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.room()
		w.says(ch, "mia", "said before, for herself")
		v := w.flexSession(ch)
		w.went("what was said before", w.pump())
		w.says(ch, "mia", "Hello Ann")
		w.went("an agent's words", w.pump(), number+">"+ann+": Hello Ann")
		msg := w.write(ann, number, "Hello Mia")
		if !msg.Masked {
			t.Error("not masked")
		}
		w.went("a customer's words go to the channel only", w.pump())
		if diff := cmp.Diff([]string{"mia: said before, for herself", "mia: Hello Ann", ann + ": Hello Mia"}, w.reads(ch)); diff != "" {
			t.Error(diff)
		}
		w.says(ch, "mia", strings.Repeat("é", 1601))
		if out := w.pump(); len(out) != 2 || out[1].Body != "é" {
			t.Errorf("a long text went as %d messages", len(out))
		}
		list := w.interactions(v)
		if len(list) != 3 {
			t.Fatalf("%d interactions", len(list))
		}
		if in, out := list[0].Inbound, list[1].Outbound; sid.Prefix(string(in.Resource)) != sid.Message || in.Status != "received" ||
			sid.Prefix(string(out.Resource)) != sid.Message || out.Status != "delivered" {
			t.Errorf("%+v, %+v", in, out)
		}
	})
}

// The last words arrive although the session has ended before it was their turn; later ones do not.
func TestChat_lastWords(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.room()
		w.flexSession(ch)
		w.says(ch, "mia", "Good bye")
		w.do(func(tx *db.Tx) error {
			n, err := w.Proxy.EndTx(tx, w.owner.Account, string(ch.SID), proxy.ByChannel)
			if n != 1 {
				t.Errorf("%d sessions ended", n)
			}
			return err
		})
		w.went("the last words", w.pump(), number+">"+ann+": Good bye")
		w.says(ch, "mia", "To nobody")
		w.went("after the end", w.pump())
	})
}

func TestChat_intercepted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.room()
		w.flexSession(ch)
		if _, err := w.Proxy.UpdateService(t.Context(), w.owner, proxy.FlexService, proxy.ServiceChange{Intercept: new("https://example.com/asked")}); err != nil {
			t.Fatal(err)
		}
		w.answer = func(hook.Request) (hook.Response, error) {
			return hook.Response{}, &hook.Error{Failure: hook.BadStatus, Status: 403}
		}
		w.says(ch, "mia", "Hello Ann")
		w.write(ann, number, "Hello Mia")
		w.went("blocked", w.pump())
		if diff := cmp.Diff([]string{"mia: Hello Ann"}, w.reads(ch)); diff != "" {
			t.Error(diff)
		}
		if n := len(w.asked); n != 4 { // each job ran twice
			t.Errorf("asked %d times", n)
		}
	})
}

// Where the contact center carries a channel's words itself, a session that stands beside it brings nothing twice.
func TestChat_bridged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.room()
		w.flexSession(ch)
		w.do(func(tx *db.Tx) error {
			contact, _, err := w.Flex.EnsureContactTx(tx, w.owner.Account, ann, "Ann")
			if err != nil {
				return err
			}
			return w.Flex.CreateChannelTx(tx, &flex.Channel{
				Row: db.Row{SID: ch.SID, Account: w.owner.Account, Key: contact.Key}, FlowID: 1, ContactID: contact.ID, Open: true,
				ChannelDocument: flex.ChannelDocument{Identity: ann, ChannelType: "sms", Target: ann, Number: number},
			})
		})
		w.says(ch, "mia", "Hello Ann")
		w.went("left to the bridge", w.pump())
		if msg := w.write(ann, number, "Hello Mia"); msg.Masked {
			t.Error("masked")
		}
	})
}

func TestChat_refused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(proxy.ServiceChange{}, number)
		_, err := w.Proxy.CreateSession(t.Context(), w.owner, string(s.SID), proxy.NewSession{
			Mode: proxy.MessageOnly, Participants: []proxy.NewParticipant{{Identifier: string(sid.New(sid.Channel))}},
		})
		wantCode(t, "a channel that is not there", err, 80618)
		ch := w.room()
		v := w.session(s, proxy.NewSession{Mode: proxy.MessageOnly}, ann, string(ch.SID))
		people, err := w.Proxy.Participants(t.Context(), w.owner, string(s.SID), string(v.SID), db.Page{Size: 5})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Tell(t.Context(), w.owner, string(s.SID), string(v.SID), people.Items[1].SID, "hi")
		wantCode(t, "telling a channel", err, 80616)
		w.do(func(tx *db.Tx) error {
			now, err := w.Chat.ChannelTx(tx, w.owner.Account, ch.SID)
			if err != nil {
				return err
			}
			return w.Chat.DeleteChannelTx(tx, &now)
		})
		w.write(ann, number, "hello?")
		w.went("to a channel that was deleted", w.pump())
		if list := w.interactions(v); len(list) != 1 || list[0].Outbound.Status != "failed" {
			t.Errorf("%+v", list)
		}
	})
}
