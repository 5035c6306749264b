package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// files keeps each stream in a file of its own, mode 0600, in one of 256 folders by the end of its name.
type files struct{ folder string }

// arriving begins the names of files that are not whole yet.
const arriving = "arriving-"

// abandoned is the age at which such a file is nobody's: another process may receive into the same folder.
const abandoned = 6 * time.Hour

func openFiles(folder string) (files, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return files{}, fmt.Errorf("media folder: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(folder, arriving+"*"))
	if err != nil {
		return files{}, fmt.Errorf("media folder: %w", err)
	}
	for _, path := range left {
		if info, err := os.Stat(path); err != nil || time.Since(info.ModTime()) < abandoned {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return files{}, fmt.Errorf("media folder: %w", err)
		}
	}
	return files{folder}, nil
}

func (f files) path(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	return filepath.Join(f.folder, strings.ToLower(name[len(name)-2:]), name), nil
}

// Put writes a file beside its place, makes it durable and moves it there, so that no crash leaves half of it under the name.
func (f files) Put(ctx context.Context, name string, r io.Reader) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	file, _, err := f.receive(ctx, r)
	if err != nil {
		return err
	}
	err = errors.Join(file.Sync(), file.Close())
	if err == nil {
		err = place(file.Name(), path)
	}
	if err != nil {
		return errors.Join(mapFull(fmt.Errorf("stream %s: %w", name, err)), remove(file.Name()))
	}
	return nil
}

// receive writes r into a new file, which nobody else knows. An error leaves no file.
func (f files) receive(ctx context.Context, r io.Reader) (*os.File, int64, error) {
	file, err := os.CreateTemp(f.folder, arriving+"*") // mode 0600
	if err != nil {
		return nil, 0, mapFull(fmt.Errorf("stream: %w", err))
	}
	n, err := io.Copy(file, whole{ctx, r})
	if err != nil {
		return nil, 0, errors.Join(mapFull(fmt.Errorf("stream: %w", err)), file.Close(), remove(file.Name()))
	}
	return file, n, nil
}

// place moves a file under its name and makes the move durable, the folder's own entry included.
func place(from, to string) error {
	folder := filepath.Dir(to)
	if err := os.Mkdir(folder, 0o700); err == nil {
		err = syncFolder(filepath.Dir(folder))
		if err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(folder)
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Open opens the file of a stream.
func (f files) Open(_ context.Context, name string) (io.ReadCloser, error) {
	path, err := f.path(name)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("stream %s: %w", name, ErrMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	return file, nil
}

// Delete removes the file of a stream.
func (f files) Delete(_ context.Context, name string) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	return remove(path)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func mapFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return errFull(err)
	}
	return err
}

// whole reads r as long as ctx goes on.
type whole struct {
	ctx context.Context //nolint:containedctx // of the one copy that it is made for
	r   io.Reader
}

// Read reads from r; the error of ctx ends it.
func (w whole) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(p)
}
