package rig

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/lxzan/gws"
)

// Frame is one JSON object of the stream protocol, in either direction (docs/realtime.md).
type Frame = map[string]any

// Stream is one connection that speaks the stream protocol.
type Stream struct {
	conn *gws.Conn

	mu      sync.Mutex
	last    int
	waiting map[int]chan Frame
	events  []Frame
	closed  chan struct{}
	reason  error
}

// ErrClosed says that the stream's connection is gone.
var ErrClosed = errors.New("the stream is closed")

// Token signs an access token as the official libraries do, for an identity in a chat service.
func (s *Server) Token(identity, chatService string, ttl time.Duration) string {
	now := time.Now()
	return SignToken(s.KeySecret, map[string]any{
		"jti": s.KeySID + "-" + Hex(4), "iss": s.KeySID, "sub": s.AccountSID, "exp": now.Add(ttl).Unix(),
		"grants": map[string]any{"identity": identity, "chat": map[string]any{"service_sid": chatService}},
	})
}

// SignToken signs claims with HS256 and the header of an access token.
func SignToken(secret string, claims map[string]any) string {
	part := func(v any) string {
		text, _ := json.Marshal(v) // maps of plain values: never fails
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(map[string]any{"typ": "JWT", "alg": "HS256", "cty": "twilio-fpa;v=1"}) + "." + part(claims)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Dial opens a stream and says hello with the token.
func (s *Server) Dial(ctx context.Context, token string) (*Stream, error) {
	st := &Stream{waiting: map[int]chan Frame{}, closed: make(chan struct{})}
	conn, _, err := gws.NewClient(&handler{stream: st}, &gws.ClientOption{
		Addr: "ws" + strings.TrimPrefix(s.URL, "http") + "/stream", HandshakeTimeout: 10 * time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	st.conn = conn
	go conn.ReadLoop()
	if _, err := st.Ask(ctx, Frame{"type": "hello", "token": token}); err != nil {
		st.Close()
		return nil, err
	}
	return st, nil
}

// Ask sends a request and answers its answer. A frame of type error becomes an error.
func (st *Stream) Ask(ctx context.Context, f Frame) (Frame, error) {
	st.mu.Lock()
	st.last++
	id, answer := st.last, make(chan Frame, 1)
	st.waiting[id] = answer
	st.mu.Unlock()
	f["id"] = id
	if err := st.Send(f); err != nil {
		return nil, err
	}
	select {
	case got := <-answer:
		if got["type"] == "error" {
			return got, fmt.Errorf("%v: %v", got["code"], got["message"])
		}
		return got, nil
	case <-st.closed:
		return nil, fmt.Errorf("%w: %w", ErrClosed, st.reason)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Send writes a frame and waits for nothing.
func (st *Stream) Send(f Frame) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := st.conn.WriteMessage(gws.OpcodeText, text); err != nil {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return nil
}

// Events answers the events that came so far.
func (st *Stream) Events() []Frame {
	st.mu.Lock()
	defer st.mu.Unlock()
	return append([]Frame(nil), st.events...)
}

// Close cuts the connection.
func (st *Stream) Close() { _ = st.conn.NetConn().Close() }

type handler struct {
	gws.BuiltinEventHandler
	stream *Stream
}

// OnClose remembers why the connection ended and wakes everybody who waits.
func (h *handler) OnClose(_ *gws.Conn, err error) {
	h.stream.reason = err
	close(h.stream.closed)
}

// OnMessage hands an answer to its request and keeps everything else as an event.
func (h *handler) OnMessage(_ *gws.Conn, message *gws.Message) {
	defer message.Close()
	var f Frame
	if json.Unmarshal(message.Bytes(), &f) != nil {
		return
	}
	h.stream.mu.Lock()
	defer h.stream.mu.Unlock()
	id, numbered := f["id"].(float64)
	if answer, ok := h.stream.waiting[int(id)]; numbered && ok {
		delete(h.stream.waiting, int(id))
		answer <- f
		return
	}
	h.stream.events = append(h.stream.events, f)
}
