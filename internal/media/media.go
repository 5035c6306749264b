package media

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/blob"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/seal"
	"usher/internal/sid"
)

// State is where a file stands. The numbers are stored.
type State int64

// The states.
const (
	Arriving State = iota // its bytes are on their way
	Waiting               // nobody but who uploaded it knows it
	Attached              // a message carries it
	Removed               // nobody may see it; its bytes go
)

// Media is a file.
type Media struct {
	db.Row
	Document
	Service   sid.SID
	ChannelID int64
	State     State
	Size      int64 // bytes

	authorHash []byte
}

// Document is the sealed part of a file.
type Document struct {
	Filename    string  `json:"name,omitempty"`
	ContentType string  `json:"type"`  // what clients are told
	Sniffed     string  `json:"found"` // what its bytes look like; decides how it is handed out
	Category    string  `json:"category"`
	Author      string  `json:"author,omitempty"` // identity of who uploaded it; "" is the account
	Channel     sid.SID `json:"channel,omitempty"`
	Message     sid.SID `json:"message,omitempty"`
	Secret      []byte  `json:"key"` // opens the bytes
}

// Rooms says who may bring files into a service and who sees a channel. Package chat does.
type Rooms interface {
	// Uploader checks that the actor may see the service, and returns the data key that seals what it brings.
	Uploader(ctx context.Context, actor account.Actor, service sid.SID) (key int64, err error)
	// Sees fails with a fault where the actor may not read the channel.
	Sees(ctx context.Context, actor account.Actor, channel sid.SID) error
}

// Deps is what media stands on. Rooms may come later (Admit), Scanner may be nil: then nothing is scanned.
type Deps struct {
	DB      *db.DB
	Blobs   blob.Store
	Scanner Scanner
	Rules   Rules // of services that have none of their own
}

// Store holds the operations of this package. It is safe for concurrent use and starts nothing.
type Store struct {
	db      *db.DB
	blobs   blob.Store
	scanner Scanner
	rules   Rules
	rooms   Rooms
	artist  chan struct{} // one picture is drawn at a time: a big one takes a hundred megabytes
}

// New makes a Store.
func New(d Deps) *Store {
	return &Store{db: d.DB, blobs: d.Blobs, scanner: d.Scanner, rules: d.Rules, artist: make(chan struct{}, 1)}
}

// Admit names who says what an actor may see. It is called once, before the first operation.
func (s *Store) Admit(r Rooms) { s.rooms = r }

var files = &db.Table[Media]{
	Name: "media",
	Row:  func(m *Media) *db.Row { return &m.Row },
	Doc:  func(m *Media) any { return &m.Document },
	Columns: []db.Column[Media]{
		{Name: "service_sid", Field: func(m *Media) any { return &m.Service }},
		{Name: "author_hash", Field: func(m *Media) any { return &m.authorHash }},
		{Name: "channel_id", Field: func(m *Media) any { return &m.ChannelID }},
		{Name: "state", Field: func(m *Media) any { return &m.State }},
		{Name: "size", Field: func(m *Media) any { return &m.Size }},
	},
}

// blindAuthor is the purpose of a blind index. It is stored: never change it.
const blindAuthor = "media.author"

// Get returns a file: to those who may read the channel that it was sent to, before that to who uploaded it, and to the account.
// Everybody else gets 50507, as for one that there is not.
func (s *Store) Get(ctx context.Context, actor account.Actor, service, media sid.SID) (Media, error) {
	m, err := s.find(ctx, media)
	if err != nil {
		return Media{}, err
	}
	if m.Account != actor.Account || m.Service != service {
		return Media{}, missing()
	}
	if m.State == Attached {
		err := s.rooms.Sees(ctx, actor, m.Channel)
		if fault.Is(err, fault.KindNotFound) || fault.Is(err, fault.KindForbidden) {
			return Media{}, missing()
		}
		return m, err
	}
	if actor.Can(account.ChatWrite) || actor.Identity != "" && actor.Identity == m.Author && actor.ChatService == service {
		return m, nil
	}
	return Media{}, missing()
}

// Find returns a file to whoever was given the right to it before, such as by a signed address.
func (s *Store) Find(ctx context.Context, service, media sid.SID) (Media, error) {
	m, err := s.find(ctx, media)
	if err == nil && m.Service != service {
		return Media{}, missing()
	}
	return m, err
}

func (s *Store) find(ctx context.Context, media sid.SID) (Media, error) {
	var m Media
	if !sid.Valid(string(media), sid.Media) {
		return m, missing()
	}
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		m, err = files.One(tx, "sid = $1 and state in ($2, $3)", string(media), int64(Waiting), int64(Attached))
		return err
	})
	return m, absent(media, err)
}

// absent turns what says that a file is not there, or no longer readable, into the fault of the wire.
func absent(media sid.SID, err error) error {
	if errors.Is(err, db.ErrNotFound) || errors.Is(err, seal.ErrDestroyed) || errors.Is(err, blob.ErrMissing) {
		return missing()
	}
	if err != nil {
		return fmt.Errorf("media %s: %w", media, err)
	}
	return nil
}

func missing() error { return fault.New(50507, "") }

// Attachment says which message is to carry a file.
type Attachment struct {
	Account          int64
	Media            sid.SID
	Service          sid.SID
	Channel, Message sid.SID
	ChannelID        int64
	Key              int64  // the channel's data key
	By               string // only this identity's file; "" is anybody's
}

// Attach ties a file to the message that carries it, in the transaction that writes the message. A file that is not there, not
// whole, of another service or of somebody else is 50507; one that a message carries already 50508.
func (s *Store) Attach(tx *db.Tx, a Attachment) (Media, error) {
	m, err := files.ForUpdate(tx, a.Account, a.Media)
	if err := absent(a.Media, err); err != nil {
		return Media{}, err
	}
	switch {
	case m.Service != a.Service || a.By != "" && m.Author != a.By:
		return Media{}, missing()
	case m.State == Attached:
		return Media{}, fault.New(50508, "")
	case m.State != Waiting:
		return Media{}, missing()
	}
	m.State, m.Channel, m.Message, m.ChannelID, m.Key = Attached, a.Channel, a.Message, a.ChannelID, a.Key
	if err := files.Update(tx, &m); err != nil {
		return Media{}, fmt.Errorf("media %s: %w", m.SID, err)
	}
	return m, nil
}

// Release removes the file of a message that is deleted, in its transaction. The bytes go with the next Sweep.
func Release(tx *db.Tx, media sid.SID) error {
	_, err := tx.Exec(`update media set state = $2, version = version + 1, updated_at = $3 where sid = $1`,
		string(media), int64(Removed), db.Micros(tx.Now))
	if err != nil {
		return fmt.Errorf("media %s: %w", media, err)
	}
	return nil
}

// ReleaseChannel removes all files of a channel that is deleted, in the transaction that deletes its messages.
func ReleaseChannel(tx *db.Tx, channelID int64) error {
	_, err := tx.Exec(`update media set state = $2, version = version + 1, updated_at = $3 where channel_id = $1 and state <> $2`,
		channelID, int64(Removed), db.Micros(tx.Now))
	if err != nil {
		return fmt.Errorf("media of channel %d: %w", channelID, err)
	}
	return nil
}

// How long a file may be on its way, and how long it may wait for its message.
const (
	arrivingAtMost = time.Hour
	waitingAtMost  = 24 * time.Hour
)

// sweepBatch is how many files one transaction of a sweep takes.
const sweepBatch = 100

// Sweep deletes the bytes, then the rows, of what was removed, of uploads that a crash has cut and of files that no message
// came for. more reports whether there may be more.
func (s *Store) Sweep(ctx context.Context) (more bool, err error) {
	var gone []sid.SID
	err = s.db.Do(ctx, func(tx *db.Tx) error {
		gone = nil
		rows, err := tx.Query(`select sid from media where state = $1 or state = $2 and created_at < $3 or state = $4 and created_at < $5
			order by id limit $6`, int64(Removed), int64(Arriving), db.Micros(tx.Now.Add(-arrivingAtMost)),
			int64(Waiting), db.Micros(tx.Now.Add(-waitingAtMost)), sweepBatch)
		if err != nil {
			return err
		}
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				return errors.Join(err, rows.Close())
			}
			gone = append(gone, sid.SID(text))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for _, m := range gone { // from here on no message can take them
			if err := Release(tx, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("media sweep: %w", err)
	}
	for _, m := range gone {
		if err := s.erase(ctx, m); err != nil {
			return false, fmt.Errorf("media sweep: %w", err)
		}
	}
	return len(gone) == sweepBatch, nil
}

// erase deletes the bytes of a removed file, then its row.
func (s *Store) erase(ctx context.Context, media sid.SID) error {
	for _, name := range []string{string(media), thumbnailName(media)} {
		if err := s.blobs.Delete(ctx, name); err != nil {
			return fmt.Errorf("media %s: %w", media, err)
		}
	}
	return s.db.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(`delete from media where sid = $1 and state = $2`, string(media), int64(Removed))
		return err
	})
}
