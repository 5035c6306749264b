package chat

import (
	"context"
	"fmt"

	"usher/internal/db"
)

// How many rows one transaction of a removal deletes: with the removal itself,
// and in a batch of Purge. Both keep the writer for some milliseconds.
const (
	purgeAtOnce = 500
	purgeBatch  = 500
)

// Purge deletes one batch of what removed channels and services left behind,
// and reports whether there may be more. A sweep calls it until there is not.
func (c *Chat) Purge(ctx context.Context) (more bool, err error) {
	err = c.db.Do(ctx, func(tx *db.Tx) error {
		more = false
		var id int64
		err := tx.QueryRow(`select id from chat_channel where removed = 1 order by id limit 1` + tx.SkipLocked()).Scan(&id)
		if err == nil {
			more = true
			_, err = purgeChannel(tx, id, purgeBatch)
			return err
		}
		if !isMissing(err) {
			return fmt.Errorf("purge: %w", err)
		}
		err = tx.QueryRow(`select id from chat_service where removed = 1 order by id limit 1` + tx.SkipLocked()).Scan(&id)
		if isMissing(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("purge: %w", err)
		}
		more = true
		return purgeService(tx, id, purgeBatch)
	})
	return more, err
}

// purgeChannel deletes up to limit messages of a removed channel, and the
// channel with the last of them.
func purgeChannel(tx *db.Tx, id int64, limit int64) (done bool, err error) {
	n, err := tx.Exec(`delete from chat_message where id in (select id from chat_message where channel_id = $1 limit $2)`, id, limit)
	if err != nil {
		return false, fmt.Errorf("purge channel %d: %w", id, err)
	}
	if n == limit {
		return false, nil
	}
	if _, err := tx.Exec(`delete from chat_member where channel_id = $1`, id); err != nil {
		return false, fmt.Errorf("purge channel %d: %w", id, err)
	}
	_, err = tx.Exec(`delete from chat_channel where id = $1 and removed = 1`, id)
	return true, err
}

// purgeService marks a batch of a removed service's channels as removed, then
// deletes its users and roles, and at last the service.
func purgeService(tx *db.Tx, id int64, limit int64) error {
	for _, statement := range []string{
		`update chat_channel set removed = 1, unique_hash = null where id in
			(select id from chat_channel where service_id = $1 and removed = 0 limit $2)`,
		`delete from chat_user where id in (select id from chat_user where service_id = $1 limit $2)`,
		`delete from chat_role where id in (select id from chat_role where service_id = $1 limit $2)`,
	} {
		n, err := tx.Exec(statement, id, limit)
		if err != nil {
			return fmt.Errorf("purge service %d: %w", id, err)
		}
		if n > 0 {
			return nil
		}
	}
	_, err := tx.Exec(`delete from chat_service where id = $1 and removed = 1`, id)
	return err
}
