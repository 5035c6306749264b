package page

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// file is one file that can be served.
type file struct {
	name      string // in the file system
	kind      string // Content-Type
	immutable bool   // its name holds a hash of its content
	tag       string // ETag without quotes; "" for immutable files
	packed    bool   // name.gz exists
}

// hashed is how the web build names files whose name changes with their content.
var hashed = regexp.MustCompile(`/assets/[^/]+-[\w-]{8}\.\w+$`)

// kinds are the types that are not left to the machine's own table of types.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".json": "application/json", ".map": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp",
	".avif": "image/avif", ".jpg": "image/jpeg", ".ico": "image/x-icon", ".woff2": "font/woff2", ".webmanifest": "application/manifest+json",
	".txt": "text/plain; charset=utf-8", ".mp3": "audio/mpeg", ".wav": "audio/wav", ".ogg": "audio/ogg",
}

func index(files fs.FS) (map[string]*file, error) {
	out := map[string]*file{}
	if files == nil {
		return out, nil
	}
	packed := map[string]bool{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if plain, ok := strings.CutSuffix(name, ".gz"); ok {
			packed[plain] = true
			return nil
		}
		if strings.HasPrefix(path.Base(name), ".") {
			return nil
		}
		f := &file{name: name, kind: kinds[path.Ext(name)], immutable: hashed.MatchString("/" + name)}
		if f.kind == "" {
			if f.kind = mime.TypeByExtension(path.Ext(name)); f.kind == "" {
				f.kind = "application/octet-stream"
			}
		}
		if !f.immutable {
			if f.tag, err = digest(files, name); err != nil {
				return err
			}
		}
		out[name] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	for name, f := range out {
		f.packed = packed[name]
	}
	return out, nil
}

func digest(files fs.FS, name string) (string, error) {
	r, err := files.Open(name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)[:10]), nil
}

// send answers with a file, compressed where the client takes it.
func (p *Pages) send(w http.ResponseWriter, r *http.Request, f *file, policy string) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Content-Security-Policy", policy)
	switch {
	case f.immutable:
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	case f.name == "widget.js", f.name == "widget/more.js", f.name == "webchat2.js":
		h.Set("Cache-Control", "public, max-age=300") // on every page of a customer's site
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	default:
		h.Set("Cache-Control", "no-cache")
	}
	if policy == p.policy(deskRules) {
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	}
	name, tag := f.name, f.tag
	if f.packed {
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(r.Header.Get("Accept-Encoding")) {
			name, tag = name+".gz", tag+"-gz"
			h.Set("Content-Encoding", "gzip")
		}
	}
	if f.tag != "" {
		h.Set("ETag", `"`+tag+`"`)
	}
	src, err := p.fs.Open(name)
	if err != nil {
		h.Del("Content-Encoding")
		http.NotFound(w, r)
		return
	}
	defer src.Close()
	seeker, ok := src.(io.ReadSeeker)
	if !ok {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, seeker)
}

// takesGzip reads an Accept-Encoding header.
func takesGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		coding, params, _ := strings.Cut(part, ";")
		if coding = strings.TrimSpace(coding); !strings.EqualFold(coding, "gzip") && coding != "*" {
			continue
		}
		q, weighed := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		if !weighed {
			return true
		}
		n, err := strconv.ParseFloat(q, 64)
		return err == nil && n > 0
	}
	return false
}

// The policies. Nothing is loaded from elsewhere but pictures that people sent, where they have an origin of their own, and no
// inline script or style runs anywhere; 'self' in connect-src covers the WebSocket of the same origin.
const (
	closedPolicy = "default-src 'none'; frame-ancestors 'none'"
	assetPolicy  = closedPolicy
	loaderPolicy = closedPolicy
	sameOrigin   = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; " +
		"connect-src 'self'; media-src 'self' data: blob:; manifest-src 'self'; worker-src 'self'; base-uri 'none'; object-src 'none'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'; "
	deskRules = "form-action 'self'; frame-ancestors 'none'"
	demoRules = "frame-src 'self'; form-action 'self'; frame-ancestors 'none'"
)

// frameRules are the chat app's; ancestors are the sites that may show it, "*" for all.
func frameRules(ancestors string) string {
	return "form-action 'none'; frame-ancestors " + ancestors
}

// policy is what a page may do: the rules of all of them, and its own.
func (p *Pages) policy(own string) string {
	pictures := "img-src 'self' data: blob:"
	if p.media != "" {
		pictures += " " + p.media
	}
	return sameOrigin + pictures + "; " + own
}
