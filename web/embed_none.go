//go:build noweb

// Package web holds nothing in this build; see embed.go.
package web

import (
	"embed"
	"io/fs"
)

// Dist returns no files: the program answers its API and says that it has no pages.
func Dist() fs.FS { return embed.FS{} }
