package chat

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/sid"
)

// world is a service with an account around it.
type world struct {
	*Chat
	t       testing.TB
	acct    int64
	key     int64 // a contact's data key
	owner   account.Actor
	service Service

	mu     sync.Mutex
	events []event.Event // as published
}

// each runs fn on a fresh world on both databases.
func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { fn(t, newWorld(t, d)) })
}

func newWorld(t testing.TB, d *db.DB) *world {
	t.Helper()
	b := bus.NewMemory()
	owners := map[event.StreamKind]string{event.Channel: "chat_channel", event.User: "chat_user"}
	w := &world{t: t, Chat: New(Deps{DB: d, Log: event.New(d, b, job.New(d, b), owners, nil), Ring: d.Ring()})}
	b.Subscribe(bus.Events, func(v any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, v.(event.Event))
	})
	w.do(func(tx *db.Tx) (err error) {
		if w.acct, err = db.CreateKeyset(tx); err != nil {
			return err
		}
		if w.key, err = db.CreateDataKey(tx, w.acct); err != nil {
			return err
		}
		w.service, err = w.CreateServiceTx(tx, w.acct, NewService{FriendlyName: "Support"})
		return err
	})
	w.owner = account.Actor{Account: w.acct, AccountSID: sid.New(sid.Account), Role: account.RoleOwner}
	return w
}

func ctx() context.Context { return context.Background() }

// as is an actor with a token.
func (w *world) as(role account.Role, identity string) account.Actor {
	return account.Actor{Account: w.acct, AccountSID: w.owner.AccountSID, Role: role, Identity: identity, ChatService: w.service.SID}
}

func (w *world) do(fn func(tx *db.Tx) error) {
	w.t.Helper()
	if err := w.db.Do(ctx(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// channel makes a private channel of the contact with these members.
func (w *world) channel(identities ...string) Channel {
	w.t.Helper()
	var ch Channel
	w.do(func(tx *db.Tx) (err error) {
		if ch, err = w.CreateChannelTx(tx, w.service, NewChannel{FriendlyName: "Ada", Private: true, Key: w.key}); err != nil {
			return err
		}
		for _, identity := range identities {
			if _, err := w.AddMemberTx(tx, &ch, NewMember{Identity: identity}); err != nil {
				return err
			}
		}
		return nil
	})
	return ch
}

func (w *world) place(ch Channel) Place {
	return Place{Service: w.service.SID, Channel: string(ch.SID)}
}

// say sends as the owner with an author.
func (w *world) say(ch Channel, author, body string) Message {
	w.t.Helper()
	m, _, err := w.Send(ctx(), w.owner, ch.SID, NewMessage{Author: author, Body: body})
	if err != nil {
		w.t.Fatalf("say %q: %v", body, err)
	}
	return m
}

func (w *world) get(ch Channel) Channel {
	w.t.Helper()
	got, err := w.Get(ctx(), w.owner, ch.SID)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// stream returns the kinds of a stream's events from offset 1 on, checking
// that the offsets have no gap, and the last payload decoded into data.
func (w *world) stream(kind event.StreamKind, row db.Row, data any) []string {
	w.t.Helper()
	var kinds []string
	err := w.db.View(ctx(), func(tx *db.Tx) error {
		list, complete, err := w.log.Read(tx, w.acct, event.Stream{Kind: kind, ID: row.ID, SID: row.SID}, 0, 1000)
		if err != nil {
			return err
		}
		if !complete {
			w.t.Errorf("the log of %s is not complete", row.SID)
		}
		for i, e := range list {
			kinds = append(kinds, e.Kind)
			if e.Offset != int64(i)+1 {
				w.t.Errorf("event %d of %s has offset %d", i+1, row.SID, e.Offset)
			}
			if i == len(list)-1 && data != nil {
				if err := json.Unmarshal(e.Data, data); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return kinds
}

// want fails unless err carries the code.
func want(t testing.TB, err error, code int) {
	t.Helper()
	if code == 0 && err == nil {
		return
	}
	if code == 0 || !fault.HasCode(err, code) {
		t.Errorf("error %v, want code %d", err, code)
	}
}

func same[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func words(list ...string) string { return strings.Join(list, " ") }

func ptr[T any](v T) *T { return &v }
