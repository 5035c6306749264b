package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Side is one end of an interaction: who, and the message there.
type Side struct {
	Participant sid.SID `json:"participant,omitempty"`
	Resource    sid.SID `json:"resource,omitempty"` // SM…, MM…, or IM… in a chat channel
	// Status is the message's, in the words of the wire (accepted, queued, sent, delivered, …); "" where there is no message.
	Status string `json:"status,omitempty"`
}

// Interaction is one message that passed, or that was sent to one participant alone (MessageInteraction).
type Interaction struct {
	db.Row
	session           int64
	told              int64 // the participant of a MessageInteraction, 0 for a message that passed
	inbound, outbound *string
	InteractionDocument
}

// InteractionDocument is the sealed part of an interaction.
type InteractionDocument struct {
	AccountSID sid.SID `json:"account"`
	Service    sid.SID `json:"service"`
	Session    sid.SID `json:"session"`
	// Data is JSON text: {"body": …}.
	Data     string `json:"data"`
	Inbound  Side   `json:"in"`
	Outbound Side   `json:"out"`
}

// statuses are those of messages that an interaction may show. Source: the OpenAPI document's enum.
var statuses = map[string]bool{
	"accepted": true, "canceled": true, "delivered": true, "failed": true, "queued": true, "received": true, "receiving": true,
	"scheduled": true, "sending": true, "sent": true, "undelivered": true,
}

// ShownStatus is a message's status in the words that an interaction knows: read, which it does not, is delivered.
func ShownStatus(status string) string {
	switch {
	case status == "read":
		return "delivered"
	case statuses[status]:
		return status
	}
	return "unknown"
}

// NewInteraction is what is recorded of a message.
type NewInteraction struct {
	// SID is the interaction's; "" makes one.
	SID sid.SID
	// Key is the data key of the customer whose words they are; 0 is the account's keyset.
	Key  int64
	Body string
	// Media are addresses of what came along.
	Media             []string
	Inbound, Outbound Side
	// Told makes it a MessageInteraction of this participant.
	Told *Participant
}

// DataOf is the JSON text of an interaction: what was said, and where the media are.
func DataOf(body string, media []string) string {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(struct { // texts can always be encoded
		Body  string   `json:"body"`
		Media []string `json:"mediaUrls,omitempty"`
	}{body, media})
	return strings.TrimSuffix(text.String(), "\n")
}

// RecordTx keeps an interaction of a session that is locked and moves the session on: it is in progress, and its time begins anew.
// db.ErrConflict when the inbound message has been recorded already.
func (p *Proxy) RecordTx(tx *db.Tx, s *Session, in NewInteraction) (Interaction, error) {
	i := Interaction{
		Row: db.Row{SID: in.SID, Account: s.Account, Key: in.Key}, session: s.ID,
		InteractionDocument: InteractionDocument{
			AccountSID: s.AccountSID, Service: s.Service, Session: s.SID, Data: DataOf(in.Body, in.Media), Inbound: in.Inbound, Outbound: in.Outbound,
		},
	}
	if i.SID == "" {
		i.SID = sid.New(sid.Interaction)
	}
	if in.Told != nil {
		i.told = in.Told.ID
	}
	i.inbound, i.outbound = text(in.Inbound.Resource), text(in.Outbound.Resource)
	if i.inbound != nil {
		if _, found, err := p.passedTx(tx, in.Inbound.Resource); err != nil || found {
			if err == nil {
				err = db.ErrConflict
			}
			return Interaction{}, err
		}
	}
	if err := interactions.Insert(tx, &i); err != nil {
		return Interaction{}, err
	}
	if !s.Status.Active() {
		return i, nil
	}
	if s.StartedAt.IsZero() {
		s.StartedAt = tx.Now
	}
	s.Status, s.LastInteraction, s.From = InProgress, tx.Now, tx.Now
	s.schedule()
	return i, sessions.Update(tx, s)
}

func text(s sid.SID) *string {
	if s == "" {
		return nil
	}
	v := string(s)
	return &v
}

// passedTx finds the interaction of an inbound message.
func (p *Proxy) passedTx(tx *db.Tx, message sid.SID) (i Interaction, found bool, err error) {
	i, err = interactions.One(tx, "inbound_sid = $1", message)
	if errors.Is(err, db.ErrNotFound) {
		return i, false, nil
	}
	return i, err == nil, err
}

// PassedTx says whether an inbound message of the account has been recorded.
func (p *Proxy) PassedTx(tx *db.Tx, acct int64, message sid.SID) (bool, error) {
	i, found, err := p.passedTx(tx, message)
	return found && i.Account == acct, err
}

// EraseTx deletes the interactions whose words a data key seals.
func (p *Proxy) EraseTx(tx *db.Tx, acct, key int64) error {
	if key == 0 {
		return nil
	}
	_, err := tx.Exec("delete from proxy_interaction where key_id = $1 and account_id = $2", key, acct)
	return err
}

// HeardTx notes that an inbound message outside of every session was dealt with; again says that it was before. Notes are kept for
// heardFor.
func (p *Proxy) HeardTx(tx *db.Tx, acct int64, message sid.SID) (again bool, err error) {
	if _, found, err := p.passedTx(tx, message); err != nil || found {
		return found, err
	}
	i := Interaction{Row: db.Row{SID: sid.New(sid.Interaction), Account: acct}, inbound: text(message)}
	return false, interactions.Insert(tx, &i)
}

// FollowTx gives the interaction of an outbound message the message's status. changed is false when there is none, or none that it
// would change.
func (p *Proxy) FollowTx(tx *db.Tx, acct int64, message sid.SID, status string) (i Interaction, changed bool, err error) {
	i, err = interactions.One(tx, "outbound_sid = $1 and account_id = $2"+tx.LockSuffix(), message, acct)
	status = ShownStatus(status)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return i, false, nil
	case err != nil || i.Outbound.Status == status:
		return i, false, err
	}
	i.Outbound.Status = status
	return i, true, interactions.Update(tx, &i)
}

// Interaction reads an interaction of a session.
func (p *Proxy) Interaction(ctx context.Context, actor account.Actor, service, session string, s sid.SID) (i Interaction, err error) {
	err = p.view(ctx, actor, func(tx *db.Tx) error {
		i, err = p.interactionTx(tx, actor.Account, service, session, s)
		return err
	})
	return i, err
}

// Interactions lists what passed in a session, oldest first.
func (p *Proxy) Interactions(ctx context.Context, actor account.Actor, service, session string, at db.Page) (page db.PageOf[Interaction], err error) {
	err = p.view(ctx, actor, func(tx *db.Tx) error {
		_, s, err := p.sessionTx(tx, actor.Account, service, session, "")
		if err != nil {
			return err
		}
		page, err = interactions.Page(tx, at, "session_id = $1", s.ID)
		return err
	})
	return page, err
}

// DeleteInteraction deletes what is kept of a message that passed. The messages themselves stay.
func (p *Proxy) DeleteInteraction(ctx context.Context, actor account.Actor, service, session string, s sid.SID) error {
	return p.change(ctx, actor, func(tx *db.Tx) error {
		i, err := p.interactionTx(tx, actor.Account, service, session, s)
		if err != nil {
			return err
		}
		return interactions.Delete(tx, &i)
	})
}

func (p *Proxy) interactionTx(tx *db.Tx, acct int64, service, session string, which sid.SID) (Interaction, error) {
	_, s, err := p.sessionTx(tx, acct, service, session, "")
	if err != nil {
		return Interaction{}, err
	}
	i, err := interactions.One(tx, "sid = $1 and account_id = $2 and session_id = $3", which, acct, s.ID)
	return i, missing(err, "Services", service, "Sessions", session, "Interactions", string(which))
}

// MessageInteraction reads what was sent to a participant alone.
func (p *Proxy) MessageInteraction(ctx context.Context, actor account.Actor, service, session string, who, which sid.SID) (i Interaction, err error) {
	err = p.view(ctx, actor, func(tx *db.Tx) error {
		_, _, v, err := p.participantTx(tx, actor.Account, service, session, who, "")
		if err != nil {
			return err
		}
		i, err = interactions.One(tx, "sid = $1 and account_id = $2 and told_id = $3", which, actor.Account, v.ID)
		return missing(err, "Services", service, "Sessions", session, "Participants", string(who), "MessageInteractions", string(which))
	})
	return i, err
}

// MessageInteractions lists what was sent to a participant alone, oldest first.
func (p *Proxy) MessageInteractions(ctx context.Context, actor account.Actor, service, session string, who sid.SID, at db.Page) (page db.PageOf[Interaction], err error) {
	err = p.view(ctx, actor, func(tx *db.Tx) error {
		_, _, v, err := p.participantTx(tx, actor.Account, service, session, who, "")
		if err != nil {
			return err
		}
		page, err = interactions.Page(tx, at, "told_id = $1", v.ID)
		return err
	})
	return page, err
}

// bodyMost is the longest message, in characters. Source: the original's Message resource.
const bodyMost = 1600

// TellTx checks that a participant can be told something: 80607 when the session is closed, 80910 when it carries calls only, and a
// body that is missing or too long. It returns the session, locked.
func (p *Proxy) TellTx(tx *db.Tx, acct int64, service, session string, who sid.SID, body string) (Service, Session, Participant, error) {
	svc, s, v, err := p.participantTx(tx, acct, service, session, who, tx.LockSuffix())
	switch {
	case err != nil:
	case !s.Status.Active() || s.Over(tx.Now):
		err = fault.New(80607, "")
	case s.Mode == VoiceOnly:
		err = fault.New(80910, "")
	case body == "":
		err = fault.Invalid("Missing required parameter Body in the post body")
	case len(body) > bodyMost && len([]rune(body)) > bodyMost:
		err = fault.New(21617, "")
	}
	return svc, s, v, err
}
