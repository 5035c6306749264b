package seal

import (
	"bytes"
	"io"
	"testing"
)

func sealed(t *testing.T, key []byte, aad string, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := SealStream(key, []byte(aad), &out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func opened(key []byte, aad string, sealed []byte) ([]byte, error) {
	r, err := OpenStream(key, []byte(aad), bytes.NewReader(sealed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestStream_opensWhatItSealed(t *testing.T) {
	t.Parallel()
	key := NewStreamKey()
	for _, size := range []int{0, 1, segmentSize - 1, segmentSize, segmentSize + 1, 3*segmentSize + 7} {
		plain := bytes.Repeat([]byte("secret"), size/6+1)[:size]
		box := sealed(t, key, "here", plain)
		if size > 6 && bytes.Contains(box, []byte("secret")) {
			t.Errorf("%d bytes: the sealed stream shows what it holds", size)
		}
		if got, err := opened(key, "here", box); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: got %d back: %v", size, len(got), err)
		}
	}
}

func TestStream_refusesWhatWasChanged(t *testing.T) {
	t.Parallel()
	key := NewStreamKey()
	plain := bytes.Repeat([]byte{7}, 2*segmentSize+100)
	box := sealed(t, key, "here", plain)
	turned := bytes.Clone(box)
	turned[len(turned)/2] ^= 1
	for name, try := range map[string]func() ([]byte, error){
		"another place":        func() ([]byte, error) { return opened(key, "there", box) },
		"another key":          func() ([]byte, error) { return opened(NewStreamKey(), "here", box) },
		"a changed bit":        func() ([]byte, error) { return opened(key, "here", turned) },
		"cut in a segment":     func() ([]byte, error) { return opened(key, "here", box[:len(box)-10]) },
		"cut between segments": func() ([]byte, error) { return opened(key, "here", box[:2*segmentSize]) },
		"nothing":              func() ([]byte, error) { return opened(key, "here", nil) },
		"no key":               func() ([]byte, error) { return opened(nil, "here", box) },
	} {
		got, err := try()
		if err == nil {
			t.Errorf("%s: it opened, %d bytes", name, len(got))
		}
		if len(got) > 0 && !bytes.HasPrefix(plain, got) {
			t.Errorf("%s: bytes were handed out that were never sealed", name)
		}
	}
	if _, err := SealStream([]byte("short"), nil, io.Discard); err == nil {
		t.Error("a short key seals")
	}
}
