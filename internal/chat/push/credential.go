// Package push keeps what push notifications of chat need: the credentials of push services, and the devices that take
// notifications (bindings). Both are sealed; a credential's secrets are never shown again. Nothing is sent from here: that is what
// the package push of floor 3 does.
package push

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Kind names a push service, on the wire.
type Kind string

// The push services.
const (
	APN Kind = "apn"
	GCM Kind = "gcm"
	FCM Kind = "fcm"
)

// kinds is in the order of what the column holds, from 1.
var kinds = [...]Kind{APN, GCM, FCM}

// number is how a column keeps a kind; 0 for none.
func (k Kind) number() int64 {
	for i, known := range kinds {
		if k == known {
			return int64(i + 1)
		}
	}
	return 0
}

const (
	maxName    = 64
	maxSecrets = 20 << 10 // bytes of each secret
)

// Credential is what a push service knows the operator by.
type Credential struct {
	db.Row
	CredentialDoc
}

// CredentialDoc is the sealed part of a credential: all of it.
type CredentialDoc struct {
	Kind         Kind   `json:"kind"`
	FriendlyName string `json:"name,omitempty"`
	Sandbox      bool   `json:"sandbox,omitempty"` // of APN
	Secrets
}

// Secrets is what is never shown: Certificate and PrivateKey of APN, APIKey of GCM, Secret of FCM.
type Secrets struct {
	Certificate string `json:"certificate,omitempty"`
	PrivateKey  string `json:"private_key,omitempty"`
	APIKey      string `json:"api_key,omitempty"`
	Secret      string `json:"secret,omitempty"`
}

// CredentialChange is what a credential is made from or changed by; nil leaves a field alone.
type CredentialChange struct {
	FriendlyName *string
	Sandbox      *bool
	Certificate  *string
	PrivateKey   *string
	APIKey       *string
	Secret       *string
}

var credentials = &db.Table[Credential]{
	Name: "chat_credential",
	Row:  func(c *Credential) *db.Row { return &c.Row },
	Doc:  func(c *Credential) any { return &c.CredentialDoc },
}

// Push holds the operations of this package. It is safe for concurrent use.
type Push struct {
	db   *db.DB
	chat *chat.Chat
}

// New returns the operations.
func New(d *db.DB, c *chat.Chat) *Push { return &Push{d, c} }

// manage refuses everybody but the account: what is kept here is secret.
func manage(actor account.Actor) error {
	if actor.Can(account.ChatWrite) {
		return nil
	}
	return fault.New(50107, "")
}

func (ch *CredentialChange) apply(c *Credential) error {
	if ch.FriendlyName != nil {
		if utf8.RuneCountInString(*ch.FriendlyName) > maxName || !utf8.ValidString(*ch.FriendlyName) {
			return fault.New(50003, "Friendly name too long: at most %d characters are allowed", maxName)
		}
		c.FriendlyName = *ch.FriendlyName
	}
	if ch.Sandbox != nil {
		c.Sandbox = *ch.Sandbox
	}
	for _, f := range []struct {
		name string
		from *string
		to   *string
	}{
		{"Certificate", ch.Certificate, &c.Certificate},
		{"PrivateKey", ch.PrivateKey, &c.PrivateKey},
		{"ApiKey", ch.APIKey, &c.APIKey},
		{"Secret", ch.Secret, &c.Secret},
	} {
		if f.from == nil {
			continue
		}
		if len(*f.from) > maxSecrets || !utf8.ValidString(*f.from) {
			return fault.Invalid("Invalid value for parameter %s: at most %d bytes are allowed", f.name, maxSecrets)
		}
		*f.to = *f.from
	}
	return nil
}

// CreateCredential makes a credential. Grant chat.write.
func (p *Push) CreateCredential(ctx context.Context, actor account.Actor, kind Kind, ch CredentialChange) (Credential, error) {
	if err := manage(actor); err != nil {
		return Credential{}, err
	}
	if kind.number() == 0 {
		return Credential{}, fault.Invalid("Invalid value for parameter Type: %.64q is not a push service", kind)
	}
	c := Credential{Row: db.Row{SID: sid.New(sid.Credential), Account: actor.Account}, CredentialDoc: CredentialDoc{Kind: kind}}
	if err := ch.apply(&c); err != nil {
		return Credential{}, err
	}
	err := p.db.Do(ctx, func(tx *db.Tx) error { return credentials.Insert(tx, &c) })
	return c, err
}

// GetCredential returns a credential. Grant chat.write.
func (p *Push) GetCredential(ctx context.Context, actor account.Actor, s sid.SID) (c Credential, err error) {
	if err := manage(actor); err != nil {
		return c, err
	}
	err = p.db.View(ctx, func(tx *db.Tx) (err error) {
		c, err = credentials.Get(tx, actor.Account, s)
		return err
	})
	return c, err
}

// ListCredentials returns a page of the account's credentials, oldest first. Grant chat.write.
func (p *Push) ListCredentials(ctx context.Context, actor account.Actor, page db.Page) (out db.PageOf[Credential], err error) {
	if err := manage(actor); err != nil {
		return out, err
	}
	err = p.db.View(ctx, func(tx *db.Tx) (err error) {
		out, err = credentials.Page(tx, page, `account_id = $1`, actor.Account)
		return err
	})
	return out, err
}

// UpdateCredential changes a credential. Grant chat.write.
func (p *Push) UpdateCredential(ctx context.Context, actor account.Actor, s sid.SID, ch CredentialChange) (c Credential, err error) {
	if err := manage(actor); err != nil {
		return c, err
	}
	err = p.db.Do(ctx, func(tx *db.Tx) (err error) {
		if c, err = credentials.ForUpdate(tx, actor.Account, s); err != nil {
			return err
		}
		if err := ch.apply(&c); err != nil {
			return err
		}
		return credentials.Update(tx, &c)
	})
	return c, err
}

// DeleteCredential deletes a credential. Bindings that name it stay. Grant chat.write.
func (p *Push) DeleteCredential(ctx context.Context, actor account.Actor, s sid.SID) error {
	if err := manage(actor); err != nil {
		return err
	}
	return p.db.Do(ctx, func(tx *db.Tx) error {
		c, err := credentials.ForUpdate(tx, actor.Account, s)
		if err != nil {
			return err
		}
		return credentials.Delete(tx, &c)
	})
}

// credential is the one by which a device of the actor is told: that of its token where it is one of the kind, else the newest.
func (p *Push) credential(tx *db.Tx, actor account.Actor, kind Kind) (sid.SID, error) {
	if actor.PushCredential == "" {
		return newest(tx, actor.Account, kind)
	}
	c, err := credentials.Get(tx, actor.Account, actor.PushCredential)
	if errors.Is(err, db.ErrNotFound) || err == nil && c.Kind != kind {
		return newest(tx, actor.Account, kind)
	}
	return c.SID, err
}

// newest is the account's latest credential for a push service; "" when there is none.
func newest(tx *db.Tx, acct int64, kind Kind) (sid.SID, error) {
	list, err := credentials.Find(tx, `account_id = $1 order by id desc limit 100`, acct)
	if err != nil {
		return "", fmt.Errorf("credentials: %w", err)
	}
	for i := range list {
		if list[i].Kind == kind {
			return list[i].SID, nil
		}
	}
	return "", nil
}
