package seal_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"usher/internal/seal"
)

// store is a Source in memory.
type store struct {
	mu      sync.Mutex
	keysets map[int64][]byte
	data    map[int64][]byte
}

func (s *store) Keyset(_ context.Context, account int64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.keysets[account]; ok {
		return k, nil
	}
	return nil, seal.ErrDestroyed
}

func (s *store) DataKey(_ context.Context, _, id int64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.data[id]; ok {
		return k, nil
	}
	return nil, seal.ErrDestroyed
}

func setup(t *testing.T) (*seal.Ring, *store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys", "root.key")
	root, err := seal.CreateRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &store{keysets: map[int64][]byte{}, data: map[int64][]byte{}}
	r := seal.New(root)
	r.Attach(s)
	for _, account := range []int64{1, 2} {
		if s.keysets[account], err = r.NewKeyset(account); err != nil {
			t.Fatal(err)
		}
	}
	if s.data[7], err = r.NewDataKey(1, 7); err != nil {
		t.Fatal(err)
	}
	return r, s, path
}

func reopen(t *testing.T, s *store, path string) *seal.Ring {
	t.Helper()
	root, err := seal.ReadRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	r := seal.New(root)
	r.Attach(s)
	return r
}

func TestRing_opensOnlyInPlace(t *testing.T) {
	t.Parallel()
	r, s, path := setup(t)
	plain := []byte("hello")
	for _, ref := range []seal.KeyRef{{Account: 1}, {Account: 1, Data: 7}} {
		sealed, err := r.Seal(ref, []byte("place"), plain)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(sealed, plain) {
			t.Error("the text can be read")
		}
		got, err := reopen(t, s, path).Open(ref, []byte("place"), sealed)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%v: %q, %v", ref, got, err)
		}
		if _, err := r.Open(ref, []byte("other place"), sealed); err == nil {
			t.Error("a moved value opens")
		}
		if _, err := r.Open(seal.KeyRef{Account: 2}, []byte("place"), sealed); err == nil {
			t.Error("another account opens it")
		}
		sealed[len(sealed)-1] ^= 1
		if _, err := r.Open(ref, []byte("place"), sealed); err == nil {
			t.Error("a changed value opens")
		}
	}
}

func TestRing_blindIndex(t *testing.T) {
	t.Parallel()
	r, s, path := setup(t)
	blind := func(r *seal.Ring, account int64, purpose, value string) string {
		b, err := r.Blind(account, purpose, value)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	first := blind(r, 1, "email", "a@example.org")
	wrapped, err := r.Rotate(1)
	if err != nil {
		t.Fatal(err)
	}
	s.keysets[1] = wrapped
	if blind(reopen(t, s, path), 1, "email", "a@example.org") != first {
		t.Error("the index does not survive rotation and restart")
	}
	for name, other := range map[string]string{
		"another account": blind(r, 2, "email", "a@example.org"),
		"another purpose": blind(r, 1, "identity", "a@example.org"),
		"another value":   blind(r, 1, "email", "b@example.org"),
		"a shifted split": blind(r, 1, "emaila", "@example.org"),
	} {
		if other == first {
			t.Errorf("%s has the same index", name)
		}
	}
	if _, err := r.Blind(99, "email", "a"); err == nil {
		t.Error("an account without keys has an index")
	}
}

func TestRing_rotation(t *testing.T) {
	t.Parallel()
	r, s, path := setup(t)
	ref := seal.KeyRef{Account: 1}
	old, err := r.Seal(ref, nil, []byte("old"))
	if err != nil {
		t.Fatal(err)
	}
	other := reopen(t, s, path) // a second process, which has read the old keyset
	if _, err := other.Open(ref, nil, old); err != nil {
		t.Fatal(err)
	}
	wrapped, err := r.Rotate(1)
	if err != nil {
		t.Fatal(err)
	}
	if current, err := r.Current(ref, old); err != nil || !current {
		t.Error("the ring must not use a keyset that is not committed")
	}
	s.keysets[1] = wrapped
	r.Forget(ref)
	if current, err := r.Current(ref, old); err != nil || current {
		t.Errorf("an old value counts as current: %v", err)
	}
	fresh, err := r.Seal(ref, nil, []byte("fresh"))
	if err != nil {
		t.Fatal(err)
	}
	for _, sealed := range [][]byte{old, fresh} {
		if _, err := other.Open(ref, nil, sealed); err != nil {
			t.Errorf("the other process cannot open it: %v", err)
		}
	}
	again, err := r.Rewrap(seal.KeyRef{Account: 1, Data: 7}, s.data[7])
	if err != nil || bytes.Equal(again, s.data[7]) {
		t.Errorf("the data key was not wrapped anew: %v", err)
	}
	s.data[7] = again
	if _, err := reopen(t, s, path).Seal(seal.KeyRef{Account: 1, Data: 7}, nil, nil); err != nil {
		t.Error(err)
	}
}

func TestRing_destroyedKey(t *testing.T) {
	t.Parallel()
	r, s, path := setup(t)
	ref := seal.KeyRef{Account: 1, Data: 7}
	sealed, err := r.Seal(ref, nil, []byte("gone"))
	if err != nil {
		t.Fatal(err)
	}
	delete(s.data, 7)
	r.Forget(ref)
	if _, err := r.Open(ref, nil, sealed); !errors.Is(err, seal.ErrDestroyed) {
		t.Errorf("got %v, want ErrDestroyed", err)
	}
	if _, err := reopen(t, s, path).Open(ref, nil, sealed); !errors.Is(err, seal.ErrDestroyed) {
		t.Errorf("got %v, want ErrDestroyed", err)
	}
}

func TestRing_manyDataKeys(t *testing.T) {
	t.Parallel()
	r, s, _ := setup(t)
	for id := int64(100); id < 400; id++ {
		var err error
		if s.data[id], err = r.NewDataKey(1, id); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for id := int64(100); id < 400; id++ {
		all.Go(func() {
			ref := seal.KeyRef{Account: 1, Data: id}
			sealed, err := r.Seal(ref, nil, []byte("x"))
			if err == nil {
				r.Forget(ref)
				_, err = r.Open(ref, nil, sealed)
			}
			if err != nil {
				t.Errorf("key %d: %v", id, err)
			}
		})
	}
	all.Wait()
}

func TestRoot_file(t *testing.T) {
	t.Parallel()
	_, s, path := setup(t)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	if _, err := seal.CreateRoot(path); err == nil {
		t.Error("an existing key was replaced")
	}
	if _, err := seal.ReadRoot(path + ".none"); !errors.Is(err, seal.ErrRootMissing) {
		t.Errorf("got %v, want ErrRootMissing", err)
	}
	other, err := seal.CreateRoot(filepath.Join(t.TempDir(), "other.key"))
	if err != nil {
		t.Fatal(err)
	}
	foreign := seal.New(other)
	foreign.Attach(s)
	if _, err := foreign.Seal(seal.KeyRef{Account: 1}, nil, nil); err == nil {
		t.Error("another root key opens the keyset")
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.ReadRoot(path); !errors.Is(err, seal.ErrRootExposed) {
			t.Errorf("mode %v: got %v, want ErrRootExposed", mode, err)
		}
	}
	damaged := filepath.Join(t.TempDir(), "damaged.key")
	for _, text := range []string{"", "something else", "usher-root-key-v1:%%%", "usher-root-key-v1:AAAA"} {
		if err := os.WriteFile(damaged, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.ReadRoot(damaged); err == nil {
			t.Errorf("%q was taken for a root key", text)
		}
	}
}
