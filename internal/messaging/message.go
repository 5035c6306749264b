package messaging

import (
	"slices"
	"time"

	"usher/internal/db"
	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

// Direction says who wrote a message, and why. The words are the original's.
type Direction string

// The directions.
const (
	Inbound       Direction = "inbound"
	OutboundAPI   Direction = "outbound-api"
	OutboundReply Direction = "outbound-reply" // the answer of a webhook
	OutboundCall  Direction = "outbound-call"  // never made here; old rows of others may have it
)

// moves says which status may follow which. A status that is not a key ends the message.
var moves = map[carry.Status][]carry.Status{
	carry.Scheduled: {carry.Accepted, carry.Queued, carry.Canceled, carry.Failed},
	carry.Accepted:  {carry.Queued, carry.Sending, carry.SentOut, carry.Delivered, carry.Undelivered, carry.Failed, carry.Read},
	carry.Queued:    {carry.Sending, carry.SentOut, carry.Delivered, carry.Undelivered, carry.Failed, carry.Read},
	carry.Sending:   {carry.SentOut, carry.Delivered, carry.Undelivered, carry.Failed, carry.Read},
	carry.SentOut:   {carry.Delivered, carry.Undelivered, carry.Failed, carry.Read},
	carry.Delivered: {carry.Read},
	carry.Receiving: {carry.Received, carry.Failed},
}

// mayMove says whether a message may go from one status to another.
func mayMove(from, to carry.Status) bool { return slices.Contains(moves[from], to) }

// Message is one message of a customer's or to one.
type Message struct {
	db.Row
	Status     carry.Status
	Inbound    bool
	Connection sid.SID // that brought it, or takes it; "" when none was said
	Service    sid.SID // MG…; ""
	// SentAt is when it was sent, or came; zero before.
	SentAt time.Time
	MessageDocument

	partyID          int64
	fromHash, toHash []byte
}

// MessageDocument is the sealed part of a message.
type MessageDocument struct {
	Direction Direction `json:"direction"`
	From      string    `json:"from"`
	To        string    `json:"to"`
	Body      string    `json:"body"`
	Segments  int       `json:"segments"`
	Media     []Item    `json:"media,omitempty"`
	// ErrorCode and Reason are of failed and undelivered; Reason is the carrier's own word.
	ErrorCode int    `json:"error_code,omitempty"`
	Reason    string `json:"reason,omitempty"`
	// Parts is how far each part of an outgoing message is, in the order of the carrier's names for them.
	Parts []carry.Status `json:"parts,omitempty"`
	// Pooled says that the sender was chosen from the service's.
	Pooled         bool      `json:"pooled,omitempty"`
	StatusCallback string    `json:"status_callback,omitempty"`
	Application    sid.SID   `json:"application,omitempty"`
	SendAt         time.Time `json:"send_at,omitzero"`
	// Validity is how many seconds it may wait and be tried; 0 is without end.
	Validity int64 `json:"validity,omitempty"`
	Attempt  int64 `json:"attempt,omitempty"`
	// Template names a message that was approved beforehand, in place of a body of one's own.
	Template  string            `json:"template,omitempty"`
	Language  string            `json:"language,omitempty"`
	Variables map[string]string `json:"variables,omitempty"`
	// Origin is what the words were taken from: a chat message, an interaction. "" when they were given by request.
	Origin      sid.SID           `json:"origin,omitempty"`
	ProfileName string            `json:"profile_name,omitempty"`
	Details     map[string]string `json:"details,omitempty"`
	// OptOut is START, STOP or HELP when the message is such a keyword.
	OptOut string `json:"opt_out,omitempty"`
	// Masked says that an incoming message belongs to a masked conversation.
	Masked bool `json:"masked,omitempty"`
	// Answered says that an incoming message was answered, whether or not there was anything to say.
	Answered bool `json:"answered,omitempty"`
	// Asked says that whoever sent it wants to tell later whether it did what it was for: Feedback, since FeedbackAt.
	Asked      bool      `json:"asked,omitempty"`
	Feedback   string    `json:"feedback,omitempty"`
	FeedbackAt time.Time `json:"feedback_at,omitzero"`
}

// Item is a file of a message.
type Item struct {
	SID         sid.SID `json:"sid"` // ME…
	ContentType string  `json:"type,omitempty"`
	// URL is where a sender's file was said to be. Kept says that the bytes are ours; until then there is only the URL.
	URL  string `json:"url,omitempty"`
	Kept bool   `json:"kept,omitempty"`
	// Lent says that they are another's, such as a chat message's: they do not go with this message.
	Lent      bool      `json:"lent,omitempty"`
	Size      int64     `json:"size,omitempty"`
	Name      string    `json:"name,omitempty"`
	CreatedAt time.Time `json:"created"`
}

// Customer is the address of the other side.
func (m *Message) Customer() string {
	if m.Inbound {
		return m.From
	}
	return m.To
}

// Own is the account's own address.
func (m *Message) Own() string {
	if m.Inbound {
		return m.To
	}
	return m.From
}

// Deadline is when the message is no longer to be tried; zero is never.
func (m *Message) Deadline() time.Time {
	if m.Validity == 0 {
		return time.Time{}
	}
	begin := m.CreatedAt
	if !m.SendAt.IsZero() {
		begin = m.SendAt
	}
	return begin.Add(time.Duration(m.Validity) * time.Second)
}

// Outbound is the message as a connector is asked to send it; the media are still to be given.
func (m *Message) Outbound() carry.Outbound {
	return carry.Outbound{
		SID: string(m.SID), From: m.From, To: m.To, Body: m.Body,
		Template: m.Template, Language: m.Language, Variables: m.Variables, Validity: time.Duration(m.Validity) * time.Second,
	}
}
