package messaging

import (
	"context"
	"net/url"
	"strings"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// urlMost bounds addresses of others' servers, in bytes.
const urlMost = 4096

// webURL says that a text is the address of a web server.
func webURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= urlMost && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

func method(s string) bool { return s == "GET" || s == "POST" }

// check refuses a handler that cannot be asked; prefix is of its fields' names on the wire.
func (h *Handler) check(prefix string) error {
	switch {
	case h.URL != "" && !webURL(h.URL):
		return fault.New(21402, "%sUrl is not a web address", prefix)
	case h.FallbackURL != "" && !webURL(h.FallbackURL):
		return fault.New(21402, "%sFallbackUrl is not a web address", prefix)
	case h.FallbackURL != "" && h.URL == "":
		return fault.New(21406, "")
	case !method(h.Method):
		return fault.New(21403, "%sMethod must be GET or POST", prefix)
	case !method(h.FallbackMethod):
		return fault.New(21403, "%sFallbackMethod must be GET or POST", prefix)
	}
	return nil
}

func checkCallback(name, address, verb string) error {
	switch {
	case address != "" && !webURL(address):
		return fault.New(21502, "%s is not a web address", name)
	case !method(verb):
		return fault.New(21403, "%sMethod must be GET or POST", name)
	}
	return nil
}

// like compares an address with a pattern of the original's lists: digits anywhere in it, * for any character. A plain number
// is the whole of it.
func like(address, pattern string) bool {
	if clean, _, ok := normal(pattern); ok && !strings.Contains(pattern, "*") && strings.ContainsAny(pattern, "+:") {
		return address == clean
	}
	digits := strings.TrimPrefix(pattern, "+")
	for at := range address {
		if len(address)-at < len(digits) {
			return false
		}
		hit := true
		for i := range len(digits) {
			if digits[i] != '*' && digits[i]|0x20 != address[at+i]|0x20 {
				hit = false
				break
			}
		}
		if hit {
			return true
		}
	}
	return digits == ""
}

// Application is a handler that several numbers share.
type Application struct {
	db.Row
	ApplicationDocument
}

// ApplicationDocument is the sealed part of an application.
type ApplicationDocument struct {
	FriendlyName string `json:"friendly_name"`
	Handler
	// MessageStatusCallback is told of messages that name the application when they are sent.
	MessageStatusCallback string            `json:"message_status_callback,omitempty"`
	StatusCallback        string            `json:"status_callback,omitempty"`
	StatusCallbackMethod  string            `json:"status_callback_method"`
	Voice                 map[string]string `json:"voice,omitempty"`
}

// ApplicationChange names the fields of an application that a request gives; nil leaves a field as it is.
type ApplicationChange struct {
	FriendlyName, URL, Method, FallbackURL, FallbackMethod, MessageStatusCallback, StatusCallback, StatusCallbackMethod *string
	Voice                                                                                                               map[string]string
}

func (a *Application) apply(c ApplicationChange) error {
	set(&a.FriendlyName, c.FriendlyName)
	set(&a.URL, c.URL)
	set(&a.Method, c.Method)
	set(&a.FallbackURL, c.FallbackURL)
	set(&a.FallbackMethod, c.FallbackMethod)
	set(&a.MessageStatusCallback, c.MessageStatusCallback)
	set(&a.StatusCallback, c.StatusCallback)
	set(&a.StatusCallbackMethod, c.StatusCallbackMethod)
	for name, value := range c.Voice {
		if a.Voice == nil {
			a.Voice = map[string]string{}
		}
		a.Voice[name] = value
	}
	if err := checkName(a.FriendlyName); err != nil {
		return err
	}
	if err := a.Handler.check("Sms"); err != nil {
		return err
	}
	if err := checkCallback("MessageStatusCallback", a.MessageStatusCallback, "POST"); err != nil {
		return err
	}
	return checkCallback("StatusCallback", a.StatusCallback, a.StatusCallbackMethod)
}

// CreateApplication makes an application. Grant messaging.manage.
func (m *Messaging) CreateApplication(ctx context.Context, actor account.Actor, c ApplicationChange) (a Application, err error) {
	if err := allow(actor, account.MessagingManage); err != nil {
		return a, err
	}
	err = m.db.Do(ctx, func(tx *db.Tx) error {
		a = Application{Row: db.Row{SID: sid.New(sid.Application), Account: actor.Account}}
		a.Method, a.FallbackMethod, a.StatusCallbackMethod = "POST", "POST", "POST"
		if err := a.apply(c); err != nil {
			return err
		}
		return applications.Insert(tx, &a)
	})
	return a, err
}

// GetApplication reads an application. Grant messaging.read.
func (m *Messaging) GetApplication(ctx context.Context, actor account.Actor, s sid.SID) (a Application, err error) {
	if err := allow(actor, account.MessagingRead); err != nil {
		return a, err
	}
	err = m.db.View(ctx, func(tx *db.Tx) error {
		a, err = applications.Get(tx, actor.Account, s)
		return missing(err, "Applications", s)
	})
	return a, err
}

// ApplicationTx reads an application; db.ErrNotFound when there is none.
func (m *Messaging) ApplicationTx(tx *db.Tx, acct int64, s sid.SID) (Application, error) {
	return applications.Get(tx, acct, s)
}

// ListApplications lists applications in the order of their making; name narrows it to one friendly name. Grant messaging.read.
func (m *Messaging) ListApplications(ctx context.Context, actor account.Actor, name string, p db.Page) (page db.PageOf[Application], err error) {
	if err := allow(actor, account.MessagingRead); err != nil {
		return page, err
	}
	keep := func(a *Application) bool { return name == "" || a.FriendlyName == name }
	err = m.db.View(ctx, func(tx *db.Tx) error {
		page, err = applications.PageWhere(tx, p, keep, "account_id = $1", actor.Account)
		return err
	})
	return page, err
}

// UpdateApplication changes the given fields. Grant messaging.manage.
func (m *Messaging) UpdateApplication(ctx context.Context, actor account.Actor, s sid.SID, c ApplicationChange) (a Application, err error) {
	if err := allow(actor, account.MessagingManage); err != nil {
		return a, err
	}
	err = m.db.Do(ctx, func(tx *db.Tx) error {
		if a, err = applications.ForUpdate(tx, actor.Account, s); err != nil {
			return missing(err, "Applications", s)
		}
		if err := a.apply(c); err != nil {
			return err
		}
		return applications.Update(tx, &a)
	})
	return a, err
}

// DeleteApplication deletes an application; numbers that name it are answered by nobody until they name another. Grant
// messaging.manage.
func (m *Messaging) DeleteApplication(ctx context.Context, actor account.Actor, s sid.SID) error {
	if err := allow(actor, account.MessagingManage); err != nil {
		return err
	}
	return m.db.Do(ctx, func(tx *db.Tx) error {
		a, err := applications.ForUpdate(tx, actor.Account, s)
		if err != nil {
			return missing(err, "Applications", s)
		}
		return applications.Delete(tx, &a)
	})
}
