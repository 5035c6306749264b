// Package connectortest holds every connector to the contract of package connector: settings are checked and never shown, signatures
// are checked before anything is read, no body makes it panic or hang, the same message has the same name when it comes again, and
// what became of a message that was sent is never said wrongly.
package connectortest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
)

// PublicURL is where the connection is reached, as Deps say it.
const PublicURL = "https://usher.example/carriers/CX0123456789abcdef0123456789abcdef"

// Trial is how a kind is tried. Its carrier is a server of Run's.
type Trial struct {
	Kind connector.Kind
	// Settings open it. The fields in Bases hold addresses of the carrier; Run fills them in.
	Settings map[string]string
	Bases    []string

	// Sign makes a request of the carrier's with this body; nil when the kind receives nothing over HTTP.
	Sign func(body []byte) connector.Request
	// Shown is the parameter of the address by which a carrier is known that signs nothing; "" for those that sign.
	Shown string
	// Text is the body of one message of that ID and text; the second is the one that is looked for in errors.
	Text func(id, text string) []byte
	// File is the body of one message with one file, "" when files come another way. base is the carrier's address.
	File func(id, base string) []byte
	// About answers what is asked of a file before its bytes; false says that r asks for the bytes themselves.
	About func(w http.ResponseWriter, r *http.Request, base string) bool

	// Outbound is a message that can be sent.
	Outbound carry.Outbound
	// Taken answers it.
	Taken func(w http.ResponseWriter, r *http.Request)
	// AnyAnswer says that every answer of 200 to 299 takes the message, whatever its body is.
	AnyAnswer bool
	// Prompt says that asking the carrier for something else than to send a message answers r; nil when nothing else is asked.
	Prompt func(w http.ResponseWriter, r *http.Request) bool
}

// Run tries everything.
func Run(t *testing.T, tr Trial) {
	t.Run("kind", tr.kind)
	t.Run("settings", tr.settings)
	if tr.Sign != nil {
		t.Run("forged", tr.forged)
		t.Run("hostile", tr.hostile)
		t.Run("again", tr.again)
	}
	if tr.File != nil {
		t.Run("files", tr.files)
	}
	if tr.Taken != nil {
		t.Run("send", tr.send)
	}
}

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func (tr Trial) kind(t *testing.T) {
	k := tr.Kind
	if !fieldName.MatchString(k.Name) || len(k.Channels) == 0 || len(k.Fields) == 0 {
		t.Errorf("the kind %q has no name, no channel or no field", k.Name)
	}
	seen := map[string]bool{}
	for _, f := range k.Fields {
		switch {
		case !fieldName.MatchString(f.Name) || seen[f.Name] || f.Label == "":
			t.Errorf("field %q: its name is none, or there twice, or it has no label", f.Name)
		case f.Secret && f.Default != "":
			t.Errorf("field %s: a secret has no default", f.Name)
		case len(f.Choices) > 0 && f.Default != "" && !slices.Contains(f.Choices, f.Default):
			t.Errorf("field %s: the default is not among the choices", f.Name)
		}
		seen[f.Name] = true
	}
	for name := range tr.Settings {
		if !seen[name] {
			t.Errorf("the trial sets %s, which is no field", name)
		}
	}
	c := tr.open(t, "http://127.0.0.1:1")
	_, sender := c.(connector.Sender)
	_, receiver := c.(connector.Receiver)
	_, runner := c.(connector.Runner) // it sends over a link of its own, and Run has no carrier for that
	if sender != (tr.Taken != nil) && !runner || receiver != (tr.Sign != nil) {
		t.Errorf("the trial leaves out what the connection can: sender %v, receiver %v", sender, receiver)
	}
}

// given are the settings with the carrier's address.
func (tr Trial) given(base string) map[string]string {
	given := map[string]string{}
	for name, value := range tr.Settings {
		given[name] = value
	}
	for _, name := range tr.Bases {
		given[name] = base
	}
	return given
}

func (tr Trial) open(t *testing.T, base string) any {
	t.Helper()
	c, err := tr.Kind.Open(tr.given(base), connector.Deps{Client: &http.Client{Timeout: time.Minute}, PublicURL: PublicURL})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return c
}

// settings gives Open what is missing, wrong and too much.
func (tr Trial) settings(t *testing.T) {
	refuse := func(why, name, value string, given map[string]string) {
		t.Helper()
		_, err := tr.Kind.Open(given, connector.Deps{Client: http.DefaultClient, PublicURL: PublicURL})
		switch {
		case err == nil:
			t.Errorf("%s: %s was taken", name, why)
		case !strings.Contains(err.Error(), name):
			t.Errorf("%s: %s: the error %q does not name the field", name, why, err)
		case value != "" && strings.Contains(err.Error(), value):
			t.Errorf("%s: %s: the error %q shows the value", name, why, err)
		}
		tr.silent(t, err)
	}
	base := "https://carrier.example"
	for _, f := range tr.Kind.Fields {
		given := tr.given(base)
		if f.Required && f.Default == "" {
			delete(given, f.Name)
			refuse("nothing", f.Name, "", given)
			given[f.Name] = " \t"
			refuse("white space", f.Name, "", given)
		}
		for why, value := range map[string]string{"a line break": "hidden\nvalue", "NUL": "hidden\x00value", "no UTF-8": "hidden\xffvalue", "5,000 bytes": strings.Repeat("hidden", 900)} {
			given[f.Name] = value
			refuse(why, f.Name, value, given)
		}
		if len(f.Choices) > 0 {
			given[f.Name] = "hidden-choice"
			refuse("another choice", f.Name, "hidden-choice", given)
		}
	}
	for _, name := range tr.Bases {
		for _, value := range []string{"hidden.example", "ftp://hidden.example", "https://user:hidden@hidden.example", "https://", "file:///hidden", "https://hidden.example/?q", "http://[::1"} {
			given := tr.given(base)
			given[name] = value
			refuse("an address", name, value, given)
		}
	}
	given := tr.given(base)
	given["no_such_field"] = "hidden"
	refuse("a field that is none", "no_such_field", "hidden", given)
}

// silent says that an error shows no secret and nothing of the messages that are tried here.
func (tr Trial) silent(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	hidden := []string{secretText, tr.Outbound.To, tr.Outbound.From, tr.Outbound.Body, "127.0.0.1", "localhost"}
	if _, bare, found := strings.Cut(tr.Outbound.To, ":"); found {
		hidden = append(hidden, bare)
	}
	for _, f := range tr.Kind.Fields {
		if f.Secret {
			hidden = append(hidden, tr.Settings[f.Name])
		}
	}
	for ; err != nil; err = errors.Unwrap(err) {
		for _, h := range hidden {
			if h != "" && strings.Contains(fmt.Sprintf("%v %+v", err, err), h) {
				t.Errorf("the error shows what it must not: %q", err)
			}
		}
	}
}

// secretText is what a customer says in these trials.
const secretText = "canary-of-a-customer"

// receive calls Receive and checks what is true of every outcome.
func (tr Trial) receive(t *testing.T, c any, r connector.Request) (connector.Update, error) {
	t.Helper()
	u, err := c.(connector.Receiver).Receive(t.Context(), r)
	tr.silent(t, err)
	if err != nil && (len(u.Messages) > 0 || len(u.Receipts) > 0) {
		t.Errorf("an error (%v), and messages beside it", err)
	}
	for _, m := range u.Messages {
		tr.wellFormed(t, m)
	}
	for _, receipt := range u.Receipts {
		switch receipt.Status {
		case carry.SentOut, carry.Delivered, carry.Undelivered, carry.Failed, carry.Read:
		default:
			t.Errorf("a receipt of the status %q", receipt.Status)
		}
		if receipt.ID == "" || len(receipt.Reason) > 255 || strings.Contains(receipt.Reason, secretText) {
			t.Errorf("a receipt that cannot be kept: %+v", receipt)
		}
	}
	return u, err
}

// wellFormed says that a message can be kept.
func (tr Trial) wellFormed(t *testing.T, m carry.Inbound) {
	t.Helper()
	if m.ID == "" || len(m.ID) > 255 || m.From == "" || m.To == "" || m.From == m.To {
		t.Errorf("a message without ID, From or To: %q %q %q", m.ID, m.From, m.To)
	}
	if !slices.Contains(tr.Kind.Channels, carry.ChannelOf(m.From)) || carry.ChannelOf(m.From) != carry.ChannelOf(m.To) {
		t.Errorf("addresses of another channel: %q %q", m.From, m.To)
	}
	all, err := json.Marshal(m)
	if err != nil || strings.Contains(string(all), `\u0000`) || strings.Contains(string(all), `\ufffd`) && !strings.Contains(m.Body, "\uFFFD") {
		t.Errorf("a message with what no store can keep: %v", err)
	}
	for _, file := range m.Media {
		if (file.URL == "") == (file.Data == nil) || len(file.Data) > connector.MaxMedia {
			t.Errorf("a file with neither or both of URL and bytes, or too large: %d bytes", len(file.Data))
		}
	}
}
