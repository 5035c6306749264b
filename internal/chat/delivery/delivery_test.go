package delivery_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/chat/delivery"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/sid"
)

// house is a channel with its deliveries.
type house struct {
	*delivery.Deliveries
	t     *testing.T
	db    *db.DB
	chat  *chat.Chat
	owner account.Actor
	room  chat.Channel
	told  []delivery.Data
}

func newHouse(t *testing.T, d *db.DB) *house {
	h := &house{t: t, db: d}
	b := bus.NewMemory()
	log := event.New(d, b, job.New(d, b), map[event.StreamKind]string{event.Channel: "chat_channel", event.User: "chat_user"}, nil)
	h.chat = chat.New(chat.Deps{DB: d, Log: log, Ring: d.Ring()})
	h.Deliveries = delivery.New(d, log, h.chat)
	t.Cleanup(b.Subscribe(bus.Events, func(v any) {
		if e := v.(event.Event); e.Kind == event.MessageDelivery {
			var data delivery.Data
			if err := json.Unmarshal(e.Data, &data); err != nil {
				t.Error(err)
			}
			h.told = append(h.told, data)
		}
	}))
	h.do(func(tx *db.Tx) error {
		id, err := db.CreateKeyset(tx)
		if err != nil {
			return err
		}
		h.owner = account.System(id, sid.New(sid.Account))
		s, err := h.chat.CreateServiceTx(tx, id, chat.NewService{FriendlyName: "Support"})
		if err != nil {
			return err
		}
		h.room, err = h.chat.CreateChannelTx(tx, s, chat.NewChannel{Carried: true})
		return err
	})
	return h
}

func (h *house) do(fn func(tx *db.Tx) error) {
	h.t.Helper()
	if err := h.db.Do(h.t.Context(), fn); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) move(message, part sid.SID, status delivery.Status, code int, reason string) {
	h.t.Helper()
	h.do(func(tx *db.Tx) error {
		return h.MoveTx(tx, h.owner.Account, message, delivery.Part{Message: part, Status: status}, code, reason)
	})
}

func TestDelivery_life(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		message, first, second := sid.New(sid.Message), sid.New(sid.SMS), sid.New(sid.SMS)
		h.do(func(tx *db.Tx) error {
			if known, err := h.KnownTx(tx, h.owner.Account, message); err != nil || known {
				t.Errorf("known before: %v %v", known, err)
			}
			return h.NoteTx(tx, &h.room, message, 3, delivery.Document{Parts: []delivery.Part{{first, "queued"}, {second, "queued"}}})
		})
		h.move(message, first, "sent", 0, "")
		h.move(message, first, "sent", 0, "")
		h.move(message, second, "sent", 0, "")
		h.move(message, second, "delivered", 0, "")
		h.move(message, first, "undelivered", 30003, "unreachable")
		h.move(message, sid.New(sid.SMS), "read", 0, "")   // of another message
		h.move(sid.New(sid.Message), first, "read", 0, "") // no delivery
		h.do(func(tx *db.Tx) error {
			if known, err := h.KnownTx(tx, h.owner.Account, message); err != nil || !known {
				t.Errorf("known after: %v %v", known, err)
			}
			return nil
		})
		var statuses []delivery.Status
		for _, data := range h.told {
			statuses = append(statuses, data.Status)
		}
		if diff := cmp.Diff([]delivery.Status{"queued", "sent", "undelivered"}, statuses); diff != "" {
			t.Errorf("told:\n%s", diff)
		}
		last := h.told[len(h.told)-1]
		if last.MessageSID != message || last.ChannelSID != h.room.SID || last.Index != 3 || *last.ErrorCode != 30003 || *last.Reason != "unreachable" || len(last.Messages) != 2 {
			t.Errorf("told %+v", last)
		}
		page, err := h.List(t.Context(), h.owner, h.room.SID, db.Page{Size: 10})
		if err != nil || len(page.Items) != 1 || page.Items[0].Status() != "undelivered" || page.Items[0].Data().ChannelSID != h.room.SID {
			t.Errorf("list %+v %v", page.Items, err)
		}
		stranger := h.owner
		stranger.Role, stranger.Identity = account.RoleAgent, "bert"
		if _, err := h.List(t.Context(), stranger, h.room.SID, db.Page{Size: 10}); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("somebody outside the channel: %v", err)
		}
		if err := h.chat.DeleteChannel(t.Context(), h.owner, chat.Place{Channel: string(h.room.SID)}); err != nil {
			t.Fatal(err)
		}
		h.move(message, first, "read", 0, "") // the channel is gone
		for more := true; more; {
			if more, err = h.chat.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		h.do(func(tx *db.Tx) error {
			if known, err := h.KnownTx(tx, h.owner.Account, message); err != nil || known {
				t.Errorf("a delivery outlives its channel: %v %v", known, err)
			}
			return nil
		})
	})
}

func TestDelivery_thatCannotBe(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t))
	h.do(func(tx *db.Tx) error {
		return h.NoteTx(tx, &h.room, sid.New(sid.Message), 0, delivery.Document{Code: 21610, Reason: "opted out"})
	})
	if got := h.told[0]; got.Status != delivery.Failed || *got.ErrorCode != 21610 || len(got.Messages) != 0 {
		t.Errorf("told %+v", got)
	}
}
