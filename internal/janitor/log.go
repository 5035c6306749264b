package janitor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Entry is a line of the janitor's log: what it decided about a channel or an execution, when and why. It holds nothing that a person
// wrote.
type Entry struct {
	ID      int64
	Account int64
	At      time.Time
	// Channel is the chat channel, "" where an execution has none; Flow the Flex Flow; Task the task that the channel had.
	Channel, Flow, Task sid.SID
	// Execution is the execution that was ended.
	Execution sid.SID
	Verdict   Verdict
	Reason    Reason
}

// write keeps an entry.
func (e Entry) write(tx *db.Tx) error {
	_, err := tx.Exec(`insert into janitor_verdict (account_id, at, channel_sid, flow_sid, task_sid, execution_sid, verdict, reason)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		e.Account, db.Micros(tx.Now), string(e.Channel), string(e.Flow), string(e.Task), string(e.Execution), string(e.Verdict), string(e.Reason))
	if err != nil {
		return fmt.Errorf("janitor's log: %w", err)
	}
	return nil
}

// Log lists what the janitor decided in the actor's account, the newest first; of one channel when channel is not empty.
func (jn *Janitor) Log(ctx context.Context, actor account.Actor, channel sid.SID, p db.Page) (page db.PageOf[Entry], err error) {
	if !actor.Can(account.FlexManage) {
		return page, fault.Forbidden("")
	}
	after, err := strconv.ParseInt(p.After, 10, 64)
	if err != nil && p.After != "" {
		return page, fault.Invalid("Invalid page token")
	}
	if after == 0 {
		after = 1<<63 - 1
	}
	err = jn.db.View(ctx, func(tx *db.Tx) error {
		page = db.PageOf[Entry]{}
		where, args := "", []any{actor.Account, after, p.Size + 1}
		if channel != "" {
			where, args = " and channel_sid = $4", append(args, string(channel))
		}
		rows, err := tx.Query(`select id, account_id, at, channel_sid, flow_sid, task_sid, execution_sid, verdict, reason from janitor_verdict
			where account_id = $1 and id < $2`+where+` order by id desc limit $3`, args...)
		if err != nil {
			return err
		}
		for rows.Next() {
			var e Entry
			var at int64
			if err := rows.Scan(&e.ID, &e.Account, &at, &e.Channel, &e.Flow, &e.Task, &e.Execution, &e.Verdict, &e.Reason); err != nil {
				return errors.Join(err, rows.Close())
			}
			e.At = db.FromMicros(at)
			page.Items = append(page.Items, e)
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	if len(page.Items) > p.Size {
		page.Items = page.Items[:p.Size]
		page.Next = strconv.FormatInt(page.Items[p.Size-1].ID, 10)
	}
	return page, err
}
