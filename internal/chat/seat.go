package chat

import (
	"errors"
	"fmt"

	"usher/internal/account"
	"usher/internal/chat/permission"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Place names a channel as a path does: by its SID, or by its unique name
// within a service. An empty Service is any of the account, for a SID only.
type Place struct {
	Service sid.SID
	Channel string
}

func (p Place) path() string {
	if p.Service == "" {
		return "/Channels/" + p.Channel
	}
	return "/Services/" + string(p.Service) + "/Channels/" + p.Channel
}

func (p Place) missing() error { return fault.NotFound(p.path()) }

// unless turns "no such row" into what a path says of a missing channel.
func (p Place) unless(err error) error {
	if isMissing(err) {
		return p.missing()
	}
	return fmt.Errorf("channel %s: %w", p.Channel, err)
}

// seat is what one identity is and may do in one channel at one moment. The
// two epochs say which moment: as long as both still have these values, nobody
// has joined or left the channel or changed a role since, and the seat is true.
type seat struct {
	channelID   int64
	channel     sid.SID
	account     int64
	key         int64
	serviceID   int64
	service     sid.SID
	private     bool
	readStatus  bool
	hooks       int64 // which webhooks the service has
	memberID    int64 // 0 when the identity is not a member
	inviteID    int64 // 0 when the identity is not invited
	member      sid.SID
	userID      int64          // 0 when the identity is not a user of the service
	permissions permission.Set // of the role in the service and the role in the channel
	memberEpoch int64
	roleEpoch   int64
}

const seatColumns = `select c.id, c.sid, c.account_id, c.key_id, c.service_id, s.sid, c.private, s.read_status,
  coalesce(m.id, 0), coalesce(m.sid, ''), coalesce(u.id, 0), coalesce(r.permissions, 0), coalesce(d.permissions, 0),
  c.member_epoch, s.role_epoch, s.hooks, coalesce(i.id, 0)
from chat_channel c
join chat_service s on s.id = c.service_id and s.removed = 0
left join chat_member m on m.channel_id = c.id and m.identity_hash = $3
left join chat_role r on r.id = m.role_id
left join chat_invite i on i.channel_id = c.id and i.identity_hash = $3
left join chat_user u on u.service_id = c.service_id and u.identity_hash = $3
left join chat_role d on d.id = u.role_id
where c.account_id = $1 and c.removed = 0 and `

const (
	seatBySID    = seatColumns + `c.sid = $2`
	seatByUnique = seatColumns + `c.unique_hash = $2 and s.sid = $4`
)

// readSeat reads the seat of an identity; "" is nobody. ErrNotFound when the
// channel does not exist in the account.
func (c *Chat) readSeat(tx *db.Tx, acct int64, p Place, identity string) (seat, error) {
	var s seat
	hash := []byte{0} // matches no one
	var err error
	if identity != "" {
		if hash, err = c.IdentityHash(acct, identity); err != nil {
			return s, err
		}
	}
	query, args := seatBySID, []any{acct, p.Channel, hash}
	if !sid.Valid(p.Channel, sid.Channel) {
		if p.Service == "" || p.Channel == "" {
			return s, db.ErrNotFound
		}
		unique, err := c.uniqueHash(acct, p.Channel)
		if err != nil {
			return s, err
		}
		query, args = seatByUnique, []any{acct, unique, hash, string(p.Service)}
	}
	var channel, service, member string
	var private, readStatus int64
	var ofChannel, ofService permission.Set
	err = tx.QueryRow(query, args...).Scan(&s.channelID, &channel, &s.account, &s.key, &s.serviceID, &service, &private,
		&readStatus, &s.memberID, &member, &s.userID, &ofChannel, &ofService, &s.memberEpoch, &s.roleEpoch, &s.hooks, &s.inviteID)
	if err != nil {
		return s, err
	}
	s.channel, s.service, s.member = sid.SID(channel), sid.SID(service), sid.SID(member)
	s.private, s.readStatus = private != 0, readStatus != 0
	s.permissions = ofChannel | ofService
	if p.Service != "" && p.Service != s.service {
		return s, db.ErrNotFound
	}
	return s, nil
}

// seatOf reads the seat of an actor and hides the channel from those who may
// not see it.
func (c *Chat) seatOf(tx *db.Tx, actor account.Actor, p Place) (seat, error) {
	return c.seatIf(tx, actor, p, seat.visible)
}

// seatIf is seatOf for those who may see one thing or another of a channel
// without being members.
func (c *Chat) seatIf(tx *db.Tx, actor account.Actor, p Place, may func(seat, account.Actor) bool) (seat, error) {
	s, err := c.readSeat(tx, actor.Account, p, actor.Identity)
	if isMissing(err) || err == nil && !may(s, actor) {
		return s, p.missing()
	}
	if err != nil {
		return s, fmt.Errorf("channel %s: %w", p.Channel, err)
	}
	return s, nil
}

// visible reports whether the actor may know that the channel exists.
func (s seat) visible(actor account.Actor) bool {
	return mayReadAll(actor) || s.memberID != 0 && !foreignService(actor, s.service)
}

// known reports whether the actor may know what the channel is: it is invited,
// or the channel is public and the actor could join it.
func (s seat) known(actor account.Actor) bool {
	return s.visible(actor) || !foreignService(actor, s.service) && (s.inviteID != 0 || !s.private && s.permissions.Any(permission.JoinChannel))
}

// allow checks that the actor holds one of the permissions; 50107 otherwise.
func (s seat) allow(actor account.Actor, anyOf permission.Set) error {
	if mayManage(actor) || s.memberID != 0 && s.permissions.Any(anyOf) {
		return nil
	}
	return denied()
}

// own checks a permission that depends on whose the thing is.
func (s seat) own(actor account.Actor, owner string, own, other permission.Set) error {
	if owner == actor.Identity {
		return s.allow(actor, own|other)
	}
	return s.allow(actor, other)
}

// mayManage reports whether the actor stands above roles: the account itself.
func mayManage(actor account.Actor) bool { return actor.Can(account.ChatWrite) }

// mayReadAll reports whether the actor sees channels without being a member.
func mayReadAll(actor account.Actor) bool { return actor.Can(account.ChatRead) || mayManage(actor) }

// foreignService reports whether the actor is confined to another service.
func foreignService(actor account.Actor, service sid.SID) bool {
	return !mayReadAll(actor) && actor.ChatService != service
}

func manage(actor account.Actor) error {
	if mayManage(actor) {
		return nil
	}
	return denied()
}

// denied says that a permission is missing: 403, code 50107.
func denied() error { return fault.New(50107, "") }

// maxSeats bounds what is remembered of senders: about 250 bytes a seat.
const maxSeats = 1 << 15

type seatKey struct {
	account  int64
	place    Place
	identity string
}

// isConflict reports whether a unique value existed already.
func isConflict(err error) bool { return errors.Is(err, db.ErrConflict) }
