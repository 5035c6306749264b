// Package load talks to Usher as many clients at once, over its stream and over REST, and measures what comes back.
// Tests of the stream use its client too.
package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"
)

// Conn is a bare connection to the stream: frames go in and come out as they are.
type Conn struct {
	ws    *gws.Conn
	on    func(frame []byte)
	local string
	done  chan struct{}
	code  uint16
	why   string
}

// Dial opens a connection. on gets every text frame, on one goroutine; the frame is not valid after it returns. An
// empty from lets the system choose the local address.
func Dial(url, from string, on func(frame []byte)) (*Conn, error) {
	c := &Conn{on: on, done: make(chan struct{})}
	ws, _, err := gws.NewClient(handler{}, &gws.ClientOption{
		Addr:           url,
		ReadBufferSize: 1024,
		NewSession:     func() gws.SessionStorage { return &session{c: c} },
		Logger:         quiet{},
		NewDialer: func() (gws.Dialer, error) {
			d := &net.Dialer{Timeout: 30 * time.Second}
			if from != "" {
				d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
			}
			return d, nil
		},
	})
	if err != nil {
		return nil, err
	}
	c.ws, c.local = ws, ws.LocalAddr().String()
	go ws.ReadLoop()
	return c, nil
}

type session struct {
	gws.SessionStorage
	c *Conn
}

type quiet struct{}

func (quiet) Error(...any) {}

type handler struct{ gws.BuiltinEventHandler }

func (handler) OnMessage(ws *gws.Conn, m *gws.Message) {
	ws.Session().(*session).c.on(m.Bytes())
	_ = m.Close()
}

func (handler) OnClose(ws *gws.Conn, err error) {
	c := ws.Session().(*session).c
	c.code = 1006
	if e, ok := errors.AsType[*gws.CloseError](err); ok {
		c.code, c.why = e.Code, string(e.Reason)
	}
	close(c.done)
}

// Write sends a text frame.
func (c *Conn) Write(frame []byte) error { return c.ws.WriteMessage(gws.OpcodeText, frame) }

// WriteBinary sends a binary frame, which the stream does not take.
func (c *Conn) WriteBinary(frame []byte) error { return c.ws.WriteMessage(gws.OpcodeBinary, frame) }

// Cut breaks the connection without a word.
func (c *Conn) Cut() { _ = c.ws.NetConn().Close() }

// Net is the connection below.
func (c *Conn) Net() net.Conn { return c.ws.NetConn() }

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Closed waits for the end and answers the close code (1006 when there was none) and its reason.
func (c *Conn) Closed(ctx context.Context) (uint16, string, error) {
	select {
	case <-c.done:
		return c.code, c.why, nil
	case <-ctx.Done():
		return 0, "", fmt.Errorf("the connection is still open: %w", ctx.Err())
	}
}

// Frame is any frame of the server.
type Frame struct {
	Type     string          `json:"type"`
	ID       int64           `json:"id"`
	Stream   string          `json:"stream"`
	Channel  json.RawMessage `json:"channel"` // a SID; in a history, the channel
	Identity string          `json:"identity"`
	Name     string          `json:"name"`
	Account  string          `json:"account_sid"`
	Epoch    string          `json:"epoch"`
	Offset   int64           `json:"offset"`
	Kind     string          `json:"kind"`
	At       string          `json:"at"`
	Data     json.RawMessage `json:"data"`
	Expires  *time.Time      `json:"expires"`
	Seconds  int             `json:"seconds"`
	Repeated bool            `json:"repeated"`
	Message  json.RawMessage `json:"message"` // a message; in an error, its text
	Messages []Message       `json:"messages"`
	Streams  []Subscribed    `json:"streams"`
	Members  []struct {
		Identity string `json:"identity"`
		LastRead *int64 `json:"last_consumed_message_index"`
	} `json:"members"`
	Code       int    `json:"code"`
	Status     int    `json:"status"`
	RetryAfter int    `json:"retry_after"`
	Error      *Fault `json:"error"`
}

// Subscribed is the answer for one stream.
type Subscribed struct {
	Stream  string `json:"stream"`
	Epoch   string `json:"epoch"`
	Offset  int64  `json:"offset"`
	Resumed bool   `json:"resumed"`
	Error   *Fault `json:"error"`
}

// Fault is a coded error.
type Fault struct {
	Code    int    `json:"code"`
	Status  int    `json:"status"`
	Message string `json:"message"`
}

// Message is what the load tests look at of a message.
type Message struct {
	SID      string `json:"sid"`
	Index    int64  `json:"index"`
	Author   string `json:"author"`
	Body     string `json:"body"`
	ClientID string `json:"client_id"`
}

// Client is a connection that decodes frames and pairs answers with requests.
type Client struct {
	*Conn
	Welcome Frame
	// Events gets everything that answers no request. It is large; when nobody reads it, the connection waits.
	Events chan Frame

	id      atomic.Int64
	mu      sync.Mutex
	waiting map[int64]chan Frame
}

// Open dials and signs in.
func Open(ctx context.Context, url, token string) (*Client, error) {
	c := &Client{Events: make(chan Frame, 4096), waiting: map[int64]chan Frame{}}
	conn, err := Dial(url, "", c.receive)
	if err != nil {
		return nil, err
	}
	c.Conn = conn
	c.Welcome, err = c.Request(ctx, `"type":"hello","token":`+strconv.Quote(token))
	if err != nil {
		conn.Cut()
		return nil, err
	}
	return c, nil
}

func (c *Client) receive(raw []byte) {
	var f Frame
	if err := json.Unmarshal(raw, &f); err != nil {
		f = Frame{Type: "garbage: " + err.Error()}
	}
	c.mu.Lock()
	answer := c.waiting[f.ID]
	delete(c.waiting, f.ID)
	c.mu.Unlock()
	if answer != nil && f.ID != 0 {
		answer <- f
		return
	}
	c.Events <- f
}

// Request sends a frame, given as its fields without braces and id, and waits for the answer. An error frame is an answer.
func (c *Client) Request(ctx context.Context, fields string) (Frame, error) {
	id := c.id.Add(1)
	answer := make(chan Frame, 1)
	c.mu.Lock()
	c.waiting[id] = answer
	c.mu.Unlock()
	if err := c.Write([]byte(`{"id":` + strconv.FormatInt(id, 10) + `,` + fields + `}`)); err != nil {
		return Frame{}, err
	}
	select {
	case f := <-answer:
		return f, nil
	case <-c.Done():
		select {
		case f := <-answer:
			return f, nil
		default:
		}
		return Frame{}, fmt.Errorf("closed with %d %s", c.code, c.why)
	case <-ctx.Done():
		return Frame{}, fmt.Errorf("no answer: %w", ctx.Err())
	}
}

// Send sends a message and waits until it is kept.
func (c *Client) Send(ctx context.Context, channel, clientID, body string) (Message, bool, error) {
	f, err := c.Request(ctx, fmt.Sprintf(`"type":"send","channel":%q,"client_id":%q,"body":%q`, channel, clientID, body))
	if err != nil {
		return Message{}, false, err
	}
	if f.Type != "sent" {
		return Message{}, false, fmt.Errorf("send: %d %s", f.Code, f.Message)
	}
	var m Message
	err = json.Unmarshal(f.Message, &m)
	return m, f.Repeated, err
}

// Subscribe watches one stream from now on, or after a position.
func (c *Client) Subscribe(ctx context.Context, stream, epoch string, offset int64) (Subscribed, error) {
	ref := fmt.Sprintf(`{"stream":%q}`, stream)
	if epoch != "" {
		ref = fmt.Sprintf(`{"stream":%q,"epoch":%q,"offset":%d}`, stream, epoch, offset)
	}
	f, err := c.Request(ctx, `"type":"subscribe","streams":[`+ref+`]`)
	if err != nil {
		return Subscribed{}, err
	}
	if f.Type != "subscribed" || len(f.Streams) != 1 {
		return Subscribed{}, fmt.Errorf("subscribe: %d %s", f.Code, f.Message)
	}
	return f.Streams[0], nil
}

// Next waits for the next frame that answers no request.
func (c *Client) Next(ctx context.Context) (Frame, error) {
	select {
	case f := <-c.Events:
		return f, nil
	case <-ctx.Done():
		return Frame{}, fmt.Errorf("no frame: %w", ctx.Err())
	}
}
