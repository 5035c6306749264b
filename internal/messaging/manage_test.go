package messaging

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/blob"
	"usher/internal/db"
	"usher/internal/media"
	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

func TestList(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		var made []sid.SID
		for i := range 5 {
			msg := w.send(text(fmt.Sprint(i)))
			made = append([]sid.SID{msg.SID}, made...)
			if i%2 == 0 {
				w.sent(msg, fmt.Sprint("c", i))
			}
		}
		in, _ := w.accept("in", "Hello")
		if _, err := w.Create(ctx, w.owner, Draft{From: own, To: "+15550002001", Body: "x"}); err != nil {
			t.Fatal(err)
		}
		list := func(f Filter) (all []sid.SID) {
			t.Helper()
			p := db.Page{Size: 2}
			for {
				page, err := w.List(ctx, w.owner, f, p)
				if err != nil {
					t.Fatal(err)
				}
				for _, msg := range page.Items {
					all = append(all, msg.SID)
				}
				if page.Next == "" {
					return all
				}
				p.After = page.Next
			}
		}
		if got := list(Filter{To: customer}); !slices.Equal(got, made) {
			t.Errorf("to the customer, the newest first: %v, want %v", got, made)
		}
		if got := list(Filter{From: "+1 555 000 2000", To: own}); !slices.Equal(got, []sid.SID{in.SID}) {
			t.Errorf("from the customer: %v", got)
		}
		if got := list(Filter{From: "?"}); got != nil {
			t.Errorf("from nobody: %v", got)
		}
		now := time.Now()
		for name, c := range map[string]struct {
			f    Filter
			want int
		}{
			"all": {Filter{}, 7}, "since": {Filter{Since: now.Add(-time.Minute)}, 4}, "until": {Filter{Until: now.Add(time.Minute)}, 4},
			"both": {Filter{To: customer, Since: now.Add(-time.Minute), Until: now.Add(time.Minute)}, 3}, "none": {Filter{Since: now.Add(time.Minute)}, 0},
			"before": {Filter{Until: now.Add(-time.Minute)}, 0},
		} {
			if got := list(c.f); len(got) != c.want {
				t.Errorf("%s: %d, want %d", name, len(got), c.want)
			}
		}
		if page, err := w.List(ctx, w.other, Filter{}, db.Page{Size: 9}); err != nil || len(page.Items) != 0 {
			t.Errorf("another account: %+v %v", page, err)
		}
		_, err := w.List(ctx, account.Actor{Account: w.owner.Account, Role: account.RoleVisitor}, Filter{}, db.Page{Size: 9})
		want(t, "a visitor", err, 20403)
	})
}

func TestManage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		msg := w.send(text("secret"))
		_, err := w.Redact(ctx, w.owner, msg.SID)
		want(t, "redact too soon", err, 20009)
		want(t, "delete too soon", w.Delete(ctx, w.owner, msg.SID), 20009)
		_, err = w.Cancel(ctx, w.owner, msg.SID)
		want(t, "cancel what is queued", err, 30409)
		w.sent(msg, "1")
		redacted, err := w.Redact(ctx, w.owner, msg.SID)
		if err != nil || redacted.Body != "" || w.get(msg.SID).Body != "" || redacted.Segments != 1 {
			t.Errorf("%+v %v", redacted, err)
		}
		fed, err := w.Feedback(ctx, w.owner, msg.SID, Unconfirmed)
		if err != nil || fed.Feedback != Unconfirmed {
			t.Errorf("%+v %v", fed, err)
		}
		if again, err := w.Feedback(ctx, w.owner, msg.SID, Confirmed); err != nil || !again.FeedbackAt.Equal(fed.FeedbackAt) || again.Feedback != Confirmed {
			t.Errorf("%+v %v", again, err)
		}
		in, _ := w.accept("in", "x")
		_, err = w.Feedback(ctx, w.owner, in.SID, Confirmed)
		want(t, "feedback of what came", err, 20001)
		for name, err := range map[string]error{
			"delete":       w.Delete(ctx, w.other, msg.SID),
			"delete media": w.DeleteMedia(ctx, w.other, msg.SID, sid.New(sid.Media)),
		} {
			want(t, name+" in another account", err, 20404)
		}
		supervisor := account.Actor{Account: w.owner.Account, Role: account.RoleSupervisor}
		want(t, "a supervisor deletes", w.Delete(ctx, supervisor, msg.SID), 20403)
		_, err = w.Get(ctx, supervisor, msg.SID)
		want(t, "a supervisor reads", err, 0)
		want(t, "delete", w.Delete(ctx, w.owner, msg.SID), 0)
		_, err = w.Get(ctx, w.owner, msg.SID)
		want(t, "deleted", err, 20404)
		if !w.receipt(carry.Receipt{ID: "1", Status: carry.Delivered}) {
			t.Error("the receipt of a deleted message would come again and again")
		}
	})
}

func TestCancel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.service(own)
		msg := w.send(Draft{Service: s.SID, To: customer, Body: "later", SendAt: time.Now().Add(time.Hour), StatusCallback: "https://example.com"})
		canceled, err := w.Cancel(t.Context(), w.owner, msg.SID)
		if err != nil || canceled.Status != carry.Canceled {
			t.Fatalf("%+v %v", canceled, err)
		}
		_, err = w.Cancel(t.Context(), w.owner, msg.SID)
		want(t, "twice", err, 30409)
		var n int64
		w.do(func(tx *db.Tx) error { return tx.QueryRow("select count(*) from job where queue = $1", Due).Scan(&n) })
		if n != 0 {
			t.Error("it would still be sent")
		}
		if got := fmt.Sprint(w.heard()); got != "[message.status canceled]" {
			t.Errorf("told: %s", got)
		}
	})
}

func TestMedia(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		blobs, err := blob.Open(blob.Options{Folder: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		files := media.New(media.Deps{DB: w.db, Blobs: blobs, Rules: media.Rules{MaxBytes: 1 << 16, VisitorBytes: 1 << 16}})
		w.Messaging.media = files
		keep := func(body string) media.Media {
			f, err := files.Keep(t.Context(), w.owner.Account, media.NewMedia{ContentType: "text/plain", Filename: "a.txt", Size: -1}, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		accept := func(id string, file sid.SID) (msg Message, fresh bool, err error) {
			err = w.db.Do(t.Context(), func(tx *db.Tx) error {
				msg, fresh, err = w.AcceptTx(tx, w.owner.Account, w.connection, carry.Inbound{ID: id, From: customer, To: own}, file)
				return err
			})
			return msg, fresh, err
		}
		f := keep("words")
		msg, _, err := accept("1", f.SID)
		if err != nil || sid.Prefix(string(msg.SID)) != sid.MMS || len(msg.Media) != 1 || msg.Media[0].ContentType != "text/plain" || !msg.Media[0].Kept {
			t.Fatalf("%+v %v", msg, err)
		}
		found, err := files.Find(t.Context(), "", f.SID)
		if err != nil || found.Message != msg.SID || found.Key != msg.Key {
			t.Errorf("%+v %v", found, err)
		}
		if again, fresh, err := accept("1", keep("words").SID); err != nil || fresh || again.Media[0].SID != f.SID {
			t.Errorf("brought again: %+v %v %v", again, fresh, err)
		}
		_, _, err = accept("2", f.SID)
		want(t, "a file that another message carries", err, 50508)
		if _, err := files.Keep(t.Context(), w.owner.Account, media.NewMedia{Size: -1}, bytes.NewReader(make([]byte, 1<<17))); err == nil {
			t.Error("a file too large is kept")
		}
		want(t, "delete another file", w.DeleteMedia(t.Context(), w.owner, msg.SID, sid.New(sid.Media)), 20404)
		want(t, "delete it", w.DeleteMedia(t.Context(), w.owner, msg.SID, f.SID), 0)
		if _, err := files.Find(t.Context(), "", f.SID); err == nil || len(w.get(msg.SID).Media) != 0 {
			t.Errorf("it is still there: %v", err)
		}
		w.do(func(tx *db.Tx) error {
			msg, _, err := w.AcceptTx(tx, w.owner.Account, w.connection, carry.Inbound{ID: "at the carrier", From: customer, To: own, Media: []carry.Media{
				{URL: "https://carrier.example/a", ContentType: "image/png"}, {URL: "file:///etc/passwd"}, {Data: []byte("kept by who brought it")},
			}})
			if err == nil && (len(msg.Media) != 1 || msg.Media[0].Kept || sid.Prefix(string(msg.SID)) != sid.MMS) {
				t.Errorf("%+v", msg)
			}
			return err
		})
		g := keep("more")
		if msg, _, err = accept("3", g.SID); err != nil {
			t.Fatal(err)
		}
		want(t, "delete the message", w.Delete(t.Context(), w.owner, msg.SID), 0)
		if _, err := files.Find(t.Context(), "", g.SID); err == nil {
			t.Error("the file outlives its message")
		}
	})
}

func TestLinks(t *testing.T) {
	t.Parallel()
	l := Links{Key: []byte("key"), Origin: "https://usher.example/"}
	acct, msg, file, now := sid.New(sid.Account), sid.New(sid.MMS), sid.New(sid.Media), time.Now()
	address := l.Sign(acct, msg, file, now.Add(time.Minute))
	prefix := "https://usher.example" + MediaPath(acct, msg, file) + "?Expires="
	rest, ok := strings.CutPrefix(address, prefix)
	expires, signature, _ := strings.Cut(rest, "&Signature=")
	if !ok || !l.Valid(acct, msg, file, expires, signature, now) {
		t.Fatal(address)
	}
	for name, is := range map[string]bool{
		"late":            l.Valid(acct, msg, file, expires, signature, now.Add(2*time.Minute)),
		"another file":    l.Valid(acct, msg, sid.New(sid.Media), expires, signature, now),
		"another message": l.Valid(acct, sid.New(sid.MMS), file, expires, signature, now),
		"another account": l.Valid(sid.New(sid.Account), msg, file, expires, signature, now),
		"longer":          l.Valid(acct, msg, file, expires+"0", signature, now),
		"no time":         l.Valid(acct, msg, file, "x", signature, now),
		"another key":     Links{Key: []byte("other")}.Valid(acct, msg, file, expires, signature, now),
		"nothing":         l.Valid(acct, msg, file, "", "", now),
	} {
		if is {
			t.Errorf("%s is good", name)
		}
	}
}
