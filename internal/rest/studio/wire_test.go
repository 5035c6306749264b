package studio_test

import (
	"testing"

	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/flex"
	"usher/internal/flowrun"
	"usher/internal/job"
	reststudio "usher/internal/rest/studio"
	"usher/internal/studio"
	"usher/internal/studio/engine"
	"usher/test/resttest"
	"usher/test/wire"
)

// postman carries out effects as far as this test needs: every message is sent at once.
type postman struct{ studio *studio.Studio }

func (p postman) RunTx(tx *db.Tx, x *studio.Execution, effects []engine.Effect) error {
	for _, e := range effects {
		send, ok := e.(engine.SendMessage)
		if !ok {
			continue
		}
		more, err := p.studio.StepTx(tx, x, engine.Sent{Token: send.Token, SID: "SM00000000000000000000000000000001"})
		if err != nil {
			return err
		}
		if err := p.RunTx(tx, x, more); err != nil {
			return err
		}
	}
	return nil
}

func (postman) KeyTx(*db.Tx, int64, string) (int64, error) { return 0, nil }

func world(t *testing.T, d *db.DB) wire.Server {
	t.Helper()
	w := resttest.New(t, d)
	s := studio.New(d)
	// Test conversations touch nothing but flows, so nothing else is there for them.
	trials := flowrun.New(flowrun.Deps{Studio: s, Flex: flex.New(d), Jobs: job.New(d, bus.NewMemory())})
	with := reststudio.Deps{Studio: s, Runner: postman{s}, Trials: trials}
	return w.Serve(t, reststudio.Product(with), reststudio.Version1(with), reststudio.Own(with))
}

func TestWire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wire.Run(t, "testdata/*.txtar", func(t *testing.T) wire.Server { return world(t, d) })
	})
}

// Without a Runner, executions are refused and nothing else.
func TestWire_withoutRunner(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wire.Run(t, "testdata/norunner/*.txtar", func(t *testing.T) wire.Server {
			return resttest.New(t, d).Serve(t, reststudio.Product(reststudio.Deps{Studio: studio.New(d)}))
		})
	})
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	resttest.Routes(t, "testdata/routes.txt", reststudio.Product(reststudio.Deps{}))
	resttest.Routes(t, "testdata/routes1.txt", reststudio.Version1(reststudio.Deps{}))
	resttest.Routes(t, "testdata/routes_own.txt", reststudio.Own(reststudio.Deps{}))
}
