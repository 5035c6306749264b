package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/flex"
	"usher/internal/janitor"
	"usher/internal/job"
	"usher/internal/seal"
	"usher/internal/sid"
	"usher/internal/studio"
)

// sweepHouse is a janitor over many channels, in this process.
type sweepHouse struct {
	db      *db.DB
	chat    *chat.Chat
	janitor *janitor.Janitor
	actor   account.Actor
	rooms   []sid.SID // in which people write meanwhile
}

// sweeps times the janitor: a sweep that finds nothing due among b.channels open channels, and one that closes half of them while
// people write.
func (b *bench) sweeps(ctx context.Context) error {
	h, err := b.sweepHouse(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = h.db.Close() }()
	var idle []time.Duration
	for range 50 {
		began := time.Now()
		if err := h.janitor.Sweep(ctx); err != nil {
			return err
		}
		idle = append(idle, time.Since(began))
	}
	slices.Sort(idle)
	b.add(fmt.Sprintf("janitor: nothing due at %d channels, p50", b.channels), f2(quantile(idle, 0.5))+" ms", "", "", "≤ 5 ms", quantile(idle, 0.5) <= 5)
	calm := h.write(ctx, func() { sleep(ctx, b.length) })
	err = h.db.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("update flex_channel set check_at = 1, updated_at = updated_at - $1 where id % 2 = 0", (48 * time.Hour).Microseconds())
		return err
	})
	if err != nil {
		return err
	}
	var took time.Duration
	var failed error
	busy := h.write(ctx, func() {
		began := time.Now()
		failed = h.janitor.Sweep(ctx)
		took = time.Since(began)
	})
	if failed != nil {
		return failed
	}
	rate := float64(b.channels/2) / took.Seconds()
	ratio := quantile(busy, 0.99) / quantile(calm, 0.99)
	b.add(fmt.Sprintf("janitor: %d due channels closed, durable, /s", b.channels/2), f0(rate), "", "", "≥ 10,000", rate >= 10_000)
	b.add("message p99 at 500/s meanwhile (bound: without)", f2(quantile(busy, 0.99))+" ms", f2(quantile(calm, 0.99))+" ms", f2(ratio), "≤ 2", ratio <= 2)
	b.add("longest wait of a message for the writer meanwhile", f2(quantile(busy, 1))+" ms", f2(quantile(calm, 1))+" ms", "", "≤ 20 ms", quantile(busy, 1) <= 20)
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// write sends 500 messages a second until while returns, and answers how long each took, sorted.
func (h *sweepHouse) write(ctx context.Context, while func()) []time.Duration {
	var mu sync.Mutex
	var all []time.Duration
	stop := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			running.Go(func() {
				began := time.Now()
				if _, _, err := h.chat.Send(ctx, h.actor, h.rooms[i%len(h.rooms)], chat.NewMessage{Author: "ada", Body: "hello"}); err != nil {
					return
				}
				mu.Lock()
				all = append(all, time.Since(began))
				mu.Unlock()
			})
		}
	})
	while()
	close(stop)
	running.Wait()
	slices.Sort(all)
	return all
}

func (b *bench) sweepHouse(ctx context.Context) (*sweepHouse, error) {
	dir := filepath.Join(b.dir, "sweep")
	root, err := seal.CreateRoot(filepath.Join(b.dir, "sweep.key"))
	if err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, db.Options{URL: filepath.Join(dir, "usher.db"), Ring: seal.New(root)})
	if err != nil {
		return nil, err
	}
	events := bus.NewMemory()
	h := &sweepHouse{db: d, chat: chat.New(chat.Deps{DB: d, Log: event.New(d, events, job.New(d, events), nil, nil), Ring: d.Ring()})}
	f := flex.New(d)
	h.janitor = janitor.New(janitor.Deps{Flex: f, Chat: h.chat, Studio: studio.New(d)})
	var acct int64
	if err := d.Do(ctx, func(tx *db.Tx) (err error) { acct, err = db.CreateKeyset(tx); return err }); err != nil {
		return nil, err
	}
	h.actor = account.System(acct, sid.New(sid.Account))
	service, err := h.chat.CreateService(ctx, h.actor, chat.NewService{FriendlyName: "Support"})
	if err != nil {
		return nil, err
	}
	flow, err := f.CreateFlow(ctx, h.actor, flex.FlowChange{
		FriendlyName: new("Web"), ChatService: &service.SID, ChannelType: new("web"), IntegrationType: new(flex.External),
		Integration: flex.IntegrationChange{URL: new("https://bot.example/")}, Janitor: new(true),
	})
	if err != nil {
		return nil, err
	}
	const group = 1000
	for done := 0; done < b.channels+50 && ctx.Err() == nil; done += group {
		err := d.Do(ctx, func(tx *db.Tx) error {
			for i := range group {
				ch, err := h.chat.CreateChannelTx(tx, service, chat.NewChannel{Attributes: `{"task_sid":null,"from":"Ada","channel_type":"web","status":"ACTIVE","long_lived":false}`, Private: true})
				if err != nil {
					return err
				}
				if len(h.rooms) < 50 {
					h.rooms = append(h.rooms, ch.SID)
					continue
				}
				c := flex.Channel{
					Row: db.Row{SID: ch.SID, Account: acct}, FlowID: flow.ID, ContactID: int64(done + i + 1), Open: true, Web: true,
					ChannelDocument: flex.ChannelDocument{Flow: flow.SID, Service: service.SID, Identity: "ada", ChannelType: "web"},
				}
				if err := f.CreateChannelTx(tx, &c); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return h, ctx.Err()
}
