package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Facts of access tokens, as the compatible service's own helper libraries make
// them and its error dictionary names what is wrong with one: a JWT with the
// content type below in its header, signed with the secret of the API key that
// is its issuer, for the account that is its subject, valid for 24 hours at most.
const (
	tokenType   = "twilio-fpa;v=1"
	MaxTokenTTL = 24 * time.Hour
	// DefaultTokenTTL is what Mint gives where nothing else is said.
	DefaultTokenTTL = time.Hour

	maxTokenLength = 8192
	clockSkew      = 30 * time.Second // between us and whoever signs
)

// Codes of access tokens that are no good; all answer 401.
const (
	codeTokenInvalid   = 20101 // not a JWT
	codeTokenHeader    = 20102 // wrong algorithm or content type
	codeTokenIssuer    = 20103 // no such key, or of another account
	codeTokenExpired   = 20104
	codeTokenTooEarly  = 20105
	codeTokenGrants    = 20106
	codeTokenSignature = 20107
	codeTokenTooLong   = 20157 // more than 24 hours
)

// claims are the payload of an access token.
type claims struct {
	ID        string           `json:"jti,omitempty"`
	Issuer    string           `json:"iss"`
	Subject   string           `json:"sub"`
	IssuedAt  *jwt.NumericDate `json:"iat,omitempty"`
	NotBefore *jwt.NumericDate `json:"nbf,omitempty"`
	ExpiresAt *jwt.NumericDate `json:"exp,omitempty"`
	Grants    json.RawMessage  `json:"grants"`
}

// The claims are checked by this package, with the wire's own codes.
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.ExpiresAt, nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.IssuedAt, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.NotBefore, nil }
func (c *claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }

// tokenGrants is the part that says who the caller is. ip_messaging is the old
// name of chat. usher is Usher's own and carries what the others have no place for.
type tokenGrants struct {
	Identity    string       `json:"identity,omitempty"`
	Chat        *chatGrant   `json:"chat,omitempty"`
	IPMessaging *chatGrant   `json:"ip_messaging,omitempty"`
	TaskRouter  *workerGrant `json:"task_router,omitempty"`
	Usher       *usherGrant  `json:"usher,omitempty"`
}

type chatGrant struct {
	Service    string `json:"service_sid,omitempty"`
	Credential string `json:"push_credential_sid,omitempty"`
}

// pushCredential is the credential that a chat grant names. One that cannot be any is none: it keeps nobody from chatting.
func pushCredential(g *chatGrant) sid.SID {
	if !sid.Valid(g.Credential, sid.Credential) {
		return ""
	}
	return sid.SID(g.Credential)
}

type workerGrant struct {
	Workspace string `json:"workspace_sid,omitempty"`
	Worker    string `json:"worker_sid,omitempty"`
	Role      string `json:"role,omitempty"`
}

type usherGrant struct {
	Role   Role   `json:"role,omitempty"`
	Flow   string `json:"flow_sid,omitempty"`
	Person string `json:"person_sid,omitempty"`
	Epoch  int64  `json:"epoch,omitempty"`
}

// Token verifies an access token and returns who it speaks for. Errors are 401
// with one of the codes 20101 to 20107 and 20157, or 403 with 20005 where the
// account is not active and 20006 where the person may not sign in any more.
//
// The role is the one that Usher wrote into the token; in tokens signed by
// others a task_router grant with the role "supervisor" makes a supervisor, one
// with a worker an agent, and everything else a visitor. For a person of the
// desk, role and worker are what they are now, not when the token was made.
func (a *Accounts) Token(ctx context.Context, token string) (Actor, error) {
	if len(token) > maxTokenLength {
		return Actor{}, fault.New(codeTokenInvalid, "")
	}
	now, generation := time.Now(), a.generation.Load()
	sum := digest("token", token)
	if actor, ok := a.actors.get(sum, now, generation); ok {
		return actor, nil
	}
	var c claims
	var cred credential
	_, err := jwt.NewParser(jwt.WithoutClaimsValidation()).ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		if t.Method != jwt.SigningMethodHS256 || t.Header["cty"] != tokenType {
			return nil, fault.New(codeTokenHeader, "")
		}
		var err error
		cred, err = a.issuer(ctx, &c, now)
		return []byte(cred.secret), err
	})
	if err != nil {
		return Actor{}, tokenError(err)
	}
	if err := c.checkTimes(now); err != nil {
		return Actor{}, err
	}
	actor, err := c.actor(&cred)
	if err != nil {
		return Actor{}, err
	}
	if !cred.active {
		return Actor{}, fault.New(20005, "")
	}
	if actor.Person != "" {
		if actor, err = a.stand(ctx, actor, now); err != nil {
			return Actor{}, err
		}
	}
	until := now.Add(staleAfter)
	if actor.Expires.Before(until) {
		until = actor.Expires
	}
	a.actors.put(sum, actor, until, generation)
	return actor, nil
}

// tokenError gives an error of the JWT library its code; what the key function
// returned passes through.
func tokenError(err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e
	}
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return fault.New(codeTokenInvalid, "").With(err)
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return fault.New(codeTokenSignature, "").With(err)
	case errors.Is(err, jwt.ErrTokenUnverifiable) && !errors.Is(err, errNoKey):
		return fault.New(codeTokenHeader, "").With(err) // an algorithm that the library does not know
	}
	return err
}

// errNoKey marks that the key could not be read, which is no fault of the token.
var errNoKey = errors.New("read the signing key")

// issuer returns the key that a token names as its issuer.
func (a *Accounts) issuer(ctx context.Context, c *claims, now time.Time) (credential, error) {
	if !sid.Valid(c.Issuer, sid.Key) || !sid.Valid(c.Subject, sid.Account) {
		return credential{}, fault.New(codeTokenIssuer, "")
	}
	cred, err := a.credential(ctx, sid.SID(c.Issuer), now)
	if err != nil {
		return credential{}, fmt.Errorf("%w: %w", errNoKey, err)
	}
	if cred.secret == "" || string(cred.accountSID) != c.Subject {
		return credential{}, fault.New(codeTokenIssuer, "")
	}
	return cred, nil
}

// checkTimes checks when the token is valid. A token that was issued in the
// future counts from now, so that its date does not stretch the 24 hours.
func (c *claims) checkTimes(now time.Time) error {
	if c.ExpiresAt == nil || !now.Before(c.ExpiresAt.Time) {
		return fault.New(codeTokenExpired, "")
	}
	if c.NotBefore != nil && c.NotBefore.After(now.Add(clockSkew)) {
		return fault.New(codeTokenTooEarly, "")
	}
	from := now
	if c.IssuedAt != nil && c.IssuedAt.Before(now) {
		from = c.IssuedAt.Time
	}
	if c.ExpiresAt.Sub(from) > MaxTokenTTL+clockSkew {
		return fault.New(codeTokenTooLong, "")
	}
	return nil
}

// actor reads the grants.
func (c *claims) actor(cred *credential) (Actor, error) {
	bad := func(what string) (Actor, error) {
		return Actor{}, fault.New(codeTokenGrants, "Invalid Access Token grants: %s", what)
	}
	var g tokenGrants
	if len(c.Grants) == 0 || json.Unmarshal(c.Grants, &g) != nil {
		return bad("no object of grants")
	}
	chat, work, own := g.Chat, g.TaskRouter, g.Usher
	if chat == nil {
		chat = g.IPMessaging
	}
	if chat == nil {
		chat = &chatGrant{}
	}
	if work == nil {
		work = &workerGrant{}
	}
	if own == nil {
		own = &usherGrant{Role: roleOf(work)}
	}
	for _, f := range []struct{ value, prefix string }{
		{chat.Service, sid.ChatService},
		{work.Workspace, sid.Workspace},
		{work.Worker, sid.Worker},
		{own.Flow, sid.FlexFlow},
		{own.Person, sid.Person},
	} {
		if f.value != "" && !sid.Valid(f.value, f.prefix) {
			return bad("not a SID of kind " + f.prefix)
		}
	}
	switch {
	case !own.Role.valid():
		return bad("unknown role")
	case g.Identity == "" && work.Worker == "":
		return bad("no identity")
	}
	return Actor{
		Account: cred.account, AccountSID: cred.accountSID, Role: own.Role, Key: cred.key,
		Identity: g.Identity, ChatService: sid.SID(chat.Service), PushCredential: pushCredential(chat), Workspace: sid.SID(work.Workspace),
		Worker: sid.SID(work.Worker), Person: sid.SID(own.Person), Flow: sid.SID(own.Flow),
		Epoch: own.Epoch, Expires: c.ExpiresAt.UTC(),
	}, nil
}

// roleOf is the role of a token that was not minted by Usher.
func roleOf(w *workerGrant) Role {
	switch {
	case w.Role == "supervisor":
		return RoleSupervisor
	case w.Worker != "":
		return RoleAgent
	}
	return RoleVisitor
}

// TokenSpec says what an access token speaks for. Account, Identity and Role are
// needed; empty fields are left out of the token.
type TokenSpec struct {
	Account     int64
	Identity    string
	Role        Role // never owner
	ChatService sid.SID
	Workspace   sid.SID
	Worker      sid.SID
	Flow        sid.SID
	Person      sid.SID
	TTL         time.Duration // at most MaxTokenTTL; 0 is DefaultTokenTTL
}

// Renewed returns the spec of a token like the one that the actor presented.
func (a Actor) Renewed(ttl time.Duration) TokenSpec {
	return TokenSpec{
		Account: a.Account, Identity: a.Identity, Role: a.Role, ChatService: a.ChatService,
		Workspace: a.Workspace, Worker: a.Worker, Flow: a.Flow, Person: a.Person, TTL: ttl,
	}
}

// Mint signs an access token with the account's own key, which no API shows.
// The token has the form that client libraries of the compatible products take.
func (a *Accounts) Mint(ctx context.Context, spec TokenSpec) (token string, expires time.Time, err error) {
	if !spec.Role.valid() || spec.Identity == "" {
		return "", time.Time{}, fmt.Errorf("mint: a token needs an identity and a role other than %q", spec.Role)
	}
	ttl := spec.TTL
	if ttl <= 0 {
		ttl = DefaultTokenTTL
	}
	now := time.Now()
	cred, err := a.signer(ctx, spec.Account, now)
	if err != nil {
		return "", time.Time{}, err
	}
	g := tokenGrants{
		Identity: spec.Identity,
		Usher:    &usherGrant{Role: spec.Role, Flow: string(spec.Flow), Person: string(spec.Person)},
	}
	if spec.Person != "" {
		st, err := a.standing(ctx, spec.Account, spec.Person, now)
		if err != nil {
			return "", time.Time{}, err
		}
		g.Usher.Epoch = st.epoch
	}
	if spec.ChatService != "" {
		g.Chat = &chatGrant{Service: string(spec.ChatService)}
	}
	if spec.Workspace != "" || spec.Worker != "" {
		role := "worker"
		if spec.Role == RoleSupervisor || spec.Role == RoleAdmin {
			role = "supervisor"
		}
		g.TaskRouter = &workerGrant{Workspace: string(spec.Workspace), Worker: string(spec.Worker), Role: role}
	}
	issued := now.Truncate(time.Second)
	expires = issued.Add(min(ttl, MaxTokenTTL)).UTC()
	token, err = sign(&cred, g, issued, expires)
	return token, expires, err
}

func sign(cred *credential, g tokenGrants, issued, expires time.Time) (string, error) {
	grants, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("mint: %w", err)
	}
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, &claims{
		ID:        string(cred.key) + "-" + strconv.FormatInt(issued.Unix(), 10),
		Issuer:    string(cred.key),
		Subject:   string(cred.accountSID),
		IssuedAt:  jwt.NewNumericDate(issued),
		ExpiresAt: jwt.NewNumericDate(expires),
		Grants:    grants,
	})
	t.Header["cty"] = tokenType
	signed, err := t.SignedString([]byte(cred.secret))
	if err != nil {
		return "", fmt.Errorf("mint: %w", err)
	}
	return signed, nil
}

// signer returns the account's own key.
func (a *Accounts) signer(ctx context.Context, account int64, now time.Time) (credential, error) {
	name := sid.SID(strconv.FormatInt(account, 10)) // no SID looks like this
	generation := a.generation.Load()
	c, ok := a.credentials.get(name, now, generation)
	if !ok {
		var err error
		c, err = read(ctx, a.db, func(tx *db.Tx) (credential, error) {
			k, err := keys.One(tx, "account_id = $1 and kind = $2 order by id desc limit 1", account, int64(kindOwn))
			if err != nil {
				return credential{}, err
			}
			return readCredential(tx, k.SID)
		})
		if err != nil {
			return c, fmt.Errorf("mint for account %d: %w", account, err)
		}
		a.credentials.put(name, c, now.Add(staleAfter), generation)
	}
	if !c.active {
		return c, fault.New(20005, "")
	}
	return c, nil
}
