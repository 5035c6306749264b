package db_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"usher/internal/db"
	"usher/internal/seal"
)

// steady is things of which the writer remembers what it has read.
func steady() *db.Table[thing] {
	tb := things()
	tb.Steady = true
	return tb
}

// agree compares what a steady table answers with what the database holds.
func agree(tx *db.Tx, account int64, name string) error {
	for _, ask := range []struct {
		where string
		args  []any
	}{
		{"name = $1", []any{name}},
		{"account_id = $1 and amount > $2 order by id", []any{account, 3}},
		{"id in (select id from thing where switched_on = 1) order by id", nil},
	} {
		want, err := things().Find(tx, ask.where, ask.args...)
		if err != nil {
			return err
		}
		for range 2 {
			got, err := steady().Find(tx, ask.where, ask.args...)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.AllowUnexported(thing{})); diff != "" {
				return fmt.Errorf("%s (-there +answered):\n%s", ask.where, diff)
			}
		}
	}
	return nil
}

var errUndo = errors.New("on purpose")

// disturb changes the table in a way that chance chooses.
func disturb(tx *db.Tx, tb *db.Table[thing], account int64, name string, chance *rand.Rand) error {
	found, err := tb.Find(tx, "name = $1", name)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		v := newThing(account, name)
		return tb.Insert(tx, &v)
	}
	v := &found[0]
	switch chance.IntN(5) {
	case 0:
		return tb.Delete(tx, v)
	case 1:
		v.Count, v.On, v.Secret = chance.Int64N(9), !v.On, fmt.Sprint(chance.Int())
		return tb.Update(tx, v)
	case 2:
		_, err := tx.Exec("update thing set amount = amount + 1 where name = $1", name)
		return err
	case 3:
		var amount int64
		return tx.Returning("update thing set amount = amount + 2 where id = $1 returning amount", []any{v.ID}, &amount)
	}
	return nil
}

func TestSteady_answersWhatIsThere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, _ *db.Table[thing], account int64) {
		if d.Dialect() == "postgres" {
			return // nothing is remembered there, and two questions of one transaction may see different rows
		}
		var all sync.WaitGroup
		for worker := range 4 {
			all.Go(func() {
				chance := rand.New(rand.NewPCG(7, uint64(worker)))
				name := fmt.Sprintf("thing %d", worker)
				for range 120 {
					undo := chance.IntN(4) == 0
					err := d.Do(t.Context(), func(tx *db.Tx) error {
						if err := agree(tx, account, name); err != nil {
							return err
						}
						if err := disturb(tx, steady(), account, name, chance); err != nil {
							return err
						}
						if err := agree(tx, account, name); err != nil {
							return err
						}
						if undo {
							return errUndo
						}
						return nil
					})
					if err != nil && !(undo && errors.Is(err, errUndo)) && !errors.Is(err, db.ErrConflict) {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
	})
}

func TestSteady_seesWhatAnotherProcessWrites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := seal.CreateRoot(filepath.Join(dir, "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	open := func() *db.DB {
		d, err := db.Open(t.Context(), db.Options{URL: filepath.Join(dir, "usher.db"), Ring: seal.New(root)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	one, two := open(), open()
	do := func(d *db.DB, fn func(tx *db.Tx) error) {
		t.Helper()
		if err := d.Do(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	var account int64
	do(one, func(tx *db.Tx) (err error) {
		if _, err = tx.Exec(`create table thing (id integer primary key, sid text, account_id bigint, key_id bigint, version bigint, created_at bigint,
			updated_at bigint, doc blob, name text unique, switched_on bigint, amount bigint, at bigint, maybe bigint, hash blob)`); err != nil {
			return err
		}
		account, err = db.CreateKeyset(tx)
		return err
	})
	for i := range 5 {
		do(two, func(tx *db.Tx) error { return disturb(tx, steady(), account, "a", rand.New(rand.NewPCG(1, uint64(i)))) })
		do(one, func(tx *db.Tx) error { return agree(tx, account, "a") })
	}
}

func TestSteady_aDestroyedKeyIsDestroyed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, _ *db.Table[thing], account int64) {
		v := newThing(account, "sealed for a customer")
		do := func(fn func(tx *db.Tx) error) error { return d.Do(t.Context(), fn) }
		read := func(tx *db.Tx) error {
			_, err := steady().Get(tx, account, v.SID)
			return err
		}
		err := do(func(tx *db.Tx) (err error) {
			if v.Key, err = db.CreateDataKey(tx, account); err != nil {
				return err
			}
			return steady().Insert(tx, &v)
		})
		if err := errors.Join(err, do(read), do(read)); err != nil {
			t.Fatal(err)
		}
		if err := do(func(tx *db.Tx) error { return db.DestroyDataKey(tx, account, v.Key) }); err != nil {
			t.Fatal(err)
		}
		if err := do(read); !errors.Is(err, seal.ErrDestroyed) {
			t.Errorf("read after the key was destroyed: %v", err)
		}
	})
}
