package connection

import (
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

// LeaseFor is how long a process keeps a connection's link without renewing: when it dies, another takes over after so long.
const LeaseFor = 30 * time.Second

// problemMost bounds what is kept of a problem, in bytes.
const problemMost = 255

// Claim takes or renews the lease on a connection's link for an owner; false says that another process has it.
func (c *Connections) Claim(ctx context.Context, id int64, owner string) (mine bool, err error) {
	err = c.db.Do(ctx, func(tx *db.Tx) error {
		n, err := tx.Exec(`insert into messaging_link (connection_id, owner, lease_until, up, since, problem) values ($1, $2, $3, 0, 0, '')
			on conflict (connection_id) do update set owner = $2, lease_until = $3
			where messaging_link.owner = $2 or messaging_link.lease_until <= $4`,
			id, owner, db.Micros(tx.Now.Add(LeaseFor)), db.Micros(tx.Now))
		mine = n > 0
		return err
	})
	return mine, err
}

// Release gives a lease back.
func (c *Connections) Release(ctx context.Context, id int64, owner string) error {
	return c.db.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("update messaging_link set owner = '', lease_until = 0 where connection_id = $1 and owner = $2", id, owner)
		return err
	})
}

// Report keeps how a connection stands. h.Since counts only where it changes from up to down or back; zero is now.
func (c *Connections) Report(ctx context.Context, id int64, h carry.Health) error {
	if len(h.Problem) > problemMost {
		h.Problem = h.Problem[:problemMost]
	}
	up := int64(0)
	if h.Up {
		up = 1
	}
	return c.db.Do(ctx, func(tx *db.Tx) error {
		if h.Since.IsZero() {
			h.Since = tx.Now
		}
		_, err := tx.Exec(`insert into messaging_link (connection_id, owner, lease_until, up, since, problem) values ($1, '', 0, $2, $3, $4)
			on conflict (connection_id) do update set
			since = case when messaging_link.up = $2 and messaging_link.since > 0 then messaging_link.since else $3 end, up = $2, problem = $4`,
			id, up, db.Micros(h.Since), h.Problem)
		return err
	})
}

// Health says how a connection stands, as its processes have reported; the zero Health when nothing was tried yet.
func (c *Connections) Health(ctx context.Context, actor account.Actor, s sid.SID) (h carry.Health, err error) {
	if err := allow(actor); err != nil {
		return h, err
	}
	err = c.db.View(ctx, func(tx *db.Tx) error {
		v, err := c.GetTx(tx, actor.Account, s)
		if err != nil {
			return err
		}
		var up, since int64
		err = tx.QueryRow("select up, since, problem from messaging_link where connection_id = $1", v.ID).Scan(&up, &since, &h.Problem)
		h.Up, h.Since = up != 0, db.FromMicros(since)
		if errors.Is(err, db.ErrNotFound) {
			return nil
		}
		return err
	})
	return h, err
}

// Line names where something came from.
type Line struct {
	Account    int64
	Connection sid.SID
}
