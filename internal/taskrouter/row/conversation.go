package row

import (
	"encoding/json"
	"errors"
	"time"

	"usher/internal/attr"
	"usher/internal/db"
	"usher/internal/sid"
)

// ConversationOf is the chat channel that a task's attributes name, nil for none.
// Source: channelSid, as the original's flows write it and its desks read it.
func ConversationOf(attributes json.RawMessage) *string {
	s := attr.String(attributes, "channelSid")
	if !sid.Valid(s, sid.Channel) {
		return nil
	}
	return &s
}

// Talk is what a task says of its conversation.
type Talk struct {
	SID     sid.SID
	Account int64
	Status  TaskStatus
	// Conversation is the chat channel; "" when the task has none, or none any more.
	Conversation sid.SID
	Ended        time.Time
}

// Talks reads what tasks say of their conversations, by their SIDs. What is not there has no task.
func Talks(tx *db.Tx, tasks []sid.SID) (map[sid.SID]Talk, error) {
	all := make(map[sid.SID]Talk, len(tasks))
	return all, talks(tx, "sid in ", tasks, func(t Talk) { all[t.SID] = t })
}

// LiveTalks finds the newest live task, wrapping up apart, of each of some chat channels, by the channels' SIDs.
func LiveTalks(tx *db.Tx, channels []sid.SID) (map[sid.SID]Talk, error) {
	all := make(map[sid.SID]Talk, len(channels))
	return all, talks(tx, "live = 1 and status <> 'wrapping' and conversation_sid is not null and conversation_sid in ", channels, func(t Talk) {
		if t.SID > all[t.Conversation].SID {
			all[t.Conversation] = t
		}
	})
}

func talks(tx *db.Tx, where string, sids []sid.SID, found func(Talk)) error {
	if len(sids) == 0 {
		return nil
	}
	args := make([]any, 0, len(sids))
	for _, s := range sids {
		args = append(args, string(s))
	}
	args = db.Pad(args)
	rows, err := tx.Query("select sid, account_id, status, coalesce(conversation_sid, ''), ended_at from taskrouter_task where "+where+
		"("+db.In(1, len(args))+")", args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		var t Talk
		var ended int64
		if err := rows.Scan(&t.SID, &t.Account, &t.Status, &t.Conversation, &ended); err != nil {
			return errors.Join(err, rows.Close())
		}
		t.Ended = db.FromMicros(ended)
		found(t)
	}
	return errors.Join(rows.Err(), rows.Close())
}
