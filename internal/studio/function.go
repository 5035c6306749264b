package studio

import (
	"cmp"
	"context"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Limits of the functions of an account.
const (
	functionsMost = 200
	matchMost     = 300  // bytes
	targetMost    = 2048 // bytes
	// functionPrefix begins the SID of a function's row.
	functionPrefix = "ZF"
	// everything matches all functions.
	everything = "*"
)

// Function maps functions that the original would have hosted to an address of the operator's.
type Function struct {
	db.Row
	FunctionDocument
}

// FunctionDocument is the sealed part of a function: its address may hold a password.
type FunctionDocument struct {
	// Match is what of a run-function widget is mapped: the SID of a function, an environment or a service; the host of its URL,
	// its host and path (shop-1234.twil.io/hours), or its path (/hours); or * for all.
	Match string `json:"match"`
	// URL is the address that is called: as it is where Match names one function (a function's SID, a path); else the path and
	// query of the widget's URL are put behind it.
	URL string `json:"url"`
}

// Called is what a widget says of the function that it runs.
type Called struct {
	URL                            string // "" where only SIDs are known
	Service, Environment, Function string // SIDs, or ""
}

// FunctionChange sets what of a function is not nil; to make one, both are required.
type FunctionChange struct{ Match, URL *string }

// Functions lists the functions of the account, the oldest first. Whoever may change them may read them: addresses hold secrets.
func (s *Studio) Functions(ctx context.Context, actor account.Actor, p db.Page) (page db.PageOf[Function], err error) {
	if err := allow(actor, account.FlexManage); err != nil {
		return page, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		page, err = functions.Page(tx, p, "account_id = $1", actor.Account)
		return err
	})
	return page, err
}

// Function reads a function of the account.
func (s *Studio) Function(ctx context.Context, actor account.Actor, function sid.SID) (f Function, err error) {
	if err := allow(actor, account.FlexManage); err != nil {
		return f, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		f, err = functions.Get(tx, actor.Account, function)
		return missing(err, functionPath(function))
	})
	return f, err
}

// CreateFunction maps functions to an address. Fault 20001 for what cannot be matched or called, 20409 for what is mapped already.
func (s *Studio) CreateFunction(ctx context.Context, actor account.Actor, in FunctionChange) (f Function, err error) {
	return s.writeFunction(ctx, actor, "", in)
}

// UpdateFunction changes a function, by the rules of CreateFunction.
func (s *Studio) UpdateFunction(ctx context.Context, actor account.Actor, function sid.SID, in FunctionChange) (f Function, err error) {
	return s.writeFunction(ctx, actor, function, in)
}

func (s *Studio) writeFunction(ctx context.Context, actor account.Actor, function sid.SID, in FunctionChange) (f Function, err error) {
	if err := allow(actor, account.FlexManage); err != nil {
		return f, err
	}
	err = s.db.Do(ctx, func(tx *db.Tx) error {
		all, err := functions.Find(tx, "account_id = $1 order by id"+tx.LockSuffix(), actor.Account)
		if err != nil {
			return err
		}
		f = Function{Row: db.Row{SID: sid.New(functionPrefix), Account: actor.Account}}
		if function != "" {
			if f, err = functions.ForUpdate(tx, actor.Account, function); err != nil {
				return missing(err, functionPath(function))
			}
		}
		if err := f.change(in); err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(o Function) bool { return o.ID != f.ID && o.Match == f.Match }) {
			return fault.Conflict("Another address is given to this Match already")
		}
		if function != "" {
			return functions.Update(tx, &f)
		}
		if len(all) >= functionsMost {
			return fault.Invalid("At most %d functions can be mapped", functionsMost)
		}
		return functions.Insert(tx, &f)
	})
	return f, err
}

// DeleteFunction removes a function of the account.
func (s *Studio) DeleteFunction(ctx context.Context, actor account.Actor, function sid.SID) error {
	if err := allow(actor, account.FlexManage); err != nil {
		return err
	}
	return s.db.Do(ctx, func(tx *db.Tx) error {
		f, err := functions.ForUpdate(tx, actor.Account, function)
		if err != nil {
			return missing(err, functionPath(function))
		}
		return functions.Delete(tx, &f)
	})
}

func functionPath(s sid.SID) string { return "/Functions/" + string(s) }

func (f *FunctionDocument) change(in FunctionChange) error {
	if in.Match != nil {
		f.Match = tidyMatch(*in.Match)
	}
	if in.URL != nil {
		f.URL = strings.TrimSpace(*in.URL)
	}
	switch {
	case f.Match == "":
		return fault.Invalid("Missing required parameter Match in the post body")
	case len(f.Match) > matchMost || strings.ContainsFunc(f.Match, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }):
		return fault.Invalid("Match must be a SID, a host, a path, a host with a path, or *, of at most %d bytes", matchMost)
	}
	return checkAddress("Url", f.URL)
}

// checkAddress refuses what cannot be called. Where a connection may go is decided when it is made.
func checkAddress(name, text string) error {
	u, err := url.Parse(text)
	if len(text) > targetMost || err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.Fragment != "" {
		return fault.Invalid("%s must be an http or https URL of at most %d bytes, without a fragment", name, targetMost)
	}
	return nil
}

// tidyMatch writes a match as it is compared: people paste URLs.
func tidyMatch(text string) string {
	text = strings.TrimSpace(text)
	if _, rest, ok := strings.Cut(text, "://"); ok {
		text = rest
	}
	text, _, _ = strings.Cut(text, "?")
	host, rest, ok := strings.Cut(text, "/")
	if strings.Contains(host, ".") {
		host = strings.ToLower(host)
	}
	if rest == "" && host != "" {
		return host
	}
	if ok {
		host += path.Clean("/" + rest)
	}
	return host
}

// AddressOf is the address to call for a function, by the mapping that says most about it: its SID, its host and path, its path, the
// SID of its environment, of its service, its host, all. It is "" where nothing is mapped.
func (s *Studio) AddressOf(ctx context.Context, acct int64, c Called) (address string, err error) {
	var all []Function
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = functions.Find(tx, "account_id = $1 order by id", acct)
		return err
	})
	if err != nil || len(all) == 0 {
		return "", err
	}
	widget, err := url.Parse(c.URL)
	if err != nil {
		widget = &url.URL{}
	}
	best := slices.MaxFunc(all, func(a, b Function) int { return cmp.Compare(a.fits(c, widget), b.fits(c, widget)) })
	if best.fits(c, widget) == 0 {
		return "", nil
	}
	return best.address(c, widget), nil
}

// fits says how much of what a widget says is matched; 0 is that it is not.
func (f *FunctionDocument) fits(c Called, widget *url.URL) int {
	host, at := strings.ToLower(widget.Host), path.Clean("/"+widget.Path)
	for i, candidate := range []string{everything, host, c.Service, c.Environment, at, host + at, c.Function} {
		if candidate != "" && f.Match == candidate && (candidate != at || widget.Host != "") {
			return i + 1
		}
	}
	return 0
}

// address puts the widget's path behind the base, unless the match named one function.
func (f *FunctionDocument) address(c Called, widget *url.URL) string {
	base, err := url.Parse(f.URL)
	if err != nil {
		return ""
	}
	one := f.Match == c.Function || strings.Contains(f.Match, "/")
	if !one && widget.Host != "" {
		// What a customer wrote may be in the widget's path: it stays below the base.
		base.Path, base.RawPath = strings.TrimRight(base.Path, "/")+path.Clean("/"+widget.Path), ""
	}
	if widget.RawQuery != "" {
		base.RawQuery = strings.TrimPrefix(base.RawQuery+"&"+widget.RawQuery, "&")
	}
	return base.String()
}
