// Package carry says what passes between Usher and the outside's messaging services: a message in, a message out, a receipt. Products
// and connectors meet in these types and know nothing else of each other. It holds values only: no rows, no sockets.
package carry

import (
	"strings"
	"time"
)

// Channel is the kind of way that a message takes. The address forms are the original's: E.164 or a short code for SMS, and for the
// others a prefix: whatsapp:+15551234567, messenger:1234567890, line:U0123…, custom:any.
type Channel string

// The channels.
const (
	SMS       Channel = "sms"
	WhatsApp  Channel = "whatsapp"
	Messenger Channel = "messenger"
	LINE      Channel = "line"
	Custom    Channel = "custom"
)

// ChannelOf reads the channel from an address.
func ChannelOf(address string) Channel {
	prefix, _, found := strings.Cut(address, ":")
	switch c := Channel(prefix); c {
	case WhatsApp, Messenger, LINE, Custom:
		if found {
			return c
		}
	}
	return SMS
}

// Media is a file that comes with a message. Exactly one of URL and Data is set.
type Media struct {
	// URL is where the file is, for whoever may ask there: the carrier for what we send, we for what came.
	URL string
	// Data is the file itself, for carriers that send it along. At most 16 MiB.
	Data        []byte
	ContentType string // "" when not known
	Name        string // "" when not known
}

// Inbound is one message of a customer, whole: parts that a carrier delivers singly are put together before.
type Inbound struct {
	// ID is the carrier's own name for the message, 1 to 255 bytes. The same ID of the same connection makes at most one message.
	ID       string
	From, To string
	Body     string
	Media    []Media
	// Segments is how many parts it came in; 0 is 1.
	Segments int
	// ProfileName is the customer's name, where the channel tells it.
	ProfileName string
	// Details are further parameters for webhooks, under the original's names: WaId, ButtonText, Latitude, FromCity, ….
	Details map[string]string
	// SentAt is when the customer sent it as the carrier says; zero when it does not.
	SentAt time.Time
}

// Outbound is one message to a customer, as a Sender is asked to send it.
type Outbound struct {
	// SID is ours (SM… or MM…): the same for every try, for carriers that know a key against sending twice.
	SID      string
	From, To string
	Body     string
	Media    []Media // with URLs that the carrier may fetch while they are signed
	// Template names a message that was approved beforehand, where the channel has such; its Variables are by position ("1", "2").
	Template  string
	Language  string
	Variables map[string]string
	// Validity is how long the carrier may try, 0 is its own default.
	Validity time.Duration
}

// Sent is a carrier's word that it has taken a message.
type Sent struct {
	// IDs are the carrier's names for it, one for each part that it was sent in; receipts name one of them.
	IDs []string
	// Status is Sent or Delivered for carriers that send no receipts, and Queued else.
	Status Status
}

// Status is how far a message is. The words are the original's.
type Status string

// The statuses of a message.
const (
	Accepted    Status = "accepted"
	Scheduled   Status = "scheduled"
	Canceled    Status = "canceled"
	Queued      Status = "queued"
	Sending     Status = "sending"
	SentOut     Status = "sent"
	Delivered   Status = "delivered"
	Undelivered Status = "undelivered"
	Failed      Status = "failed"
	Read        Status = "read"
	Receiving   Status = "receiving"
	Received    Status = "received"
)

// Receipt is what a carrier says later of a message that it took.
type Receipt struct {
	ID string // of Sent.IDs
	// Status is SentOut, Delivered, Undelivered, Failed or Read.
	Status Status
	// Code is the original's error code for Undelivered and Failed: 30003 unreachable, 30004 blocked, 30005 unknown handset, 30006
	// landline, 30007 filtered, 30008 unknown, 63016 outside the window, ….
	Code int
	// Reason is the carrier's own word, without any address or text. At most 255 bytes.
	Reason string
	At     time.Time // zero when it does not say
}

// Refusal is the error of a Sender for a message that was not taken.
type Refusal struct {
	// Code is the original's error code, 0 when none fits; Reason as in Receipt.
	Code   int
	Reason string
	// Again says that the same message may be taken later; After is how long to wait at least, 0 when the carrier does not say. A
	// connection that was cut before the carrier's answer is no Refusal but any other error: whether it was taken is not known.
	Again bool
	After time.Duration
}

// Error tells the reason, which names nobody.
func (r *Refusal) Error() string { return "the carrier refuses: " + r.Reason }

// Health is how a connection stands, for the admin screen.
type Health struct {
	Up bool
	// Since is when it became so; zero when nothing was tried yet.
	Since time.Time
	// Problem is what went wrong last, without any address, text or secret.
	Problem string
}
