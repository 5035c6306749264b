package seal

import (
	"crypto/rand"
	"fmt"
	"io"

	"github.com/tink-crypto/tink-go/v2/streamingaead/subtle"
)

// Streams are sealed in segments: memory is bounded by one of them, whatever the length, and each is checked before any of it
// is handed out. A segment that is moved, left out or put at the end does not open.
const (
	streamKeySize = 32
	segmentSize   = 64 << 10
)

// NewStreamKey makes the key of one stream, 32 bytes. It is kept where the stream is described, in a sealed document: whoever
// destroys the key of that document destroys the stream.
func NewStreamKey() []byte {
	key := make([]byte, streamKeySize)
	rand.Read(key) // never fails: crypto/rand ends the process instead
	return key
}

// SealStream returns a writer that seals what is written to it into w, bound to aad. The stream is complete only after Close,
// which does not close w.
func SealStream(key, aad []byte, w io.Writer) (io.WriteCloser, error) {
	s, err := stream(key)
	if err != nil {
		return nil, err
	}
	sealed, err := s.NewEncryptingWriter(w, aad)
	if err != nil {
		return nil, fmt.Errorf("stream: %w", err)
	}
	return sealed, nil
}

// OpenStream returns a reader of what SealStream wrote. Another key, another aad, a changed byte and a stream that was cut are
// errors of Read.
func OpenStream(key, aad []byte, r io.Reader) (io.Reader, error) {
	s, err := stream(key)
	if err != nil {
		return nil, err
	}
	plain, err := s.NewDecryptingReader(r, aad)
	if err != nil {
		return nil, fmt.Errorf("stream: %w", err)
	}
	return plain, nil
}

func stream(key []byte) (*subtle.AESGCMHKDF, error) {
	s, err := subtle.NewAESGCMHKDF(key, "SHA256", streamKeySize, segmentSize, 0)
	if err != nil {
		return nil, fmt.Errorf("stream key: %w", err)
	}
	return s, nil
}
