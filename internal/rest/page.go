package rest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"usher/internal/fault"
)

// Sizes of pages and of what a page token carries.
const (
	defaultPage = 50
	maxPage     = 1000
	maxSkip     = 10_000 // items that Page=N without a token may skip
	maxStack    = 16     // earlier pages that previous_page_url can still reach
	tokenPrefix = "PT"
	macLen      = 12
)

// position is one page of a list: its number, its size, the cursor that it begins after and those of the pages before it.
type position struct {
	page  int
	size  int
	skip  int // pages to read and drop, for a Page without a token
	after string
	stack []string // cursors of the pages before, oldest first; at most maxStack
}

// push moves on to the page that begins after cursor.
func (p *position) push(cursor string) {
	p.stack = append(p.stack, p.after)
	if len(p.stack) > maxStack {
		p.stack = p.stack[len(p.stack)-maxStack:]
	}
	p.after = cursor
	p.page++
}

// next returns the page after this one; the receiver stays.
func (p position) next(cursor string) position {
	p.stack = slices.Clone(p.stack)
	p.push(cursor)
	return p
}

// previous returns the page before this one, if it can still be reached.
func (p position) previous() (position, bool) {
	if len(p.stack) == 0 {
		return position{}, false
	}
	last := len(p.stack) - 1
	return position{page: p.page - 1, size: p.size, after: p.stack[last], stack: p.stack[:last]}, true
}

// listing is a page on its way out.
type listing struct {
	key   string
	at    position
	next  string
	items []any
}

// pageAsked reads PageSize, Page and PageToken.
func (c *Call) pageAsked() (position, error) {
	at := position{size: defaultPage}
	q := c.values()
	if s := q.Get("PageSize"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return at, fault.Invalid("Invalid value for parameter PageSize: must be between 1 and %d", maxPage)
		}
		at.size = min(n, maxPage) // larger sizes are cut, not refused: helper libraries ask for what a caller says
	}
	if token := q.Get("PageToken"); token != "" {
		return c.server.tokens.open(token, c.tokenScope(), at.size)
	}
	s := q.Get("Page")
	if s == "" {
		return at, nil
	}
	if c.place.product.Cursors {
		return at, fault.New(40153, "")
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n*at.size > maxSkip || n > maxSkip {
		return at, fault.Invalid("Invalid value for parameter Page: use PageToken, as the page URLs do")
	}
	at.skip = n
	return at, nil
}

// tokenScope ties a page token to its list and its account.
func (c *Call) tokenScope() string {
	return string(c.Actor.AccountSID) + c.place.product.Name + c.place.path
}

// tokens seals page tokens. The cursor inside is a row's place in creation order, which is nobody's business, and a changed one
// could reach rows that no page leads to.
type tokens struct{ key []byte }

var errToken = errors.New("page token")

func (t tokens) seal(p position, scope string) string {
	b := binary.AppendUvarint(nil, uint64(p.page))
	b = binary.AppendUvarint(b, uint64(len(p.stack)))
	for _, s := range append(p.stack[:len(p.stack):len(p.stack)], p.after) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(append(b, t.mac(b, scope)...))
}

func (t tokens) mac(b []byte, scope string) []byte {
	h := hmac.New(sha256.New, t.key)
	h.Write(binary.AppendUvarint(nil, uint64(len(b))))
	h.Write(b)
	h.Write([]byte(scope))
	return h.Sum(nil)[:macLen]
}

// open reads a token that seal made for the same scope, and refuses every other.
func (t tokens) open(token, scope string, size int) (position, error) {
	p, err := t.parse(token, scope)
	if err != nil {
		return p, fault.Invalid("Invalid value for parameter PageToken: not a token of this list")
	}
	p.size = size
	return p, nil
}

func (t tokens) parse(token, scope string) (position, error) {
	var p position
	text, ok := strings.CutPrefix(token, tokenPrefix)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if !ok || err != nil || len(raw) < macLen {
		return p, errToken
	}
	b, mac := raw[:len(raw)-macLen], raw[len(raw)-macLen:]
	if !hmac.Equal(mac, t.mac(b, scope)) {
		return p, errToken
	}
	number := func() int {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > 1<<31 {
			err, w, n = errToken, 0, 0
		}
		b = b[w:]
		return int(n)
	}
	p.page = number()
	count := number()
	for i := 0; i <= count && err == nil; i++ {
		n := number()
		if n > len(b) || i > maxStack {
			return p, errToken
		}
		p.stack = append(p.stack, string(b[:n]))
		b = b[n:]
	}
	if err != nil || len(p.stack) == 0 {
		return p, errToken
	}
	last := len(p.stack) - 1
	p.after, p.stack = p.stack[last], p.stack[:last]
	return p, nil
}

// meta is the paging block of every v1 and v2 list: exactly these seven keys, absent links null.
type meta struct {
	Page     int     `json:"page"`
	PageSize int     `json:"page_size"`
	First    string  `json:"first_page_url"`
	Previous *string `json:"previous_page_url"`
	URL      string  `json:"url"`
	Next     *string `json:"next_page_url"`
	Key      string  `json:"key"`
}

// classicMeta is the same in the 2010 API: beside the array, and relative.
type classicMeta struct {
	First    string  `json:"first_page_uri"`
	End      int     `json:"end"`
	Previous *string `json:"previous_page_uri"`
	URI      string  `json:"uri"`
	PageSize int     `json:"page_size"`
	Start    int     `json:"start"`
	Next     *string `json:"next_page_uri"`
	Page     int     `json:"page"`
}

// write encodes a page.
func (l *listing) write(c *Call, buf *bytes.Buffer) error {
	link := func(p position) *string {
		s := c.pageURL(p)
		return &s
	}
	var next, previous *string
	if l.next != "" {
		next = link(l.at.next(l.next))
	}
	if p, ok := l.at.previous(); ok {
		previous = link(p)
	}
	first := c.pageURL(position{size: l.at.size})
	var head any = meta{Page: l.at.page, PageSize: l.at.size, First: first, Previous: previous, URL: c.pageURL(l.at), Next: next, Key: l.key}
	if c.place.product.Classic {
		start := l.at.page * l.at.size
		head = classicMeta{
			Page: l.at.page, PageSize: l.at.size, First: first, Previous: previous, URI: c.pageURL(l.at), Next: next,
			Start: start, End: start + max(len(l.items)-1, 0),
		}
	}
	if !c.place.product.Classic {
		buf.WriteString(`{"meta":`)
	}
	if err := encode(buf, head); err != nil {
		return err
	}
	if c.place.product.Classic {
		buf.Truncate(buf.Len() - 1) // the array goes into the same object
	}
	buf.WriteString(`,"` + l.key + `":`)
	if l.items == nil {
		l.items = []any{}
	}
	if err := encode(buf, l.items); err != nil {
		return err
	}
	buf.WriteByte('}')
	return nil
}

// pageURL is the URL of a page: the caller's filters, then the page. It is absolute, and relative in the 2010 API.
func (c *Call) pageURL(p position) string {
	var b strings.Builder
	if c.place.product.Classic {
		b.WriteString("/" + c.place.product.Version)
	} else {
		b.WriteString(c.URL())
	}
	b.WriteString(c.place.path)
	b.WriteByte('?')
	keys := make([]string, 0, len(c.values()))
	for k := range c.values() {
		if k != "Page" && k != "PageSize" && k != "PageToken" {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		b.WriteString(url.QueryEscape(k) + "=" + url.QueryEscape(strings.Join(c.values()[k], ",")) + "&")
	}
	b.WriteString("PageSize=" + strconv.Itoa(p.size))
	if !c.place.product.Cursors {
		b.WriteString("&Page=" + strconv.Itoa(p.page))
	}
	if p.after != "" {
		b.WriteString("&PageToken=" + c.server.tokens.seal(p, c.tokenScope()))
	}
	return b.String()
}
