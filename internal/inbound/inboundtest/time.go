package inboundtest

import (
	"context"
	"time"

	"usher/internal/db"
	"usher/internal/sid"
)

// Age lets time pass steadily: everything that the janitor knows of lies further back by d.
func (w *World) Age(d time.Duration) {
	w.T.Helper()
	w.Do(func(tx *db.Tx) error {
		for _, statement := range []string{
			"update flex_channel set created_at = created_at - $1, updated_at = updated_at - $1",
			"update flex_channel set check_at = check_at - $1 where check_at > 0",
			"update flex_channel set closed_at = closed_at - $1 where closed_at > 0",
			"update chat_message set created_at = created_at - $1, updated_at = updated_at - $1",
			"update studio_execution set created_at = created_at - $1, updated_at = updated_at - $1",
			"update studio_execution set ended_at = ended_at - $1 where ended_at > 0",
			"update taskrouter_task set ended_at = ended_at - $1 where ended_at > 0",
			"update janitor_verdict set at = at - $1",
		} {
			if _, err := tx.Exec(statement, d.Microseconds()); err != nil {
				return err
			}
		}
		return nil
	})
}

// Jump sets the wall clock forward by d, or back: everything lies further back, the janitor's last look as well, and nobody has lived
// through the time between.
func (w *World) Jump(d time.Duration) {
	w.T.Helper()
	w.Age(d)
	w.Do(func(tx *db.Tx) error {
		_, err := tx.Exec("update janitor_clock set seen_at = seen_at - $1", d.Microseconds())
		return err
	})
}

// Sweep lets the janitor sweep once and runs what follows.
func (w *World) Sweep() {
	w.T.Helper()
	if err := w.Janitor.Sweep(context.Background()); err != nil {
		w.T.Fatal(err)
	}
	w.Pump()
}

// Verdicts lists what the janitor decided about a channel, the oldest first, as "verdict reason"; about everything when it is empty.
func (w *World) Verdicts(channel sid.SID) (list []string) {
	w.T.Helper()
	page, err := w.Janitor.Log(context.Background(), w.Owner, channel, db.Page{Size: 1000})
	if err != nil {
		w.T.Fatal(err)
	}
	for i := len(page.Items) - 1; i >= 0; i-- {
		e := page.Items[i]
		list = append(list, string(e.Verdict)+" "+string(e.Reason))
	}
	return list
}

// Vanish removes a task without a word, as what deletes workspaces does.
func (w *World) Vanish(task sid.SID) {
	w.T.Helper()
	w.Do(func(tx *db.Tx) error {
		_, err := tx.Exec("delete from taskrouter_task where sid = $1", string(task))
		return err
	})
}
