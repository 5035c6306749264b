package studio

import (
	"errors"
	"sync"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/studio/definition"
)

// Studio holds the operations of the package together.
type Studio struct {
	db *db.DB

	mu     sync.Mutex
	parsed map[revisionKey]*definition.Definition // of revisions, which never change
}

// revisionKey names a revision.
type revisionKey struct {
	flow   sid.SID
	number int64
}

// maxParsed bounds the definitions that are kept in memory.
const maxParsed = 256

// New makes the product on a database.
func New(d *db.DB) *Studio {
	return &Studio{db: d, parsed: map[revisionKey]*definition.Definition{}}
}

// DB is the database that the product's rows are in, for sentences that span products.
func (s *Studio) DB() *db.DB { return s.db }

// kept returns a definition that was parsed before.
func (s *Studio) kept(k revisionKey) *definition.Definition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parsed[k]
}

// keep remembers a definition. A transaction that fails may have made the revision, so only what was read from a row that is
// older than the transaction may be kept.
func (s *Studio) keep(k revisionKey, def *definition.Definition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.parsed) >= maxParsed {
		clear(s.parsed)
	}
	s.parsed[k] = def
}

// missing turns an absent row into the answer to a URL that names nothing.
func missing(err error, path string) error {
	if errors.Is(err, db.ErrNotFound) {
		return fault.NotFound(path)
	}
	return err
}

// allow refuses an actor without the grant.
func allow(actor account.Actor, g account.Grant) error {
	if actor.Can(g) {
		return nil
	}
	return fault.Forbidden("")
}

func flowPath(s sid.SID) string { return "/Flows/" + string(s) }

func executionPath(flow, s sid.SID) string { return flowPath(flow) + "/Executions/" + string(s) }
