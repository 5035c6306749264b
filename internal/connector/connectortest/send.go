package connectortest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
)

// verdict is what Send must say of an answer.
type verdict int

const (
	taken verdict = iota
	refused
	later
	unknown
)

// answer is one way in which a carrier answers.
type answer struct {
	name string
	want verdict
	do   func(w http.ResponseWriter, r *http.Request)
}

func status(code int, header, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set("Retry-After", header)
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// page is what stands before a broken program says; it holds what must not come out again.
const page = "<html>" + secretText + "</html>"

func (tr Trial) answers(elsewhere string, written *atomic.Int64) []answer {
	list := []answer{
		{"taken", taken, tr.Taken},
		{"400", refused, status(400, "", page)},
		{"401", refused, status(401, "", `{"error":"`+secretText+`"}`)},
		{"403", refused, status(403, "", `[]`)},
		{"404", refused, status(404, "", "")},
		{"413", refused, status(413, "", `{"code":"x","error":[],"message":{}}`)},
		{"429", later, status(429, "7", "")},
		{"503", later, status(503, "7", page)},
		{"500", unknown, status(500, "", page)},
		{"502", unknown, status(502, "", "")},
		{"504", unknown, status(504, "", "{}")},
		{"200 without what was asked", unknown, status(200, "", page)},
		{"redirect", refused, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
		}},
		{"a gigabyte", unknown, func(w http.ResponseWriter, _ *http.Request) { written.Add(flood(w)) }},
		{"a gigabyte and no", refused, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			written.Add(flood(w))
		}},
		{"cut after the request", unknown, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"cut in the answer", unknown, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}},
	}
	if tr.AnyAnswer {
		for i, a := range list {
			if a.name == "200 without what was asked" || a.name == "a gigabyte" || a.name == "cut in the answer" {
				list[i].want = taken
			}
		}
	}
	return list
}

// send lets the carrier answer in every way.
func (tr Trial) send(t *testing.T) {
	var written, strayed atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	defer elsewhere.Close()
	for _, a := range tr.answers(elsewhere.URL, &written) {
		t.Run(a.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tr.Prompt != nil && tr.Prompt(w, r) {
					return
				}
				_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 64<<20))
				a.do(w, r)
			}))
			defer server.Close()
			sent, err := tr.open(t, server.URL).(connector.Sender).Send(t.Context(), tr.Outbound)
			tr.judge(t, a.want, sent, err)
		})
	}
	if strayed.Load() > 0 {
		t.Error("what was sent followed a redirect")
	}
	if n := written.Load(); n > 64<<20 {
		t.Errorf("%d bytes of answers without end were read", n)
	}
	t.Run("nobody there", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		base := "http://" + listener.Addr().String()
		listener.Close()
		sent, err := tr.open(t, base).(connector.Sender).Send(t.Context(), tr.Outbound)
		tr.judge(t, later, sent, err)
	})
	t.Run("too slow", tr.slow)
	t.Run("many at once", tr.many)
	t.Run("to nobody", func(t *testing.T) {
		for _, to := range []string{"", ":", "whatsapp:", "line:", "custom:", "messenger:", "\x00", strings.Repeat("9", 100_000)} {
			m := tr.Outbound
			m.To = to
			if _, err := tr.open(t, "http://127.0.0.1:1").(connector.Sender).Send(t.Context(), m); err == nil {
				t.Errorf("a message to %.20q was taken", to)
			}
		}
	})
}

// judge says whether Send told the truth.
func (tr Trial) judge(t *testing.T, want verdict, sent carry.Sent, err error) {
	t.Helper()
	tr.silent(t, err)
	refusal := (*carry.Refusal)(nil)
	isRefusal := errors.As(err, &refusal)
	if isRefusal && (refusal.Reason == "" || len(refusal.Reason) > 255 || strings.Contains(refusal.Reason, secretText)) {
		t.Errorf("the reason is %q", refusal.Reason)
	}
	switch want {
	case taken:
		if err != nil || len(sent.IDs) == 0 || sent.IDs[0] == "" {
			t.Errorf("sent %+v, %v", sent, err)
		}
		if sent.Status != carry.Queued && sent.Status != carry.SentOut && sent.Status != carry.Delivered {
			t.Errorf("sent with the status %q", sent.Status)
		}
	case refused:
		if !isRefusal || refusal.Again {
			t.Errorf("%v, want a refusal for good", err)
		}
	case later:
		if !isRefusal || !refusal.Again {
			t.Errorf("%v, want a refusal for now", err)
		}
		if isRefusal && !strings.Contains(t.Name(), "nobody") && refusal.After != 7*time.Second {
			t.Errorf("to be tried again after %v, want what the carrier said", refusal.After)
		}
	case unknown:
		if err == nil || isRefusal {
			t.Errorf("sent %+v, %v; want an outcome that is not known", sent, err)
		}
	}
}

// slow has a carrier that never answers, and a caller who does not wait.
func (tr Trial) slow(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tr.Prompt != nil && tr.Prompt(w, r) {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	}))
	defer server.Close()
	defer close(release)
	c := tr.open(t, server.URL).(connector.Sender)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	sent, err := c.Send(ctx, tr.Outbound)
	tr.judge(t, unknown, sent, err)
	if ctx.Err() == nil {
		t.Error("Send came back before its time was over")
	}
}

// many uses one connection from many goroutines.
func (tr Trial) many(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tr.Prompt == nil || !tr.Prompt(w, r) {
			tr.Taken(w, r)
		}
	}))
	defer server.Close()
	c := tr.open(t, server.URL)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := c.(connector.Sender).Send(t.Context(), tr.Outbound); err != nil {
				t.Errorf("send: %v", err)
			}
			if tr.Sign != nil {
				if _, err := c.(connector.Receiver).Receive(t.Context(), tr.Sign(tr.Text("id-1", "hello"))); err != nil {
					t.Errorf("receive: %v", err)
				}
			}
		})
	}
	all.Wait()
}
