package messaging

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

// Notice is the data of the events of this package. It holds no address and no text: the row does.
type Notice struct {
	Message   sid.SID      `json:"message"`
	Status    carry.Status `json:"status"`
	Direction Direction    `json:"direction"`
	// Pair names the two addresses without telling them: the order key of what passes between them.
	Pair string `json:"pair"`
	// Callback says that somebody outside wants to know the status.
	Callback bool `json:"callback,omitempty"`
	// Masked says that an incoming message belongs to a masked conversation: nobody else reacts to it.
	Masked bool `json:"masked,omitempty"`
	// Origin is the message's, for who ticks what was delivered.
	Origin sid.SID `json:"origin,omitempty"`
}

// NoticeOf reads the data of one of this package's events.
func NoticeOf(data []byte) (Notice, error) {
	var n Notice
	if err := json.Unmarshal(data, &n); err != nil {
		return n, fmt.Errorf("message event: %w", err)
	}
	return n, nil
}

// PairOf is the order key of an event's job: what passes between two addresses stays in order.
func PairOf(e event.Event) string {
	n, err := NoticeOf(e.Data)
	if err != nil || n.Pair == "" {
		return string(e.Stream.SID)
	}
	return n.Pair
}

// tell makes the jobs of an event's durable subscribers.
func (m *Messaging) tell(tx *db.Tx, kind string, msg *Message) error {
	data, err := json.Marshal(Notice{
		Message: msg.SID, Status: msg.Status, Direction: msg.Direction, Pair: msg.pair(),
		Callback: !msg.Inbound && msg.StatusCallback != "", Origin: msg.Origin, Masked: msg.Masked,
	})
	if err != nil {
		return fmt.Errorf("message %s: %w", msg.SID, err)
	}
	return m.log.Tell(tx, event.Event{Account: msg.Account, Key: msg.Key, Kind: kind, Stream: event.Stream{SID: msg.SID}, Data: data})
}

// pair names sender and recipient of a message by the blind indexes of their addresses.
func (msg *Message) pair() string {
	return hex.EncodeToString(msg.fromHash) + "-" + hex.EncodeToString(msg.toHash)
}
