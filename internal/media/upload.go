package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/seal"
	"usher/internal/sid"
)

// Scanner looks for malware. It is the wire of a program that does.
type Scanner interface {
	// Begin starts the scan of one file.
	Begin(ctx context.Context) (Scan, error)
}

// Scan is one file under examination.
type Scan interface {
	// Write hands over the next bytes.
	io.Writer
	// Verdict ends the scan: nil for a harmless file, ErrInfected, or an error that says that nobody knows.
	Verdict() error
	// Close gives the scan up.
	io.Closer
}

// ErrInfected is the verdict on a file that must not be passed on.
var ErrInfected = errors.New("the file is infected")

// waitingMost is how many files one identity may have uploaded without sending them.
const waitingMost = 20

// categories are the names of the wire for what a file is of its message.
var categories = []string{"media", "body", "history"}

// NewMedia is what an upload says of itself.
type NewMedia struct {
	Filename    string
	ContentType string
	Category    string // "" is media
	Size        int64  // as announced; negative when it was not
}

// Upload keeps a file for the actor. Any chat token of the service may bring one; how large it may be and of which types is for
// the service's rules to say: 50512 with status 413, and 50511. When it returns, the file survives a crash. A scanner that does
// not answer lets nothing through: 503. body is read to its end only where the file is taken.
func (s *Store) Upload(ctx context.Context, actor account.Actor, service sid.SID, n NewMedia, body io.Reader) (Media, error) {
	key, err := s.rooms.Uploader(ctx, actor, service)
	if err != nil {
		return Media{}, err
	}
	rules, err := s.rulesOf(ctx, actor.Account, service)
	if err != nil {
		return Media{}, err
	}
	return s.take(ctx, actor, taking{service: service, key: key, rules: rules}, n, body)
}

// Keep keeps a file that a carrier brings, for the account and under its key until Attach ties it to a message: Attachment.Service
// is then empty, and so is Media.Service. The installation's own rules say how large it may be. Errors are those of Upload.
func (s *Store) Keep(ctx context.Context, acct int64, n NewMedia, body io.Reader) (Media, error) {
	return s.take(ctx, account.System(acct, ""), taking{rules: s.rules}, n, body)
}

// taking says where a file goes that is taken.
type taking struct {
	service sid.SID
	key     int64
	rules   Rules
}

// take checks a file and keeps it.
func (s *Store) take(ctx context.Context, actor account.Actor, t taking, n NewMedia, body io.Reader) (Media, error) {
	most := t.rules.most(actor)
	if n.Size > most {
		return Media{}, tooLarge(most)
	}
	if n.Category == "" {
		n.Category = categories[0]
	}
	if !slices.Contains(categories, n.Category) {
		return Media{}, fault.Invalid("Invalid value for parameter Category: it must be media, body or history")
	}
	head := make([]byte, sniffed)
	size, err := io.ReadFull(body, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		if errors.Is(err, io.EOF) {
			return Media{}, fault.Invalid("The file is empty")
		}
		return Media{}, cut(err)
	}
	head = head[:size]
	found := find(head)
	m := Media{
		Row:     db.Row{SID: sid.New(sid.Media), Account: actor.Account, Key: t.key},
		Service: t.service,
		Document: Document{
			Filename: cleanFilename(n.Filename), ContentType: agreed(n.ContentType, found), Sniffed: bare(found.String()),
			Category: n.Category, Author: actor.Identity, Secret: seal.NewStreamKey(),
		},
	}
	if !t.rules.allows(m.ContentType) {
		return Media{}, fault.New(50511, "Invalid message media content type: %.100s is not taken here", m.ContentType)
	}
	if err := s.announce(ctx, actor, &m); err != nil {
		return Media{}, err
	}
	if err := s.keep(ctx, &m, io.MultiReader(bytes.NewReader(head), body), most); err != nil {
		// The row stays to tell the sweeper of what could not be deleted now.
		late := context.WithoutCancel(ctx)
		if failed := s.db.Do(late, func(tx *db.Tx) error { return Release(tx, m.SID) }); failed == nil {
			_ = s.erase(late, m.SID)
		}
		return Media{}, err
	}
	return m, nil
}

// announce writes the row of a file whose bytes are about to come.
func (s *Store) announce(ctx context.Context, actor account.Actor, m *Media) error {
	var err error
	if m.authorHash, err = s.db.Ring().Blind(actor.Account, blindAuthor, actor.Identity); err != nil {
		return err
	}
	return s.db.Do(ctx, func(tx *db.Tx) error {
		if !actor.Can(account.ChatWrite) {
			var n int64
			err := tx.QueryRow(`select count(*) from media where service_sid = $1 and author_hash = $2 and state < $3`,
				string(m.Service), m.authorHash, int64(Attached)).Scan(&n)
			if err != nil {
				return fmt.Errorf("media: %w", err)
			}
			if n >= waitingMost {
				return fault.TooMany(time.Minute)
			}
		}
		m.ID = 0 // the transaction may run again
		return files.Insert(tx, m)
	})
}

// keep seals the bytes into the store, has them scanned on their way and says in the row that they are there.
func (s *Store) keep(ctx context.Context, m *Media, body io.Reader, most int64) error {
	in := &intake{src: body, left: most}
	if s.scanner != nil {
		scan, err := s.scanner.Begin(ctx)
		if err != nil {
			return unscanned(err)
		}
		defer scan.Close() //nolint:errcheck // the verdict counts
		in.scan = scan
	}
	var err error
	if in.sealed, err = seal.SealStream(m.Secret, m.place(original), &in.ready); err != nil {
		return err
	}
	if err := s.blobs.Put(ctx, string(m.SID), in); err != nil {
		return in.explain(err, most)
	}
	if in.scan != nil {
		switch err := in.scan.Verdict(); {
		case errors.Is(err, ErrInfected):
			return fault.New(50511, "Invalid message media content type: the file is infected").With(err)
		case err != nil:
			return unscanned(err)
		}
	}
	m.Size, m.State = in.size, Waiting
	return s.db.Do(ctx, func(tx *db.Tx) error {
		again := *m // the transaction may run again
		if err := files.Update(tx, &again); err != nil {
			return fmt.Errorf("media %s: %w", m.SID, err)
		}
		m.Version, m.UpdatedAt = again.Version, again.UpdatedAt
		return nil
	})
}

// intake seals what it reads, and counts and scans it on the way. Its memory is a segment.
type intake struct {
	src    io.Reader
	left   int64
	size   int64
	scan   Scan // nil for none
	sealed io.WriteCloser
	ready  bytes.Buffer // sealed and not yet asked for
	buf    [32 << 10]byte
	ended  bool
	failed error // of the body, or of the scan
}

var errTooLarge = errors.New("the file is too large")

// Read hands out sealed bytes.
func (in *intake) Read(p []byte) (int, error) {
	for in.ready.Len() == 0 && !in.ended {
		if err := in.step(); err != nil {
			in.failed = err
			return 0, err
		}
	}
	return in.ready.Read(p) // io.EOF at the end
}

func (in *intake) step() error {
	n, err := in.src.Read(in.buf[:])
	if in.size += int64(n); in.size > in.left {
		return errTooLarge
	}
	if n > 0 {
		if _, err := in.sealed.Write(in.buf[:n]); err != nil {
			return err
		}
		if in.scan != nil {
			if _, err := in.scan.Write(in.buf[:n]); err != nil {
				return unscanned(err)
			}
		}
	}
	if errors.Is(err, io.EOF) {
		in.ended = true
		return in.sealed.Close()
	}
	if err != nil {
		return cut(err)
	}
	return nil
}

// explain finds what a failed upload is to be answered with.
func (in *intake) explain(err error, most int64) error {
	var known *fault.Error
	switch {
	case errors.Is(in.failed, errTooLarge):
		return tooLarge(most)
	case errors.As(in.failed, &known):
		return known
	}
	return err
}

func tooLarge(most int64) error {
	e := fault.New(50512, "Message media size is too large: at most %s bytes are allowed", strconv.FormatInt(most, 10))
	e.Kind = fault.KindTooLarge // the size is known before a message is
	return e
}

// cut answers an upload that did not come to its end.
func cut(err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return known
	}
	return fault.Invalid("The file could not be read to its end").With(err)
}

// unscanned refuses a file of which nobody can say that it is harmless.
func unscanned(err error) error {
	return fault.Unavailable(time.Minute, fmt.Errorf("scan: %w", err))
}
