package masking

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/url"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/hook"
	"usher/internal/messaging"
	"usher/internal/proxy"
	"usher/internal/studio/twiml"
)

// documentsMost bounds how often documents of TwiML lead to one another.
const documentsMost = 5

// reply is what an out-of-session callback wants: words for the sender, or a session.
type reply struct {
	Say  []twiml.Verb
	Make *autoSession
}

// autoSession is the JSON by which a session is made. Source: the original's guide to answers of the out-of-session callback.
type autoSession struct {
	UniqueName                 string     `json:"uniqueName"`
	Mode                       proxy.Mode `json:"mode"`
	TTL                        *int64     `json:"ttl"`
	DateExpiry                 *time.Time `json:"dateExpiry"`
	ParticipantIdentifier      string     `json:"participantIdentifier"`
	ParticipantProxyIdentifier string     `json:"participantProxyIdentifier"`
}

var errReply = errors.New("the answer is neither TwiML nor a session in JSON")

// readReply reads the answer of an out-of-session callback. An empty answer says that nothing is to be done.
func readReply(contentType string, body []byte) (reply, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil && contentType != "" {
		kind = ""
	}
	switch kind {
	case "application/json":
		var s autoSession
		if err := json.Unmarshal(body, &s); err != nil {
			return reply{}, errReply
		}
		if s.ParticipantIdentifier == "" {
			return reply{}, fmt.Errorf("%w: participantIdentifier is missing", errReply)
		}
		return reply{Make: &s}, nil
	case "application/xml", "text/xml", "text/html":
		verbs, err := twiml.Parse(body)
		return reply{Say: verbs}, err
	}
	if len(body) == 0 {
		return reply{}, nil
	}
	return reply{}, errReply
}

// outside deals with a message of somebody who has no session at the number: the service's callback decides.
func (m *Masking) outside(ctx context.Context, msg *messaging.Message) error {
	var r, last proxy.Route
	var known, done bool
	err := m.db.Do(ctx, func(tx *db.Tx) (err error) {
		if r.Service, r.Number, err = m.Proxy.PooledTx(tx, msg.Account, msg.To); errors.Is(err, db.ErrNotFound) {
			done = true // the number has left the pool since
			return nil
		}
		if err != nil {
			return err
		}
		last, known, err = m.Proxy.LastTx(tx, r.Number, msg.From)
		return err
	})
	switch {
	case err != nil || done:
		return err
	case r.Service.OutOfSession == "":
		note(msg.SID, &r, 80905)
		return nil
	}
	owner, err := m.Accounts.ByID(ctx, msg.Account)
	if err != nil {
		return fmt.Errorf("account of message %s: %w", msg.SID, err)
	}
	form := m.arrivalForm(owner, msg)
	if known {
		form.tellLast(&last)
	}
	answer, err := m.ask(ctx, owner, msg, r.Service.OutOfSession, url.Values(form))
	if err != nil {
		return err
	}
	began := time.Now()
	err = m.db.Do(ctx, func(tx *db.Tx) error { return m.obeyTx(tx, msg, &r, answer, began) })
	if err != nil && !passing(err) {
		// The receiver asked for what cannot be. Asking again would not help.
		slog.Warn("what an out-of-session callback wants is refused", "message", msg.SID, "service", r.Service.SID, "code", fault.Of(err).Code)
		note(msg.SID, &r, 80913)
		return nil
	}
	return err
}

// ask posts to the out-of-session callback and follows redirects between documents. A callback that fails for now is asked again by
// the job; one that fails for good, or answers what nobody can read, has nothing to say.
func (m *Masking) ask(ctx context.Context, owner account.Account, msg *messaging.Message, address string, form url.Values) (reply, error) {
	method, said := "POST", []twiml.Verb(nil)
	for hop := range documentsMost {
		res, err := m.Caller.Post(ctx, hook.Request{
			Method: method, URL: address, Form: form, AuthToken: owner.AuthToken, Timeout: askTime, MaxResponse: twiml.MaxBytes,
			IdempotencyToken: fmt.Sprintf("%s.%d", msg.SID, hop),
		})
		var failed *hook.Error
		switch {
		case errors.As(err, &failed) && failed.Temporary():
			return reply{}, fmt.Errorf("out-of-session callback of message %s: %w", msg.SID, failed)
		case errors.As(err, &failed):
			slog.Warn("an out-of-session callback fails", "message", msg.SID, "failure", string(failed.Failure), "status", failed.Status)
			return reply{}, nil
		case err != nil:
			return reply{}, err
		}
		answer, err := readReply(res.ContentType, res.Body)
		if err != nil {
			slog.Warn("the answer of an out-of-session callback cannot be read", "message", msg.SID, "error", err)
			return reply{}, nil
		}
		if answer.Make != nil {
			return answer, nil
		}
		next := ""
		for _, v := range answer.Say {
			if v.Redirect != "" {
				next, method = v.Redirect, v.Method
				break
			}
			if len(said) < twiml.MaxMessages {
				said = append(said, v)
			}
		}
		if next == "" {
			break
		}
		if address = resolve(address, next); address == "" {
			break
		}
	}
	return reply{Say: said}, nil
}

// resolve is where a redirect leads, "" for nowhere.
func resolve(from, to string) string {
	base, err := url.Parse(from)
	if err != nil {
		return ""
	}
	u, err := base.Parse(to)
	if err != nil {
		return ""
	}
	return u.String()
}

// obeyTx does what the callback wants, once.
func (m *Masking) obeyTx(tx *db.Tx, msg *messaging.Message, r *proxy.Route, answer reply, began time.Time) error {
	if passed, err := m.Proxy.PassedTx(tx, msg.Account, msg.SID); err != nil || passed {
		return err
	}
	if answer.Make != nil {
		if err := m.openTx(tx, msg, r, answer.Make, began); err != nil {
			return err
		}
		return m.passTx(tx, msg)
	}
	if again, err := m.Proxy.HeardTx(tx, msg.Account, msg.SID); err != nil || again {
		return err
	}
	for _, v := range answer.Say {
		_, err := m.Messages.CreateTx(tx, msg.Account, messaging.Draft{
			From: msg.To, To: msg.From, Body: v.Body, Media: v.Media, Direction: messaging.OutboundReply, Automatic: true,
		})
		if err != nil && passing(err) {
			return err
		}
		if err != nil { // opted out, one too many, or nothing that can be said
			slog.Warn("what an out-of-session callback says is not sent", "message", msg.SID, "code", fault.Of(err).Code)
		}
	}
	return nil
}

// openTx makes the session that the callback describes: the sender by the number that was written to, and the other participant. Where
// no mode is named, it is one that both can be reached in.
func (m *Masking) openTx(tx *db.Tx, msg *messaging.Message, r *proxy.Route, want *autoSession, began time.Time) error {
	svc, err := m.Proxy.ServiceForUpdateTx(tx, msg.Account, r.Service.SID)
	if err != nil {
		return err
	}
	if _, found, err := m.Proxy.RouteTx(tx, msg.Account, msg.To, msg.From); err != nil || found {
		return err // somebody has made one meanwhile
	}
	in := proxy.NewSession{
		UniqueName: want.UniqueName, Mode: want.Mode, TTL: want.TTL,
		Participants: []proxy.NewParticipant{
			{Identifier: msg.From, ProxySID: r.Number.SID},
			{Identifier: want.ParticipantIdentifier, Proxy: want.ParticipantProxyIdentifier},
		},
	}
	if want.TTL == nil { // no default, unlike sessions made by request
		in.TTL = new(int64)
	}
	if want.DateExpiry != nil {
		in.DateExpiry = want.DateExpiry.UTC()
	}
	if in.Mode == "" {
		in.Mode = proxy.ModeFor(msg.From, want.ParticipantIdentifier)
	}
	_, err = m.Proxy.CreateSessionTx(tx, &svc, in, began)
	return err
}
