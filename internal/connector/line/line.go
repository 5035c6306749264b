// Package line carries messages over LINE: one official account, its webhooks and the Messaging API.
//
// What comes from people (not from groups and rooms): texts, pictures, films, sounds and files (fetched at once, for LINE keeps them only
// a while), stickers as words, places, and answers by button. What goes: texts, pictures by their address, and any other file as a line
// with its address, since a bot of LINE's can send no other.
//
// Messages are pushed, with a key of our SID against sending twice; so a try whose outcome is not known is repeated safely. LINE counts
// pushed messages against the account's plan, but not answers with the token of what a customer has just said. The setting reply_tokens
// uses that where it can, at a price: an answer has no key. LINE sends no receipts; a message that it took counts as sent.
//
// Source: LINE's pages on the Messaging API: reference (webhooks, push, reply, content, profile), retrying a failed request; the
// official Go library, which the tests ask what it reads and sends.
package line

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
)

// Kind is LINE.
var Kind = connector.Kind{Name: "line", Channels: []carry.Channel{carry.LINE}, Fields: fields, Open: open}

var fields = []connector.Field{
	{Name: "bot_user_id", Label: "Bot's user ID", Help: "U and 32 letters and digits: what a webhook calls its destination; the Messaging API tells it under /v2/bot/info.", Required: true},
	{Name: "channel_secret", Label: "Channel secret", Help: "Signs webhooks. In the LINE Developers Console under Basic settings.", Secret: true, Required: true},
	{Name: "channel_access_token", Label: "Channel access token", Help: "A long-lived one, from the tab Messaging API.", Secret: true, Required: true},
	{
		Name: "reply_tokens", Label: "Answer with reply tokens", Help: "Answers within 30 seconds cost nothing then, but one that breaks off is not tried again.",
		Default: "no", Choices: []string{"no", "yes"},
	},
	{Name: "base_url", Label: "API address", Help: "Only for tests, or for a proxy of your own.", Default: "https://api.line.me"},
	{Name: "data_url", Label: "Address of files", Help: "Only for tests, or for a proxy of your own.", Default: "https://api-data.line.me"},
}

// Connection is one official account.
type Connection struct {
	client            *http.Client
	bot, secret       string
	token, base, data string
	reply             bool
	names             connector.Names
	tokens            tokens
	pauses            []time.Duration // between tries for a file that is not ready
}

func open(given map[string]string, d connector.Deps) (any, error) {
	s, err := connector.Settings(fields, given)
	if err != nil {
		return nil, err
	}
	base, err := connector.Base(s, "base_url")
	if err != nil {
		return nil, err
	}
	data, err := connector.Base(s, "data_url")
	if err != nil {
		return nil, err
	}
	if !user(s["bot_user_id"]) {
		return nil, errors.New("bot_user_id is U and 32 hexadecimal digits")
	}
	if err := connector.Token(s, "channel_access_token"); err != nil {
		return nil, err
	}
	return &Connection{
		client: d.Client, bot: s["bot_user_id"], secret: s["channel_secret"], token: s["channel_access_token"], base: base, data: data,
		reply: s["reply_tokens"] == "yes", pauses: []time.Duration{500 * time.Millisecond, time.Second},
	}, nil
}

const prefix = "line:"

// user says whether an ID is that of a person or a bot.
func user(id string) bool {
	return len(id) == 33 && id[0] == 'U' && strings.Trim(id[1:], "0123456789abcdef") == ""
}

// request makes a call of the API.
func (c *Connection) request(ctx context.Context, method, address string, body string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, &carry.Refusal{Reason: "the address cannot be called"}
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("User-Agent", "Usher")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// name is what a customer is called; "" when LINE does not say.
func (c *Connection) name(ctx context.Context, id string) string {
	return c.names.Of(id, func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		req, err := c.request(ctx, http.MethodGet, c.base+"/v2/bot/profile/"+id, "")
		if err != nil {
			return "", err
		}
		reply, err := connector.Call(ctx, c.client, req)
		if err != nil {
			return "", err
		}
		if reply.Status == http.StatusNotFound { // not a friend, or one who does not show a profile
			return "", nil
		}
		var profile struct {
			Name string `json:"displayName"`
		}
		if !reply.OK() || json.Unmarshal(reply.Body, &profile) != nil {
			return "", reply.Error()
		}
		return profile.Name, nil
	})
}

// content gets the file of a message. Films and sounds may take LINE a moment. request is the context of the webhook.
func (c *Connection) content(request context.Context, until time.Time, id string) (carry.Media, error) {
	ctx, cancel := context.WithDeadline(request, until)
	defer cancel()
	for i := 0; ; i++ {
		req, err := c.request(ctx, http.MethodGet, c.data+"/v2/bot/message/"+url.PathEscape(id)+"/content", "")
		if err != nil {
			return carry.Media{}, err
		}
		file, err := connector.Fetch(ctx, request, c.client, req)
		if err == nil || errors.Is(err, connector.ErrNoFile) || i == len(c.pauses) {
			return file, err
		}
		select {
		case <-ctx.Done():
			return carry.Media{}, ctx.Err()
		case <-time.After(c.pauses[i]):
		}
	}
}

// tokens are the reply tokens of who has just written. The zero value is ready.
type tokens struct {
	mu   sync.Mutex
	last map[string]token
}

type token struct {
	value string
	until time.Time
}

// tokenLasts is how long a token is used. LINE takes one for about a minute after the message.
const tokenLasts = 30 * time.Second

// maxTokens bounds what is kept.
const maxTokens = 10_000

// keep keeps somebody's newest token.
func (t *tokens) keep(user, value string, now time.Time) {
	if value == "" || len(value) > 255 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil || len(t.last) >= maxTokens {
		t.last = map[string]token{}
	}
	t.last[user] = token{value, now.Add(tokenLasts)}
}

// take returns somebody's token, which is good for one answer, or "".
func (t *tokens) take(user string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	got := t.last[user]
	delete(t.last, user)
	if time.Now().After(got.until) {
		return ""
	}
	return got.value
}
