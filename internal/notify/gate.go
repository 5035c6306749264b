package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/chat/origin"
	"usher/internal/fault"
	"usher/internal/hook"
	"usher/internal/sid"
)

// askTime is how long a webhook may think before a client's action goes on without its answer. Source: the original's time-out.
const askTime = 5 * time.Second

// Caller makes HTTP calls; *hook.Client does, behind its guard.
type Caller interface {
	Post(ctx context.Context, r hook.Request) (hook.Response, error)
}

// Owners finds accounts; *account.Accounts does.
type Owners interface {
	ByID(ctx context.Context, acct int64) (account.Account, error)
}

// Gate asks a service's webhook before what a client does. It is a chat.Gate.
type Gate struct {
	caller Caller
	owners Owners
}

// NewGate makes a gate.
func NewGate(c Caller, o Owners) *Gate { return &Gate{c, o} }

// Ask posts a proposal to the service's webhook. An answer of 200 lets it pass, with the changes that its JSON names; every other
// status refuses it (50056). No answer in time, or none at all, lets it pass as it is: a customer is not silenced by a receiver
// that is down. Where the service has tries left, they are made first.
func (g *Gate) Ask(ctx context.Context, p chat.Proposal) (chat.Amendment, error) {
	owner, err := g.owners.ByID(ctx, p.Account)
	if err != nil {
		return chat.Amendment{}, fmt.Errorf("account of service %s: %w", p.Service.SID, err)
	}
	f := form{}
	f.set("AccountSid", string(owner.SID))
	f.set("EventType", p.Event)
	f.set("InstanceSid", string(p.Service.SID))
	f.set("Source", origin.SDK)
	f.set("ClientIdentity", p.Identity)
	f.set("ChannelSid", string(p.Channel))
	f.describe(p.Data, strings.HasSuffix(p.Event, "Update") || strings.HasSuffix(p.Event, "Remove"))
	token := string(sid.New(sid.Request))
	for try := 0; ; try++ {
		f.set("RetryCount", fmt.Sprint(try))
		answer, err := g.caller.Post(ctx, hook.Request{
			Method: p.Service.WebhookMethod, URL: p.Service.PreWebhookURL, Form: url.Values(f), AuthToken: owner.AuthToken,
			IdempotencyToken: token, Timeout: askTime,
		})
		var failed *hook.Error
		switch {
		case err == nil:
			return amendment(answer.Body), nil
		case !errors.As(err, &failed):
			return chat.Amendment{}, fmt.Errorf("webhook of service %s: %w", p.Service.SID, err)
		case failed.Temporary() && try < p.Service.PreRetries && ctx.Err() == nil:
			continue
		case failed.Failure == hook.BadStatus && failed.Status >= 400:
			return chat.Amendment{}, fault.New(50056, "")
		}
		if ctx.Err() != nil {
			return chat.Amendment{}, ctx.Err()
		}
		slog.Warn("a webhook gave no answer; what it was asked about goes on", "service", p.Service.SID, "event", p.Event,
			"failure", string(failed.Failure))
		return chat.Amendment{}, nil
	}
}

// amendment reads what a webhook changes. An answer that is not a JSON object changes nothing.
func amendment(body []byte) chat.Amendment {
	var in struct {
		FriendlyName *string         `json:"friendly_name"`
		Body         *string         `json:"body"`
		Author       *string         `json:"author"`
		From         *string         `json:"from"`
		Attributes   json.RawMessage `json:"attributes"`
	}
	if json.Unmarshal(body, &in) != nil {
		return chat.Amendment{}
	}
	a := chat.Amendment{FriendlyName: in.FriendlyName, Body: in.Body, Author: in.Author}
	if a.Author == nil {
		a.Author = in.From
	}
	if text := string(in.Attributes); text != "" && text != "null" {
		// JSON text in a string, as everywhere on the wire; an object is taken as well.
		if json.Unmarshal(in.Attributes, &text) != nil {
			text = string(in.Attributes)
		}
		a.Attributes = &text
	}
	return a
}
