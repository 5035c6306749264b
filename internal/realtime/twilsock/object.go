package twilsock

import (
	"strings"

	"usher/internal/event"
	"usher/internal/sid"
)

// kind is a kind of Sync object that chat clients know. Each is a view of a channel or a user.
type kind int

const (
	document   kind = iota // a channel
	messages               // the messages of a channel
	roster                 // the members of a channel
	mine                   // the channels of a user
	person                 // name and attributes of a user
	kindsCount             // how many there are
)

// kinds says how objects of each kind are named: by a SID of the same digits as their owner's, and by their owner's SID with
// a suffix. Suffixes of a channel's are made by clients themselves.
var kinds = [kindsCount]struct {
	prefix, suffix string
	collection     string // in paths
	form           string // in subscriptions and events
	owner          string // prefix of the owner's SID
	stream         event.StreamKind
	// perEvent is how many numbers one event of the stream takes.
	perEvent int64
}{
	document: {"ET", ".channel", "Documents", "document", sid.Channel, event.Channel, 1},
	messages: {"ES", ".messages", "Lists", "list", sid.Channel, event.Channel, 1},
	roster:   {"MP", ".roster", "Maps", "map", sid.Channel, event.Channel, 1},
	mine:     {"MC", ".channels", "Maps", "map", sid.User, event.User, 1},
	person:   {"MU", ".info", "Maps", "map", sid.User, event.User, 3}, // a change is up to three items
}

// object is a Sync object.
type object struct {
	kind  kind
	owner sid.SID
}

// nobody owns the information about users whom the caller may not see.
const nobody = sid.SID("US00000000000000000000000000000000")

func (o object) sid() string  { return kinds[o.kind].prefix + string(o.owner[2:]) }
func (o object) name() string { return string(o.owner) + kinds[o.kind].suffix }
func (o object) form() string { return kinds[o.kind].form }

// path is where the object is read, after the host.
func (o object) path() string { return "/v3/" + kinds[o.kind].collection + "/" + o.sid() }

// last is the number of the last thing that an offset of the owner's stream brings.
func (o object) last(offset int64) int64 {
	n := kinds[o.kind].perEvent
	return offset*n + n - 1
}

// after is the offset whose things a client has all, when it has those up to a number.
func (o object) after(number int64) int64 {
	n := kinds[o.kind].perEvent
	return (number+1)/n - 1
}

// parseObject finds the object that a SID or a name in a collection means.
func parseObject(collection, ref string) (object, bool) {
	for k, row := range kinds {
		if collection != "" && row.collection != collection {
			continue
		}
		owner, named := strings.CutSuffix(ref, row.suffix)
		if !named {
			digits, bySID := strings.CutPrefix(ref, row.prefix)
			if !bySID || len(ref) != sid.Len {
				continue
			}
			owner = row.owner + digits
		}
		if sid.Valid(owner, row.owner) {
			return object{kind(k), sid.SID(owner)}, true
		}
	}
	return object{}, false
}
