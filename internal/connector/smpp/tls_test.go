package smpp

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"usher/internal/connector"
	"usher/internal/connector/smpp/pdu"
)

// A carrier behind TLS whose certificate nobody has signed is known by its fingerprint, and by no other.
func TestRun_tls(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", web.TLS.Clone())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				for {
					u, err := pdu.Read(conn)
					if err != nil {
						return
					}
					_, _ = conn.Write(u.Answer(pdu.OK, []byte{0}).Append(nil))
				}
			}()
		}
	}()
	print := sha256.Sum256(web.Certificate().Raw)
	up := func(fingerprint string) (bool, string) {
		c, err := Open(map[string]string{
			"address": listener.Addr().String(), "system_id": "usher", "password": "secret", "tls": "yes", "tls_fingerprint": fingerprint,
		}, connector.Deps{Dial: (&net.Dialer{}).DialContext})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = c.Run(ctx, &sink{})
		}()
		defer func() {
			cancel()
			<-ended
		}()
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
			if h := c.Health(); !h.Since.IsZero() {
				return h.Up, h.Problem
			}
		}
		return false, "nothing happens"
	}
	if ok, problem := up(hex.EncodeToString(print[:])); !ok {
		t.Errorf("the right fingerprint: %s", problem)
	}
	print[0] ^= 1
	if ok, problem := up(hex.EncodeToString(print[:])); ok || !strings.Contains(problem, "fingerprint") {
		t.Errorf("another fingerprint: %v, %s", ok, problem)
	}
	if ok, problem := up(""); ok || !strings.Contains(problem, "certificate") {
		t.Errorf("no fingerprint: %v, %s", ok, problem)
	}
}
