package seal

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// blindSize is the length of a blind index in bytes: 128 bits, so that collisions do not happen in practice.
const blindSize = 16

// dataKeysKept bounds the unwrapped data keys that a ring remembers. One costs about 2 KB.
const dataKeysKept = 8192

// ErrDestroyed says that a data key no longer exists: what it sealed is gone for good.
var ErrDestroyed = errors.New("the data key was destroyed")

// KeyRef names the key that seals a row: Data 0 is the account's own keyset, any other value a data key.
type KeyRef struct{ Account, Data int64 }

// Source is where wrapped keys are kept. Both methods return the wrapped bytes as Ring made them,
// or an error that wraps ErrDestroyed when there is no such key.
type Source interface {
	Keyset(ctx context.Context, account int64) ([]byte, error)
	DataKey(ctx context.Context, account, id int64) ([]byte, error)
}

// Ring opens and seals values under the keys of many accounts. It is safe for concurrent use.
type Ring struct {
	root   tink.AEAD
	mu     sync.RWMutex
	source Source
	keys   map[int64]*accountKeys
	data   map[KeyRef]tink.AEAD
}

// accountKeys is an account's keyset, unwrapped.
type accountKeys struct {
	handle *keyset.Handle
	aead   tink.AEAD
	mac    []byte
}

// wrappedKeyset is what the root key encrypts: the Tink keyset, and the key of the blind indexes, which never rotates.
type wrappedKeyset struct {
	AEAD []byte `json:"aead"`
	MAC  []byte `json:"mac"`
}

// New makes a ring over the root key. Attach must be called before the first Seal or Open.
func New(root tink.AEAD) *Ring {
	return &Ring{root: root, keys: map[int64]*accountKeys{}, data: map[KeyRef]tink.AEAD{}}
}

// Attach tells the ring where wrapped keys are kept.
func (r *Ring) Attach(s Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.source = s
}

// Seal encrypts plain under the key that ref names, bound to aad. The result is 33 bytes longer than plain.
func (r *Ring) Seal(ref KeyRef, aad, plain []byte) ([]byte, error) {
	key, err := r.key(ref)
	if err != nil {
		return nil, err
	}
	return key.Encrypt(plain, aad)
}

// Open decrypts what Seal made. Another aad, another key or a changed byte is an error.
func (r *Ring) Open(ref KeyRef, aad, sealed []byte) ([]byte, error) {
	key, err := r.key(ref)
	if err != nil {
		return nil, err
	}
	plain, err := key.Decrypt(sealed, aad)
	if err == nil || ref.Data != 0 {
		return plain, err
	}
	// Another process may have rotated the keyset since this one read it.
	r.mu.Lock()
	delete(r.keys, ref.Account)
	r.mu.Unlock()
	if key, err = r.key(ref); err != nil {
		return nil, err
	}
	return key.Decrypt(sealed, aad)
}

// Blind returns the blind index of value: 16 bytes that are equal exactly when account, purpose and value are.
// It fails closed: without the account's key there is an error, never a weaker hash.
func (r *Ring) Blind(account int64, purpose, value string) ([]byte, error) {
	keys, err := r.account(account)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, keys.mac)
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(purpose)))
	mac.Write(size[:])
	mac.Write([]byte(purpose))
	mac.Write([]byte(value))
	return mac.Sum(nil)[:blindSize], nil
}

// NewKeyset makes the keyset of a new account and returns it wrapped for the source to keep. The ring knows it at once.
func (r *Ring) NewKeyset(account int64) ([]byte, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("keyset: %w", err)
	}
	mac := make([]byte, sha256.Size)
	if _, err := rand.Read(mac); err != nil {
		return nil, fmt.Errorf("keyset: %w", err)
	}
	return r.keep(account, handle, mac)
}

// Rotate adds a new primary key to the account's keyset and returns the keyset wrapped for the source to keep.
// The ring goes on with the old keyset until the caller has committed the new one and calls Forget: nothing is ever
// sealed under a key that might be rolled back. What older keys sealed stays readable; a sweep seals it anew.
func (r *Ring) Rotate(account int64) ([]byte, error) {
	keys, err := r.account(account)
	if err != nil {
		return nil, err
	}
	manager := keyset.NewManagerFromHandle(keys.handle)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("rotate keyset: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("rotate keyset: %w", err)
	}
	handle, err := manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("rotate keyset: %w", err)
	}
	wrapped, _, err := r.wrap(account, handle, keys.mac)
	return wrapped, err
}

// Current reports whether sealed was made by the account's primary key. Data keys do not rotate: theirs is always current.
func (r *Ring) Current(ref KeyRef, sealed []byte) (bool, error) {
	if ref.Data != 0 {
		return true, nil
	}
	keys, err := r.account(ref.Account)
	if err != nil {
		return false, err
	}
	primary, err := keys.handle.Primary()
	if err != nil {
		return false, fmt.Errorf("keyset: %w", err)
	}
	// A Tink ciphertext begins with one version byte and the key's id, big endian.
	return len(sealed) >= 5 && binary.BigEndian.Uint32(sealed[1:5]) == primary.KeyID(), nil
}

// NewDataKey makes a data key under the account's keyset and returns it wrapped for the source to keep under id.
func (r *Ring) NewDataKey(account, id int64) ([]byte, error) {
	keys, err := r.account(account)
	if err != nil {
		return nil, err
	}
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("data key: %w", err)
	}
	var wrapped bytes.Buffer
	if err := handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&wrapped), keys.aead, dataKeyAAD(account, id)); err != nil {
		return nil, fmt.Errorf("data key: %w", err)
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("data key: %w", err)
	}
	r.remember(KeyRef{account, id}, primitive)
	return wrapped.Bytes(), nil
}

// Rewrap wraps the data key that ref names under the account's current primary key.
func (r *Ring) Rewrap(ref KeyRef, wrapped []byte) ([]byte, error) {
	keys, err := r.account(ref.Account)
	if err != nil {
		return nil, err
	}
	aad := dataKeyAAD(ref.Account, ref.Data)
	handle, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(wrapped)), keys.aead, aad)
	if err != nil {
		return nil, fmt.Errorf("data key: %w", err)
	}
	var again bytes.Buffer
	if err := handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&again), keys.aead, aad); err != nil {
		return nil, fmt.Errorf("data key: %w", err)
	}
	return again.Bytes(), nil
}

// Forget drops a key from memory: a data key that was destroyed, or, with Data 0, everything of the account.
func (r *Ring) Forget(ref KeyRef) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ref.Data != 0 {
		delete(r.data, ref)
		return
	}
	delete(r.keys, ref.Account)
	for k := range r.data {
		if k.Account == ref.Account {
			delete(r.data, k)
		}
	}
}

func (r *Ring) key(ref KeyRef) (tink.AEAD, error) {
	if ref.Data == 0 {
		keys, err := r.account(ref.Account)
		if err != nil {
			return nil, err
		}
		return keys.aead, nil
	}
	r.mu.RLock()
	found, ok := r.data[ref]
	source := r.source
	r.mu.RUnlock()
	if ok {
		return found, nil
	}
	wrapped, err := source.DataKey(context.Background(), ref.Account, ref.Data)
	if err != nil {
		return nil, fmt.Errorf("data key %d: %w", ref.Data, err)
	}
	handle, err := r.unwrapDataKey(ref, wrapped)
	if err != nil {
		// Another process may have rotated the keyset since this one read it.
		r.mu.Lock()
		delete(r.keys, ref.Account)
		r.mu.Unlock()
		if handle, err = r.unwrapDataKey(ref, wrapped); err != nil {
			return nil, fmt.Errorf("data key %d: %w", ref.Data, err)
		}
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("data key %d: %w", ref.Data, err)
	}
	r.remember(ref, primitive)
	return primitive, nil
}

func (r *Ring) unwrapDataKey(ref KeyRef, wrapped []byte) (*keyset.Handle, error) {
	keys, err := r.account(ref.Account)
	if err != nil {
		return nil, err
	}
	return keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(wrapped)), keys.aead, dataKeyAAD(ref.Account, ref.Data))
}

func (r *Ring) account(account int64) (*accountKeys, error) {
	r.mu.RLock()
	keys, ok := r.keys[account]
	source := r.source
	r.mu.RUnlock()
	if ok {
		return keys, nil
	}
	if source == nil {
		return nil, errors.New("keyset: the ring has no source")
	}
	wrapped, err := source.Keyset(context.Background(), account)
	if err != nil {
		return nil, fmt.Errorf("keyset of account %d: %w", account, err)
	}
	keys, err = r.unwrap(account, wrapped)
	if err != nil {
		return nil, fmt.Errorf("keyset of account %d: %w", account, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys[account] = keys
	return keys, nil
}

func (r *Ring) unwrap(account int64, wrapped []byte) (*accountKeys, error) {
	clear, err := r.root.Decrypt(wrapped, keysetAAD(account))
	if err != nil {
		return nil, fmt.Errorf("the root key does not open it: %w", err)
	}
	var parts wrappedKeyset
	if err := json.Unmarshal(clear, &parts); err != nil {
		return nil, err
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(parts.AEAD)))
	if err != nil {
		return nil, err
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, err
	}
	return &accountKeys{handle: handle, aead: primitive, mac: parts.MAC}, nil
}

// keep wraps a new keyset under the root key and remembers it, because the transaction that makes an account uses it at once.
func (r *Ring) keep(account int64, handle *keyset.Handle, mac []byte) ([]byte, error) {
	wrapped, keys, err := r.wrap(account, handle, mac)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys[account] = keys
	return wrapped, nil
}

func (r *Ring) wrap(account int64, handle *keyset.Handle, mac []byte) ([]byte, *accountKeys, error) {
	var clear bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&clear)); err != nil {
		return nil, nil, fmt.Errorf("keyset: %w", err)
	}
	text, err := json.Marshal(wrappedKeyset{AEAD: clear.Bytes(), MAC: mac})
	if err != nil {
		return nil, nil, fmt.Errorf("keyset: %w", err)
	}
	wrapped, err := r.root.Encrypt(text, keysetAAD(account))
	if err != nil {
		return nil, nil, fmt.Errorf("keyset: %w", err)
	}
	keys, err := r.unwrap(account, wrapped)
	if err != nil {
		return nil, nil, fmt.Errorf("keyset: %w", err)
	}
	return wrapped, keys, nil
}

func (r *Ring) remember(ref KeyRef, key tink.AEAD) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.data) >= dataKeysKept {
		// Any one will do: a key that is needed again costs one read.
		for old := range r.data {
			delete(r.data, old)
			break
		}
	}
	r.data[ref] = key
}

func keysetAAD(account int64) []byte {
	return []byte("usher keyset " + strconv.FormatInt(account, 10))
}

func dataKeyAAD(account, id int64) []byte {
	return []byte("usher data key " + strconv.FormatInt(account, 10) + " " + strconv.FormatInt(id, 10))
}
