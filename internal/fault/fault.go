// Package fault is the one error type that leaves Usher: a kind that decides
// the HTTP status, a numeric code that client libraries switch on, and a text.
//
// Packages below the edges return ordinary wrapped errors and make an *Error
// only where a caller could act on the code. Edges call Of and encode what they
// get; whatever is not an *Error becomes a 500 whose cause is kept for the log
// and never shown.
//
// The codes and their texts are facts of the wire that Usher is compatible
// with. A status is one that was seen or documented where one is known, and
// inferred otherwise; Catalog tells which.
package fault

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Kind is the family of an error; it decides the HTTP status.
type Kind int

// The kinds and their HTTP statuses. The zero Kind is internal, so that an
// error made by hand without a kind does not look like the caller's mistake.
const (
	KindInternal        Kind = iota // 500
	KindInvalid                     // 400
	KindUnauthenticated             // 401
	KindForbidden                   // 403
	KindNotFound                    // 404
	KindConflict                    // 409
	KindGone                        // 410
	KindPrecondition                // 412
	KindTooLarge                    // 413
	KindTooMany                     // 429
	KindUnavailable                 // 503
)

// kinds holds what each kind is on the wire and in a log, by its number.
var kinds = [...]struct {
	status int
	name   string
}{
	KindInternal:        {500, "internal"},
	KindInvalid:         {400, "invalid"},
	KindUnauthenticated: {401, "unauthenticated"},
	KindForbidden:       {403, "forbidden"},
	KindNotFound:        {404, "not_found"},
	KindConflict:        {409, "conflict"},
	KindGone:            {410, "gone"},
	KindPrecondition:    {412, "precondition"},
	KindTooLarge:        {413, "too_large"},
	KindTooMany:         {429, "too_many"},
	KindUnavailable:     {503, "unavailable"},
}

// Status returns the HTTP status of the kind.
func (k Kind) Status() int { return k.row().status }

// String names the kind for logs and metrics, for example "not_found".
func (k Kind) String() string { return k.row().name }

func (k Kind) row() struct {
	status int
	name   string
} {
	if k < 0 || int(k) >= len(kinds) {
		k = KindInternal
	}
	return kinds[k]
}

// kindOf returns the kind of an HTTP status. Statuses in the 400s without a
// kind of their own (405, 422, 426) are the caller's mistake.
func kindOf(status int) Kind {
	for k, row := range kinds {
		if row.status == status {
			return Kind(k)
		}
	}
	if status >= 400 && status < 500 {
		return KindInvalid
	}
	return KindInternal
}

// Codes that Usher itself raises in more than one package. Everything else is
// written as a number where it is raised; the catalogue gives its text.
const (
	CodeInvalid         = 20001 // a parameter is missing, unknown or malformed: 400
	CodeUnauthenticated = 20003 // wrong credentials: 401
	CodeForbidden       = 20403 // right credentials, missing grant: 403
	CodeNotFound        = 20404 // nothing at this URL: 404
	CodeConflict        = 20409 // 409
	CodePrecondition    = 20412 // If-Match did not match: 412; not in the catalogue
	CodeTooLarge        = 20413 // 413
	CodeTooMany         = 20429 // 429
	CodeInternal        = 20500 // 500
	CodeUnavailable     = 20503 // 503
)

// Error is an error that a client may see. Message is written for the caller
// of the API and must hold no secret and nothing about other accounts.
type Error struct {
	Kind       Kind
	Code       int           // the numeric code of the wire, for example 20404
	Message    string        // one sentence or title, without the code
	RetryAfter time.Duration // when to come back; 0 says nothing about it
	Err        error         // the cause, for the log only; may be nil
}

// Error returns the text with the code, and the cause where there is one.
func (e *Error) Error() string {
	text := strconv.Itoa(e.Code) + " " + e.Message
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Status returns the HTTP status of the answer: the catalogue's own one where
// it belongs to the error's kind (so 422 for 20422), and the kind's otherwise.
func (e *Error) Status() int {
	if entry, ok := Lookup(e.Code); ok && kindOf(entry.Status) == e.Kind {
		return entry.Status
	}
	return e.Kind.Status()
}

// MoreInfo returns the address that the error's answer carries as more_info.
func (e *Error) MoreInfo() string { return MoreInfo(e.Code) }

// MoreInfo returns the documentation address of a code. The form is that of
// recorded answers, so that clients that parse it go on working.
func MoreInfo(code int) string {
	return "https://www.twilio.com/docs/errors/" + strconv.Itoa(code)
}

// New returns an error with the given code. Its kind is that of the catalogue's
// status, Invalid for a code that the catalogue does not hold. An empty format
// stands for the catalogue's own text.
func New(code int, format string, args ...any) *Error {
	entry, ok := Lookup(code)
	if !ok {
		entry = Entry{Code: code, Status: KindInvalid.Status(), Text: "Bad Request"}
	}
	text := entry.Text
	if format != "" {
		text = fmt.Sprintf(format, args...)
	}
	return &Error{Kind: kindOf(entry.Status), Code: code, Message: text}
}

// With sets the cause and returns the error: New(50303, "").With(err).
func (e *Error) With(err error) *Error {
	e.Err = err
	return e
}

// Of returns the first *Error in the chain of err. Any other error becomes
// Internal, code 20500, with a text that gives nothing away; the cause stays in
// Err. Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: KindInternal, Code: CodeInternal, Message: "Internal Server Error", Err: err}
}

// HasCode reports whether err is, or wraps, an *Error with this code.
func HasCode(err error, code int) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}

// Is reports whether err is, or wraps, an *Error of this kind.
func Is(err error, k Kind) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == k
}

// NotFound says that nothing answers at this path of the product, given from
// the first slash after the version: "/Services/IS…/Channels/CH…". The text is
// the one of recorded answers. A foreign resource gets the same error as an
// absent one.
func NotFound(path string) *Error {
	return New(CodeNotFound, "The requested resource %s was not found", path)
}

// Invalid says that the request is malformed: 400, code 20001.
func Invalid(format string, args ...any) *Error {
	return New(CodeInvalid, format, args...)
}

// Unauthenticated says that the credentials are wrong: 401, code 20003. It has
// one text for every reason, so that it does not tell which half was wrong.
func Unauthenticated() *Error {
	return New(CodeUnauthenticated, "Authenticate")
}

// Forbidden says that the caller is known and may not: 403, code 20403. Chat
// permissions use New(50107, "") instead.
func Forbidden(format string, args ...any) *Error {
	return New(CodeForbidden, format, args...)
}

// Conflict says that the resource is not in a state for this: 409, code 20409.
func Conflict(format string, args ...any) *Error {
	return New(CodeConflict, format, args...)
}

// PreconditionFailed says that an If-Match header named an older version: 412.
func PreconditionFailed(format string, args ...any) *Error {
	e := New(CodePrecondition, format, args...)
	e.Kind = KindPrecondition
	if format == "" {
		e.Message = "Precondition Failed"
	}
	return e
}

// TooMany says to slow down, and when to come back: 429, code 20429.
func TooMany(after time.Duration) *Error {
	e := New(CodeTooMany, "")
	e.RetryAfter = after
	return e
}

// Unavailable says that it is Usher's fault and will pass: 503, code 20503.
func Unavailable(after time.Duration, err error) *Error {
	e := New(CodeUnavailable, "")
	e.RetryAfter, e.Err = after, err
	return e
}
