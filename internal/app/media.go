package app

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"

	"usher/internal/blob"
	"usher/internal/connector/clamd"
	"usher/internal/media"
	"usher/internal/messaging"
)

// openMedia opens the store of files.
func (p *parts) openMedia() (*media.Store, error) {
	c := p.config
	blobs, err := blob.Open(blob.Options{
		Address: c.MediaStore, Folder: filepath.Join(c.Data, "media"), ID: c.MediaKey, Secret: c.MediaSecret,
	})
	if err != nil {
		return nil, err
	}
	d := media.Deps{
		DB: p.db, Blobs: blobs, Rules: media.Rules{MaxBytes: int64(c.MediaMB) << 20, VisitorBytes: int64(c.MediaVisitorMB) << 20},
	}
	if c.MediaScan != "" {
		d.Scanner = clamd.New(c.MediaScan)
	}
	return media.New(d), nil
}

// mediaOrigin is where clients find files: the configured address, else the one that they used.
func (p *parts) mediaOrigin(r *http.Request) string {
	if p.config.MediaURL != "" {
		return strings.TrimRight(p.config.MediaURL, "/")
	}
	return p.rest.Origin(r)
}

// fileOrigin is where those find files who were told of them by a flow or a webhook: the configured address, else the one listened on.
func (p *parts) fileOrigin() string {
	c := p.config
	for _, address := range []string{c.MediaURL, c.URL} {
		if address != "" {
			return strings.TrimRight(address, "/")
		}
	}
	scheme := "http://"
	if c.TLSCert != "" {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if ip := net.ParseIP(host); err != nil || host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + net.JoinHostPort(host, port)
}

// sweepMedia deletes the bytes of files that nobody may have any more.
func (p *parts) sweepMedia(ctx context.Context) error {
	for ctx.Err() == nil {
		more, err := p.media.Sweep(ctx)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// messageLinks makes the addresses under which carriers and webhooks find the files of messages.
func (p *parts) messageLinks() (messaging.Links, error) {
	key, err := p.edgeKey("files of messages")
	return messaging.Links{Key: key, Origin: cmp.Or(p.config.MediaURL, p.config.URL, "http://"+p.config.Listen)}, err
}
