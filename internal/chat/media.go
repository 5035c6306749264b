package chat

import (
	"context"

	"usher/internal/account"
	"usher/internal/chat/payload"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/media"
	"usher/internal/sid"
)

// attach ties the file that a message carries to it. The message has its place.
func (c *Chat) attach(tx *db.Tx, m *Message) error {
	if c.media == nil {
		return fault.New(50507, "")
	}
	f, err := c.media.Attach(tx, media.Attachment{
		Account: m.Account, Media: m.Media.SID, Service: m.ServiceSID, Channel: m.ChannelSID, Message: m.SID,
		ChannelID: m.ChannelID, Key: m.Key, By: m.uploader,
	})
	m.Media = &payload.Media{SID: f.SID, Filename: optional(f.Filename), ContentType: f.ContentType, Size: f.Size}
	return err
}

// Uploader implements media.Rooms: whoever may see a service may bring files. What a user brings is sealed with the key of what
// it is.
func (c *Chat) Uploader(ctx context.Context, actor account.Actor, service sid.SID) (key int64, err error) {
	err = c.db.View(ctx, func(tx *db.Tx) error {
		s, err := c.serviceOf(tx, actor, service)
		if err != nil || actor.Identity == "" {
			return err
		}
		hash, err := c.IdentityHash(s.Account, actor.Identity)
		if err != nil {
			return err
		}
		err = tx.QueryRow(`select key_id from chat_user where service_id = $1 and identity_hash = $2`, s.ID, hash).Scan(&key)
		if isMissing(err) {
			return nil // a user is made when it first joins something
		}
		return err
	})
	return key, err
}

// Sees implements media.Rooms.
func (c *Chat) Sees(ctx context.Context, actor account.Actor, channel sid.SID) error {
	_, err := c.Get(ctx, actor, channel)
	return err
}
