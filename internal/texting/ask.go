package texting

import (
	"context"
	"errors"
	"log/slog"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/hook"
	"usher/internal/messaging"
	"usher/internal/studio/twiml"
)

// Bounds of one asking.
const (
	documentsMost = 10 // that lead to one another. Source: the original's error 14106 has such a limit
	askFor        = 40 * time.Second
)

// The codes by which a fallback hears what went wrong. Source: the original's errors.
const (
	codeRetrieval   = 11200
	codeTooLarge    = 11750
	codeParse       = 12100
	codeContentType = 12300
	codeDocuments   = 14106
	codeMessages    = 14109
)

// failure says how an asking went wrong, and where.
type failure struct {
	code int
	url  string
}

// ask asks the handler, and where that fails its fallback, and collects what they want said.
func (t *Texting) ask(ctx context.Context, acct account.Account, msg *messaging.Message, h messaging.Handler) []twiml.Verb {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	form := t.inboundForm(acct, msg)
	say, failed := t.documents(ctx, hook.Request{
		Method: h.Method, URL: h.URL, Form: form, AuthToken: acct.AuthToken, IdempotencyToken: idempotency(msg.SID, "0"),
	})
	if failed == nil {
		return say
	}
	slog.Warn("a message's webhook failed", "message", msg.SID, "code", failed.code, "fallback", h.FallbackURL != "")
	if h.FallbackURL == "" {
		return nil
	}
	form.Set("ErrorCode", strconv.Itoa(failed.code))
	form.Set("ErrorUrl", failed.url)
	say, failed = t.documents(ctx, hook.Request{
		Method: h.FallbackMethod, URL: h.FallbackURL, Form: form, AuthToken: acct.AuthToken, IdempotencyToken: idempotency(msg.SID, "fallback.0"),
	})
	if failed != nil {
		slog.Warn("a message's fallback failed", "message", msg.SID, "code", failed.code)
		return nil
	}
	return say
}

// documents asks for a document, and for those that it leads to. Nothing is said when one of them fails.
func (t *Texting) documents(ctx context.Context, q hook.Request) (say []twiml.Verb, failed *failure) {
	q.MaxResponse, q.Timeout = twiml.MaxBytes, hook.WebhookTimeout
	token, _, _ := strings.Cut(q.IdempotencyToken, ".0")
	for hop := range documentsMost {
		q.IdempotencyToken = token + "." + strconv.Itoa(hop)
		res, err := t.Caller.Post(ctx, q)
		if err != nil {
			return nil, &failure{codeOf(err), q.URL}
		}
		verbs, code := read(res)
		if code != 0 {
			return nil, &failure{code, q.URL}
		}
		on := ""
		for _, v := range verbs {
			if v.Redirect != "" {
				on, q.Method = v.Redirect, v.Method
				break
			}
			if len(say) == twiml.MaxMessages {
				return nil, &failure{codeMessages, q.URL}
			}
			say = append(say, absolute(v, q.URL))
		}
		if on == "" {
			return say, nil
		}
		to, ok := resolve(q.URL, on)
		if !ok {
			return nil, &failure{codeRetrieval, q.URL}
		}
		q.URL = to
	}
	return nil, &failure{codeDocuments, q.URL}
}

func codeOf(err error) int {
	var e *hook.Error
	if errors.As(err, &e) && e.Failure == hook.TooLarge {
		return codeTooLarge
	}
	return codeRetrieval
}

// read makes verbs of an answer: TwiML, or a plain text that is one message. code is 0, or what is wrong with it.
func read(res hook.Response) (verbs []twiml.Verb, code int) {
	kind, _, err := mime.ParseMediaType(res.ContentType)
	switch {
	case err != nil && res.ContentType != "":
		return nil, codeContentType
	case kind == "text/plain":
		body := strings.TrimSpace(string(res.Body))
		if !utf8.ValidString(body) {
			return nil, codeParse
		}
		if body == "" {
			return nil, 0
		}
		return []twiml.Verb{{Body: body}}, 0
	case len(res.Body) > 0 && kind != "" && kind != "text/html" && kind != "text/xml" && kind != "application/xml" && !strings.HasSuffix(kind, "+xml"):
		return nil, codeContentType
	}
	if verbs, err = twiml.Parse(res.Body); err != nil {
		return nil, codeParse
	}
	return verbs, 0
}

// absolute makes a verb's addresses whole: they may be written from where the document came.
func absolute(v twiml.Verb, base string) twiml.Verb {
	if v.Callback != "" {
		if to, ok := resolve(base, v.Callback); ok {
			v.Callback = to
		}
	}
	for i := range v.Media {
		if to, ok := resolve(base, v.Media[i]); ok {
			v.Media[i] = to
		}
	}
	return v
}

// resolve reads an address that may be written from where another one is.
func resolve(base, address string) (string, bool) {
	from, err := url.Parse(base)
	if err != nil || len(address) > 4096 {
		return "", false
	}
	to, err := from.Parse(address)
	if err != nil {
		return "", false
	}
	return to.String(), true
}
