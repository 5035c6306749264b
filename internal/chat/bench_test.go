package chat

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/seal"
)

// benchWorld is a world on an SQLite file that a benchmark owns.
func benchWorld(b *testing.B) *world {
	b.Helper()
	root, err := seal.CreateRoot(filepath.Join(b.TempDir(), "root.key"))
	if err != nil {
		b.Fatal(err)
	}
	d, err := db.Open(ctx(), db.Options{URL: filepath.Join(b.TempDir(), "usher.db"), Ring: seal.New(root)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.Close() })
	return newWorld(b, d)
}

// BenchmarkSend is the durable message: 100 senders in 50 channels of two
// members, 500 bytes, SQLite with synchronous=FULL, encryption on.
func BenchmarkSend(b *testing.B) {
	w := benchWorld(b)
	var rooms []Channel
	for range 50 {
		rooms = append(rooms, w.channel("ada", "bob"))
	}
	text := strings.Repeat("x", 500)
	actors := []account.Actor{w.as(account.RoleVisitor, "ada"), w.as(account.RoleAgent, "bob")}
	var next atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	var wait sync.WaitGroup
	for i := range 100 {
		wait.Go(func() {
			ch, actor := rooms[i/2].SID, actors[i%2]
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if _, _, err := w.Send(ctx(), actor, ch, NewMessage{Body: text, ClientID: fmt.Sprint("client-", n)}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkHistory reads the last 50 messages of a channel; the cost must not
// depend on how many there are.
func BenchmarkHistory(b *testing.B) {
	for _, size := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			w := benchWorld(b)
			ch := fill(w, size)
			ada := w.as(account.RoleVisitor, "ada")
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				list, err := w.History(ctx(), ada, ch.SID, nil, 50)
				if err != nil || len(list) != 50 || list[49].Index != int64(size)-1 {
					b.Fatal(len(list), err)
				}
			}
		})
	}
}

// fill makes a channel with this many messages.
func fill(w *world, size int) Channel {
	ch := w.channel("ada", "bob")
	text := strings.Repeat("x", 500)
	for done := 0; done < size; {
		w.do(func(tx *db.Tx) error {
			c := ch
			for range min(1000, size-done) {
				if _, _, err := w.SendTx(tx, &c, NewMessage{Author: "ada", Body: text}); err != nil {
					return err
				}
			}
			return nil
		})
		done += min(1000, size-done)
	}
	return ch
}

// BenchmarkRead moves a read horizon.
func BenchmarkRead(b *testing.B) {
	w := benchWorld(b)
	ch := w.channel("ada", "bob")
	w.do(func(tx *db.Tx) error {
		_, err := tx.Exec(`update chat_channel set last_index = 1000000000 where id = $1`, ch.ID)
		return err
	})
	ada := w.as(account.RoleVisitor, "ada")
	b.ResetTimer()
	for n := range b.N {
		if err := w.Read(ctx(), ada, ch.SID, int64(n)); err != nil {
			b.Fatal(err)
		}
	}
}
