package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// rootHeader begins a root key file, so that a wrong file is told from a damaged one.
const rootHeader = "usher-root-key-v1:"

// ErrRootMissing says that there is no root key file at the given path.
var ErrRootMissing = errors.New("root key file is missing")

// ErrRootExposed says that a root key file can be read by others than its owner.
var ErrRootExposed = errors.New("root key file may be read by others: its mode must be 0600")

// ReadRoot reads the root key file at path and returns the AEAD that wraps account keysets.
// It refuses a file whose mode lets anyone but the owner in (ErrRootExposed) and reports ErrRootMissing
// when there is none.
func ReadRoot(path string) (tink.AEAD, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", path, ErrRootMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: %w", path, ErrRootExposed)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	return parseRoot(string(text))
}

// CreateRoot makes a new root key file with mode 0600 and returns its AEAD. An existing file is never replaced.
func CreateRoot(path string) (tink.AEAD, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	var clear bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&clear)); err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("root key folder: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	text := rootHeader + base64.StdEncoding.EncodeToString(clear.Bytes()) + "\n"
	if _, err := file.WriteString(text); err != nil {
		return nil, errors.Join(fmt.Errorf("root key: %w", err), file.Close())
	}
	// The key must be on the disk before the first row that needs it.
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	return parseRoot(text)
}

func parseRoot(text string) (tink.AEAD, error) {
	encoded, ok := strings.CutPrefix(strings.TrimSpace(text), rootHeader)
	if !ok {
		return nil, errors.New("root key: the file is not an Usher root key")
	}
	clear, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(clear)))
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	return primitive, nil
}
