package chat

import (
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/blob"
	"usher/internal/db"
	"usher/internal/media"
	"usher/internal/sid"
)

// withFiles gives a world files.
func (w *world) withFiles() *media.Store {
	w.t.Helper()
	blobs, err := blob.Open(blob.Options{Folder: w.t.TempDir()})
	if err != nil {
		w.t.Fatal(err)
	}
	files := media.New(media.Deps{DB: w.db, Blobs: blobs, Rules: media.Rules{MaxBytes: 1000, VisitorBytes: 1000}})
	w.Chat = New(Deps{DB: w.db, Log: w.log, Ring: w.db.Ring(), Media: files})
	return files
}

func (w *world) uploads(files *media.Store, actor account.Actor) sid.SID {
	w.t.Helper()
	f, err := files.Upload(ctx(), actor, w.service.SID, media.NewMedia{Filename: "a.txt"}, strings.NewReader("words"))
	if err != nil {
		w.t.Fatal(err)
	}
	return f.SID
}

func TestMedia_goesWithItsMessage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		files := w.withFiles()
		ch := w.channel("ada", "bob")
		ada, bob := w.as(account.RoleVisitor, "ada"), w.as(account.RoleVisitor, "bob")
		file := w.uploads(files, ada)
		_, _, err := w.Send(ctx(), bob, ch.SID, NewMessage{Media: file})
		wantCode(t, err, 50507, "somebody else's file")
		if got := w.get(ch); got.LastIndex != -1 || got.Messages != 0 {
			t.Errorf("what was refused has left a mark: %+v", got)
		}
		m, _, err := w.Send(ctx(), ada, ch.SID, NewMessage{Media: file, Body: "see", ClientID: "1"})
		if err != nil || m.Type() != "media" || *m.Media.Filename != "a.txt" || m.Media.Size != 5 || m.Media.ContentType != "text/plain" {
			t.Fatalf("%+v %v", m, err)
		}
		again, repeated, err := w.Send(ctx(), ada, ch.SID, NewMessage{Media: file, Body: "see", ClientID: "1"})
		if err != nil || !repeated || again.SID != m.SID {
			t.Errorf("sent again: %v %v", repeated, err)
		}
		_, _, err = w.Send(ctx(), ada, ch.SID, NewMessage{Media: file})
		wantCode(t, err, 50508, "a file that was sent")
		got, err := files.Get(ctx(), bob, w.service.SID, file)
		if err != nil || got.Message != m.SID || got.Channel != ch.SID || got.Key != w.key {
			t.Errorf("a member reads %+v %v", got, err)
		}
		if err := w.RemoveMember(ctx(), w.owner, w.place(ch), "bob"); err != nil {
			t.Fatal(err)
		}
		_, err = files.Get(ctx(), bob, w.service.SID, file)
		wantCode(t, err, 50507, "one who has left")
		if err := w.DeleteMessage(ctx(), ada, w.place(ch), m.SID); err != nil {
			t.Fatal(err)
		}
		_, err = files.Get(ctx(), w.owner, w.service.SID, file)
		wantCode(t, err, 50507, "the file of a deleted message")
	})
}

func TestMedia_needsItsPermission(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		files := w.withFiles()
		ch := w.channel("ada")
		ada := w.as(account.RoleVisitor, "ada")
		file := w.uploads(files, ada)
		if _, err := w.UpdateRole(ctx(), w.owner, w.service.SID, w.service.ChannelRole, []string{"sendMessage"}); err != nil {
			t.Fatal(err)
		}
		_, _, err := w.Send(ctx(), ada, ch.SID, NewMessage{Media: file})
		wantCode(t, err, 50107, "a file without sendMediaMessage")
		if _, _, err := w.Send(ctx(), ada, ch.SID, NewMessage{Body: "text"}); err != nil {
			t.Error(err)
		}
		if _, err := w.UpdateRole(ctx(), w.owner, w.service.SID, w.service.ChannelRole, []string{"sendMediaMessage"}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Send(ctx(), ada, ch.SID, NewMessage{Media: file}); err != nil {
			t.Error(err)
		}
	})
}

func TestMedia_goesWithItsChannel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		files := w.withFiles()
		sent := w.channel("ada")
		if _, _, err := w.Send(ctx(), w.owner, sent.SID, NewMessage{Media: w.uploads(files, w.as(account.RoleVisitor, "ada"))}); err != nil {
			t.Fatal(err)
		}
		if err := w.DeleteChannel(ctx(), w.owner, w.place(sent)); err != nil {
			t.Fatal(err)
		}
		w.gone(files)
		ch := w.channel("ada")
		file := w.uploads(files, w.owner)
		w.do(func(tx *db.Tx) error { _, _, err := w.SendTx(tx, &ch, NewMessage{Media: file}); return err })
		if err := w.DeleteService(ctx(), w.owner, w.service.SID); err != nil {
			t.Fatal(err)
		}
		w.gone(files)
	})
}

// gone purges and sweeps, and expects that no file is left.
func (w *world) gone(files *media.Store) {
	w.t.Helper()
	for more := true; more; {
		var err error
		if more, err = w.Purge(ctx()); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := files.Sweep(ctx()); err != nil {
		w.t.Fatal(err)
	}
	var n int
	w.do(func(tx *db.Tx) error { return tx.QueryRow(`select count(*) from media`).Scan(&n) })
	if n != 0 {
		w.t.Errorf("%d files are left", n)
	}
}

func wantCode(t *testing.T, err error, code int, what string) {
	t.Helper()
	if got := codeOf(err); got != code {
		t.Errorf("%s: %v, want %d", what, err, code)
	}
}
