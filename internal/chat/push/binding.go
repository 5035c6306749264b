package push

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Binding is a device of a user that takes push notifications.
type Binding struct {
	db.Row
	BindingDoc
	ServiceID  int64
	UserID     int64
	ServiceSID sid.SID // not stored

	kind int64
	hash []byte
}

// BindingDoc is the sealed part of a binding.
type BindingDoc struct {
	Kind         Kind     `json:"kind"`
	Identity     string   `json:"identity"`
	UserSID      sid.SID  `json:"user"`
	Endpoint     string   `json:"endpoint"` // what the client calls itself
	Address      string   `json:"address"`  // what the push service knows the device by
	Credential   sid.SID  `json:"credential,omitempty"`
	MessageTypes []string `json:"types"`
}

var bindings = &db.Table[Binding]{
	Name: "chat_binding",
	Row:  func(b *Binding) *db.Row { return &b.Row },
	Doc:  func(b *Binding) any { return &b.BindingDoc },
	Columns: []db.Column[Binding]{
		{Name: "service_id", Field: func(b *Binding) any { return &b.ServiceID }},
		{Name: "user_id", Field: func(b *Binding) any { return &b.UserID }},
		{Name: "endpoint_hash", Field: func(b *Binding) any { return &b.hash }},
		{Name: "kind", Field: func(b *Binding) any { return &b.kind }},
	},
}

// Limits of what a client registers.
const (
	maxBindings = 20 // of one user; the oldest goes
	maxAddress  = 4096
	maxEndpoint = 256
)

// messageTypes are what a device may be told of, as clients name them, and as bindings show them.
var messageTypes = []string{"new_message", "added_to_channel", "invited_to_channel", "removed_from_channel", "typing_indicator", "consumption_update"}

// NewBinding is what a client registers.
type NewBinding struct {
	Kind         Kind
	Address      string   // the push service's name of the device
	Endpoint     string   // what the client calls itself; "" is the address
	MessageTypes []string // with or without the prefix of their product; unknown ones are dropped
}

// Register binds a device to the actor's own identity, making the user when it is new. A device that is bound already is brought
// up to date. Grant chat.own.
func (p *Push) Register(ctx context.Context, actor account.Actor, n NewBinding) (Binding, error) {
	switch {
	case !actor.Can(account.ChatOwn) || actor.Identity == "" || actor.ChatService == "":
		return Binding{}, fault.New(50107, "")
	case n.Kind.number() == 0:
		return Binding{}, fault.New(50209, "")
	case n.Address == "" || len(n.Address) > maxAddress || !utf8.ValidString(n.Address):
		return Binding{}, fault.Invalid("registration_id must have between 1 and %d bytes", maxAddress)
	case len(n.Endpoint) > maxEndpoint || !utf8.ValidString(n.Endpoint):
		return Binding{}, fault.Invalid("endpoint must have at most %d bytes", maxEndpoint)
	}
	hash, err := p.db.Ring().Blind(actor.Account, "chat.endpoint", string(n.Kind)+"|"+n.Address)
	if err != nil {
		return Binding{}, err
	}
	var b Binding
	err = p.db.Do(ctx, func(tx *db.Tx) error {
		s, err := p.chat.ServiceTx(tx, actor.Account, actor.ChatService)
		if err != nil {
			return err
		}
		u, _, err := p.chat.EnsureUserTx(tx, s, chat.NewUser{Identity: actor.Identity})
		if err != nil {
			return err
		}
		credential, err := p.credential(tx, actor, n.Kind)
		if err != nil {
			return err
		}
		doc := BindingDoc{
			Kind: n.Kind, Identity: u.Identity, UserSID: u.SID, Endpoint: n.Endpoint, Address: n.Address, Credential: credential,
			MessageTypes: known(n.MessageTypes),
		}
		b, err = bindings.One(tx, `user_id = $1 and endpoint_hash = $2`, u.ID, hash)
		if err == nil {
			b.ServiceSID, b.BindingDoc = s.SID, doc
			return bindings.Update(tx, &b)
		}
		if !errors.Is(err, db.ErrNotFound) {
			return fmt.Errorf("binding: %w", err)
		}
		if err := oldest(tx, u.ID); err != nil {
			return err
		}
		b = Binding{
			Row: db.Row{SID: sid.New(sid.Binding), Account: actor.Account, Key: u.Key}, BindingDoc: doc,
			ServiceID: s.ID, UserID: u.ID, ServiceSID: s.SID, kind: n.Kind.number(), hash: hash,
		}
		if err := bindings.Insert(tx, &b); err != nil {
			return err
		}
		return p.tell(tx, u.ID, 1)
	})
	return b, err
}

// known keeps the types of messages that there are, each once.
func known(types []string) []string {
	kept := []string{}
	for _, t := range types {
		t = t[strings.LastIndexByte(t, '.')+1:]
		if slices.Contains(messageTypes, t) && !slices.Contains(kept, t) {
			kept = append(kept, t)
		}
	}
	return kept
}

// oldest makes room for one more binding of a user.
func oldest(tx *db.Tx, userID int64) error {
	_, err := tx.Exec(`delete from chat_binding where user_id = $1 and id not in
		(select id from (select id from chat_binding where user_id = $1 order by id desc limit $2) as kept)`, userID, maxBindings-1)
	if err != nil {
		return fmt.Errorf("bindings: %w", err)
	}
	return nil
}

// Filter narrows a list of bindings; empty fields do not.
type Filter struct {
	Kinds      []Kind
	Identities []string
}

// ListBindings returns a page of a service's bindings, oldest first. Grant chat.write.
func (p *Push) ListBindings(ctx context.Context, actor account.Actor, service sid.SID, f Filter, page db.Page) (out db.PageOf[Binding], err error) {
	if err := manage(actor); err != nil {
		return out, err
	}
	if len(f.Identities) > 100 {
		return out, fault.Invalid("Invalid value for parameter Identity: at most 100 are allowed")
	}
	err = p.db.View(ctx, func(tx *db.Tx) error {
		s, err := p.chat.ServiceTx(tx, actor.Account, service)
		if err != nil {
			return err
		}
		where, args := `service_id = $1`, []any{s.ID}
		if len(f.Identities) > 0 {
			where += ` and user_id in (select id from chat_user where service_id = $1 and identity_hash in (` + db.In(2, len(f.Identities)) + `))`
			for _, identity := range f.Identities {
				hash, err := p.chat.IdentityHash(actor.Account, identity)
				if err != nil {
					return err
				}
				args = append(args, hash)
			}
		}
		out, err = list(tx, s.SID, f.Kinds, page, where, args)
		return err
	})
	return out, err
}

// list reads a page of bindings of some push services; none means all.
func list(tx *db.Tx, service sid.SID, of []Kind, page db.Page, where string, args []any) (db.PageOf[Binding], error) {
	if len(of) > 0 {
		where += ` and kind in (` + db.In(len(args)+1, len(of)) + `)`
		for _, k := range of {
			args = append(args, k.number())
		}
	}
	out, err := bindings.Page(tx, page, where, args...)
	for i := range out.Items {
		out.Items[i].ServiceSID = service
	}
	return out, err
}

// ListUserBindings returns a page of a user's bindings, oldest first: its own to a client, anybody's to the account.
func (p *Push) ListUserBindings(ctx context.Context, actor account.Actor, service sid.SID, user string, of []Kind, page db.Page) (out db.PageOf[Binding], err error) {
	u, err := p.owner(ctx, actor, service, user)
	if err != nil {
		return out, err
	}
	err = p.db.View(ctx, func(tx *db.Tx) (err error) {
		out, err = list(tx, u.ServiceSID, of, page, `user_id = $1`, []any{u.ID})
		return err
	})
	return out, err
}

// owner is the user whose bindings are asked for.
func (p *Push) owner(ctx context.Context, actor account.Actor, service sid.SID, user string) (chat.User, error) {
	u, err := p.chat.GetUser(ctx, actor, service, user)
	if err == nil && !actor.Can(account.ChatWrite) && u.Identity != actor.Identity {
		return u, fault.NotFound("/Services/" + string(service) + "/Users/" + user)
	}
	return u, err
}

// GetBinding returns a binding: of the user where one is named, else of the service, which takes the grant chat.write.
func (p *Push) GetBinding(ctx context.Context, actor account.Actor, service sid.SID, user string, s sid.SID) (b Binding, err error) {
	within, err := p.within(ctx, actor, service, user)
	if err != nil {
		return b, err
	}
	err = p.db.View(ctx, func(tx *db.Tx) (err error) {
		b, err = bindings.Get(tx, actor.Account, s)
		return within(&b, err)
	})
	return b, err
}

// DeleteBinding forgets a device; whose, as in GetBinding.
func (p *Push) DeleteBinding(ctx context.Context, actor account.Actor, service sid.SID, user string, s sid.SID) error {
	within, err := p.within(ctx, actor, service, user)
	if err != nil {
		return err
	}
	return p.db.Do(ctx, func(tx *db.Tx) error {
		b, err := bindings.ForUpdate(tx, actor.Account, s)
		if err := within(&b, err); err != nil {
			return err
		}
		return p.remove(tx, &b)
	})
}

// remove forgets a device.
func (p *Push) remove(tx *db.Tx, b *Binding) error {
	if err := bindings.Delete(tx, b); err != nil {
		return err
	}
	return p.tell(tx, b.UserID, 0)
}

// tell tells that a user takes notifications now, or no more: when it has as many devices as that takes.
func (p *Push) tell(tx *db.Tx, userID, when int64) error {
	var devices int64
	err := tx.QueryRow(`select count(*) from (select 1 from chat_binding where user_id = $1 limit 2) b`, userID).Scan(&devices)
	if err != nil || devices != when {
		return err
	}
	return p.chat.TellReachTx(tx, userID)
}

// within makes a check that a binding is one of the user, or of the service where no user is named.
func (p *Push) within(ctx context.Context, actor account.Actor, service sid.SID, user string) (func(*Binding, error) error, error) {
	if user != "" {
		u, err := p.owner(ctx, actor, service, user)
		return func(b *Binding, err error) error {
			if b.ServiceSID = u.ServiceSID; err == nil && b.UserID != u.ID {
				return db.ErrNotFound
			}
			return err
		}, err
	}
	if err := manage(actor); err != nil {
		return nil, err
	}
	found, err := p.chat.GetService(ctx, actor, service)
	return func(b *Binding, err error) error {
		if b.ServiceSID = found.SID; err == nil && b.ServiceID != found.ID {
			return db.ErrNotFound
		}
		return err
	}, err
}
