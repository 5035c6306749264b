package media

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/blob"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/fault"
	"usher/internal/sid"
)

// world is a store with an account, a service, a contact's key and one channel that only "ada" sees.
type world struct {
	*Store
	t       *testing.T
	folder  string
	acct    int64
	key     int64
	service sid.SID
	channel sid.SID
	owner   account.Actor
	scan    *scanner
}

// scanner finds what says "virus", or answers nothing.
type scanner struct {
	mu   sync.Mutex
	down bool
}

type scan struct {
	s    *scanner
	seen bytes.Buffer
}

func (s *scanner) Begin(context.Context) (Scan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil, errors.New("nobody answers")
	}
	return &scan{s: s}, nil
}

func (s *scan) Write(p []byte) (int, error) { return s.seen.Write(p) }
func (s *scan) Close() error                { return nil }
func (s *scan) Verdict() error {
	switch {
	case bytes.Contains(s.seen.Bytes(), []byte("virus")):
		return ErrInfected
	case bytes.Contains(s.seen.Bytes(), []byte("crash")):
		return errors.New("the scanner has died")
	}
	return nil
}

func (w *world) Uploader(_ context.Context, actor account.Actor, service sid.SID) (int64, error) {
	if actor.Account != w.acct || service != w.service {
		return 0, fault.NotFound("/Services/" + string(service))
	}
	if actor.Identity == "" {
		return 0, nil
	}
	return w.key, nil
}

func (w *world) Sees(_ context.Context, actor account.Actor, channel sid.SID) error {
	if actor.Can(account.ChatWrite) || channel == w.channel && actor.Identity == "ada" {
		return nil
	}
	return fault.NotFound("/Channels/" + string(channel))
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := &world{t: t, folder: t.TempDir(), service: sid.New(sid.ChatService), channel: sid.New(sid.Channel), scan: &scanner{}}
		blobs, err := blob.Open(blob.Options{Folder: w.folder})
		if err != nil {
			t.Fatal(err)
		}
		w.Store = New(Deps{DB: d, Blobs: blobs, Scanner: w.scan, Rules: Rules{MaxBytes: 1 << 20, VisitorBytes: 1 << 18}})
		w.Admit(w)
		w.do(func(tx *db.Tx) (err error) {
			if w.acct, err = db.CreateKeyset(tx); err != nil {
				return err
			}
			w.key, err = db.CreateDataKey(tx, w.acct)
			return err
		})
		w.owner = account.Actor{Account: w.acct, Role: account.RoleOwner}
		fn(t, w)
	})
}

func (w *world) do(fn func(tx *db.Tx) error) {
	w.t.Helper()
	if err := w.db.Do(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) as(role account.Role, identity string) account.Actor {
	return account.Actor{Account: w.acct, Role: role, Identity: identity, ChatService: w.service}
}

func (w *world) upload(actor account.Actor, n NewMedia, body string) Media {
	w.t.Helper()
	if n.Size == 0 {
		n.Size = -1
	}
	m, err := w.Upload(w.t.Context(), actor, w.service, n, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *world) attachment(m Media, by string) Attachment {
	return Attachment{
		Account: w.acct, Media: m.SID, Service: w.service, Channel: w.channel, ChannelID: 7, Message: sid.New(sid.Message), Key: w.key, By: by,
	}
}

func (w *world) attach(m Media) {
	w.t.Helper()
	w.do(func(tx *db.Tx) error { _, err := w.Attach(tx, w.attachment(m, "")); return err })
}

// kept counts the files of the store.
func (w *world) kept() int {
	list, _ := filepath.Glob(filepath.Join(w.folder, "*", "*"))
	return len(list)
}

func (w *world) sweep() {
	w.t.Helper()
	for more := true; more; {
		var err error
		if more, err = w.Sweep(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// age makes a file older.
func (w *world) age(m sid.SID, by time.Duration) {
	w.do(func(tx *db.Tx) error {
		_, err := tx.Exec(`update media set created_at = created_at - $2 where sid = $1`, string(m), by.Microseconds())
		return err
	})
}

func wantCode(t *testing.T, err error, code int, what string) {
	t.Helper()
	if got := fault.Of(err); err == nil || got.Code != code {
		t.Errorf("%s: %v, want %d", what, err, code)
	}
}

func TestUpload_isReadBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ada := w.as(account.RoleVisitor, "ada")
		text := strings.Repeat("some words of a letter\n", 9000)
		m := w.upload(ada, NewMedia{Filename: "letter.txt", ContentType: "text/plain; charset=utf-8"}, text)
		got, err := w.Get(t.Context(), ada, w.service, m.SID)
		if err != nil || got.Filename != "letter.txt" || got.ContentType != "text/plain" || got.Size != int64(len(text)) || got.Category != "media" {
			t.Fatalf("%+v %v", got, err)
		}
		r, err := w.Open(t.Context(), got)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for _, at := range []int{0, 150_000, 10, len(text) - 5, len(text)} {
			if _, err := r.Seek(int64(at), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(r); err != nil || string(rest) != text[at:] {
				t.Errorf("from %d: %d bytes, %v", at, len(rest), err)
			}
		}
		if _, err := r.Seek(-1, io.SeekStart); err == nil {
			t.Error("a place before the beginning can be reached")
		}
		raw, err := os.ReadFile(filepath.Join(w.folder, strings.ToLower(string(m.SID[32:])), string(m.SID)))
		if err != nil || bytes.Contains(raw, []byte("words of a letter")) {
			t.Errorf("the file on the disk shows what it holds: %v", err)
		}
	})
}

func TestGet_whoMay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ada, bob := w.as(account.RoleVisitor, "ada"), w.as(account.RoleVisitor, "bob")
		m := w.upload(bob, NewMedia{}, "body")
		elsewhere := w.owner
		elsewhere.Account++
		for name, try := range map[string]struct {
			actor   account.Actor
			service sid.SID
			ok      bool
		}{
			"uploader": {bob, w.service, true}, "account": {w.owner, w.service, true}, "another": {ada, w.service, false},
			"agent": {w.as(account.RoleAgent, "carol"), w.service, false}, "another account": {elsewhere, w.service, false},
			"another service": {bob, sid.New(sid.ChatService), false}, "nobody": {w.as(account.RoleVisitor, ""), w.service, false},
		} {
			if _, err := w.Get(t.Context(), try.actor, try.service, m.SID); (err == nil) != try.ok {
				t.Errorf("waiting, %s: %v", name, err)
			} else if err != nil {
				wantCode(t, err, 50507, name)
			}
		}
		w.attach(m)
		for name, try := range map[string]struct {
			actor account.Actor
			ok    bool
		}{"member": {ada, true}, "account": {w.owner, true}, "uploader who left": {bob, false}} {
			if _, err := w.Get(t.Context(), try.actor, w.service, m.SID); (err == nil) != try.ok {
				t.Errorf("attached, %s: %v", name, err)
			}
		}
		_, err := w.Get(t.Context(), w.owner, w.service, "ME")
		wantCode(t, err, 50507, "no SID")
		if _, err := w.Find(t.Context(), w.service, m.SID); err != nil {
			t.Errorf("by a signed address: %v", err)
		}
		_, err = w.Find(t.Context(), sid.New(sid.ChatService), m.SID)
		wantCode(t, err, 50507, "a signed address of another service")
	})
}

func TestAttach(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.upload(w.as(account.RoleVisitor, "ada"), NewMedia{}, "body")
		for name, try := range map[string]struct {
			change func(a *Attachment)
			code   int
		}{
			"another's":       {func(a *Attachment) { a.By = "bob" }, 50507},
			"another service": {func(a *Attachment) { a.Service = sid.New(sid.ChatService) }, 50507},
			"another account": {func(a *Attachment) { a.Account++ }, 50507},
			"none":            {func(a *Attachment) { a.Media = sid.New(sid.Media) }, 50507},
		} {
			a := w.attachment(m, "ada")
			try.change(&a)
			err := w.db.Do(t.Context(), func(tx *db.Tx) error { _, err := w.Attach(tx, a); return err })
			wantCode(t, err, try.code, name)
		}
		w.attach(m)
		err := w.db.Do(t.Context(), func(tx *db.Tx) error { _, err := w.Attach(tx, w.attachment(m, "ada")); return err })
		wantCode(t, err, 50508, "twice")
	})
}

func TestUpload_refuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ada := w.as(account.RoleVisitor, "ada")
		broken := io.MultiReader(strings.NewReader(strings.Repeat("x", 5000)), &cutReader{})
		for name, try := range map[string]struct {
			actor   account.Actor
			service sid.SID
			n       NewMedia
			body    io.Reader
			code    int
		}{
			"announced too large": {ada, w.service, NewMedia{Size: 1<<18 + 1}, strings.NewReader("x"), 50512},
			"too large":           {ada, w.service, NewMedia{Size: -1}, strings.NewReader(strings.Repeat("x", 1<<18+1)), 50512},
			"a lie":               {ada, w.service, NewMedia{Size: 1}, strings.NewReader(strings.Repeat("x", 1<<18+1)), 50512},
			"another service":     {ada, sid.New(sid.ChatService), NewMedia{}, strings.NewReader("x"), 20404},
			"empty":               {ada, w.service, NewMedia{}, strings.NewReader(""), 20001},
			"category":            {ada, w.service, NewMedia{Category: "x"}, strings.NewReader("x"), 20001},
			"cut":                 {ada, w.service, NewMedia{Size: -1}, broken, 20001},
			"infected":            {ada, w.service, NewMedia{}, strings.NewReader("a virus"), 50511},
			"a scanner that dies": {ada, w.service, NewMedia{}, strings.NewReader("a crash"), 20503},
		} {
			_, err := w.Upload(t.Context(), try.actor, try.service, try.n, try.body)
			wantCode(t, err, try.code, name)
		}
		w.scan.down = true
		_, err := w.Upload(t.Context(), ada, w.service, NewMedia{}, strings.NewReader("x"))
		wantCode(t, err, 20503, "no scanner")
		w.scan.down = false
		if n := w.kept(); n != 0 {
			t.Errorf("%d files are kept", n)
		}
		if got := fault.Of(tooLarge(1)).Status(); got != 413 {
			t.Errorf("too large is %d", got)
		}
		w.upload(w.owner, NewMedia{}, strings.Repeat("x", 1<<19)) // the account may bring more than a visitor
		for range waitingMost {
			w.upload(ada, NewMedia{}, "x")
		}
		_, err = w.Upload(t.Context(), ada, w.service, NewMedia{}, strings.NewReader("x"))
		wantCode(t, err, fault.CodeTooMany, "many uploads without a message")
	})
}

// cutReader is a client that goes away.
type cutReader struct{}

func (*cutReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestRules(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ada := w.as(account.RoleVisitor, "ada")
		small, large, none := int64(10), int64(1<<21), int64(0)
		if _, err := w.SetRules(t.Context(), w.owner, w.service, RulesChange{VisitorBytes: &small, Types: []string{"text/*", "image/png"}}); err != nil {
			t.Fatal(err)
		}
		got, err := w.SetRules(t.Context(), w.owner, w.service, RulesChange{MaxBytes: &small})
		if err != nil || got.MaxBytes != 10 || got.VisitorBytes != 10 || len(got.Types) != 2 {
			t.Errorf("%+v %v", got, err)
		}
		for name, try := range map[string]struct {
			actor account.Actor
			ch    RulesChange
			code  int
		}{
			"a visitor": {ada, RulesChange{MaxBytes: &small}, 50107}, "too large": {w.owner, RulesChange{MaxBytes: &large}, 20001},
			"nothing": {w.owner, RulesChange{VisitorBytes: &none}, 20001}, "no type": {w.owner, RulesChange{Types: []string{"png"}}, 20001},
			"twice": {w.owner, RulesChange{Types: []string{"a/b", "a/b"}}, 20001}, "many": {w.owner, RulesChange{Types: make([]string, 65)}, 20001},
		} {
			_, err := w.SetRules(t.Context(), try.actor, w.service, try.ch)
			wantCode(t, err, try.code, name)
		}
		_, err = w.Upload(t.Context(), ada, w.service, NewMedia{}, strings.NewReader("more than ten"))
		wantCode(t, err, 50512, "too large for the service")
		_, err = w.Upload(t.Context(), ada, w.service, NewMedia{ContentType: "text/plain"}, strings.NewReader("%PDF-1.7"))
		wantCode(t, err, 50511, "a document that says it is text")
		w.upload(ada, NewMedia{}, "text")
	})
}

func TestSweep(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ada := w.as(account.RoleVisitor, "ada")
		fresh, forgotten, deleted, sent, purged := w.upload(ada, NewMedia{}, "1"), w.upload(ada, NewMedia{}, "2"),
			w.upload(ada, NewMedia{}, "3"), w.upload(ada, NewMedia{}, "4"), w.upload(ada, NewMedia{}, "5")
		w.age(forgotten.SID, waitingAtMost+time.Minute)
		for _, m := range []Media{deleted, sent, purged} {
			w.attach(m)
			w.age(m.SID, 1000*time.Hour)
		}
		w.do(func(tx *db.Tx) error {
			if _, err := tx.Exec(`update media set channel_id = 8 where sid = $1`, string(purged.SID)); err != nil {
				return err
			}
			return errors.Join(Release(tx, deleted.SID), ReleaseChannel(tx, 8))
		})
		// A crash after the row was written, and after the bytes were.
		cut := Media{Row: db.Row{SID: sid.New(sid.Media), Account: w.acct}, Service: w.service, authorHash: []byte("x")}
		w.do(func(tx *db.Tx) error { cut.ID = 0; return files.Insert(tx, &cut) })
		if err := w.blobs.Put(t.Context(), string(cut.SID), strings.NewReader("bytes")); err != nil {
			t.Fatal(err)
		}
		w.age(cut.SID, arrivingAtMost+time.Minute)
		w.sweep()
		for name, try := range map[string]struct {
			m    Media
			kept bool
		}{
			"fresh": {fresh, true}, "forgotten": {forgotten, false}, "deleted": {deleted, false}, "sent": {sent, true}, "purged": {purged, false}, "cut": {cut, false},
		} {
			_, err := w.Get(t.Context(), w.owner, w.service, try.m.SID)
			r, there := w.blobs.Open(t.Context(), string(try.m.SID))
			if there == nil {
				r.Close()
			}
			if (err == nil) != try.kept || (there == nil) != try.kept {
				t.Errorf("%s: row %v, bytes %v", name, err, there)
			}
		}
		var rows int
		w.do(func(tx *db.Tx) error { return tx.QueryRow(`select count(*) from media`).Scan(&rows) })
		if rows != 2 || w.kept() != 2 {
			t.Errorf("%d rows and %d files are left", rows, w.kept())
		}
	})
}

func TestErasedContact_takesItsFiles(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.upload(w.as(account.RoleVisitor, "ada"), NewMedia{Filename: "passport.png"}, "body")
		w.attach(m)
		w.do(func(tx *db.Tx) error { return db.DestroyDataKey(tx, w.acct, w.key) })
		_, err := w.Get(t.Context(), w.owner, w.service, m.SID)
		wantCode(t, err, 50507, "an erased contact's file")
		w.do(func(tx *db.Tx) error { return ReleaseChannel(tx, 7) })
		w.sweep() // which cannot read the row, and need not
		if n := w.kept(); n != 0 {
			t.Errorf("%d files are kept", n)
		}
	})
}
