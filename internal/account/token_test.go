package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/sid"
)

func now() time.Time { return time.Now() }

// payload is what a helper library writes for a chat client, valid for an hour.
func payload(h *house, key sid.SID) map[string]any {
	iat := now().Unix()
	return map[string]any{
		"jti": string(key) + "-1", "iss": key, "sub": h.owner.AccountSID, "iat": iat, "exp": iat + 3600,
		"grants": map[string]any{"identity": "ada", "chat": map[string]any{"service_sid": service}},
	}
}

const (
	service   = "IS00000000000000000000000000000001"
	workspace = "WS00000000000000000000000000000001"
	worker    = "WK00000000000000000000000000000001"
	flow      = "FO00000000000000000000000000000001"
)

func with(m map[string]any, key string, value any) map[string]any {
	m = maps.Clone(m)
	m[key] = value
	return m
}

func TestTokensOfHelperLibraries(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.setup.Key
		base := payload(h, key.SID)
		exp := time.Unix(base["exp"].(int64), 0).UTC()
		actor := Actor{
			Account: h.owner.Account, AccountSID: h.owner.AccountSID, Role: RoleVisitor, Key: key.SID,
			Identity: "ada", ChatService: service, Expires: exp,
		}
		agent := actor
		agent.Role, agent.Workspace, agent.Worker = RoleAgent, workspace, worker
		supervisor := agent
		supervisor.Role = RoleSupervisor
		bare := supervisor
		bare.Identity, bare.ChatService, bare.Role = "", "", RoleAgent
		grants := func(v map[string]any) map[string]any { return with(base, "grants", v) }
		chat := map[string]any{"service_sid": service, "endpoint_id": "x", "push_credential_sid": "CR1"}
		work := map[string]any{"workspace_sid": workspace, "worker_sid": worker, "role": "worker"}
		tests := []struct {
			name    string
			payload map[string]any
			want    Actor
		}{
			{"chat", base, actor},
			{"ip_messaging", grants(map[string]any{"identity": "ada", "ip_messaging": chat}), actor},
			{"chat wins", grants(map[string]any{"identity": "ada", "chat": chat, "ip_messaging": map[string]any{}}), actor},
			{"worker", grants(map[string]any{"identity": "ada", "chat": chat, "task_router": work}), agent},
			{"supervisor", grants(map[string]any{"identity": "ada", "chat": chat, "task_router": with(work, "role", "supervisor")}), supervisor},
			{"worker without identity", grants(map[string]any{"task_router": work}), bare},
			{"other products are ignored", grants(map[string]any{"identity": "ada", "chat": chat, "voice": map[string]any{"x": 1}}), actor},
			{"not before, in the past", with(base, "nbf", now().Unix()-1), actor},
		}
		for _, tt := range tests {
			got, err := h.Token(t.Context(), helperToken(t, goodHeader, tt.payload, key.Secret))
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s: %s", tt.name, diff)
			}
		}
	})
}

func TestBadTokens(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.setup.Key
		base := payload(h, key.SID)
		iat := now().Unix()
		sub := must(h.Create(t.Context(), h.owner, ""))(t)
		good := helperToken(t, goodHeader, base, key.Secret)
		parts := strings.Split(good, ".")
		sign := func(p map[string]any) string { return helperToken(t, goodHeader, p, key.Secret) }
		header := func(k string, v any) string { return helperToken(t, with(goodHeader, k, v), base, key.Secret) }
		grants := func(v any) string { return sign(with(base, "grants", v)) }
		noGrants := maps.Clone(base)
		delete(noGrants, "grants")
		noExp := maps.Clone(base)
		delete(noExp, "exp")
		unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","cty":"twilio-fpa;v=1"}`)) + "." + parts[1] + "."
		tests := []struct {
			name, token string
			want        int
		}{
			{"empty", "", 20101},
			{"no JWT", "hello", 20101},
			{"two parts", parts[0] + "." + parts[1], 20101},
			{"not JSON", parts[0] + ".e30x." + parts[2], 20101},
			{"huge", strings.Repeat("a", maxTokenLength+1), 20101},
			{"no content type", helperToken(t, map[string]any{"alg": "HS256"}, base, key.Secret), 20102},
			{"other content type", header("cty", "twilio-fpa;v=2"), 20102},
			{"HS512", header("alg", "HS512"), 20102},
			{"RS256", header("alg", "RS256"), 20102},
			{"unknown algorithm", header("alg", "XX"), 20102},
			{"unsigned", unsigned, 20102},
			{"issuer is no key", sign(with(base, "iss", h.owner.AccountSID)), 20103},
			{"unknown key", sign(with(base, "iss", sid.New(sid.Key))), 20103},
			{"no subject", sign(with(base, "sub", "")), 20103},
			{"another account", sign(with(base, "sub", sub.SID)), 20103},
			{"no expiry", sign(noExp), 20104},
			{"expired", sign(with(base, "exp", iat-1)), 20104},
			{"not yet", sign(with(base, "nbf", iat+120)), 20105},
			{"two days", sign(with(base, "exp", iat+2*86400)), 20157},
			{"two days, issued in the future", sign(with(with(base, "exp", iat+2*86400), "iat", iat+2*86400-60)), 20157},
			{"issued long ago", sign(with(base, "iat", iat-86400)), 20157},
			{"no grants", sign(noGrants), 20106},
			{"grants are no object", grants("x"), 20106},
			{"grants are null", grants(nil), 20106},
			{"nobody", grants(map[string]any{"chat": map[string]any{"service_sid": service}}), 20106},
			{"bad service", grants(map[string]any{"identity": "a", "chat": map[string]any{"service_sid": "IS1"}}), 20106},
			{"bad worker", grants(map[string]any{"identity": "a", "task_router": map[string]any{"worker_sid": service}}), 20106},
			{"owner", grants(map[string]any{"identity": "a", "usher": map[string]any{"role": "owner"}}), 20106},
			{"unknown role", grants(map[string]any{"identity": "a", "usher": map[string]any{"role": "king"}}), 20106},
			{"auth token as the secret", helperToken(t, goodHeader, base, h.setup.Account.AuthToken), 20107},
			{"other signature", parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 32)), 20107},
			{"no signature", parts[0] + "." + parts[1] + ".", 20107},
		}
		for _, tt := range tests {
			for range 2 {
				_, err := h.Authenticate(t.Context(), "token", tt.token)
				if err == nil {
					t.Errorf("%s: went through", tt.name)
					continue
				}
				code(t, err, tt.want)
				if t.Failed() {
					t.Fatalf("%s", tt.name)
				}
			}
		}
	})
}

func TestMint(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		visitor := TokenSpec{Account: h.owner.Account, Identity: "guest-1", Role: RoleVisitor, ChatService: service, Flow: flow, TTL: 5 * time.Minute}
		token, expires, err := h.Mint(ctx, visitor)
		if err != nil {
			t.Fatal(err)
		}
		if d := time.Until(expires); d < 4*time.Minute || d > 5*time.Minute {
			t.Errorf("expires in %v", d)
		}
		got := must(h.Token(ctx, token))(t)
		want := Actor{
			Account: h.owner.Account, AccountSID: h.owner.AccountSID, Role: RoleVisitor, Key: got.Key,
			Identity: "guest-1", ChatService: service, Flow: flow, Expires: expires,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if got.Renewed(visitor.TTL) != visitor {
			t.Errorf("Renewed = %+v", got.Renewed(visitor.TTL))
		}
		if got.Can(ChatRead) || !got.Can(ChatOwn) || got.Can(AccountManage) {
			t.Error("grants of a visitor")
		}
		if _, expires, _ = h.Mint(ctx, TokenSpec{Account: h.owner.Account, Identity: "x", Role: RoleAgent, TTL: 72 * time.Hour}); time.Until(expires) > MaxTokenTTL {
			t.Error("a token of more than 24 hours")
		}
		for _, bad := range []TokenSpec{
			{Account: h.owner.Account, Identity: "x"},
			{Account: h.owner.Account, Role: RoleAgent},
			{Account: h.owner.Account, Identity: "x", Role: RoleOwner},
			{Account: 999, Identity: "x", Role: RoleAgent},
		} {
			if _, _, err := h.Mint(ctx, bad); err == nil {
				t.Errorf("Mint(%+v) went through", bad)
			}
		}
	})
}

// TestMintedForm pins what client libraries and other servers read.
func TestMintedForm(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		token, expires, err := h.Mint(t.Context(), TokenSpec{
			Account: h.owner.Account, Identity: "ada", Role: RoleSupervisor, ChatService: service, Workspace: workspace, Worker: worker,
		})
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(token, ".")
		var header, got map[string]any
		for i, to := range []*map[string]any{&header, &got} {
			raw, err := base64.RawURLEncoding.DecodeString(parts[i])
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(raw, to); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(goodHeader, header); diff != "" {
			t.Error(diff)
		}
		key := got["iss"].(string)
		iat := expires.Add(-time.Hour).Unix()
		want := map[string]any{
			"jti": key + "-" + json.Number(jsonInt(iat)).String(), "iss": key, "sub": string(h.owner.AccountSID),
			"iat": float64(iat), "exp": float64(expires.Unix()),
			"grants": map[string]any{
				"identity":    "ada",
				"chat":        map[string]any{"service_sid": service},
				"task_router": map[string]any{"workspace_sid": workspace, "worker_sid": worker, "role": "supervisor"},
				"usher":       map[string]any{"role": "supervisor"},
			},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if !sid.Valid(key, sid.Key) {
			t.Errorf("issuer %q", key)
		}
	})
}

func jsonInt(n int64) string {
	raw, _ := json.Marshal(n)
	return string(raw)
}

func TestTokensOfPeople(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.person(t, "boss@example.com", RoleAdmin)
		p := h.person(t, "ada@example.com", RoleAgent)
		mint := func() (string, Actor) {
			t.Helper()
			token, _, err := h.Mint(ctx, TokenSpec{Account: p.Account, Identity: p.Identity(), Role: RoleAgent, Person: p.SID})
			if err != nil {
				t.Fatal(err)
			}
			return token, must(h.Token(ctx, token))(t)
		}
		refused := func(token string, actor Actor, want int) {
			t.Helper()
			_, err := h.Token(ctx, token)
			code(t, err, want)
			code(t, h.Recheck(ctx, actor), want)
		}
		// The worker is what it is now.
		token, actor := mint()
		wk := sid.SID(worker)
		p = must(h.UpdatePerson(ctx, h.owner, p.SID, PersonChange{Worker: &wk}))(t)
		if again := must(h.Token(ctx, token))(t); again.Worker != worker || again.Identity != "ada_40example_2Ecom" {
			t.Errorf("%+v", again)
		}
		if err := h.Recheck(ctx, actor); err != nil {
			t.Error(err)
		}
		// A change of the role ends tokens.
		role := RoleSupervisor
		p = must(h.UpdatePerson(ctx, h.owner, p.SID, PersonChange{Role: &role}))(t)
		refused(token, actor, 20104)
		token, actor = mint()
		if actor.Role != RoleSupervisor {
			t.Errorf("role %s: a token must not give more or less than the person has", actor.Role)
		}
		// So does signing out everywhere, and a new password.
		if err := h.SignOutAll(ctx, actor, p.SID); err != nil {
			t.Fatal(err)
		}
		refused(token, actor, 20104)
		token, actor = mint()
		login := must(h.SignIn(ctx, Credentials{Email: p.Email, Password: password}))(t)
		must(h.SetPassword(ctx, login.Secret, password, password+"!", noAddress))(t)
		refused(token, actor, 20104)
		// And being disabled.
		token, actor = mint()
		disabled := true
		must(h.UpdatePerson(ctx, h.owner, p.SID, PersonChange{Disabled: &disabled}))(t)
		refused(token, actor, 20006)
		// A person who never was, and an actor whose time is over.
		token, _, err := h.Mint(ctx, TokenSpec{Account: p.Account, Identity: "x", Role: RoleAgent, Person: sid.New(sid.Person)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.Token(ctx, token)
		code(t, err, 20006)
		code(t, h.Recheck(ctx, Actor{Account: p.Account, Expires: now()}), 20104)
	})
}

func FuzzToken(f *testing.F) {
	h := benchHouse(f)
	f.Add(helperToken(f, goodHeader, payload(h, h.setup.Key.SID), h.setup.Key.Secret)[:80])
	f.Add("e30.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		if actor, err := h.Token(context.Background(), token); err == nil || actor != (Actor{}) {
			t.Fatalf("%q went through as %+v, %v", token, actor, err)
		}
	})
}
