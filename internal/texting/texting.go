// Package texting speaks of messages by carriers with the servers of others: it tells them of a message that has come, says what
// they answer in TwiML, and tells them what becomes of the messages that they have sent.
//
// It works from the jobs of the event log. A webhook may be posted twice, with the same idempotency token; what its answer says is
// said once, in the transaction that marks the message as answered. One customer's messages are told one after the other.
//
// A server that does not answer, or not in TwiML, is asked no second time: its fallback is, and hears why. What an answer cannot
// do (a recipient who has opted out, a text too long) is left out and logged with its code; the rest is done.
package texting

import (
	"context"
	"encoding/json"
	"fmt"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/messaging"
	"usher/internal/sid"
)

// Queues of the durable reactions.
const (
	// Inbound holds messages that have come (event.SMSReceived). Its order key is messaging.PairOf.
	Inbound = "texting.inbound"
	// Status holds what became of messages that somebody wants to know of (event.SMSStatus, Wants).
	Status = "texting.status"
)

// Poster makes calls. *hook.Client does it.
type Poster interface {
	Post(ctx context.Context, r hook.Request) (hook.Response, error)
}

// Accounts finds an account. *account.Accounts does it.
type Accounts interface {
	ByID(ctx context.Context, id int64) (account.Account, error)
}

// Deps is what Texting stands on.
type Deps struct {
	Messages *messaging.Messaging
	Hooks    *hook.Hooks
	Caller   Poster
	Accounts Accounts
	Links    messaging.Links
	// Taken says that somebody else answers what comes to an address, such as a Flex flow; nil is nobody.
	Taken func(tx *db.Tx, acct int64, address string) (bool, error)
}

// Texting holds the reactions. It is safe for concurrent use.
type Texting struct {
	Deps
	db *db.DB
}

// New makes the sentence from its products.
func New(d Deps) *Texting { return &Texting{Deps: d, db: d.Messages.DB()} }

// Wants says whether anybody outside is to be told of a status.
func Wants(e event.Event) bool {
	n, err := messaging.NoticeOf(e.Data)
	return err == nil && n.Callback
}

// notice reads the arguments of a job.
func notice(j job.Job) (messaging.Notice, error) {
	var a event.Args
	if err := json.Unmarshal(j.Args, &a); err != nil {
		return messaging.Notice{}, fmt.Errorf("message job: %w", err)
	}
	return messaging.NoticeOf(a.Data)
}

// apiVersion is what webhooks call the API that they belong to.
const apiVersion = "2010-04-01"

// idempotency names a call about a message: the same for every try of it.
func idempotency(s sid.SID, call string) string { return string(s) + "." + call }
