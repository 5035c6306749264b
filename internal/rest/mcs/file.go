package mcs

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strconv"
	"strings"
	"time"

	"usher/internal/fault"
	"usher/internal/media"
	"usher/internal/rest"
	"usher/internal/sid"
)

// Signed addresses are good for at least signedFor. Their ends are rounded, so that who asks again within a minute gets the same
// address, and a browser keeps what it has loaded.
const (
	signedFor = 5 * time.Minute
	rounded   = time.Minute
)

// What a signed address leads to. They are part of what is signed.
const (
	ofContent   = "Content"
	ofThumbnail = "Thumbnail"
)

type fileWire struct {
	SID          sid.SID           `json:"sid"`
	AccountSID   sid.SID           `json:"account_sid"`
	ServiceSID   sid.SID           `json:"service_sid"`
	ChannelSID   *sid.SID          `json:"channel_sid"`
	MessageSID   *sid.SID          `json:"message_sid"`
	Author       *string           `json:"author"`
	Size         int64             `json:"size"`
	ContentType  string            `json:"content_type"`
	Filename     *string           `json:"filename"`
	Category     string            `json:"category"`
	Multipart    bool              `json:"is_multipart_upstream"`
	DateCreated  *string           `json:"date_created"`
	DateUpdated  *string           `json:"date_updated"`
	DateUploaded *string           `json:"date_upload_updated"`
	URL          string            `json:"url"`
	Links        map[string]string `json:"links"`
}

func (e *endpoint) fetch(ctx context.Context, c *rest.Call, _ struct{}) (fileWire, error) {
	m, err := e.Files.Get(ctx, c.Actor, c.SID(varService), c.SID(varFile))
	if err != nil {
		return fileWire{}, err
	}
	return e.view(c, m), nil
}

func (e *endpoint) view(c *rest.Call, m media.Media) fileWire {
	own := c.URL("/Services/", string(m.Service), "/Media/", string(m.SID))
	links := map[string]string{
		"content": own + "/Content", "content_direct_temporary": e.signed(c, m, ofContent),
	}
	if m.Picture() {
		links["thumbnail_direct_temporary"] = e.signed(c, m, ofThumbnail)
	}
	return fileWire{
		SID: m.SID, AccountSID: c.Actor.AccountSID, ServiceSID: m.Service, ChannelSID: optional(m.Channel), MessageSID: optional(m.Message),
		Author: optional(m.Author), Size: m.Size, ContentType: m.ContentType, Filename: optional(m.Filename), Category: m.Category,
		DateCreated: c.Date(m.CreatedAt), DateUpdated: c.Date(m.UpdatedAt), DateUploaded: c.Date(m.CreatedAt), URL: own, Links: links,
	}
}

// optional is null for an empty text.
func optional[T ~string](s T) *T {
	if s == "" {
		return nil
	}
	return &s
}

// signed makes an address that anybody may open for some minutes.
func (e *endpoint) signed(c *rest.Call, m media.Media, what string) string {
	until := e.until()
	path := "/Services/" + string(m.Service) + "/Media/" + string(m.SID) + "/" + what + "/" + until + "/" + e.proof(m.Service, m.SID, what, until)
	if e.Origin != "" {
		return strings.TrimRight(e.Origin, "/") + "/mcs/v1" + path
	}
	return c.URL(path)
}

// Address makes an address of a file that anybody may open until then, for those who are told of it without having asked.
func Address(d Deps, service, file sid.SID, until time.Time) string {
	e := &endpoint{Deps: d}
	end := strconv.FormatInt(until.Unix(), 10)
	return strings.TrimRight(e.Origin, "/") + "/mcs/v1/Services/" + string(service) + "/Media/" + string(file) + "/" + ofContent + "/" + end + "/" +
		e.proof(service, file, ofContent, end)
}

// until is when an address that is made now ends.
func (e *endpoint) until() string {
	return strconv.FormatInt(time.Now().Add(signedFor+rounded).Truncate(rounded).Unix(), 10)
}

// proof is the signature of an address.
func (e *endpoint) proof(service, file sid.SID, what, until string) string {
	mac := hmac.New(sha256.New, e.Key)
	for _, part := range []string{string(service), string(file), what, until} {
		mac.Write([]byte(part + "\n")) // none of the parts holds a line break: they are checked, or ours
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// opened checks the signature and the time of an address and finds its file.
func (e *endpoint) opened(ctx context.Context, c *rest.Call, what string) (m media.Media, left time.Duration, err error) {
	service, file := c.SID(varService), c.SID(varFile)
	if left, err = e.fresh(service, file, what, c.Var(varUntil), c.Var(varProof)); err != nil {
		return m, 0, err
	}
	m, err = e.Files.Find(ctx, service, file)
	return m, left, err
}

// fresh returns how long an address is still good for; one that is not, or never was, is 403.
func (e *endpoint) fresh(service, file sid.SID, what, until, proof string) (left time.Duration, err error) {
	denied := fault.Forbidden("The address is not valid, or no longer")
	if !sid.Valid(string(service), sid.ChatService) || !sid.Valid(string(file), sid.Media) {
		return 0, denied
	}
	end, err := strconv.ParseInt(until, 10, 64)
	if err != nil || strconv.FormatInt(end, 10) != until || !hmac.Equal([]byte(e.proof(service, file, what, until)), []byte(proof)) {
		return 0, denied
	}
	if left = time.Until(time.Unix(end, 0)); left <= 0 {
		return 0, denied
	}
	return left, nil
}

func (e *endpoint) content(ctx context.Context, c *rest.Call) (rest.Content, error) {
	m, err := e.Files.Get(ctx, c.Actor, c.SID(varService), c.SID(varFile))
	if err != nil {
		return rest.Content{}, err
	}
	return e.open(ctx, m, 0)
}

func (e *endpoint) signedContent(ctx context.Context, c *rest.Call) (rest.Content, error) {
	m, left, err := e.opened(ctx, c, ofContent)
	if err != nil {
		return rest.Content{}, err
	}
	return e.open(ctx, m, left)
}

func (e *endpoint) open(ctx context.Context, m media.Media, keep time.Duration) (rest.Content, error) {
	body, err := e.Files.Open(ctx, m)
	if err != nil {
		return rest.Content{}, err
	}
	return rest.Content{
		Body: body, Type: m.Served(), Disposition: dispositionOf(m), ETag: `"` + string(m.SID) + `"`, Modified: m.CreatedAt, MaxAge: keep,
	}, nil
}

func (e *endpoint) signedThumbnail(ctx context.Context, c *rest.Call) (rest.Content, error) {
	m, left, err := e.opened(ctx, c, ofThumbnail)
	if err != nil {
		return rest.Content{}, err
	}
	picture, contentType, err := e.Files.Thumbnail(ctx, m)
	if err != nil {
		return rest.Content{}, err
	}
	return rest.Content{
		Body: nopCloser{bytes.NewReader(picture)}, Type: contentType, Disposition: "inline", ETag: `"` + string(m.SID) + `-small"`,
		Modified: m.CreatedAt, MaxAge: left,
	}, nil
}

// nopCloser is bytes that need no closing.
type nopCloser struct{ io.ReadSeeker }

// Close does nothing.
func (nopCloser) Close() error { return nil }
