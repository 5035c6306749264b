// Package row holds what package taskrouter keeps: the types, the columns that they are stored in, what routing sees of
// them, and their form in events. It knows no rules but
// the limits of fields.
package row
