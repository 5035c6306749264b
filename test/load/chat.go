package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Chat is a connection that speaks as the chat libraries 5 and 6 do, as far as load needs it: it confirms what it hears.
type Chat struct {
	*Conn
	heard func(payload []byte)

	mu          sync.Mutex
	n           int
	waiting     map[string]chan chatReply
	established chan struct{} // one for each object
}

type chatHeader struct {
	Method string `json:"method"`
	ID     string `json:"id"`
	Status struct {
		Code int `json:"code"`
	} `json:"status"`
	HTTPStatus *struct {
		Code int `json:"code"`
	} `json:"http_status"`
}

type chatReply struct {
	chatHeader
	payload []byte
}

var established = []byte("subscription_established")

// OpenChat dials the socket of the chat libraries, from a local address or "", and signs in. heard gets the payload of each
// notification of what happens to an object; it is not valid after it returns.
func OpenChat(ctx context.Context, url, from, token string, heard func(payload []byte)) (*Chat, error) {
	c := &Chat{heard: heard, waiting: map[string]chan chatReply{}, established: make(chan struct{}, 64)}
	conn, err := Dial(url, from, c.receive)
	if err != nil {
		return nil, err
	}
	c.Conn = conn
	reply, err := c.ask(ctx, `"method":"init","token":`+strconv.Quote(token), "")
	if err == nil && reply.Status.Code != 200 {
		err = fmt.Errorf("init: %d", reply.Status.Code)
	}
	if err != nil {
		conn.Cut()
		return nil, err
	}
	return c, nil
}

func (c *Chat) receive(frame []byte) {
	_, rest, _ := bytes.Cut(frame, []byte("\r\n"))
	head, payload, _ := bytes.Cut(rest, []byte("\r\n"))
	var h chatHeader
	if json.Unmarshal(head, &h) != nil {
		return
	}
	switch h.Method {
	case "reply":
		c.mu.Lock()
		answer := c.waiting[h.ID]
		delete(c.waiting, h.ID)
		c.mu.Unlock()
		if answer != nil {
			answer <- chatReply{h, bytes.Clone(payload)}
		}
	case "notification":
		_ = c.frame(`{"method":"reply","id":`+strconv.Quote(h.ID)+`,"status":{"code":200,"status":"OK"}}`, "")
		if bytes.Contains(payload, established) {
			c.established <- struct{}{}
		} else if c.heard != nil {
			c.heard(payload)
		}
	}
}

func (c *Chat) frame(head, payload string) error {
	return c.WriteBinary([]byte("TWILSOCK V3.0 " + strconv.Itoa(len(head)) + "\r\n" + head + "\r\n" + payload))
}

// ask sends a frame, given as the fields of its header without braces and id, and waits for the reply.
func (c *Chat) ask(ctx context.Context, fields, payload string) (chatReply, error) {
	answer := make(chan chatReply, 1)
	c.mu.Lock()
	c.n++
	id := "TM" + strconv.Itoa(c.n)
	c.waiting[id] = answer
	c.mu.Unlock()
	if err := c.frame(`{"id":"`+id+`",`+fields+`}`, payload); err != nil {
		return chatReply{}, err
	}
	select {
	case r := <-answer:
		return r, nil
	case <-c.Done():
		return chatReply{}, fmt.Errorf("closed with %d %s", c.code, c.why)
	case <-ctx.Done():
		return chatReply{}, fmt.Errorf("no answer: %w", ctx.Err())
	}
}

// Call asks as if by HTTP, and answers the body.
func (c *Chat) Call(ctx context.Context, method, path, body string) ([]byte, error) {
	r, err := c.ask(ctx, fmt.Sprintf(`"method":"message","payload_size":%d,"http_request":{"host":"aim.us1.twilio.com","method":%q,"path":%q}`, len(body), method, path), body)
	switch {
	case err != nil:
		return nil, err
	case r.HTTPStatus == nil || r.HTTPStatus.Code/100 != 2:
		return nil, fmt.Errorf("%s %s: %s", method, path, r.payload)
	}
	return r.payload, nil
}

// Follow subscribes to objects and waits until that is established.
func (c *Chat) Follow(ctx context.Context, objects ...string) error {
	var wishes []string
	for _, name := range objects {
		wishes = append(wishes, `{"object_sid":"`+name+`","object_type":"list"}`)
	}
	if _, err := c.Call(ctx, "POST", "/v4/Subscriptions", `{"action":"establish","correlation_id":1,"requests":[`+strings.Join(wishes, ",")+`]}`); err != nil {
		return err
	}
	for range objects {
		select {
		case <-c.established:
		case <-c.Done():
			return errors.New("closed")
		case <-ctx.Done():
			return fmt.Errorf("not subscribed: %w", ctx.Err())
		}
	}
	return nil
}

// Begin does what the libraries do until they say that they are initialized: the configuration, the user's own objects, its channels.
func (c *Chat) Begin(ctx context.Context) error {
	raw, err := c.Call(ctx, "GET", "/Client/v1/Configuration", "")
	if err != nil {
		return err
	}
	var conf struct {
		Objects struct {
			Mine string `json:"my_conversations"`
			Info string `json:"my_user_info"`
		} `json:"sync_objects"`
	}
	if err := json.Unmarshal(raw, &conf); err != nil || len(conf.Objects.Mine) < 34 {
		return fmt.Errorf("configuration: %s, %w", raw, err)
	}
	for _, path := range []string{"/v3/Maps/" + conf.Objects.Mine, "/v3/Maps/" + conf.Objects.Info, "/Client/v1/MyConversations"} {
		if _, err := c.Call(ctx, "GET", path, ""); err != nil {
			return err
		}
	}
	digits := conf.Objects.Mine[2:34]
	return c.Follow(ctx, "MC"+digits, "MU"+digits)
}

// FollowChannel opens a channel's objects and follows them.
func (c *Chat) FollowChannel(ctx context.Context, channel string) error {
	digits := channel[2:]
	for _, path := range []string{"/v3/Documents/ET", "/v3/Lists/ES", "/v3/Maps/MP"} {
		if _, err := c.Call(ctx, "GET", path+digits, ""); err != nil {
			return err
		}
	}
	return c.Follow(ctx, "ET"+digits, "ES"+digits, "MP"+digits)
}
