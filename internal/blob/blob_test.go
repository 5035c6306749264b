package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"usher/internal/db"
)

const name = "ME0190f2c5a1b27def8123456789abcdef"

// bucketServer answers the three requests of S3 that this package makes.
type bucketServer struct {
	mu      sync.Mutex
	objects map[string][]byte
	broken  bool
}

func (s *bucketServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=id/") || s.broken {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	object, found := s.objects[r.URL.Path]
	switch r.Method {
	case http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.objects[r.URL.Path] = body
		w.Header().Set("ETag", `"sum"`)
	case http.MethodDelete:
		delete(s.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodGet, http.MethodHead:
		if !found {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("ETag", `"sum"`)
		http.ServeContent(w, r, "", time.Date(2026, 11, 20, 13, 0, 0, 0, time.UTC), bytes.NewReader(object))
	}
}

// each runs fn on both kinds of stores.
func each(t *testing.T, fn func(t *testing.T, s Store, folder string)) {
	t.Helper()
	t.Run("files", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		s, err := Open(Options{Folder: folder})
		if err != nil {
			t.Fatal(err)
		}
		fn(t, s, folder)
	})
	t.Run("s3", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(&bucketServer{objects: map[string][]byte{}})
		t.Cleanup(server.Close)
		folder := t.TempDir()
		s, err := Open(Options{Address: "s3://media/kept?endpoint=" + server.URL, Folder: folder, ID: "id", Secret: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		fn(t, s, folder)
	})
}

func read(t *testing.T, s Store, name string) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestStore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s Store, folder string) {
		ctx := t.Context()
		if _, err := s.Open(ctx, name); !errors.Is(err, ErrMissing) {
			t.Errorf("nothing was put: %v", err)
		}
		want := bytes.Repeat([]byte("0123456789"), 100_000)
		if err := s.Put(ctx, name, bytes.NewReader(want)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, s, name); !bytes.Equal(got, want) {
			t.Errorf("%d bytes came back", len(got))
		}
		if left, _ := filepath.Glob(filepath.Join(folder, arriving+"*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		for range 2 { // the second time nothing is there, which is no error
			if err := s.Delete(ctx, name); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Open(ctx, name); !errors.Is(err, ErrMissing) {
			t.Errorf("it was deleted: %v", err)
		}
	})
}

// failing gives some bytes and then an error.
type failing struct{ err error }

func (f *failing) Read(p []byte) (int, error) {
	if len(p) > 0 && f.err != nil {
		p[0] = 'x'
		return 1, f.err
	}
	return 0, io.EOF
}

func TestStore_leavesNothingOfWhatFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s Store, folder string) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		cut := errors.New("the client went away")
		for what, try := range map[string]struct {
			ctx  context.Context
			body io.Reader
			want error
		}{
			"a cut upload": {t.Context(), &failing{cut}, cut},
			"an end":       {ended, strings.NewReader("body"), context.Canceled},
			"a full disk":  {t.Context(), &failing{syscall.ENOSPC}, db.ErrFull},
		} {
			if err := s.Put(try.ctx, name, try.body); !errors.Is(err, try.want) {
				t.Errorf("%s: %v", what, err)
			}
			if _, err := s.Open(t.Context(), name); !errors.Is(err, ErrMissing) {
				t.Errorf("%s: something is kept: %v", what, err)
			}
			if left, _ := filepath.Glob(filepath.Join(folder, "*")); len(left) > 0 {
				t.Errorf("%s: left behind: %v", what, left)
			}
		}
	})
}

func TestStore_refusesNamesThatPointElsewhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s Store, _ string) {
		for _, bad := range []string{"", "a", "../../etc/passwd", "a/b/c/d", "..", "....", "ME\x00abc", strings.Repeat("a", 65), "ME äöü"} {
			if err := s.Put(t.Context(), bad, strings.NewReader("x")); err == nil {
				t.Errorf("%q can be put", bad)
			}
			if _, err := s.Open(t.Context(), bad); err == nil || errors.Is(err, ErrMissing) {
				t.Errorf("%q can be asked for: %v", bad, err)
			}
			if err := s.Delete(t.Context(), bad); err == nil {
				t.Errorf("%q can be deleted", bad)
			}
		}
	})
}

func TestFiles_areTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "media")
	s, err := Open(Options{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), name, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{folder: 0o700, filepath.Join(folder, "ef"): 0o700, filepath.Join(folder, "ef", name): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %o", path, info, err, want)
		}
	}
}

func TestFiles_forgetWhatACrashLeft(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	half, recent := filepath.Join(folder, arriving+"123"), filepath.Join(folder, arriving+"124")
	for _, path := range []string{half, recent} {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-2 * abandoned)
	if err := os.Chtimes(half, long, long); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Folder: folder}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a file is still there: %v", err)
	}
	if _, err := os.Stat(recent); err != nil {
		t.Errorf("what another process receives just now is gone: %v", err)
	}
}

func TestOpen_refusesAddresses(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{
		{Address: "https://bucket"},
		{Address: "s3://"},
		{Address: "s3://b\x7f"},
		{Address: "s3://media"}, // no credentials
		{Address: "s3://media?endpoint=host", ID: "a", Secret: "b"},
		{Address: "s3://media?endpoint=ftp://host", ID: "a", Secret: "b"},
	} {
		o.Folder = t.TempDir()
		if _, err := Open(o); err == nil {
			t.Errorf("%q opens", o.Address)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Folder: file}); err == nil {
		t.Error("a file is opened as a folder")
	}
	if _, err := Open(Options{Address: "s3://media/a", ID: "a", Secret: "b", Folder: t.TempDir()}); err != nil {
		t.Errorf("without an endpoint: %v", err)
	}
}

func TestBucket_saysWhatItsStoreSays(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&bucketServer{objects: map[string][]byte{}, broken: true})
	t.Cleanup(server.Close)
	s, err := Open(Options{Address: "s3://media?endpoint=" + server.URL, Folder: t.TempDir(), ID: "id", Secret: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), name, strings.NewReader("x")); err == nil {
		t.Error("a store that refuses has kept something")
	}
	if _, err := s.Open(t.Context(), name); err == nil || errors.Is(err, ErrMissing) {
		t.Errorf("a store that refuses is not an empty one: %v", err)
	}
	if err := s.Delete(t.Context(), name); err == nil {
		t.Error("a store that refuses has deleted something")
	}
}
