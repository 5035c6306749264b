// Package pdu reads and writes the protocol data units of SMPP 3.4. It is pure but for Read, which takes one unit from a stream.
//
// A unit that lies about its lengths is an error, never a panic and never an allocation of what it claims. Where real carriers stray from the
// letter without doubt about what they mean (an empty body in a response that tells an error, a missing zero at the end of a
// message_id), it is lenient.
package pdu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Command is a command_id.
type Command uint32

// The commands of this side and the carrier's; a response has the bit 31 of its request.
const (
	GenericNack     Command = 0x80000000
	BindReceiver    Command = 0x00000001
	BindTransmitter Command = 0x00000002
	SubmitSM        Command = 0x00000004
	DeliverSM       Command = 0x00000005
	Unbind          Command = 0x00000006
	BindTransceiver Command = 0x00000009
	EnquireLink     Command = 0x00000015
	Alert           Command = 0x00000102 // alert_notification, which has no response
	DataSM          Command = 0x00000103
)

// Response answers the command of the response.
func (c Command) Response() Command { return c | GenericNack }

// IsResponse says whether the command answers another.
func (c Command) IsResponse() bool { return c&GenericNack != 0 }

// Status is a command_status.
type Status uint32

// The statuses that are told apart here (SMPP 3.4, 5.1.3).
const (
	OK              Status = 0x00
	InvalidLength   Status = 0x01 // message length
	InvalidCommand  Status = 0x02 // command_length
	UnknownCommand  Status = 0x03
	WrongState      Status = 0x04 // not bound for this
	AlreadyBound    Status = 0x05
	SystemError     Status = 0x08
	InvalidSource   Status = 0x0a
	InvalidDest     Status = 0x0b
	BindFailed      Status = 0x0d
	InvalidPassword Status = 0x0e
	InvalidSystemID Status = 0x0f
	QueueFull       Status = 0x14
	SubmitFailed    Status = 0x45
	Throttled       Status = 0x58
	Temporary       Status = 0x64 // ESME_RX_T_APPN: the receiver cannot now
	Permanent       Status = 0x65 // ESME_RX_P_APPN: the receiver never can
	Rejected        Status = 0x66 // ESME_RX_R_APPN
	InvalidTLVs     Status = 0xc0
	UnknownError    Status = 0xff
)

// Header is what every unit begins with.
type Header struct {
	Command  Command
	Status   Status
	Sequence uint32
}

// Unit is one PDU: its header and what follows it, not read yet.
type Unit struct {
	Header
	Body []byte
}

const (
	headerSize = 16
	// MaxSize is the longest unit that is read: a message_payload of 64 KiB and the fields around it.
	MaxSize = 68 << 10
)

// ErrLength is the error for a command_length that cannot be. The stream has no order any more behind it.
var ErrLength = errors.New("a command_length is out of bounds")

// ErrBody is the error for a body that does not keep to its own lengths; ErrTLV for what follows its fixed part.
var (
	ErrBody = errors.New("a field runs beyond the end of its unit")
	ErrTLV  = errors.New("an optional parameter runs beyond the end of its unit")
)

// Read takes one unit from a stream. After ErrLength, the header says which unit it was.
func Read(r io.Reader) (Unit, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Unit{}, err
	}
	size := binary.BigEndian.Uint32(head[:])
	u := Unit{Header: Header{
		Command:  Command(binary.BigEndian.Uint32(head[4:])),
		Status:   Status(binary.BigEndian.Uint32(head[8:])),
		Sequence: binary.BigEndian.Uint32(head[12:]),
	}}
	if size < headerSize || size > MaxSize {
		return u, fmt.Errorf("%w: %d", ErrLength, size)
	}
	if size > headerSize {
		u.Body = make([]byte, size-headerSize)
		if _, err := io.ReadFull(r, u.Body); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return u, err
		}
	}
	return u, nil
}

// Append writes the unit behind what is in b.
func (u Unit) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(headerSize+len(u.Body)))
	b = binary.BigEndian.AppendUint32(b, uint32(u.Command))
	b = binary.BigEndian.AppendUint32(b, uint32(u.Status))
	b = binary.BigEndian.AppendUint32(b, u.Sequence)
	return append(b, u.Body...)
}

// Answer makes the response to a unit.
func (u Unit) Answer(status Status, body []byte) Unit {
	return Unit{Header: Header{Command: u.Command.Response(), Status: status, Sequence: u.Sequence}, Body: body}
}

// Nack makes the generic_nack for a unit.
func (u Unit) Nack(status Status) Unit {
	return Unit{Header: Header{Command: GenericNack, Status: status, Sequence: u.Sequence}}
}

// reader takes fields from a body; after the first that is not there, err is set and all are empty.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.err = ErrBody
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// text reads a C-Octet String of at most limit octets with its zero.
func (r *reader) text(limit int) string {
	for i, b := range r.rest[:min(len(r.rest), limit)] {
		if b == 0 {
			s := string(r.rest[:i])
			r.rest = r.rest[i+1:]
			return s
		}
	}
	r.err, r.rest = ErrBody, nil
	return ""
}

func (r *reader) octets(n int) []byte {
	if n > len(r.rest) {
		r.err, r.rest = ErrBody, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// appendText writes a C-Octet String, cut to what the field has room for; a zero inside would end it.
func appendText(b []byte, s string, limit int) []byte {
	for i := 0; i < len(s) && i < limit-1 && s[i] != 0; i++ {
		b = append(b, s[i])
	}
	return append(b, 0)
}

// Tag names an optional parameter.
type Tag uint16

// The optional parameters that matter here (SMPP 3.4, 5.3.2).
const (
	ReceiptedID    Tag = 0x001e // C-Octet String
	UserReference  Tag = 0x0204 // 2 octets
	SARReference   Tag = 0x020c // 2 octets
	SARTotal       Tag = 0x020e // 1 octet
	SARPart        Tag = 0x020f // 1 octet
	SCVersion      Tag = 0x0210 // 1 octet
	NetworkError   Tag = 0x0423 // 3 octets: network type, error code
	MessagePayload Tag = 0x0424
	MessageState   Tag = 0x0427 // 1 octet
)

// TLV is an optional parameter.
type TLV struct {
	Tag   Tag
	Value []byte
}

// TLVs are the optional parameters of a unit, in its order.
type TLVs []TLV

// Get answers the first parameter of that name, or nil.
func (l TLVs) Get(tag Tag) []byte {
	for _, t := range l {
		if t.Tag == tag {
			return t.Value
		}
	}
	return nil
}

// Uint answers a parameter as a number; one of the wrong size is not there.
func (l TLVs) Uint(tag Tag, size int) (uint16, bool) {
	switch v := l.Get(tag); {
	case v == nil || len(v) != size:
		return 0, false
	case size == 1:
		return uint16(v[0]), true
	case size == 2:
		return binary.BigEndian.Uint16(v), true
	}
	return 0, false
}

func readTLVs(b []byte) (TLVs, error) {
	var list TLVs
	for len(b) > 0 {
		if len(b) < 4 || len(b) < 4+int(binary.BigEndian.Uint16(b[2:])) {
			return nil, ErrTLV
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		value := b[4 : 4+n : 4+n]
		list = append(list, TLV{Tag: Tag(binary.BigEndian.Uint16(b)), Value: value})
		b = b[4+n:]
	}
	return list, nil
}

func (l TLVs) append(b []byte) []byte {
	for _, t := range l {
		b = binary.BigEndian.AppendUint16(b, uint16(t.Tag))
		b = binary.BigEndian.AppendUint16(b, uint16(len(t.Value)))
		b = append(b, t.Value...)
	}
	return b
}
