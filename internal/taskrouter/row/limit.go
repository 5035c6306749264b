package row

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"usher/internal/attr"
	"usher/internal/expr"
	"usher/internal/fault"
)

// Limits of fields, in characters. Source: the wire's documentation for attributes; the others are Usher's.
const (
	MaxAttributes = 4096
	MaxExpression = 4096
	MaxURL        = 2048
)

// Attributes parses the attributes of a worker or a task: one JSON object of at most 4096 characters.
func Attributes(s string) (json.RawMessage, error) {
	if n := utf8.RuneCountInString(s); n > MaxAttributes {
		return nil, fault.Invalid("Attributes are %d characters long, at most %d are allowed", n, MaxAttributes)
	}
	m, err := attr.Parse(s, 0)
	if err != nil {
		return nil, fault.Invalid("Attributes JSON string is not valid: %s", err.Error()).With(err)
	}
	return m, nil
}

// Expression parses an expression; the answer to a bad one says where it is bad.
func Expression(param, src string) (*expr.Expr, error) {
	if len(src) > MaxExpression {
		return nil, fault.Invalid("%s is longer than %d characters", param, MaxExpression)
	}
	e, err := expr.Parse(src)
	if err == nil {
		return e, nil
	}
	if syntax, ok := errors.AsType[*expr.SyntaxError](err); ok {
		return nil, fault.Invalid("%s is not a valid expression: %s at offset %d", param, err.Error(), syntax.Offset).With(err)
	}
	return nil, fault.Invalid("%s is not a valid expression: %s", param, err.Error()).With(err)
}

// Within checks a parameter's range.
func Within(param string, v, least, most int64) error {
	if v < least || v > most {
		return fault.Invalid("%s must be between %d and %d", param, least, most)
	}
	return nil
}

// WebAddress checks a callback's address; empty is none.
func WebAddress(param, s string) error {
	if s == "" || len(s) <= MaxURL && (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")) {
		return nil
	}
	return fault.Invalid("%s is not a valid URL", param)
}
