package studio

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Limits and defaults of the assistant.
const (
	modelMost        = 200    // bytes
	keyMost          = 4096   // bytes
	instructionsMost = 16_000 // characters
	defaultTurns     = 20
	turnsMost        = 50
	defaultOutput    = 2000 // characters
	outputMost       = 10_000
	defaultSeconds   = 20
	secondsMost      = 30
	// assistantPrefix begins the SID of the assistant's row, which the outside never sees.
	assistantPrefix = "ZA"
)

// Assistant is where assistant widgets ask what to say: any endpoint that speaks OpenAI's chat completions. There is one per account;
// it is off until it has a URL.
type Assistant struct {
	db.Row
	AssistantDocument
}

// AssistantDocument is the sealed part of an assistant.
type AssistantDocument struct {
	// URL is the base address, such as https://api.example.com/v1; chat/completions is put behind it. "" is off.
	URL string `json:"url"`
	// Secret is the key that is sent as bearer; "" sends none. It is never shown again.
	Secret string `json:"secret"`
	Model  string `json:"model"`
	// Instructions stand before those of each widget.
	Instructions string `json:"instructions"`
	Turns        int    `json:"turns"`   // answers in one visit to a widget, at most
	Output       int    `json:"output"`  // characters of an answer, at most
	Seconds      int    `json:"seconds"` // for an answer, at most
}

// On says whether assistant widgets have somebody to ask.
func (a *AssistantDocument) On() bool { return a.URL != "" }

// AssistantChange sets what is not nil. An empty URL turns the assistant off, an empty key forgets the key. A key does not move to
// another server with the URL: it must be given again.
type AssistantChange struct {
	URL, Key, Model, Instructions *string
	Turns, Output, Seconds        *int64
}

// Assistant reads the account's assistant; one that was never set up is off.
func (s *Studio) Assistant(ctx context.Context, actor account.Actor) (a Assistant, err error) {
	if err := allow(actor, account.FlexManage); err != nil {
		return a, err
	}
	return s.AssistantOf(ctx, actor.Account)
}

// AssistantOf is Assistant for Usher itself.
func (s *Studio) AssistantOf(ctx context.Context, acct int64) (a Assistant, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		a, err = assistantTx(tx, acct, "")
		return err
	})
	return a, err
}

// assistantTx reads the account's row, or makes one up.
func assistantTx(tx *db.Tx, acct int64, lock string) (Assistant, error) {
	a, err := assistants.One(tx, "account_id = $1"+lock, acct)
	if errors.Is(err, db.ErrNotFound) {
		return Assistant{
			Row:               db.Row{SID: sid.New(assistantPrefix), Account: acct},
			AssistantDocument: AssistantDocument{Turns: defaultTurns, Output: defaultOutput, Seconds: defaultSeconds},
		}, nil
	}
	return a, err
}

// SetAssistant changes the account's assistant; fault 20001 for values that cannot be.
func (s *Studio) SetAssistant(ctx context.Context, actor account.Actor, in AssistantChange) (a Assistant, err error) {
	if err := allow(actor, account.FlexManage); err != nil {
		return a, err
	}
	for range 2 { // where two make the first one at once, the later finds it at its second try
		err = s.db.Do(ctx, func(tx *db.Tx) (err error) {
			if a, err = assistantTx(tx, actor.Account, tx.LockSuffix()); err != nil {
				return err
			}
			if err := a.change(in); err != nil {
				return err
			}
			if a.ID == 0 {
				return assistants.Insert(tx, &a)
			}
			return assistants.Update(tx, &a)
		})
		if !errors.Is(err, db.ErrConflict) {
			break
		}
	}
	return a, err
}

func (a *AssistantDocument) change(in AssistantChange) error {
	if in.URL != nil && in.Key == nil && origin(*in.URL) != origin(a.URL) {
		a.Secret = ""
	}
	for _, text := range []struct {
		to   *string
		from *string
	}{{&a.URL, in.URL}, {&a.Secret, in.Key}, {&a.Model, in.Model}, {&a.Instructions, in.Instructions}} {
		if text.from != nil {
			*text.to = strings.TrimSpace(*text.from)
		}
	}
	for _, number := range []struct {
		name string
		to   *int
		from *int64
		most int64
	}{{"Turns", &a.Turns, in.Turns, turnsMost}, {"Output", &a.Output, in.Output, outputMost}, {"Seconds", &a.Seconds, in.Seconds, secondsMost}} {
		if number.from == nil {
			continue
		}
		if *number.from < 1 || *number.from > number.most {
			return fault.Invalid("%s must be between 1 and %d", number.name, number.most)
		}
		*number.to = int(*number.from)
	}
	switch {
	case a.URL == "":
		return nil
	case a.Model == "":
		return fault.Invalid("Missing required parameter Model in the post body")
	case len(a.Model) > modelMost:
		return fault.Invalid("Model is longer than %d bytes", modelMost)
	case len(a.Secret) > keyMost || strings.ContainsFunc(a.Secret, func(c rune) bool { return c < '!' || c > '~' }):
		return fault.Invalid("Key must be at most %d printable characters without spaces", keyMost)
	case utf8.RuneCountInString(a.Instructions) > instructionsMost:
		return fault.Invalid("Instructions are longer than %d characters", instructionsMost)
	}
	return checkAddress("Url", a.URL)
}

// origin is what a key belongs to: scheme and host of an address.
func origin(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}
