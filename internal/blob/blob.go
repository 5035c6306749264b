// Package blob keeps sealed streams of bytes under names: in files of a folder, or in any store that speaks S3.
//
// It knows neither what the bytes are nor who owns them; they are sealed before they come here. A name is given once and its
// bytes never change. Put returns only after the bytes would survive a crash, so that a row may then say that they are there.
// The other order is the sweeper's: bytes whose row says nothing of them are deleted by name.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"usher/internal/db"
)

// ErrMissing says that nothing is kept under a name.
var ErrMissing = errors.New("nothing is kept under this name")

// Store keeps streams. It is safe for concurrent use.
type Store interface {
	// Put keeps all that r has to give under a name and returns after it is durable. An error of r, or an end of ctx, leaves
	// nothing behind. A full disk is db.ErrFull.
	Put(ctx context.Context, name string, r io.Reader) error
	// Open reads what is kept under a name: ErrMissing when there is nothing. The caller closes it.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// Delete forgets a name. It is no error when nothing is kept under it.
	Delete(ctx context.Context, name string) error
}

// Options say where streams are kept.
type Options struct {
	// Address is empty for files in Folder, or s3://bucket/prefix?endpoint=https://…&region=…
	Address string
	Folder  string // of the files; with S3, of the sealed streams on their way there
	// ID and Secret are the credentials of an S3 store.
	ID, Secret string
}

// Open opens a store and makes its folder. What a crash left half written is removed.
func Open(o Options) (Store, error) {
	files, err := openFiles(o.Folder)
	if err != nil || o.Address == "" {
		return files, err
	}
	u, err := url.Parse(o.Address)
	if err != nil || u.Scheme != "s3" || u.Host == "" {
		return nil, errors.New("the address of a media store is s3://bucket/prefix?endpoint=https://host&region=name")
	}
	return openS3(u, o, files)
}

// checkName lets only names through that are file names everywhere: nothing that a caller sends may point elsewhere.
func checkName(name string) error {
	if len(name) < 4 || len(name) > 64 || strings.Trim(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
		return fmt.Errorf("%.80q is no name of a stream", name)
	}
	return nil
}

// errFull marks a full disk as the database does, for there is one answer to both.
func errFull(err error) error { return fmt.Errorf("%w: %w", db.ErrFull, err) }
