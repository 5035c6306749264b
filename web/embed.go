//go:build !noweb

// Package web holds the built browser parts: the desk, the widget and the demo shop.
//
// web/dist is committed, so that Go alone builds the whole program. The build tag noweb leaves it out.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Dist returns the built files, rooted at web/dist. Beside most of them lies a compressed copy, name.gz.
func Dist() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		return dist // cannot happen: the name is a constant and valid
	}
	return sub
}
