package messaging_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/blob"
	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/job"
	"usher/internal/media"
	"usher/internal/messaging"
	"usher/internal/messaging/carry"
	"usher/internal/rest/accounts"
	restmessaging "usher/internal/rest/messaging"
	"usher/internal/sid"
	"usher/test/resttest"
	"usher/test/wire"
)

// world is an account whose number +15550001000 has sent a message that arrived, and got one with a picture.
type world struct {
	*resttest.World
	deps      restmessaging.Deps
	sent, got messaging.Message
	picture   string
}

const connection = "CX00000000000000000000000000000001"

func open(t *testing.T, d *db.DB) *world {
	t.Helper()
	w := &world{World: resttest.New(t, d), picture: "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 64)}
	blobs, err := blob.Open(blob.Options{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	b := bus.NewMemory()
	jobs := job.New(d, b)
	files := media.New(media.Deps{DB: d, Blobs: blobs, Rules: media.Rules{MaxBytes: 1 << 20, VisitorBytes: 1 << 20}})
	products := messaging.New(messaging.Deps{DB: d, Log: event.New(d, b, jobs, nil, nil), Jobs: jobs, Media: files})
	w.deps = restmessaging.Deps{
		Messages: products, Accounts: w.Accounts, Files: files,
		Links: messaging.Links{Key: []byte("key"), Origin: "https://usher.example/"},
	}
	ctx := t.Context()
	connected := sid.SID(connection)
	if _, err := products.CreateNumber(ctx, w.Owner, "+15550001000", messaging.NumberChange{Connection: &connected}); err != nil {
		t.Fatal(err)
	}
	if w.sent, err = products.Create(ctx, w.Owner, messaging.Draft{From: "+15550001000", To: "+15550002000", Body: "It has arrived"}); err != nil {
		t.Fatal(err)
	}
	file, err := files.Keep(ctx, w.Account.ID, media.NewMedia{ContentType: "image/png", Size: -1}, strings.NewReader(w.picture))
	if err != nil {
		t.Fatal(err)
	}
	err = d.Do(ctx, func(tx *db.Tx) error {
		if _, _, err := products.SendingTx(tx, w.Account.ID, w.sent.SID, connected); err != nil {
			return err
		}
		if _, err := products.SentTx(tx, w.Account.ID, w.sent.SID, connected, carry.Sent{IDs: []string{"1"}, Status: carry.Delivered}); err != nil {
			return err
		}
		w.got, _, err = products.AcceptTx(tx, w.Account.ID, connected, carry.Inbound{ID: "2", From: "+15550002000", To: "+15550001000", Body: "A picture"}, file.SID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Vars["sent"], w.Vars["got"], w.Vars["picture"] = string(w.sent.SID), string(w.got.SID), string(file.SID)
	w.Vars["soon"], w.Vars["later"] = time.Now().Add(time.Minute).UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	return w
}

func (w *world) server(t *testing.T) wire.Server {
	return w.Serve(t, accounts.Product(w.Accounts, w.Accounts, restmessaging.Mounts(w.deps)...), restmessaging.Product(w.deps))
}

func TestWire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wire.Run(t, "testdata/*.txtar", func(t *testing.T) wire.Server { return open(t, d).server(t) })
	})
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	resttest.Routes(t, "testdata/routes.txt", accounts.Product(nil, nil, restmessaging.Mounts(restmessaging.Deps{})...))
	resttest.Routes(t, "testdata/services.txt", restmessaging.Product(restmessaging.Deps{}))
}

func TestMedia(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := open(t, d)
		h := w.server(t).Handler
		file := w.got.Media[0].SID
		path := messaging.MediaPath(w.Account.SID, w.got.SID, file)
		signed := strings.TrimPrefix(w.deps.Links.Sign(w.Account.SID, w.got.SID, file, time.Now().Add(time.Minute)), "https://usher.example")
		late := strings.TrimPrefix(w.deps.Links.Sign(w.Account.SID, w.got.SID, file, time.Now().Add(-time.Minute)), "https://usher.example")
		ask := func(path string, user [2]string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			if user[0] != "" {
				r.SetBasicAuth(user[0], user[1])
			}
			out := httptest.NewRecorder()
			h.ServeHTTP(out, r)
			return out
		}
		for name, c := range map[string]struct {
			path, user string
			status     int
		}{
			"owner": {path, "owner", 200}, "signed": {signed, "", 200}, "nobody": {path, "", 401}, "too late": {late, "", 401}, "agent": {path, "agent", 403},
			"stranger": {path, "stranger", 404}, "another signature": {signed + "0", "", 401},
			"another message": {messaging.MediaPath(w.Account.SID, w.sent.SID, file), "owner", 404},
			"another file":    {messaging.MediaPath(w.Account.SID, w.got.SID, sid.New(sid.Media)), "owner", 404},
		} {
			var user [2]string
			if c.user != "" {
				user = w.Users[c.user]
			}
			got := ask(c.path, user)
			if got.Code != c.status || c.status == 200 && (got.Body.String() != w.picture || got.Header().Get("Content-Type") != "image/png") {
				t.Errorf("%s: %d %s", name, got.Code, got.Header())
			}
		}
		if err := w.deps.Messages.DeleteMedia(t.Context(), account.System(w.Account.ID, w.Account.SID), w.got.SID, file); err != nil {
			t.Fatal(err)
		}
		if got := ask(signed, [2]string{}); got.Code != 404 {
			t.Errorf("deleted: %d", got.Code)
		}
	})
}
