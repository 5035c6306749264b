package hostile

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/test/load"
	"usher/test/rig"
)

// Shapes of the storm: so many clients, of so many people, in so many channels.
const (
	stormClients  = 5000
	stormPeople   = 200
	stormChannels = 20
)

// TestStorm cuts 5,000 connections and lets all of them come back at the same moment, on both wires. The server answers others
// meanwhile, its memory stays within bounds, and nobody misses anything.
func TestStorm(t *testing.T) {
	s := rig.Start(t, rig.Options{Env: []string{"USHER_PER_ADDRESS=-1"}})
	admin := s.Client()
	service := admin.Post(t, "/chat/v2/Services", "FriendlyName", "storm").SID()
	var channels []string
	for range stormChannels {
		channels = append(channels, admin.Post(t, "/chat/v2/Services/"+service+"/Channels", "Type", "private").SID())
	}
	for i := range stormPeople {
		admin.Post(t, "/chat/v2/Services/"+service+"/Channels/"+channels[i%stormChannels]+"/Members", "Identity", fmt.Sprint("person ", i))
	}
	token := func(i int) string { return s.Token(fmt.Sprint("person ", i%stormPeople), service, time.Hour) }
	for _, wire := range []struct {
		name string
		join func(ctx context.Context, i int, heard *atomic.Int64) (*load.Conn, error)
	}{
		{"stream", func(ctx context.Context, i int, heard *atomic.Int64) (*load.Conn, error) {
			c, err := load.Open(ctx, "ws"+strings.TrimPrefix(s.URL, "http")+"/stream", token(i))
			if err != nil {
				return nil, err
			}
			sub, err := c.Subscribe(ctx, channels[i%stormChannels], "", 0)
			if err == nil && sub.Error != nil {
				err = fmt.Errorf("%+v", sub.Error)
			}
			go func() {
				for {
					select {
					case f := <-c.Events:
						if strings.Contains(string(f.Data), "after the stream") {
							heard.Add(1)
						}
					case <-c.Done():
						return
					}
				}
			}()
			return c.Conn, err
		}},
		{"chat SDKs", func(ctx context.Context, i int, heard *atomic.Int64) (*load.Conn, error) {
			c, err := load.OpenChat(ctx, "ws"+strings.TrimPrefix(s.URL, "http")+"/v3/wsconnect", "", token(i), func(payload []byte) {
				if strings.Contains(string(payload), "after the chat SDKs") && strings.Contains(string(payload), "list_item_added") {
					heard.Add(1)
				}
			})
			if err != nil {
				return nil, err
			}
			digits := channels[i%stormChannels][2:]
			return c.Conn, c.Follow(ctx, "ET"+digits, "ES"+digits, "MP"+digits)
		}},
	} {
		t.Run(wire.name, func(t *testing.T) {
			var heard atomic.Int64
			conns := make([]*load.Conn, stormClients)
			come := func(together int) time.Duration {
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var wg sync.WaitGroup
				var failed atomic.Int64
				places := make(chan struct{}, together)
				for i := range conns {
					wg.Go(func() {
						places <- struct{}{}
						defer func() { <-places }()
						c, err := wire.join(ctx, i, &heard)
						if err != nil && failed.Add(1) < 5 {
							t.Errorf("client %d: %v", i, err)
						}
						conns[i] = c
					})
				}
				wg.Wait()
				if n := failed.Load(); n > 0 {
					t.Fatalf("%d of %d did not come", n, stormClients)
				}
				return time.Since(begin)
			}
			cut := func() {
				for _, c := range conns {
					c.Cut()
				}
			}
			calm := come(64)
			before, err := load.RSS(s.PID())
			if err != nil {
				t.Fatal(err)
			}
			w := watch(t, s, admin, "/chat/v2/Services/"+service+"/Channels/"+channels[0]+"/Messages")
			cut()
			took := come(stormClients)
			slowest, peak, asked := w()
			t.Logf("5,000 came in %v, and back at once in %v; %d requests meanwhile, the slowest %v; resident %d MB, at most %d MB",
				calm.Round(time.Millisecond), took.Round(time.Millisecond), asked, slowest.Round(time.Millisecond), before>>20, peak>>20)
			if slowest > 5*time.Second || peak > before+(256<<20) {
				t.Error("the storm was felt")
			}
			for _, channel := range channels {
				admin.Post(t, "/chat/v2/Services/"+service+"/Channels/"+channel+"/Messages", "Body", "after the "+wire.name, "From", "system")
			}
			rig.Eventually(t, "everybody hears one message", func() bool { return heard.Load() >= stormClients })
			if n := heard.Load(); n != stormClients {
				t.Errorf("%d messages were heard", n)
			}
			cut()
		})
	}
}

// watch writes messages while something goes on, and samples the memory. It answers the slowest answer, the most memory, and how
// many messages there were.
func watch(t *testing.T, s *rig.Server, admin *rig.Client, path string) func() (time.Duration, int64, int) {
	done, ended := make(chan struct{}), make(chan struct{})
	var slowest time.Duration
	var peak int64
	n := 0
	go func() {
		defer close(ended)
		for tick := time.NewTicker(20 * time.Millisecond); ; n++ {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
			}
			begin := time.Now()
			a, err := admin.Call(t.Context(), http.MethodPost, path, rig.Form("Body", "meanwhile", "From", "system"))
			if err != nil || a.Status != http.StatusCreated {
				t.Errorf("meanwhile: %v %d %.200s", err, a.Status, a.Text)
			}
			slowest = max(slowest, time.Since(begin))
			if now, err := load.RSS(s.PID()); err == nil {
				peak = max(peak, now)
			}
		}
	}()
	return func() (time.Duration, int64, int) {
		close(done)
		<-ended
		return slowest, peak, n
	}
}
