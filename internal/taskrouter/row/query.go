package row

import (
	"strconv"
	"strings"
)

// Query is the where of a list, with its arguments.
type Query struct {
	Where string
	Args  []any
}

// And adds "column operator" and its value.
func (q *Query) And(condition string, v any) {
	q.Args = append(q.Args, v)
	q.Where += " and " + condition + " $" + strconv.Itoa(len(q.Args))
}

// Any adds "column in (values)"; no values add nothing.
func (q *Query) Any(column string, values []any) {
	if len(values) == 0 {
		return
	}
	marks := make([]string, len(values))
	for i, v := range values {
		q.Args = append(q.Args, v)
		marks[i] = "$" + strconv.Itoa(len(q.Args))
	}
	q.Where += " and " + column + " in (" + strings.Join(marks, ", ") + ")"
}

// None makes the list empty: a filter names something that does not exist.
func (q *Query) None() { q.Where += " and 1 = 0" }
