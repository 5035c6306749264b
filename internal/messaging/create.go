package messaging

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

// Limits of a message. Source: the original's Message resource and its errors.
const (
	bodyMost      = 1600 // characters
	mediaMost     = 10
	validityMost  = 36_000 // seconds
	scheduleLeast = 15 * time.Minute
	scheduleMost  = 35 * 24 * time.Hour
)

// Draft asks for a message.
type Draft struct {
	From, To, Body string
	Media          []string // addresses of files
	// Files are kept already: those of a chat message.
	Files          []Item
	Service        sid.SID // MG…; "" for none
	Application    sid.SID // AP…, whose status callback is told; "" for none
	StatusCallback string
	// SendAt is when it is to go; zero is now. It takes a service.
	SendAt   time.Time
	Validity int64 // seconds; 0 is the service's, or without end
	Attempt  int64
	// Smart writes signs that cost segments as those that do not; nil is the service's way.
	Smart *bool
	// Template and what follows are a message that was approved beforehand, on channels that have such.
	Template, Language string
	Variables          map[string]string
	Direction          Direction // "" is outbound-api
	Origin             sid.SID   // a chat message, an interaction; ""
	Asked              bool      // that the customer's side tells whether it arrived (Feedback)
	// Automatic is the answer of a machine: the loop guard counts it. Confirming goes to who has just opted out, too.
	Automatic, Confirming bool
}

// Create makes an outgoing message. Grant messaging.send. Errors are those of CreateTx.
func (m *Messaging) Create(ctx context.Context, actor account.Actor, n Draft) (msg Message, err error) {
	if err := allow(actor, account.MessagingSend); err != nil {
		return msg, err
	}
	for range 3 { // two first messages to one customer meet at the making of its key
		err = m.db.Do(ctx, func(tx *db.Tx) error {
			msg, err = m.CreateTx(tx, actor.Account, n)
			return err
		})
		if !errors.Is(err, db.ErrConflict) {
			break
		}
	}
	return msg, err
}

// CreateTx makes an outgoing message and tells message.queued, or has it sent later. The errors are the original's: 21604, 21211
// (to), 21603, 21212, 21606, 63007 (from), 21619, 21617, 21620, 21623 (what is said), 21701, 21703, 21704, 21711 (service), 21610
// (opted out), 35111 to 35118 (schedule), 30039 (an automatic reply too many), ….
func (m *Messaging) CreateTx(tx *db.Tx, acct int64, n Draft) (Message, error) {
	to, err := n.check()
	if err != nil {
		return Message{}, err
	}
	prefix := sid.SMS
	if len(n.Media)+len(n.Files) > 0 {
		prefix = sid.MMS
	}
	msg := Message{
		Row: db.Row{SID: sid.New(prefix), Account: acct}, Status: carry.Queued, Service: n.Service,
		MessageDocument: MessageDocument{
			Direction: n.Direction, To: to, Body: n.Body, Application: n.Application, StatusCallback: n.StatusCallback,
			SendAt: n.SendAt.UTC().Truncate(time.Microsecond), Validity: n.Validity, Attempt: n.Attempt, Asked: n.Asked,
			Template: n.Template, Language: n.Language, Variables: n.Variables, Origin: n.Origin, Media: n.Files,
		},
	}
	if n.SendAt.IsZero() {
		msg.SendAt = time.Time{}
	}
	if msg.Direction == "" {
		msg.Direction = OutboundAPI
	}
	for _, address := range n.Media {
		msg.Media = append(msg.Media, Item{SID: sid.New(sid.Media), URL: address, CreatedAt: tx.Now})
	}
	smart, err := m.fill(tx, &msg, n)
	if err != nil {
		return Message{}, err
	}
	msg.Body, msg.Segments = counted(msg.Body, msg.To, smart)
	if err := m.sealTo(tx, &msg, msg.To); err != nil {
		return Message{}, err
	}
	if n.Automatic {
		if err := m.guard(tx, &msg); err != nil {
			return Message{}, err
		}
	}
	return msg, m.enter(tx, &msg)
}

// enter writes a new outgoing message and sets off what comes next.
func (m *Messaging) enter(tx *db.Tx, msg *Message) error {
	if msg.Service != "" {
		msg.Status = carry.Accepted
	}
	if msg.SendAt.IsZero() {
		if err := messages.Insert(tx, msg); err != nil {
			return err
		}
		return m.tell(tx, event.SMSQueued, msg)
	}
	if early := msg.SendAt.Sub(tx.Now); early < scheduleLeast || early > scheduleMost {
		return fault.New(35114, "SendAt must be at least 15 minutes and at most 35 days from now")
	}
	msg.Status = carry.Scheduled
	if err := messages.Insert(tx, msg); err != nil {
		return err
	}
	return m.jobs.Enqueue(tx, job.Job{Queue: Due, Account: msg.Account, Unique: string(msg.SID), RunAt: msg.SendAt}, dueArgs{msg.SID})
}

// check refuses what can be no message, whoever sends it, and returns the recipient.
func (n *Draft) check() (to string, err error) {
	if strings.TrimSpace(n.To) == "" {
		return "", fault.New(21604, "")
	}
	to, kind, ok := normal(n.To)
	if !ok || kind == KindAlpha {
		return "", fault.New(21211, "The 'To' address is not a phone number in E.164 form, nor an address with its channel before it")
	}
	switch {
	case n.From == "" && n.Service == "":
		return "", fault.New(21603, "")
	case n.Body == "" && len(n.Media) == 0 && len(n.Files) == 0 && n.Template == "":
		return "", fault.New(21619, "")
	case utf8.RuneCountInString(n.Body) > bodyMost:
		return "", fault.New(21617, "")
	case len(n.Media)+len(n.Files) > mediaMost:
		return "", fault.New(21623, "")
	case n.Validity < 0 || n.Validity > validityMost:
		return "", fault.New(21624, "ValidityPeriod must be from 1 to %d seconds", validityMost)
	case n.StatusCallback != "" && !webURL(n.StatusCallback):
		return "", fault.New(21609, "")
	case !n.SendAt.IsZero() && n.Service == "":
		return "", fault.New(35118, "MessagingServiceSid is required to schedule a message")
	}
	for _, address := range n.Media {
		if !webURL(address) {
			return "", fault.New(21620, "")
		}
	}
	return to, nil
}

// fill finds the sender of a message and what its service and application say; smart is whether costly signs are replaced.
func (m *Messaging) fill(tx *db.Tx, msg *Message, n Draft) (smart bool, err error) {
	var service Service
	if n.Service != "" {
		if service, err = services.Get(tx, msg.Account, n.Service); err != nil {
			if errors.Is(err, db.ErrNotFound) {
				return false, fault.New(21701, "")
			}
			return false, err
		}
		smart = service.SmartEncoding
		if msg.Validity == 0 {
			msg.Validity = service.Validity
		}
	}
	if n.Smart != nil {
		smart = *n.Smart
	}
	if n.Application != "" && msg.StatusCallback == "" {
		app, err := applications.Get(tx, msg.Account, n.Application)
		if errors.Is(err, db.ErrNotFound) {
			return false, fault.New(21420, "")
		}
		if err != nil {
			return false, err
		}
		msg.StatusCallback = app.MessageStatusCallback
	}
	if msg.StatusCallback == "" {
		msg.StatusCallback = service.StatusCallback
	}
	number, err := m.sender(tx, msg, n.From, &service)
	if err != nil {
		return false, err
	}
	msg.From, msg.Connection = number.Address, number.Connection
	if msg.From == msg.To {
		return false, fault.New(21266, "")
	}
	if carry.ChannelOf(msg.From) != carry.ChannelOf(msg.To) {
		return false, fault.New(21910, "")
	}
	if n.Confirming {
		return smart, nil
	}
	out, err := m.optedOut(tx, &number, msg.To)
	if err == nil && out {
		err = fault.New(21610, "")
	}
	return smart, err
}

// sender finds the number that a message goes out from.
func (m *Messaging) sender(tx *db.Tx, msg *Message, from string, service *Service) (Number, error) {
	if from == "" {
		msg.Pooled = true
		return m.choose(tx, service, msg.To)
	}
	clean, _, ok := normal(from)
	if !ok {
		return Number{}, fault.New(21212, "The 'From' address can be none")
	}
	number, err := m.NumberTx(tx, msg.Account, clean)
	switch {
	case errors.Is(err, db.ErrNotFound) && carry.ChannelOf(clean) != carry.SMS:
		return number, fault.New(63007, "No sender of this account has the 'From' address")
	case errors.Is(err, db.ErrNotFound):
		return number, fault.New(21606, "")
	case err != nil:
		return number, err
	case service.SID != "" && number.Service != service.SID:
		return number, fault.New(21711, "The 'From' number is not a sender of the Messaging Service")
	}
	return number, nil
}

// guard refuses an automatic reply to one of the account's own numbers, or one too many.
func (m *Messaging) guard(tx *db.Tx, msg *Message) error {
	_, err := numbers.One(tx, "account_id = $1 and address_hash = $2", msg.Account, msg.toHash)
	if err == nil {
		return fault.New(30039, "An automatic reply to one of the account's own numbers is not sent")
	}
	if !errors.Is(err, db.ErrNotFound) {
		return err
	}
	may, err := m.guardTx(tx, &party{Row: db.Row{ID: msg.partyID, SID: msg.SID}})
	if err == nil && !may {
		err = fault.New(30039, "More than %d automatic replies in %d minutes are not sent", guardReplies, int(guardWindow.Minutes()))
	}
	return err
}
