package account

import (
	"context"
	"path/filepath"
	"testing"

	"usher/internal/db"
	"usher/internal/seal"
)

// openForBench opens a database for a benchmark or a fuzzer.
func openForBench(tb testing.TB) (*db.DB, error) {
	dir := tb.TempDir()
	root, err := seal.CreateRoot(filepath.Join(dir, "root.key"))
	if err != nil {
		return nil, err
	}
	d, err := db.Open(context.Background(), db.Options{URL: filepath.Join(dir, "usher.db"), Ring: seal.New(root)})
	if err == nil {
		tb.Cleanup(func() { d.Close() })
	}
	return d, err
}

func BenchmarkPassword(b *testing.B) {
	a := New(Deps{})
	for b.Loop() {
		if _, err := a.hashPassword(b.Context(), "x"); err != nil {
			b.Fatal(err)
		}
	}
}
