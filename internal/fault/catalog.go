package fault

import (
	"cmp"
	"slices"
)

//go:generate go run ./gen -in $USHER_ERRORS -out catalog_gen.go

// Entry is what the catalogue knows of one code.
type Entry struct {
	Code     int
	Status   int    // HTTP status of an answer that carries the code
	Text     string // the short text; some codes have none better than a title
	Inferred bool   // the status is a guess from the text, not seen or documented
}

// Lookup returns the catalogue's entry of a code.
func Lookup(code int) (Entry, bool) {
	i, ok := slices.BinarySearchFunc(catalog[:], code, func(e Entry, code int) int {
		return cmp.Compare(e.Code, code)
	})
	if !ok {
		return Entry{}, false
	}
	return catalog[i], true
}

// Catalog returns a copy of all entries in the order of their codes.
func Catalog() []Entry { return slices.Clone(catalog[:]) }
