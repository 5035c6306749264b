package page

import (
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"usher/internal/fault"
	"usher/internal/sid"
)

// readyTimeout bounds one question of a load balancer.
const readyTimeout = 2 * time.Second

// Options are what New needs.
type Options struct {
	// Files is web/dist; an empty one is a build without pages.
	Files fs.FS
	// Widget describes the widget of a flow, or with an empty SID that of the first one: *fault.Error of status 404 where there
	// is none or it is off.
	Widget func(ctx context.Context, flow sid.SID) (WidgetConfig, error)
	// Ready says why the process cannot work now; nil when it can.
	Ready func(ctx context.Context) error
	// Media is the origin that files in messages are handed out from; "" is the pages' own.
	Media string
	// Secure reports whether the client's own connection is TLS.
	Secure func(r *http.Request) bool
	Log    *slog.Logger
}

// WidgetConfig is what a widget needs to know before anybody signs in. All of it is public.
type WidgetConfig struct {
	AccountSID     sid.SID         `json:"account_sid"`
	FlowSID        sid.SID         `json:"flow_sid"`
	ChatServiceSID sid.SID         `json:"chat_service_sid"`
	Name           string          `json:"name"`
	Locale         string          `json:"locale"`
	Branding       json.RawMessage `json:"branding"`       // object
	PreEngagement  json.RawMessage `json:"pre_engagement"` // object {description, fields, submit_label}, or null
	Online         bool            `json:"online"`
	// Origins are the sites that may show the widget ("https://shop.example"); none = every site. They become the frame's
	// frame-ancestors and are not sent.
	Origins []string `json:"-"`
}

// Pages answers requests for pages.
type Pages struct {
	mux    *http.ServeMux
	files  map[string]*file
	fs     fs.FS
	widget func(ctx context.Context, flow sid.SID) (WidgetConfig, error)
	ready  func(ctx context.Context) error
	media  string
	secure func(r *http.Request) bool
	log    *slog.Logger
}

// New indexes the files.
func New(o Options) (*Pages, error) {
	p := &Pages{mux: http.NewServeMux(), fs: o.Files, widget: o.Widget, ready: o.Ready, media: strings.TrimRight(o.Media, "/"), secure: o.Secure, log: o.Log}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if p.files, err = index(o.Files); err != nil {
		return nil, err
	}
	p.mux.HandleFunc("GET /{$}", redirect("/desk/"))
	p.mux.HandleFunc("GET /desk/", p.desk)
	p.mux.HandleFunc("GET /widget.js", p.static(loaderPolicy, "widget.js"))
	p.mux.HandleFunc("GET /webchat2.js", p.static(loaderPolicy, "webchat2.js"))
	p.mux.HandleFunc("GET /widget/", p.frame)
	p.mux.HandleFunc("GET /widget/config", p.config)
	p.mux.HandleFunc("GET /demo/", p.demo)
	p.mux.HandleFunc("GET /favicon.ico", p.static(assetPolicy, "favicon.ico"))
	p.mux.HandleFunc("GET /robots.txt", robots)
	p.mux.HandleFunc("GET /healthz", healthz)
	p.mux.HandleFunc("GET /readyz", p.readyz)
	return p, nil
}

// ServeHTTP answers one request.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Security-Policy", closedPolicy)
	h.Set("Cache-Control", "no-store")
	if p.secure != nil && p.secure(r) {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	p.mux.ServeHTTP(w, r)
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// desk serves the desk's files, and its index for every path that names no file.
func (p *Pages) desk(w http.ResponseWriter, r *http.Request) {
	p.app(w, r, p.policy(deskRules), "desk/index.html")
}

// demo serves the shop.
func (p *Pages) demo(w http.ResponseWriter, r *http.Request) {
	p.app(w, r, p.policy(demoRules), "demo/index.html")
}

// frame serves the chat app. Where the flow names the sites that may show it, nobody else can put it in a frame.
func (p *Pages) frame(w http.ResponseWriter, r *http.Request) {
	policy := p.policy(frameRules("*"))
	if flow := r.URL.Query().Get("flow"); p.widget != nil && sid.Valid(flow, sid.FlexFlow) {
		if c, err := p.widget(r.Context(), sid.SID(flow)); err == nil && len(c.Origins) > 0 {
			policy = p.policy(frameRules(strings.Join(c.Origins, " ")))
		}
	}
	p.app(w, r, policy, "widget/index.html")
}

// app serves a file below the folder of index, or index itself for a path that looks like a route of the app.
func (p *Pages) app(w http.ResponseWriter, r *http.Request, policy, index string) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if f := p.files[name]; f != nil && name != index {
		p.send(w, r, f, assetPolicy)
		return
	}
	if last := name[strings.LastIndexByte(name, '/')+1:]; strings.Contains(last, ".") && name != index {
		http.NotFound(w, r)
		return
	}
	f := p.files[index]
	if f == nil {
		http.Error(w, "This build of Usher has no pages. Build web/dist first.", http.StatusNotFound)
		return
	}
	p.send(w, r, f, policy)
}

func (p *Pages) static(policy, name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f := p.files[name]
		if f == nil {
			http.NotFound(w, r)
			return
		}
		p.send(w, r, f, policy)
	}
}

// config answers GET /widget/config?flow=FO…, or without a flow for the demo.
func (p *Pages) config(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	flow := r.URL.Query().Get("flow")
	// Without a flow it is the oldest web flow of the installation: what the demo shop shows.
	if p.widget == nil || flow != "" && !sid.Valid(flow, sid.FlexFlow) {
		writeFault(w, fault.NotFound("/widget/config"))
		return
	}
	c, err := p.widget(r.Context(), sid.SID(flow))
	if err != nil {
		f := fault.Of(err)
		if f.Status() >= http.StatusInternalServerError {
			p.log.ErrorContext(r.Context(), "widget configuration", "flow", flow, "error", err)
		}
		writeFault(w, f)
		return
	}
	if c.Branding == nil {
		c.Branding = json.RawMessage("{}")
	}
	writeJSON(w, http.StatusOK, c)
}

func writeFault(w http.ResponseWriter, f *fault.Error) {
	writeJSON(w, f.Status(), map[string]any{"code": f.Code, "message": f.Message, "more_info": f.MoreInfo(), "status": f.Status()})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"status":500}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // where the client is gone, nothing depends on it
}

func healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// readyz tells a load balancer yes or no; why not is in the log, not on the wire.
func (p *Pages) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if p.ready != nil {
		if err := p.ready(ctx); err != nil {
			p.log.WarnContext(ctx, "not ready", "error", err)
			w.Header().Set("Retry-After", "1")
			writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "unavailable"})
			return
		}
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// robots keeps desks and widgets out of search engines.
func robots(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("User-agent: *\nDisallow: /\n")) // where the client is gone, nothing depends on it
}
