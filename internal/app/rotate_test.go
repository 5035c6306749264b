package app

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/sid"
)

// sealed reads the documents of all sealed rows, and apart from them those under data keys, by table and SID.
func (s *server) sealed() (own, contacts map[string][]byte) {
	s.t.Helper()
	own, contacts = map[string][]byte{}, map[string][]byte{}
	err := s.db.View(context.Background(), func(tx *db.Tx) error {
		for _, table := range sealedTables {
			rows, err := tx.Query("select sid, key_id, doc from "+table+" where account_id = $1", s.setup.Account.ID)
			if err != nil {
				return err
			}
			for rows.Next() {
				var name string
				var key int64
				var doc []byte
				if err := rows.Scan(&name, &key, &doc); err != nil {
					return err
				}
				switch {
				case len(doc) == 0:
				case key == 0:
					own[table+" "+name] = doc
				default:
					contacts[table+" "+name] = doc
				}
			}
			if err := rows.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return own, contacts
}

func (s *server) wrapped(query string) []byte {
	s.t.Helper()
	var b []byte
	if err := s.db.View(context.Background(), func(tx *db.Tx) error { return tx.QueryRow(query).Scan(&b) }); err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *server) send(channel, author, body string) {
	s.t.Helper()
	_, _, err := s.chat.Send(s.t.Context(), account.System(s.setup.Account.ID, s.setup.Account.SID), sid.SID(channel), chat.NewMessage{Author: author, Body: body})
	if err != nil {
		s.t.Errorf("send: %v", err)
	}
}

func (s *server) bodies(channel string) (all []string) {
	s.t.Helper()
	list, err := s.chat.History(s.t.Context(), account.System(s.setup.Account.ID, s.setup.Account.SID), sid.SID(channel), nil, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range list {
		all = append(all, m.Body)
	}
	return all
}

// works fails unless everything that the account has can be read, and a new conversation be had.
func (s *server) works(what string) {
	s.t.Helper()
	user, password := string(s.setup.Account.SID), s.setup.Account.AuthToken
	conf := s.must(200, "GET", "/flex-api/v1/Configuration", user, password, nil)
	workspace, service := text(s.t, conf, "taskrouter_workspace_sid"), text(s.t, conf, "chat_service_instance_sid")
	for _, path := range []string{
		"/flex-api/v1/FlexFlows", "/flex-api/v1/WebChannels", "/chat/v2/Services/" + service + "/Channels", "/chat/v2/Services/" + service + "/Users",
		"/chat/v2/Services/" + service + "/Roles", "/2010-04-01/Accounts/" + user + "/Keys.json", "/taskrouter/v1/Workspaces/" + workspace + "/Workers",
		"/taskrouter/v1/Workspaces/" + workspace + "/Tasks", "/taskrouter/v1/Workspaces/" + workspace + "/TaskQueues",
		"/taskrouter/v1/Workspaces/" + workspace + "/Workflows", "/taskrouter/v1/Workspaces/" + workspace + "/Activities",
	} {
		if status, answer := s.call("GET", path, user, password, nil); status != 200 {
			s.t.Errorf("%s: %s: %d %v", what, path, status, answer)
		}
	}
	_, identity, channel := s.visitor()
	s.send(channel, identity, "hello "+what)
	if got := s.bodies(channel); !slices.Equal(got, []string{"hello " + what}) {
		s.t.Errorf("%s: history %v", what, got)
	}
}

// TestSealedTables_areAll compares the list with the schema: a table that is not on it would keep the old key for ever.
func TestSealedTables_areAll(t *testing.T) {
	t.Parallel()
	s := start(t, config(t, ""))
	var found []string
	err := s.db.View(t.Context(), func(tx *db.Tx) error {
		rows, err := tx.Query(`select m.name from sqlite_master m where m.type = 'table' and
			3 = (select count(*) from pragma_table_info(m.name) c where c.name in ('sid', 'key_id', 'doc')) order by m.name`)
		if err != nil {
			return err
		}
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			found = append(found, name)
		}
		return rows.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(found, slices.Sorted(slices.Values(sealedTables))); diff != "" {
		t.Errorf("the schema's sealed tables and the list:\n%s", diff)
	}
}

func TestRotate_whileAServerRuns(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		s := start(t, c)
		s.signIn()
		_, identity, channel := s.visitor()
		s.send(channel, identity, "before")
		own, contacts := s.sealed()
		keyset, dataKey := s.wrapped("select wrapped from keyset"), s.wrapped("select wrapped from data_key order by id limit 1")

		var out bytes.Buffer
		c.Command = CommandRotate
		if err := Run(t.Context(), c, &out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "has a new key") || strings.Contains(out.String(), "goes on") {
			t.Errorf("rotate says %q", out.String())
		}
		if bytes.Equal(keyset, s.wrapped("select wrapped from keyset")) || bytes.Equal(dataKey, s.wrapped("select wrapped from data_key order by id limit 1")) {
			t.Error("the keyset or a data key was not wrapped anew")
		}
		ownAfter, contactsAfter := s.sealed()
		for name, doc := range own {
			if bytes.Equal(doc, ownAfter[name]) {
				t.Errorf("%s was not sealed anew", name)
			}
		}
		for name, doc := range contacts {
			if now, ok := contactsAfter[name]; ok && !bytes.Equal(doc, now) && !strings.HasPrefix(name, "flex_channel") && !strings.HasPrefix(name, "chat_channel") {
				t.Errorf("%s is under a data key and was touched", name)
			}
		}
		s.send(channel, identity, "after")
		if got := s.bodies(channel); !slices.Equal(got, []string{"before", "after"}) {
			t.Errorf("history %v", got)
		}
		s.works("in the server that ran meanwhile")
		s.stop()
		c.Command = CommandServe
		next := start(t, c)
		next.works("after the next start")
		if got := next.bodies(channel); !slices.Equal(got, []string{"before", "after"}) {
			t.Errorf("history after the next start %v", got)
		}
	})
}

// A server that has not yet heard of the new key meets a data key that is wrapped under it.
func TestRotate_dataKeysInAServerThatHasNotHeard(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		s := start(t, c)
		_, identity, channel := s.visitor()
		s.send(channel, identity, "hello")
		s.stop()
		s = start(t, c)
		// It knows the account's keyset of now, and no data key.
		s.must(200, "GET", "/flex-api/v1/Configuration", string(s.setup.Account.SID), s.setup.Account.AuthToken, nil)
		other, err := assemble(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.db.RotateKeyset(t.Context(), s.setup.Account.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := sweep(t.Context(), other.db, s.setup.Account.ID); err != nil {
			t.Fatal(err)
		}
		if err := other.db.Close(); err != nil {
			t.Fatal(err)
		}
		if got := s.bodies(channel); !slices.Equal(got, []string{"hello"}) {
			t.Errorf("history %v", got)
		}
	})
}

func TestRotate_goesOnWhereItWasCut(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		s := start(t, c)
		_, identity, channel := s.visitor()
		s.send(channel, identity, "hello")
		acct := s.setup.Account.ID
		if err := s.db.RotateKeyset(t.Context(), acct); err != nil {
			t.Fatal(err)
		}
		keyset := s.wrapped("select wrapped from keyset")
		own, _ := s.sealed()
		for range 5 { // the data keys, and some of the rows
			if done, _, err := s.db.Rekey(t.Context(), acct, sealedTables, 1); done || err != nil {
				t.Fatalf("rekey: %v %v", done, err)
			}
		}
		cut, cancel := context.WithCancel(t.Context())
		cancel()
		if err := rotate(cut, c, io.Discard); err == nil {
			t.Error("a rotation that was cut says that it is done")
		}
		var out bytes.Buffer
		if err := rotate(t.Context(), c, &out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "goes on") || !bytes.Equal(keyset, s.wrapped("select wrapped from keyset")) {
			t.Errorf("the second run began anew: %q", out.String())
		}
		after, _ := s.sealed()
		for name, doc := range own {
			if bytes.Equal(doc, after[name]) {
				t.Errorf("%s was not sealed anew", name)
			}
		}
		s.works("after a rotation that was cut")
		if err := rotate(t.Context(), c, io.Discard); err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(keyset, s.wrapped("select wrapped from keyset")) {
			t.Error("the next rotation made no new key")
		}
		s.works("after another rotation")
	})
}

func TestRotate_withoutADatabase(t *testing.T) {
	t.Parallel()
	c := config(t, "")
	start(t, c).stop()
	c.Data = filepath.Join(t.TempDir(), "empty")
	if err := rotate(t.Context(), c, io.Discard); err == nil {
		t.Error("a database was made to be rotated")
	}
}
