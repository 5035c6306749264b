package proxy

import (
	"errors"
	"strings"
	"testing"

	"usher/internal/db"
	"usher/internal/sid"
)

func TestRoute_andRecord(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		s := w.pool(ServiceChange{}, first)
		name := string(s.SID)
		v := w.session(s, NewSession{TTL: new(int64(600)), Participants: []NewParticipant{{Identifier: ann}, {Identifier: bob}}})
		in, out := sid.New(sid.SMS), sid.New(sid.SMS)
		var i Interaction
		w.do(func(tx *db.Tx) error {
			r, found, err := w.RouteTx(tx, w.owner.Account, first, ann)
			if err != nil || !found || r.From.Identifier != ann || r.To == nil || r.To.Identifier != bob || r.Service.SID != s.SID {
				t.Fatalf("%+v, %v, %v", r, found, err)
			}
			i, err = w.RecordTx(tx, &r.Session, NewInteraction{
				Body: "hello", Media: []string{"https://example.com/a.png"},
				Inbound:  Side{Participant: r.From.SID, Resource: in, Status: "received"},
				Outbound: Side{Participant: r.To.SID, Resource: out, Status: "queued"},
			})
			return err
		})
		if i.Data != `{"body":"hello","mediaUrls":["https://example.com/a.png"]}` {
			t.Errorf("data %s", i.Data)
		}
		v, err := w.Session(ctx, w.owner, name, string(v.SID))
		if err != nil || v.Status != InProgress || v.StartedAt.IsZero() || v.LastInteraction.IsZero() || !v.From.Equal(v.LastInteraction) {
			t.Errorf("%+v, %v", v, err)
		}
		// The same message again.
		err = w.db.Do(ctx, func(tx *db.Tx) error {
			if passed, err := w.PassedTx(tx, w.owner.Account, in); err != nil || !passed {
				t.Errorf("passed: %v, %v", passed, err)
			}
			if passed, err := w.PassedTx(tx, w.other.Account, in); err != nil || passed {
				t.Errorf("passed in another account: %v, %v", passed, err)
			}
			r, _, err := w.RouteTx(tx, w.owner.Account, first, ann)
			if err != nil {
				return err
			}
			_, err = w.RecordTx(tx, &r.Session, NewInteraction{Inbound: Side{Resource: in}})
			return err
		})
		if !errors.Is(err, db.ErrConflict) {
			t.Errorf("the same message again: %v", err)
		}
		for _, row := range []struct {
			status, shown string
			changed       bool
		}{{"queued", "queued", false}, {"sent", "sent", true}, {"read", "delivered", true}, {"delivered", "delivered", false}, {"??", "unknown", true}} {
			w.do(func(tx *db.Tx) error {
				got, changed, err := w.FollowTx(tx, w.owner.Account, out, row.status)
				if changed != row.changed || got.Outbound.Status != row.shown {
					t.Errorf("%s: %v, %+v", row.status, changed, got.Outbound)
				}
				return err
			})
		}
		page, err := w.Interactions(ctx, w.owner, name, string(v.SID), db.Page{Size: 5})
		if err != nil || len(page.Items) != 1 || page.Items[0].SID != i.SID {
			t.Errorf("%+v, %v", page.Items, err)
		}
		want(t, "deleting", w.DeleteInteraction(ctx, w.owner, name, string(v.SID), i.SID), 0)
		want(t, "and again", w.DeleteInteraction(ctx, w.owner, name, string(v.SID), i.SID), 20404)
		w.do(func(tx *db.Tx) error {
			if _, changed, err := w.FollowTx(tx, w.owner.Account, out, "sent"); changed || err != nil {
				t.Errorf("a receipt of what was deleted: %v, %v", changed, err)
			}
			return nil
		})
	})
}

func TestRoute_nowhere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(ServiceChange{}, first)
		v := w.session(s, NewSession{Participants: []NewParticipant{{Identifier: ann}, {Identifier: bob}}})
		w.do(func(tx *db.Tx) error {
			if r, found, err := w.RouteTx(tx, w.owner.Account, second, ann); err != nil || found || r.Service.ID != 0 {
				t.Errorf("a number of no pool: %+v, %v, %v", r, found, err)
			}
			r, found, err := w.RouteTx(tx, w.owner.Account, first, carol)
			if err != nil || found || r.Service.SID != s.SID {
				t.Errorf("a stranger: %+v, %v, %v", r, found, err)
			}
			if _, found, err := w.LastTx(tx, r.Number, carol); err != nil || found {
				t.Errorf("a stranger's last session: %v, %v", found, err)
			}
			return nil
		})
		if _, err := w.UpdateSession(t.Context(), w.owner, string(s.SID), string(v.SID), SessionChange{Status: Closed}); err != nil {
			t.Fatal(err)
		}
		w.do(func(tx *db.Tx) error {
			r, found, err := w.RouteTx(tx, w.owner.Account, first, ann)
			if err != nil || found {
				t.Errorf("a closed session: %v, %v", found, err)
			}
			last, found, err := w.LastTx(tx, r.Number, ann)
			if err != nil || !found || last.Session.SID != v.SID || last.To == nil || last.To.Identifier != bob {
				t.Errorf("the last session: %+v, %v, %v", last, found, err)
			}
			return nil
		})
	})
}

func TestChannelRoute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(ServiceChange{}, first)
		w.session(s, NewSession{Mode: MessageOnly, Participants: []NewParticipant{{Identifier: ann}, {Identifier: room}}})
		w.do(func(tx *db.Tx) error {
			r, found, err := w.ChannelRouteTx(tx, w.owner.Account, room, tx.Now)
			if err != nil || !found || r.From.Channel() != room || r.To == nil || r.To.Identifier != ann || r.To.Channel() != "" || r.Service.SID != s.SID {
				t.Errorf("%+v, %v, %v", r, found, err)
			}
			if _, found, err := w.ChannelRouteTx(tx, w.other.Account, room, tx.Now); err != nil || found {
				t.Errorf("another account: %v, %v", found, err)
			}
			r, found, err = w.RouteTx(tx, w.owner.Account, first, ann)
			if err != nil || !found || r.To.Channel() != room {
				t.Errorf("%+v, %v, %v", r, found, err)
			}
			return nil
		})
	})
}

func TestTell(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		s := w.pool(ServiceChange{}, first)
		name := string(s.SID)
		v := w.session(s, NewSession{})
		p, err := w.join(v, NewParticipant{Identifier: ann})
		if err != nil {
			t.Fatal(err)
		}
		tell := func(body string) error {
			return w.db.Do(ctx, func(tx *db.Tx) error {
				_, ssn, who, err := w.TellTx(tx, w.owner.Account, name, string(v.SID), p.SID, body)
				if err != nil {
					return err
				}
				_, err = w.RecordTx(tx, &ssn, NewInteraction{Body: body, Outbound: Side{Participant: who.SID, Resource: sid.New(sid.SMS), Status: "queued"}, Told: &who})
				return err
			})
		}
		want(t, "nothing", tell(""), 20001)
		want(t, "too much", tell(strings.Repeat("ü", 1601)), 21617)
		want(t, "as much as may be", tell(strings.Repeat("ü", 1600)), 0)
		page, err := w.MessageInteractions(ctx, w.owner, name, string(v.SID), p.SID, db.Page{Size: 5})
		if err != nil || len(page.Items) != 1 || page.Items[0].Inbound != (Side{}) {
			t.Fatalf("%+v, %v", page.Items, err)
		}
		if _, err := w.MessageInteraction(ctx, w.owner, name, string(v.SID), p.SID, page.Items[0].SID); err != nil {
			t.Error(err)
		}
		if _, err := w.Interaction(ctx, w.owner, name, string(v.SID), page.Items[0].SID); err != nil {
			t.Errorf("it is one of the session's too: %v", err)
		}
		want(t, "leaving", w.RemoveParticipant(ctx, w.owner, name, string(v.SID), p.SID), 0)
		want(t, "and again", w.RemoveParticipant(ctx, w.owner, name, string(v.SID), p.SID), 20404)
		want(t, "telling who has left", tell("hi"), 20404)
		_, err = w.Participant(ctx, w.owner, name, string(v.SID), p.SID)
		want(t, "reading who has left", err, 20404)
		if p, err = w.join(v, NewParticipant{Identifier: ann}); err != nil {
			t.Fatalf("coming back: %v", err)
		}
		if _, err := w.UpdateSession(ctx, w.owner, name, string(v.SID), SessionChange{Status: Closed}); err != nil {
			t.Fatal(err)
		}
		want(t, "telling in a closed session", tell("hi"), 80607)
	})
}

func TestTell_calls(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.service(ServiceChange{})
		n := w.owns(first)
		n.Capabilities.Voice = true
		w.own[w.owner.Account][first] = n
		if _, err := w.AddNumber(t.Context(), w.owner, string(s.SID), NewNumber{SID: n.SID}); err != nil {
			t.Fatal(err)
		}
		v := w.session(s, NewSession{Mode: VoiceOnly})
		p, err := w.join(v, NewParticipant{Identifier: ann})
		if err != nil {
			t.Fatal(err)
		}
		err = w.db.Do(t.Context(), func(tx *db.Tx) error {
			_, _, _, err := w.TellTx(tx, w.owner.Account, string(s.SID), string(v.SID), p.SID, "hi")
			return err
		})
		want(t, "a message to a session of calls", err, 80910)
	})
}

// Nothing that a person is known by stands in the rows.
func TestSealed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(ServiceChange{UniqueName: new("canary-service")}, first)
		w.session(s, NewSession{UniqueName: "canary-session", Participants: []NewParticipant{{Identifier: ann, FriendlyName: "canary-name"}}})
		w.do(func(tx *db.Tx) error {
			for _, q := range []string{
				"select name_hash, doc from proxy_service", "select address_hash, doc from proxy_number",
				"select name_hash, doc from proxy_session", "select identifier_hash, doc from proxy_participant",
			} {
				var hash, doc []byte
				if err := tx.QueryRow(q).Scan(&hash, &doc); err != nil {
					return err
				}
				for _, secret := range []string{"canary", ann, first, ann[1:]} {
					if strings.Contains(string(hash)+string(doc), secret) {
						t.Errorf("%s shows %q", q, secret)
					}
				}
			}
			return nil
		})
	})
}
