package iam

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/pace"
	"usher/internal/rest"
	"usher/internal/sid"
)

type endpoint struct {
	Deps
	limit *pace.Limiter[netip.Prefix]
}

// tokenRequest is the body of a first call. Products, when given, must name flex. FlowSID and Visitor are Usher's own.
type tokenRequest struct {
	Products []string `json:"products"`
	Identity string   `json:"identity"`
	FlowSID  sid.SID  `json:"flow_sid"`
	Visitor  string   `json:"visitor"`
}

// tokenWire is a token on the wire: identity, expiration, roles and token as in the original, which its web widget reads, and the
// secret by which a visitor gets the same identity again.
type tokenWire struct {
	Identity   string   `json:"identity"`
	Expiration string   `json:"expiration"` // ISO 8601, whole seconds, UTC
	Roles      []string `json:"roles"`
	Token      string   `json:"token"`
	Visitor    string   `json:"visitor,omitempty"`
}

// identityMost bounds an identity that the account asks a token for: chat takes no longer one.
const identityMost = 256

// create gives a visitor a token. Only the account's own credentials may say for which identity.
func (e *endpoint) create() rest.Mount {
	return rest.Op[tokenRequest, tokenWire]{
		Method: http.MethodPost, Path: "/Accounts/{AccountSid}/Tokens", Public: true, JSON: true, Status: http.StatusCreated,
		Do: func(ctx context.Context, c *rest.Call, in tokenRequest) (tokenWire, error) {
			if err := e.admit(c); err != nil {
				return tokenWire{}, err
			}
			if in.Products != nil && !slices.Contains(in.Products, "flex") {
				return tokenWire{}, fault.Invalid("Invalid value for parameter products: flex is the only product here")
			}
			acc, service, err := e.account(ctx, c, in.FlowSID)
			if err != nil {
				return tokenWire{}, err
			}
			if len(in.Identity) > identityMost {
				return tokenWire{}, fault.Invalid("identity is longer than %d bytes", identityMost)
			}
			identity, known := e.known(acc.SID, in.Visitor)
			switch {
			case in.Identity != "" && c.Actor.AccountSID == acc.SID && c.Actor.Can(account.FlexManage):
				identity = in.Identity
			case !known:
				identity = newIdentity()
			}
			out, err := e.mint(ctx, account.TokenSpec{
				Account: acc.ID, Identity: identity, Role: account.RoleVisitor, ChatService: service, Flow: in.FlowSID, TTL: e.TTL,
			})
			out.Visitor = e.secret(acc.SID, identity, time.Now())
			return out, err
		},
	}
}

type refreshRequest struct {
	Token string `json:"token"`
}

// refresh gives a visitor's token more time while it is still valid. A token that Usher did not make keeps its own end: who made
// it decides how long it lasts. The answer then is the same token, which the original's clients take for "no longer".
func (e *endpoint) refresh() rest.Mount {
	return rest.Op[refreshRequest, tokenWire]{
		Method: http.MethodPost, Path: "/Accounts/{AccountSid}/Tokens/refresh", Public: true, JSON: true,
		Do: func(ctx context.Context, c *rest.Call, in refreshRequest) (tokenWire, error) {
			actor, err := e.verify(ctx, c, in.Token)
			if err != nil {
				return tokenWire{}, err
			}
			if actor.Role != account.RoleVisitor || !ours(in.Token) {
				return wire(actor, in.Token, actor.Expires), nil
			}
			out, err := e.mint(ctx, actor.Renewed(e.TTL))
			out.Visitor = e.secret(actor.AccountSID, actor.Identity, time.Now())
			return out, err
		},
	}
}

// validate says whom a token speaks for. (Source: the original desktop's requests.)
func (e *endpoint) validate() rest.Mount {
	return rest.Op[refreshRequest, map[string]any]{
		Method: http.MethodPost, Path: "/Accounts/{AccountSid}/Tokens/validate", Public: true, JSON: true,
		Do: func(ctx context.Context, c *rest.Call, in refreshRequest) (map[string]any, error) {
			actor, err := e.verify(ctx, c, in.Token)
			if err != nil {
				return nil, err
			}
			out := map[string]any{
				"valid": true, "identity": actor.Identity, "roles": []account.Role{actor.Role}, "expiration": iso(actor.Expires), "worker_sid": nil,
			}
			if actor.Worker != "" {
				out["worker_sid"] = actor.Worker
			}
			return out, nil
		},
	}
}

// admit bounds what one address may ask for, and asks whether the site may ask at all.
func (e *endpoint) admit(c *rest.Call) error {
	if wait := e.limit.Take(rest.Network(c.Remote), time.Now()); wait > 0 {
		return fault.TooMany(wait)
	}
	return nil
}

// account finds the account of the path, which must be active and have its chat service, and checks flow and site. Everything that
// is wrong with account or flow is the same 404.
func (e *endpoint) account(ctx context.Context, c *rest.Call, flow sid.SID) (account.Account, sid.SID, error) {
	none := account.Account{}
	if !sid.Valid(c.Var("AccountSid"), sid.Account) {
		return none, "", c.NotFound()
	}
	acc, err := e.Tokens.Lookup(ctx, c.SID("AccountSid"))
	if err != nil {
		return none, "", err
	}
	if acc.Status != account.Active {
		return none, "", c.NotFound()
	}
	system := account.System(acc.ID, acc.SID)
	conf, err := e.Flex.GetConfiguration(ctx, system)
	if err != nil {
		return none, "", err
	}
	service := conf.ChatService
	if flow != "" {
		var f flex.Flow
		if f, err = e.Flex.GetFlow(ctx, system, flow); err != nil {
			return none, "", err
		}
		if !f.Enabled || f.ChannelType != "web" {
			return none, "", c.NotFound()
		}
		service = f.ChatService
	}
	if service == "" {
		return none, "", c.NotFound()
	}
	// The widget's own frame is this server's page; which sites may show it, frame-ancestors says.
	if origin := c.Header("Origin"); e.Origin != nil && !strings.HasPrefix(c.Origin()+"/", origin+"/") {
		err = e.Origin(ctx, acc.SID, flow, origin)
	}
	return acc, service, err
}

// verify checks a token of the path's account.
func (e *endpoint) verify(ctx context.Context, c *rest.Call, token string) (account.Actor, error) {
	if err := e.admit(c); err != nil {
		return account.Actor{}, err
	}
	if token == "" {
		return account.Actor{}, fault.Invalid("Missing required parameter token in the post body")
	}
	actor, err := e.Tokens.Token(ctx, token)
	if err == nil && actor.AccountSID != c.SID("AccountSid") {
		return account.Actor{}, fault.New(20103, "")
	}
	return actor, err
}

func (e *endpoint) mint(ctx context.Context, spec account.TokenSpec) (tokenWire, error) {
	token, expires, err := e.Tokens.Mint(ctx, spec)
	if err != nil {
		return tokenWire{}, err
	}
	return wire(account.Actor{Identity: spec.Identity, Role: spec.Role}, token, expires), nil
}

func wire(actor account.Actor, token string, expires time.Time) tokenWire {
	return tokenWire{Identity: actor.Identity, Expiration: iso(expires), Roles: []string{string(actor.Role)}, Token: token}
}

func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// newIdentity returns 128 random bits as 32 lower-case digits.
func newIdentity() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}

// ours reports whether a token, which has been verified, was minted by Usher: no other holds the grant named usher.
func ours(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	var claims struct {
		Grants struct {
			Usher json.RawMessage `json:"usher"`
		} `json:"grants"`
	}
	return json.Unmarshal(payload, &claims) == nil && len(claims.Grants.Usher) > 0
}
