// Package purge deletes, in bounded batches, what removed channels and services left behind.
package purge

import (
	"errors"
	"fmt"
	"time"

	"usher/internal/db"
	"usher/internal/media"
)

// How many rows one transaction of a removal deletes: with the removal itself, and in a later batch. Both keep the writer for
// some milliseconds.
const (
	AtOnce = 500
	batch  = 500
)

// webhooksKept is how long the webhooks of a removed channel stay: they are told of its end.
const webhooksKept = 24 * time.Hour

// Batch deletes one batch and reports whether there may be more.
func Batch(tx *db.Tx) (more bool, err error) {
	var id int64
	err = tx.QueryRow(`select id from chat_channel where removed = 1 order by id limit 1` + tx.SkipLocked()).Scan(&id)
	if err == nil {
		_, err = Channel(tx, id, batch)
		return true, err
	}
	if !errors.Is(err, db.ErrNotFound) {
		return false, fmt.Errorf("purge: %w", err)
	}
	err = tx.QueryRow(`select id from chat_service where removed = 1 order by id limit 1` + tx.SkipLocked()).Scan(&id)
	if err == nil {
		return true, service(tx, id, batch)
	}
	if !errors.Is(err, db.ErrNotFound) {
		return false, fmt.Errorf("purge: %w", err)
	}
	n, err := tx.Exec(`delete from chat_webhook where id in (select id from chat_webhook where removed > 0 and removed < $1 limit $2)`,
		db.Micros(tx.Now.Add(-webhooksKept)), batch)
	return n > 0, err
}

// Channel deletes up to limit messages of a removed channel, and the
// channel with the last of them.
func Channel(tx *db.Tx, id int64, limit int64) (done bool, err error) {
	n, err := tx.Exec(`delete from chat_message where id in (select id from chat_message where channel_id = $1 limit $2)`, id, limit)
	if err != nil {
		return false, fmt.Errorf("purge channel %d: %w", id, err)
	}
	if n == limit {
		return false, nil
	}
	if err := media.ReleaseChannel(tx, id); err != nil {
		return false, err
	}
	for _, statement := range []string{
		`delete from chat_member where channel_id = $1`, `delete from chat_invite where channel_id = $1`, `delete from chat_delivery where channel_id = $1`,
	} {
		if _, err := tx.Exec(statement, id); err != nil {
			return false, fmt.Errorf("purge channel %d: %w", id, err)
		}
	}
	_, err = tx.Exec(`delete from chat_channel where id = $1 and removed = 1`, id)
	return true, err
}

// service marks a batch of a removed service's channels as removed, then
// deletes its users and roles, and at last the service.
func service(tx *db.Tx, id int64, limit int64) error {
	for _, statement := range []string{
		`update chat_channel set removed = 1, unique_hash = null where id in
			(select id from chat_channel where service_id = $1 and removed = 0 limit $2)`,
		`delete from chat_binding where id in (select id from chat_binding where service_id = $1 limit $2)`,
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
