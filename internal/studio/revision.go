package studio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"usher/internal/account"
	"usher/internal/attr"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/studio/definition"
)

// The words that stand for a revision's number. (Source: the original's Flow Revision resource.)
const (
	LatestPublished = "LatestPublished"
	LatestRevision  = "LatestRevision"
)

// revisionPrefix begins the SID of a revision's row, which the outside never sees.
const revisionPrefix = "FR"

// Codes of the original's dictionary.
const (
	codeRevision   = 81021 // neither a number nor one of the two words
	codeDefinition = 81022 // the definition is not valid
	codeContact    = 81023 // malformed addresses
)

// problemsTold is the number of mistakes in the text of an error.
const problemsTold = 10

// Revision is one state of a flow. It never changes.
type Revision struct {
	db.Row
	FlowID    int64
	Number    int64 // from 1
	Published bool
	Valid     bool
	RevisionDocument
}

// RevisionDocument is the sealed part of a revision.
type RevisionDocument struct {
	FriendlyName  string               `json:"friendly_name"`
	CommitMessage *string              `json:"commit_message,omitempty"`
	Definition    json.RawMessage      `json:"definition"` // an object; in the present format when it came in the old one and is valid
	Errors        []definition.Problem `json:"errors,omitempty"`
}

// Status is what the wire calls the revision: draft or published.
func (r *Revision) Status() string {
	if r.Published {
		return Published
	}
	return Draft
}

// Problems are the mistakes in a definition, as the cause of a fault.
type Problems []definition.Problem

// Error names the first mistakes and their places.
func (p Problems) Error() string {
	var b strings.Builder
	for i, problem := range p {
		if i == problemsTold {
			fmt.Fprintf(&b, "; and %d more", len(p)-i)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %s", Pointer(problem), problem.Message)
	}
	return b.String()
}

// Details is what the wire says about the problems beside the text.
func (p Problems) Details() any {
	list := make([]map[string]string, len(p))
	for i, problem := range p {
		list[i] = map[string]string{"message": problem.Message, "property_path": Pointer(problem)}
	}
	return map[string]any{"errors": list, "warnings": []string{}}
}

// Pointer is the place of a problem as the wire writes it: a JSON pointer in the form of a URI fragment, such as #/states/3/name.
func Pointer(p definition.Problem) string { return "#" + p.Pointer }

// document checks that a text can be kept as a definition at all, and returns it in its compact form: a draft may be invalid, but not
// be something else than an object.
func document(text string) (json.RawMessage, error) {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff")) // editors put a mark in front of exports
	raw, err := attr.Parse(text, definition.MaxBytes)
	switch {
	case text == "":
		return nil, fault.Invalid("Missing required parameter Definition in the post body")
	case errors.Is(err, attr.ErrTooLong):
		err = fmt.Errorf("the definition is longer than %d bytes", definition.MaxBytes)
	case err != nil:
		err = errors.New(strings.Replace(err.Error(), "attributes are", "the definition is", 1))
	}
	if err != nil {
		return nil, refuse(Problems{{Code: codeDefinition, Message: err.Error()}})
	}
	return raw, nil
}

// judge finds the mistakes in the revision's definition, and refuses one that cannot be published.
func (r *Revision) judge() error {
	def, problems := definition.Parse(r.Definition)
	r.Valid, r.Errors = len(problems) == 0, problems
	if r.Published && !r.Valid {
		return refuse(problems)
	}
	if !r.Valid || !def.Converted {
		return nil
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(def); err != nil {
		return fmt.Errorf("revision %s: %w", r.SID, err)
	}
	r.Definition = bytes.TrimSpace(text.Bytes())
	return nil
}

// refuse is the fault of an invalid definition, or nil where nothing is wrong.
func refuse(p Problems) error {
	if len(p) == 0 {
		return nil
	}
	code := codeDefinition
	if p[0].Code == definition.CodeTooMany {
		code = definition.CodeTooMany
	}
	return fault.New(code, "Flow definition validation failed: %s", p.Error()).With(p)
}

// Revisions lists a flow's revisions without their definitions, newest first.
func (s *Studio) Revisions(ctx context.Context, actor account.Actor, flowSID sid.SID, p db.Page) (page db.PageOf[Revision], err error) {
	p.Desc = true
	err = s.view(ctx, actor, flowSID, func(tx *db.Tx, f Flow) (err error) {
		page, err = revisions.Page(tx, p, "flow_id = $1", f.ID)
		return err
	})
	return page, err
}

// RevisionOf reads a revision by its number, LatestPublished or LatestRevision.
func (s *Studio) RevisionOf(ctx context.Context, actor account.Actor, flowSID sid.SID, which string) (rev Revision, err error) {
	err = s.view(ctx, actor, flowSID, func(tx *db.Tx, f Flow) error {
		number, err := f.number(which)
		if err != nil {
			return err
		}
		rev, err = f.revision(tx, number)
		return missing(err, flowPath(f.SID)+"/Revisions/"+which)
	})
	return rev, err
}

// number resolves the name of a revision; 0 is one that does not exist.
func (f *Flow) number(which string) (int64, error) {
	switch which {
	case LatestPublished:
		return f.Published, nil
	case LatestRevision:
		return f.Latest, nil
	}
	n, err := strconv.ParseInt(which, 10, 64)
	if err != nil {
		return 0, fault.New(codeRevision, "")
	}
	return n, nil
}

// revision reads a revision of the flow.
func (f *Flow) revision(tx *db.Tx, number int64) (Revision, error) {
	return revisions.One(tx, "flow_id = $1 and number = $2", f.ID, number)
}

// definition returns a revision that can be run; db.ErrNotFound when it is gone, a fault when it is not valid.
func (s *Studio) definition(tx *db.Tx, flow sid.SID, flowID, number int64) (*definition.Definition, error) {
	key := revisionKey{flow, number}
	if def := s.kept(key); def != nil {
		return def, nil
	}
	rev, err := revisions.One(tx, "flow_id = $1 and number = $2", flowID, number)
	if err != nil {
		return nil, err
	}
	def, problems := definition.Parse(rev.Definition)
	if len(problems) > 0 {
		return nil, refuse(problems)
	}
	if rev.CreatedAt.Before(tx.Now) {
		s.keep(key, def)
	}
	return def, nil
}
