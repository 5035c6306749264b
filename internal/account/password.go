package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"usher/internal/fault"
)

// cost is how much work a password hash takes. It is written into each hash, so
// that it can be raised later.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// passwordCost follows the first recommendation of the OWASP cheat sheet on
// password storage for argon2id: 19 MiB, 2 passes, 1 thread. About 20 ms.
var passwordCost = cost{memory: 19 * 1024, passes: 2, threads: 1}

const (
	saltLength = 16
	hashLength = 32

	// MinPassword is the shortest password, in characters.
	MinPassword = 10
	// MaxPassword is the longest password, in bytes.
	MaxPassword = 256
)

// decoy is a hash that no password has, of the usual cost: checking it for
// unknown people takes as long as checking a real one.
var decoy = passwordCost.format(make([]byte, saltLength), make([]byte, hashLength))

func checkPassword(password, email string) error {
	switch {
	case utf8.RuneCountInString(password) < MinPassword:
		return fault.Invalid("The password must have %d characters or more", MinPassword)
	case len(password) > MaxPassword:
		return fault.Invalid("The password is longer than %d bytes", MaxPassword)
	case strings.EqualFold(password, email):
		return fault.Invalid("The password must not be the e-mail address")
	}
	return nil
}

// hashPassword returns the hash in the usual text form:
// $argon2id$v=19$m=19456,t=2,p=1$salt$hash, both in unpadded base64.
func (a *Accounts) hashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLength)
	rand.Read(salt) // never fails
	sum, err := a.derive(ctx, password, salt, passwordCost, hashLength)
	if err != nil {
		return "", err
	}
	return passwordCost.format(salt, sum), nil
}

// verifyPassword compares a password with a hash. stale says that the hash is
// of another cost than new ones are.
func (a *Accounts) verifyPassword(ctx context.Context, password, hash string) (ok, stale bool, err error) {
	c, salt, want, err := parseHash(hash)
	if err != nil {
		return false, false, err
	}
	sum, err := a.derive(ctx, password, salt, c, uint32(len(want)))
	if err != nil {
		return false, false, err
	}
	return subtle.ConstantTimeCompare(sum, want) == 1, c != passwordCost, nil
}

// derive runs argon2id, on as many passwords at a time as there are processors:
// each one holds 19 MiB.
func (a *Accounts) derive(ctx context.Context, password string, salt []byte, c cost, length uint32) ([]byte, error) {
	select {
	case a.hashing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-a.hashing }()
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.threads, length), nil
}

func (c cost) format(salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, c.memory, c.passes, c.threads, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// parseHash reads what format wrote.
func parseHash(text string) (c cost, salt, sum []byte, err error) {
	fail := func(why string) (cost, []byte, []byte, error) {
		return cost{}, nil, nil, fmt.Errorf("password hash: %s", why)
	}
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return fail("not argon2id")
	}
	var version int
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return fail("unknown version")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.threads); err != nil {
		return fail("unreadable cost")
	}
	if c.memory > 1<<20 || c.passes == 0 || c.passes > 100 || c.threads == 0 {
		return fail("cost out of bounds")
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(salt) < 8 {
		return fail("unreadable salt")
	}
	if sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(sum) < 16 || len(sum) > 128 {
		return fail("unreadable sum")
	}
	return c, salt, sum, nil
}
