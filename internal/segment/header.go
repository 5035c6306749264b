package segment

import "errors"

// Concat ties the parts of a message together.
type Concat struct {
	Ref   uint16 // the message's number among those of one sender; at most 255 when not Wide
	Wide  bool   // the reference has 16 bits
	Total uint8  // how many parts, at least 1
	Part  uint8  // which one this is, 1 to Total
}

// ErrHeader is the error for a user data header that does not keep to its own lengths, or whose numbers contradict each other.
var ErrHeader = errors.New("the message's header is broken")

// The elements of a user data header that matter here (TS 23.040, 9.2.3.24).
const (
	elementConcat     = 0x00
	elementConcatWide = 0x08
)

// Bytes answers the header with its length octet: six octets, or seven when Wide.
func (c Concat) Bytes() []byte {
	if c.Wide {
		return []byte{6, elementConcatWide, 4, byte(c.Ref >> 8), byte(c.Ref), c.Total, c.Part}
	}
	return []byte{5, elementConcat, 3, byte(c.Ref), c.Total, c.Part}
}

// Valid says whether the numbers can be.
func (c Concat) Valid() bool { return c.Part >= 1 && c.Part <= c.Total && (c.Wide || c.Ref < 256) }

// Cut parts a message that begins with a header from it, and reads what the header says of concatenation; without that, or with
// a total of one, the answer is nil. Elements that are not known are passed over. Of several the last counts (9.2.3.24).
func Cut(octets []byte) (Part, *Concat, error) {
	if len(octets) == 0 || int(octets[0]) >= len(octets) {
		return Part{}, nil, ErrHeader
	}
	end := int(octets[0]) + 1
	p := Part{Header: octets[:end], Data: octets[end:]}
	var found *Concat
	for rest := octets[1:end]; len(rest) > 0; {
		if len(rest) < 2 || len(rest) < 2+int(rest[1]) {
			return Part{}, nil, ErrHeader
		}
		body := rest[2 : 2+int(rest[1])]
		switch rest[0] {
		case elementConcat:
			if len(body) != 3 {
				return Part{}, nil, ErrHeader
			}
			found = &Concat{Ref: uint16(body[0]), Total: body[1], Part: body[2]}
		case elementConcatWide:
			if len(body) != 4 {
				return Part{}, nil, ErrHeader
			}
			found = &Concat{Ref: uint16(body[0])<<8 | uint16(body[1]), Wide: true, Total: body[2], Part: body[3]}
		}
		rest = rest[2+len(body):]
	}
	if found != nil && !found.Valid() {
		return Part{}, nil, ErrHeader
	}
	if found != nil && found.Total == 1 {
		found = nil
	}
	return p, found, nil
}
