package dbtest

import (
	"testing"

	"usher/internal/db"
)

func TestEachIsFresh(t *testing.T) {
	t.Parallel()
	for range 3 {
		Each(t, func(t *testing.T, d *db.DB) {
			var dialect string
			err := d.Do(t.Context(), func(tx *db.Tx) error {
				if _, err := tx.Exec("create table mine (id bigint)"); err != nil {
					return err
				}
				return tx.QueryRow("select 'yes'").Scan(&dialect)
			})
			if err != nil || dialect != "yes" {
				t.Errorf("a table of one test is in the way of another: %v", err)
			}
		})
	}
}
