package media

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strings"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Rules says what files a service takes.
type Rules struct {
	MaxBytes     int64    `json:"max"`     // size of a file
	VisitorBytes int64    `json:"visitor"` // size of a visitor's file
	Types        []string `json:"types"`   // "image/png", "image/*"; none allows all
}

// RulesChange is a change of a service's rules; nil leaves a field alone.
type RulesChange struct {
	MaxBytes     *int64
	VisitorBytes *int64
	Types        []string
}

// everyType among the types of a change takes the list away: all are taken.
const everyType = "*/*"

// maxTypes bounds the list of types of a service.
const maxTypes = 64

type rulesRow struct {
	db.Row
	Rules
}

var ruleRows = &db.Table[rulesRow]{
	Name: "media_rules",
	Row:  func(r *rulesRow) *db.Row { return &r.Row },
	Doc:  func(r *rulesRow) any { return &r.Rules },
}

// most is the size of the largest file that the actor may bring.
func (r Rules) most(actor account.Actor) int64 {
	if actor.Role == account.RoleVisitor {
		return min(r.MaxBytes, r.VisitorBytes)
	}
	return r.MaxBytes
}

// allows reports whether a type is taken.
func (r Rules) allows(contentType string) bool {
	if len(r.Types) == 0 {
		return true
	}
	family, _, _ := strings.Cut(contentType, "/")
	return slices.Contains(r.Types, contentType) || slices.Contains(r.Types, family+"/*")
}

// RulesOf returns what a service takes. The actor must see the service.
func (s *Store) RulesOf(ctx context.Context, actor account.Actor, service sid.SID) (Rules, error) {
	if _, err := s.rooms.Uploader(ctx, actor, service); err != nil {
		return Rules{}, err
	}
	return s.rulesOf(ctx, actor.Account, service)
}

func (s *Store) rulesOf(ctx context.Context, acct int64, service sid.SID) (Rules, error) {
	var r rulesRow
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		r, err = ruleRows.Get(tx, acct, service)
		return err
	})
	if errors.Is(err, db.ErrNotFound) {
		return s.rules, nil
	}
	if err != nil {
		return Rules{}, fmt.Errorf("media rules of %s: %w", service, err)
	}
	// The installation's limit is a promise to its disk.
	r.MaxBytes = min(r.MaxBytes, s.rules.MaxBytes)
	return r.Rules, nil
}

// SetRules changes what a service takes. Grant chat.write. Sizes are from 1 byte to the installation's limit, types are media
// types, each at most once: anything else is 20001.
func (s *Store) SetRules(ctx context.Context, actor account.Actor, service sid.SID, ch RulesChange) (Rules, error) {
	if _, err := s.rooms.Uploader(ctx, actor, service); err != nil {
		return Rules{}, err
	}
	if !actor.Can(account.ChatWrite) {
		return Rules{}, fault.New(50107, "")
	}
	if err := ch.check(s.rules); err != nil {
		return Rules{}, err
	}
	var r rulesRow
	err := s.db.Do(ctx, func(tx *db.Tx) (err error) {
		r, err = ruleRows.ForUpdate(tx, actor.Account, service)
		write := ruleRows.Update
		if errors.Is(err, db.ErrNotFound) {
			r, write, err = rulesRow{Row: db.Row{SID: service, Account: actor.Account}, Rules: s.rules}, ruleRows.Insert, nil
		}
		if err != nil {
			return err
		}
		if ch.MaxBytes != nil {
			r.MaxBytes = *ch.MaxBytes
		}
		if ch.VisitorBytes != nil {
			r.VisitorBytes = *ch.VisitorBytes
		}
		if ch.Types != nil {
			r.Types = ch.Types
			if slices.Contains(r.Types, everyType) {
				r.Types = nil
			}
		}
		return write(tx, &r)
	})
	if err != nil {
		return Rules{}, fmt.Errorf("media rules of %s: %w", service, err)
	}
	return r.Rules, nil
}

func (ch *RulesChange) check(installation Rules) error {
	for name, size := range map[string]*int64{"MaxBytes": ch.MaxBytes, "VisitorMaxBytes": ch.VisitorBytes} {
		if size != nil && (*size < 1 || *size > installation.MaxBytes) {
			return fault.Invalid("Invalid value for parameter %s: it must be from 1 to %d", name, installation.MaxBytes)
		}
	}
	if len(ch.Types) > maxTypes {
		return fault.Invalid("Invalid value for parameter ContentTypes: at most %d are allowed", maxTypes)
	}
	for i, t := range ch.Types {
		parsed, parameters, err := mime.ParseMediaType(t)
		if err != nil || parsed != t || len(parameters) > 0 || strings.Count(t, "/") != 1 || len(t) > 100 || slices.Contains(ch.Types[:i], t) {
			return fault.Invalid("Invalid value for parameter ContentTypes: %.100q is not a type such as image/png or image/*", t)
		}
	}
	return nil
}
