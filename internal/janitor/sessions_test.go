package janitor_test

import (
	"testing"

	"usher/internal/db"
	"usher/internal/flex"
	"usher/internal/inbound/inboundtest"
	"usher/internal/proxy"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

// session makes the session of a channel, as programs of the contact center do.
func session(t *testing.T, w *inboundtest.World, channel sid.SID) {
	t.Helper()
	if _, err := w.Proxy.CreateSession(t.Context(), w.Owner, proxy.FlexService, proxy.NewSession{UniqueName: string(channel), Mode: proxy.MessageOnly}); err != nil {
		t.Fatal(err)
	}
}

func sessionStatus(t *testing.T, w *inboundtest.World, channel sid.SID) string {
	t.Helper()
	s, err := w.Proxy.Session(t.Context(), w.Owner, proxy.FlexService, string(channel))
	if err != nil {
		t.Fatal(err)
	}
	return string(s.Status) + " " + s.ClosedReason
}

func flexService(t *testing.T, w *inboundtest.World) {
	t.Helper()
	w.Do(func(tx *db.Tx) error {
		_, err := w.Proxy.CreateFlexTx(tx, w.Owner.Account, w.Owner.AccountSID, w.Service.SID)
		return err
	})
}

// A session ends when the task's end closes its channel, and stays where the channel stays.
func TestSessions_endWithTheirChannel(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		agent := w.Agent("bert")
		flexService(t, w)
		for _, row := range []struct {
			name string
			flow flex.Flow
			want string
		}{
			{"closed", w.Flow(settings(true, false)), "closed channel"},
			{"long-lived", w.Flow(settings(true, true)), "open "},
		} {
			c, task := talk(t, w, row.flow, row.name)
			session(t, w, c.SID)
			w.Accept(agent, task)
			w.SetTask(task, taskrouter.TaskCompleted)
			w.Pump()
			if got := sessionStatus(t, w, c.SID); got != row.want {
				t.Errorf("%s: the session is %q, want %q", row.name, got, row.want)
			}
		}
	})
}

// Sessions whose channel is closed or gone by ways that told nobody are found by the sweep, but not before they are some minutes old.
func TestSessions_strays(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flexService(t, w)
		flow := w.Flow(settings(true, false))
		open := w.Open(flow, "open", nil)
		closed := w.Open(flow, "closed", nil)
		w.Do(func(tx *db.Tx) error {
			c, err := w.Flex.ChannelTx(tx, w.Owner.Account, closed.SID)
			if err != nil {
				return err
			}
			c.Close(tx.Now)
			return w.Flex.UpdateChannelTx(tx, &c)
		})
		gone := sid.New(sid.Channel)
		for _, c := range []sid.SID{open.SID, closed.SID, gone} {
			session(t, w, c)
		}
		if err := w.Janitor.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, c := range []sid.SID{open.SID, closed.SID, gone} {
			if got := sessionStatus(t, w, c); got != "open " {
				t.Errorf("a young session is %q", got)
			}
		}
		w.Do(func(tx *db.Tx) error {
			_, err := tx.Exec("update proxy_session set updated_at = updated_at - 3600000000")
			return err
		})
		for range 2 {
			if err := w.Janitor.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for c, want := range map[sid.SID]string{open.SID: "open ", closed.SID: "closed channel", gone: "closed channel"} {
			if got := sessionStatus(t, w, c); got != want {
				t.Errorf("the session of %s is %q, want %q", c, got, want)
			}
		}
	})
}
