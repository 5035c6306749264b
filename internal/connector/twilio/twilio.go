// Package twilio carries messages over any carrier that speaks the original's Messages API and calls with its webhooks: the original
// itself, carriers that are compatible with it, and another Usher.
//
// What goes is a POST to /2010-04-01/Accounts/{AC}/Messages.json; what comes is the form of an inbound message, or of a status callback,
// at the connection's address, signed with X-Twilio-Signature under the auth token. Error codes are the original's own and pass as they
// are.
//
// Source: the original's pages on the message resource, on its request to an incoming message's webhook, and on webhook security.
package twilio

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"usher/internal/connector"
	"usher/internal/fault"
	"usher/internal/messaging/carry"
)

// Kind is a carrier that speaks the Messages API.
var Kind = connector.Kind{
	Name: "twilio", Channels: []carry.Channel{carry.SMS, carry.WhatsApp, carry.Messenger, carry.LINE, carry.Custom}, Fields: fields, Open: open,
}

var fields = []connector.Field{
	{Name: "account_sid", Label: "Account SID", Help: "AC and 32 letters and digits.", Required: true},
	{Name: "auth_token", Label: "Auth token", Help: "Checks the signature of the carrier's webhooks; sends messages too when there is no API key.", Secret: true, Required: true},
	{Name: "api_key", Label: "API key", Help: "SK and 32 letters and digits; sends messages in place of the auth token."},
	{Name: "api_key_secret", Label: "Secret of the API key", Secret: true},
	{Name: "base_url", Label: "API address", Help: "Another carrier's, or another Usher's.", Default: "https://api.twilio.com"},
}

// Connection is one account at a carrier.
type Connection struct {
	client         *http.Client
	base           *url.URL
	account, token string
	user, password string
	public         string
}

var (
	accountSID = regexp.MustCompile(`^AC[0-9a-f]{32}$`)
	keySID     = regexp.MustCompile(`^SK[0-9a-f]{32}$`)
)

func open(given map[string]string, d connector.Deps) (any, error) {
	s, err := connector.Settings(fields, given)
	if err != nil {
		return nil, err
	}
	base, err := connector.Base(s, "base_url")
	if err != nil {
		return nil, err
	}
	c := &Connection{client: d.Client, account: s["account_sid"], token: s["auth_token"], user: s["account_sid"], password: s["auth_token"], public: d.PublicURL}
	if c.base, err = url.Parse(base); err != nil {
		return nil, errors.New("base_url is not the address of an API")
	}
	switch {
	case !accountSID.MatchString(c.account):
		return nil, errors.New("account_sid is AC and 32 hexadecimal digits")
	case s["api_key"] != "" && !keySID.MatchString(s["api_key"]):
		return nil, errors.New("api_key is SK and 32 hexadecimal digits")
	case (s["api_key"] == "") != (s["api_key_secret"] == ""):
		return nil, errors.New("api_key and api_key_secret are given together")
	case s["api_key"] != "":
		c.user, c.password = s["api_key"], s["api_key_secret"]
	}
	return c, nil
}

// reason is a code in words: the catalogue's, for what the carrier writes may hold numbers and texts.
func reason(code int) string {
	if entry, known := fault.Lookup(code); known {
		return fmt.Sprintf("%d %.200s", code, entry.Text)
	}
	return fmt.Sprintf("%d", code)
}

// again are the codes of a carrier that may take the same message later.
var again = map[int]bool{14107: true, 20429: true, 20503: true, 21611: true, 30001: true, 63017: true, 63018: true}
