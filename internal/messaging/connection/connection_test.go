package connection_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/fault"
	"usher/internal/messaging/carry"
	"usher/internal/messaging/connection"
	"usher/internal/sid"
)

// plain is a kind with a setting of every sort.
var plain = connection.Kind{
	Name: "plain", Channels: []carry.Channel{carry.SMS, carry.WhatsApp},
	Fields: []connection.Field{
		{Name: "host", Label: "Host", Required: true},
		{Name: "password", Label: "Password", Secret: true},
		{Name: "mode", Label: "Mode", Default: "slow", Choices: []string{"slow", "fast"}},
	},
	Check: func(settings map[string]string) error {
		if settings["host"] == "nowhere" {
			return errors.New("host is no host")
		}
		return nil
	},
}

// house is an account with its product.
type house struct {
	*connection.Connections
	t     *testing.T
	db    *db.DB
	owner account.Actor
	own   []string
	told  int
}

func newHouse(t *testing.T, d *db.DB) *house {
	h := &house{t: t, db: d}
	h.Connections = connection.New(connection.Deps{
		DB: d, Kinds: []connection.Kind{plain, {Name: "bare", Channels: []carry.Channel{carry.LINE}}},
		Own:     func(_ *db.Tx, _ int64, address string) error { h.own = append(h.own, address); return nil },
		Changed: func() { h.told++ },
	})
	h.owner = h.account()
	return h
}

func (h *house) account() account.Actor {
	h.t.Helper()
	var id int64
	if err := h.db.Do(h.t.Context(), func(tx *db.Tx) (err error) { id, err = db.CreateKeyset(tx); return err }); err != nil {
		h.t.Fatal(err)
	}
	return account.System(id, sid.New(sid.Account))
}

func (h *house) create(change connection.Change) connection.Connection {
	h.t.Helper()
	if change.Kind == nil {
		change.Kind = new("plain")
	}
	if change.Settings == nil {
		change.Settings = map[string]string{"host": "carrier.example"}
	}
	v, err := h.Create(h.t.Context(), h.owner, change)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

func (h *house) carrier(address string) sid.SID {
	h.t.Helper()
	var v connection.Connection
	err := h.db.View(h.t.Context(), func(tx *db.Tx) (err error) { v, err = h.CarrierTx(tx, h.owner.Account, address); return err })
	if errors.Is(err, db.ErrNotFound) {
		return ""
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return v.SID
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { fn(t, newHouse(t, d)) })
}

func TestConnection_life(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		v := h.create(connection.Change{
			FriendlyName: new("Main"), Settings: map[string]string{"host": "carrier.example", "password": "s3cret"},
			Addresses: &[]string{"+15005550100", " +15005550100", "whatsapp:+15005550100", "*"}, Rate: new(int64(20)),
		})
		if diff := cmp.Diff([]string{"+15005550100", "whatsapp:+15005550100", "*"}, v.Addresses); diff != "" {
			t.Errorf("addresses:\n%s", diff)
		}
		if diff := cmp.Diff([]string{"+15005550100", "whatsapp:+15005550100"}, h.own); diff != "" {
			t.Errorf("the account's own:\n%s", diff)
		}
		settings, secrets := v.Shown(plain)
		if diff := cmp.Diff(map[string]string{"host": "carrier.example"}, settings); diff != "" || len(secrets) != 1 || secrets[0] != "password" {
			t.Errorf("shown %v, secrets %v", settings, secrets)
		}
		// A change of one setting leaves the secret; an empty one takes it away.
		v, err := h.Update(t.Context(), h.owner, v.SID, connection.Change{Kind: new("bare"), Settings: map[string]string{"mode": "fast"}})
		if err != nil || v.Kind != "plain" {
			t.Fatalf("update: %v, kind %s", err, v.Kind)
		}
		want := map[string]string{"host": "carrier.example", "password": "s3cret", "mode": "fast"}
		if diff := cmp.Diff(want, v.Complete(plain)); diff != "" {
			t.Errorf("settings:\n%s", diff)
		}
		v, err = h.Update(t.Context(), h.owner, v.SID, connection.Change{Settings: map[string]string{"password": "", "mode": ""}})
		want = map[string]string{"host": "carrier.example", "password": "", "mode": "slow"}
		if diff := cmp.Diff(want, v.Complete(plain)); diff != "" || err != nil {
			t.Errorf("settings: %v\n%s", err, diff)
		}
		page, err := h.List(t.Context(), h.owner, db.Page{Size: 50})
		if err != nil || len(page.Items) != 1 || page.Items[0].SID != v.SID {
			t.Errorf("list %v %v", page.Items, err)
		}
		if found, err := h.Find(t.Context(), v.SID); err != nil || found.SID != v.SID {
			t.Errorf("find: %v", err)
		}
		if list, err := h.Enabled(t.Context(), []string{"plain", "bare"}); err != nil || len(list) != 1 {
			t.Errorf("enabled: %v %v", list, err)
		}
		if list, err := h.Enabled(t.Context(), nil); err != nil || len(list) != 0 {
			t.Errorf("enabled of no kinds: %v %v", list, err)
		}
		if err := h.Delete(t.Context(), h.owner, v.SID); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Get(t.Context(), h.owner, v.SID); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("after its end: %v", err)
		}
		if got := h.carrier("+15005550100"); got != "" {
			t.Errorf("%s carries an address of a connection that is gone", got)
		}
		if h.told != 4 {
			t.Errorf("told of %d changes, want 4", h.told)
		}
	})
}

func TestConnection_whoCarriesAnAddress(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		named := h.create(connection.Change{Addresses: &[]string{"+15005550100", "ACME"}})
		rest := h.create(connection.Change{Addresses: &[]string{"*"}})
		for address, want := range map[string]sid.SID{
			"+15005550100": named.SID, "acme": named.SID, "+15005550199": rest.SID, "whatsapp:+15005550100": "",
		} {
			if got := h.carrier(address); got != want {
				t.Errorf("%s is carried by %q, want %q", address, got, want)
			}
		}
		if _, err := h.Create(t.Context(), h.owner, connection.Change{
			Kind: new("plain"), Settings: map[string]string{"host": "x"}, Addresses: &[]string{"Acme"},
		}); !fault.HasCode(err, fault.CodeConflict) {
			t.Errorf("an address twice: %v", err)
		}
		// One that is off carries nothing; what it names goes by whoever carries the rest.
		if _, err := h.Update(t.Context(), h.owner, named.SID, connection.Change{Enabled: new(false)}); err != nil {
			t.Fatal(err)
		}
		if got := h.carrier("+15005550100"); got != rest.SID {
			t.Errorf("carried by %s, want %s", got, rest.SID)
		}
		if _, err := h.Update(t.Context(), h.owner, rest.SID, connection.Change{Enabled: new(false)}); err != nil {
			t.Fatal(err)
		}
		err := h.db.View(t.Context(), func(tx *db.Tx) error { _, err := h.CarrierTx(tx, h.owner.Account, "acme"); return err })
		if !errors.Is(err, connection.ErrOff) {
			t.Errorf("both are off: %v", err)
		}
		if _, err := h.Find(t.Context(), named.SID); !errors.Is(err, db.ErrNotFound) {
			t.Errorf("a connection that is off is found: %v", err)
		}
	})
}

func TestConnection_refusals(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		many := make([]string, 1001)
		for i := range many {
			many[i] = fmt.Sprintf("+1500%07d", i)
		}
		v := h.create(connection.Change{})
		for name, change := range map[string]connection.Change{
			"no kind":             {},
			"an unknown kind":     {Kind: new("pigeon")},
			"an unknown setting":  {Kind: new("plain"), Settings: map[string]string{"host": "x", "port": "1"}},
			"no host":             {Kind: new("plain")},
			"a wrong choice":      {Kind: new("plain"), Settings: map[string]string{"host": "x", "mode": "medium"}},
			"the kind's own rule": {Kind: new("plain"), Settings: map[string]string{"host": "nowhere"}},
			"a long setting":      {Kind: new("plain"), Settings: map[string]string{"host": strings.Repeat("x", 9000)}},
			"a zero byte":         {Kind: new("plain"), Settings: map[string]string{"host": "a\x00b"}},
			"too many addresses":  {Addresses: &many},
			"an empty address":    {Addresses: &[]string{""}},
			"a spaced address":    {Addresses: &[]string{"+1500 555"}},
			"a foreign channel":   {Addresses: &[]string{"line:U1"}},
			"a long name":         {FriendlyName: new(strings.Repeat("é", 65))},
			"a rate below 0":      {Rate: new(int64(-1))},
			"a rate above":        {Rate: new(int64(5001))},
			"a way that is none":  {Unknown: new("shrug")},
		} {
			if change.Kind == nil && change.Addresses != nil || change.FriendlyName != nil || change.Rate != nil || change.Unknown != nil {
				change.Kind, change.Settings = new("plain"), map[string]string{"host": "x"}
			}
			if _, err := h.Create(t.Context(), h.owner, change); !fault.HasCode(err, fault.CodeInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		agent := h.owner
		agent.Role = account.RoleAgent
		if _, err := h.Get(t.Context(), agent, v.SID); !fault.Is(err, fault.KindForbidden) {
			t.Errorf("an agent: %v", err)
		}
		if _, err := h.Create(t.Context(), agent, connection.Change{Kind: new("bare")}); !fault.Is(err, fault.KindForbidden) {
			t.Errorf("an agent creates: %v", err)
		}
		stranger := h.account()
		_, get := h.Get(t.Context(), stranger, v.SID)
		_, update := h.Update(t.Context(), stranger, v.SID, connection.Change{Rate: new(int64(1))})
		_, health := h.Health(t.Context(), stranger, v.SID)
		for name, err := range map[string]error{"get": get, "update": update, "delete": h.Delete(t.Context(), stranger, v.SID), "health": health} {
			if !fault.Is(err, fault.KindNotFound) {
				t.Errorf("a stranger's %s: %v", name, err)
			}
		}
		if page, err := h.List(t.Context(), h.owner, db.Page{Size: 50}); err != nil || len(page.Items) != 1 {
			t.Errorf("refusals left %d rows, %v", len(page.Items), err)
		}
	})
}

func TestClaim_oneOwner(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		v := h.create(connection.Change{})
		var all sync.WaitGroup
		var mu sync.Mutex
		winners := []string{}
		for i := range 8 {
			all.Go(func() {
				owner := fmt.Sprintf("process-%d", i)
				mine, err := h.Claim(context.Background(), v.ID, owner)
				if err != nil {
					t.Error(err)
				}
				if mine {
					mu.Lock()
					winners = append(winners, owner)
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if len(winners) != 1 {
			t.Fatalf("owners: %v", winners)
		}
		claim := func(owner string) bool {
			mine, err := h.Claim(t.Context(), v.ID, owner)
			if err != nil {
				t.Fatal(err)
			}
			return mine
		}
		if !claim(winners[0]) || claim("other") {
			t.Error("the owner renews, others wait")
		}
		if err := h.Release(t.Context(), v.ID, "other"); err != nil || claim("other") {
			t.Error("somebody else gave the lease back")
		}
		if err := h.Release(t.Context(), v.ID, winners[0]); err != nil || !claim("other") {
			t.Error("a lease that was given back is free")
		}
		err := h.db.Do(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec("update messaging_link set lease_until = $1", db.Micros(tx.Now.Add(-time.Second)))
			return err
		})
		if err != nil || !claim("third") {
			t.Error("a lease that has ended is free")
		}
	})
}

func TestHealth(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		v := h.create(connection.Change{})
		if got, err := h.Health(t.Context(), h.owner, v.SID); err != nil || got != (carry.Health{}) {
			t.Errorf("before anything was tried: %+v %v", got, err)
		}
		report := func(r carry.Health) carry.Health {
			if err := h.Report(t.Context(), v.ID, r); err != nil {
				t.Fatal(err)
			}
			got, err := h.Health(t.Context(), h.owner, v.SID)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		down := report(carry.Health{Problem: strings.Repeat("x", 300)})
		if down.Up || down.Since.IsZero() || len(down.Problem) != 255 {
			t.Errorf("down: %+v", down)
		}
		if again := report(carry.Health{Problem: "other"}); !again.Since.Equal(down.Since) || again.Problem != "other" {
			t.Errorf("still down: %+v", again)
		}
		at := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
		if up := report(carry.Health{Up: true, Since: at}); !up.Up || !up.Since.Equal(at) || up.Problem != "" {
			t.Errorf("up: %+v", up)
		}
		if mine, err := h.Claim(t.Context(), v.ID, "a"); err != nil || !mine {
			t.Errorf("a report takes the lease: %v %v", mine, err)
		}
	})
}
