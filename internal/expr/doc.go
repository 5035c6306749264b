// Package expr is the expression language of TaskRouter: the text that binds
// workers to queues, filters tasks in a workflow and matches workers to a task.
//
//	(languages HAS "en" OR languages HAS "fr") AND level >= 5.1
//
// The rules are those of the public description of the language and of live
// observations of the service that Usher is compatible with:
//
//   - A comparison has two operands, each a constant or a reference. Constants
//     are strings in single or double quotes, integers and floats, true, false,
//     null and lists in brackets. A reference is a dotted name with 0-based
//     indexes, such as task.languages[0]; what it does not find is null.
//   - Scalar operators are ==, !=, <, <=, >, >= and CONTAINS (substring); on a
//     list they are false, != too. Array operators are HAS (list, value), IN and
//     NOT IN (value, list); on anything but one list and one scalar they are
//     false, NOT IN too. There is no NOT of its own.
//   - AND, OR and parentheses join comparisons. A name with a hyphen is a syntax
//     error. An expression is checked for its syntax only: one that can never be
//     true is accepted.
//
// Where the description is silent, Usher decides: AND binds tighter than OR;
// keywords are read in any case; values of different types are unequal and have
// no order; null equals null; strings are ordered by their bytes; a JSON object
// is unequal to everything, so "!= null" finds it; constants may have a sign;
// a backslash quotes a quote or a backslash inside of a string.
//
// An expression is parsed once, when it is stored or loaded, and evaluated often
// (each worker against each queue), so Eval does not allocate.
package expr

// Bounds on what Parse accepts. Longer or deeper texts are syntax errors.
const (
	MaxLength = 8192 // bytes of text
	MaxDepth  = 64   // nested parentheses
)
