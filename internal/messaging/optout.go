package messaging

import (
	"errors"
	"slices"
	"strings"

	"usher/internal/db"
	"usher/internal/messaging/carry"
)

// OptOut is the keywords of a service and what they are answered with. Empty fields are the defaults.
type OptOut struct {
	Stop       []string `json:"stop,omitempty"`
	Start      []string `json:"start,omitempty"`
	Help       []string `json:"help,omitempty"`
	StopReply  string   `json:"stop_reply,omitempty"`
	StartReply string   `json:"start_reply,omitempty"`
	HelpReply  string   `json:"help_reply,omitempty"`
	// Off leaves keywords to whoever answers messages: nothing is blocked and nothing answered.
	Off bool `json:"off,omitempty"`
}

// The default keywords. Source: the original's page on opt-out keywords.
var (
	stopWords  = []string{"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"}
	startWords = []string{"START", "YES", "UNSTOP"}
	helpWords  = []string{"HELP", "INFO"}
)

// The default answers.
const (
	stopReply  = "You will receive no further messages from this number. Reply START to receive them again."
	startReply = "You will receive messages from this number again. Reply HELP for help, STOP to end."
	helpReply  = "Reply STOP to receive no further messages. Message and data rates may apply."
)

// The kinds of keywords, as webhooks call them (OptOutType).
const (
	Stop  = "STOP"
	Start = "START"
	Help  = "HELP"
)

// keyword says which keyword a body is, "" for none: a single word, whatever its case, with nothing around it but white space.
func (o *OptOut) keyword(body string) string {
	word := strings.ToUpper(strings.TrimSpace(body))
	for _, set := range []struct {
		kind     string
		own, all []string
	}{{Stop, o.Stop, stopWords}, {Start, o.Start, startWords}, {Help, o.Help, helpWords}} {
		words := set.own
		if len(words) == 0 {
			words = set.all
		}
		if slices.ContainsFunc(words, func(w string) bool { return strings.ToUpper(w) == word }) {
			return set.kind
		}
	}
	return ""
}

// reply is what a keyword is answered with.
func (o *OptOut) reply(kind string) string {
	own, all := o.HelpReply, helpReply
	switch kind {
	case Stop:
		own, all = o.StopReply, stopReply
	case Start:
		own, all = o.StartReply, startReply
	}
	if own != "" {
		return own
	}
	return all
}

// scope is whose messages somebody opts out of: the service's, or the number's when it is in none.
func (n *Number) scope() string {
	if n.Service != "" {
		return string(n.Service)
	}
	return string(n.SID)
}

// optedOut says whether an address wants nothing from a number.
func (m *Messaging) optedOut(tx *db.Tx, n *Number, address string) (bool, error) {
	hash, err := m.hash(n.Account, address)
	if err != nil {
		return false, err
	}
	var at int64
	err = tx.QueryRow("select created_at from messaging_optout where account_id = $1 and scope = $2 and address_hash = $3",
		n.Account, n.scope(), hash).Scan(&at)
	if errors.Is(err, db.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// OptedOutTx says whether a customer wants no more messages from one of the account's numbers; false also where the number is
// not the account's.
func (m *Messaging) OptedOutTx(tx *db.Tx, acct int64, number, customer string) (bool, error) {
	n, err := m.NumberTx(tx, acct, number)
	clean, _, ok := normal(customer)
	if errors.Is(err, db.ErrNotFound) || err == nil && !ok {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return m.optedOut(tx, &n, clean)
}

// hearKeyword notes what a customer's keyword says. On SMS only, as in the original; short codes outside of a service are left to
// whoever answers them.
func (m *Messaging) hearKeyword(tx *db.Tx, msg *Message, n *Number) error {
	if carry.ChannelOf(msg.From) != carry.SMS || n.Kind == KindShort && n.Service == "" {
		return nil
	}
	words, err := m.words(tx, n)
	if err != nil || words.Off {
		return err
	}
	msg.OptOut = words.keyword(msg.Body)
	switch msg.OptOut {
	case Stop:
		_, err = tx.Exec("insert into messaging_optout (account_id, scope, address_hash, created_at) values ($1, $2, $3, $4) on conflict do nothing",
			n.Account, n.scope(), msg.fromHash, db.Micros(tx.Now))
	case Start:
		var gone int64
		gone, err = tx.Exec("delete from messaging_optout where account_id = $1 and scope = $2 and address_hash = $3",
			n.Account, n.scope(), msg.fromHash)
		if gone == 0 {
			msg.OptOut = "" // a plain "yes" of somebody who never opted out
		}
	}
	return err
}

// words are the keywords that count on a number.
func (m *Messaging) words(tx *db.Tx, n *Number) (OptOut, error) {
	if n.Service == "" {
		return OptOut{}, nil
	}
	s, err := services.Get(tx, n.Account, n.Service)
	if errors.Is(err, db.ErrNotFound) {
		return OptOut{}, nil
	}
	return s.OptOut, err
}

// KeywordReplyTx is what the customer of an incoming keyword is told; "" for a message that is none.
func (m *Messaging) KeywordReplyTx(tx *db.Tx, msg *Message) (string, error) {
	if msg.OptOut == "" {
		return "", nil
	}
	n, err := m.NumberTx(tx, msg.Account, msg.To)
	if errors.Is(err, db.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	words, err := m.words(tx, &n)
	return words.reply(msg.OptOut), err
}
