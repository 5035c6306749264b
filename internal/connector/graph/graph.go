// Package graph is what WhatsApp and Messenger have in common: Meta's Graph API and the webhooks that stand on it.
//
// Source: Meta's pages on webhooks (getting started, validation of payloads), on Graph API error handling and on media.
package graph

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
)

// Fields are the settings that both kinds have, after their own.
var Fields = []connector.Field{
	{Name: "app_secret", Label: "App secret", Help: "Of the app whose webhooks come here; it signs them. In the app's dashboard under Settings, Basic.", Secret: true, Required: true},
	{Name: "verify_token", Label: "Verify token", Help: "Any words of your choice, 8 characters at least: enter the same in the app's dashboard beside the callback URL.", Secret: true, Required: true},
	{Name: "graph_version", Label: "Graph API version", Help: "Meta serves a version for two years.", Default: "v25.0"},
	{Name: "base_url", Label: "API address", Help: "Only for tests, or for a proxy of your own.", Default: "https://graph.facebook.com"},
}

// API is a Graph API with one access token.
type API struct {
	client  *http.Client
	base    string // with the version
	token   string
	secret  string
	verify  string
	problem func(code, subcode int) Problem
}

// Problem is what an error code of Meta's means for a message.
type Problem struct {
	Code   int    // the original's
	Reason string // our words
	Again  bool
	// Doubtful says that the code tells so little that, with an HTTP status of 500 and more, the message may have been sent.
	Doubtful bool
}

var version = regexp.MustCompile(`^v[0-9]{1,3}\.[0-9]{1,2}$`)

// New makes an API of checked settings. token is the name of the field that holds the access token; problem reads codes.
func New(settings map[string]string, token string, client *http.Client, problem func(code, subcode int) Problem) (*API, error) {
	base, err := connector.Base(settings, "base_url")
	if err != nil {
		return nil, err
	}
	if !version.MatchString(settings["graph_version"]) {
		return nil, errors.New("graph_version is of the form v25.0")
	}
	if len(settings["verify_token"]) < 8 {
		return nil, errors.New("verify_token has 8 characters at least")
	}
	if err := connector.Token(settings, token); err != nil {
		return nil, err
	}
	return &API{client, base + "/" + settings["graph_version"], settings[token], settings["app_secret"], settings["verify_token"], problem}, nil
}

// Check says whether a webhook is signed with the app's secret: X-Hub-Signature-256 is "sha256=" and the hex HMAC-SHA256 of the body's
// bytes. The error is a *connector.Forged.
func (a *API) Check(r connector.Request) error {
	digits, found := strings.CutPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256=")
	if !found {
		return &connector.Forged{Reason: "X-Hub-Signature-256 is missing"}
	}
	if sum, err := hex.DecodeString(digits); err != nil || !hmac.Equal(sum, connector.Mac(a.secret, r.Body)) {
		return &connector.Forged{Reason: "X-Hub-Signature-256 is wrong"}
	}
	return nil
}

// Verify answers the question whether the address is ours: hub.mode is subscribe, hub.verify_token what we agreed on, and
// hub.challenge is said again.
func (a *API) Verify(_ context.Context, r connector.Request) (connector.Answer, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return connector.Answer{}, &connector.Malformed{Reason: "not a URL"}
	}
	query, challenge := u.Query(), u.Query().Get("hub.challenge")
	switch {
	case query.Get("hub.mode") != "subscribe" || challenge == "" || len(challenge) > 1024:
		return connector.Answer{}, &connector.Malformed{Reason: "not a subscription"}
	case !hmac.Equal(connector.Mac("", []byte(query.Get("hub.verify_token"))), connector.Mac("", []byte(a.verify))):
		return connector.Answer{}, &connector.Forged{Reason: "hub.verify_token is wrong"}
	}
	return connector.Answer{ContentType: "text/plain; charset=utf-8", Body: []byte(challenge)}, nil
}

// Post sends JSON to a path below the version and reads the answer into out. The error says what became of the message, as
// connector.Sender has it.
func (a *API) Post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return a.call(ctx, http.MethodPost, path, "application/json", body, out)
}

// Get reads what is at a path below the version.
func (a *API) Get(ctx context.Context, path string, out any) error {
	return a.call(ctx, http.MethodGet, path, "", nil, out)
}

// Form sends fields and one file, as multipart/form-data, and reads the answer into out.
func (a *API) Form(ctx context.Context, path string, fields map[string]string, name string, file carry.Media, out any) error {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			return err
		}
	}
	head := textproto.MIMEHeader{}
	head.Set("Content-Disposition", fmt.Sprintf("form-data; name=%q; filename=%q", name, plain(file.Name)))
	head.Set("Content-Type", plain(file.ContentType))
	part, err := w.CreatePart(head)
	if err == nil {
		_, err = part.Write(file.Data)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	return a.call(ctx, http.MethodPost, path, w.FormDataContentType(), body.Bytes(), out)
}

// plain is a text that can stand in a header; "file" when there is none.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, text)
	if text == "" {
		return "file"
	}
	return text
}

func (a *API) call(ctx context.Context, method, path, contentType string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(body))
	if err != nil {
		return &carry.Refusal{Reason: "the address cannot be called"}
	}
	a.authorize(req)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	reply, err := connector.Call(ctx, a.client, req)
	if err != nil {
		return err
	}
	if reply.OK() {
		if json.Unmarshal(reply.Body, out) != nil {
			return reply.Error()
		}
		return nil
	}
	var said struct {
		Error struct {
			Code    *int `json:"code"`
			Subcode int  `json:"error_subcode"`
		} `json:"error"`
	}
	if json.Unmarshal(reply.Body, &said) != nil || said.Error.Code == nil {
		return reply.Error()
	}
	// Its own words may hold numbers and texts of customers; the code says as much.
	p := a.problem(*said.Error.Code, said.Error.Subcode)
	if p.Doubtful && reply.Status >= 500 {
		return reply.Error()
	}
	reason := fmt.Sprintf("%d %s", *said.Error.Code, p.Reason)
	if said.Error.Subcode != 0 {
		reason = fmt.Sprintf("%d/%d %s", *said.Error.Code, said.Error.Subcode, p.Reason)
	}
	return &carry.Refusal{Code: p.Code, Reason: reason, Again: p.Again || reply.Status == http.StatusTooManyRequests, After: reply.After()}
}

func (a *API) authorize(req *http.Request) {
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("User-Agent", "Usher")
}

// Media gets a file by its ID: first its address, then, with the token again, its bytes. The error is connector.ErrNoFile, or one
// after which a later try may help. ctx is that of the webhook.
func (a *API) Media(ctx context.Context, id string) (carry.Media, error) {
	var about struct {
		URL  string `json:"url"`
		Type string `json:"mime_type"`
	}
	if strings.Trim(id, ".") == "" || len(id) > 255 {
		return carry.Media{}, connector.ErrNoFile
	}
	if err := a.Get(ctx, "/"+url.PathEscape(id), &about); err != nil {
		if refusal := (*carry.Refusal)(nil); errors.As(err, &refusal) && !refusal.Again && refusal.Code != 63001 {
			return carry.Media{}, connector.ErrNoFile
		}
		return carry.Media{}, err
	}
	u, err := url.Parse(about.URL)
	if err != nil || u.Scheme != "https" && !strings.HasPrefix(a.base, u.Scheme+"://"+u.Host+"/") {
		return carry.Media{}, fmt.Errorf("%w: its address is none", connector.ErrNoFile)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, about.URL, nil)
	if err != nil {
		return carry.Media{}, connector.ErrNoFile
	}
	a.authorize(req)
	file, err := connector.Fetch(ctx, ctx, a.client, req)
	if about.Type != "" {
		file.ContentType = about.Type
	}
	return file, err
}
