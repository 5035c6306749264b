package pdu

import "strings"

// Bind is the body of the three bind requests.
type Bind struct {
	SystemID     string // at most 15 octets
	Password     string // at most 8
	SystemType   string // at most 12
	Version      byte   // 0x34
	TON, NPI     byte
	AddressRange string // at most 40
}

// Append writes the body behind what is in b.
func (m Bind) Append(b []byte) []byte {
	b = appendText(b, m.SystemID, 16)
	b = appendText(b, m.Password, 9)
	b = appendText(b, m.SystemType, 13)
	b = append(b, m.Version, m.TON, m.NPI)
	return appendText(b, m.AddressRange, 41)
}

// ReadBind reads the body of a bind request.
func ReadBind(body []byte) (Bind, error) {
	r := &reader{rest: body}
	m := Bind{SystemID: r.text(16), Password: r.text(9), SystemType: r.text(13)}
	m.Version, m.TON, m.NPI = r.byte(), r.byte(), r.byte()
	m.AddressRange = r.text(41)
	return m, r.err
}

// Address is a number, or a name, with its type and plan.
type Address struct {
	TON, NPI byte
	Number   string // at most 20 octets in a Message, 64 in data_sm
}

// The types of number that matter here (SMPP 3.4, 5.2.5).
const (
	International byte = 1
	National      byte = 2
	Alphanumeric  byte = 5
)

// Message is the body of submit_sm, deliver_sm and data_sm, which share most fields.
type Message struct {
	ServiceType  string
	Source, Dest Address
	Class        byte // esm_class
	Protocol     byte
	Priority     byte
	Schedule     string
	Validity     string
	Registered   byte // registered_delivery
	Replace      byte
	Coding       byte   // data_coding
	Default      byte   // sm_default_msg_id
	Text         []byte // short_message, at most 254 octets; data_sm has none
	TLVs         TLVs
}

// The bits of esm_class that matter here (5.2.12).
const (
	ClassReceipt      byte = 0x04 // deliver_sm: a delivery receipt
	ClassIntermediate byte = 0x20 // deliver_sm: a receipt that is not the last
	ClassKind         byte = 0x3c // the bits of the kind of message
	ClassHeader       byte = 0x40 // the message begins with a user data header
)

// Append writes the body of submit_sm or deliver_sm behind what is in b.
func (m Message) Append(b []byte) []byte {
	b = appendText(b, m.ServiceType, 6)
	b = append(b, m.Source.TON, m.Source.NPI)
	b = appendText(b, m.Source.Number, 21)
	b = append(b, m.Dest.TON, m.Dest.NPI)
	b = appendText(b, m.Dest.Number, 21)
	b = append(b, m.Class, m.Protocol, m.Priority)
	b = appendText(b, m.Schedule, 17)
	b = appendText(b, m.Validity, 17)
	text := m.Text[:min(len(m.Text), 254)]
	b = append(b, m.Registered, m.Replace, m.Coding, m.Default, byte(len(text)))
	return m.TLVs.append(append(b, text...))
}

// ReadMessage reads the body of submit_sm or deliver_sm. Its slices are those of body.
func ReadMessage(body []byte) (Message, error) {
	r := &reader{rest: body}
	m := Message{ServiceType: r.text(6)}
	m.Source = Address{TON: r.byte(), NPI: r.byte(), Number: r.text(21)}
	m.Dest = Address{TON: r.byte(), NPI: r.byte(), Number: r.text(21)}
	m.Class, m.Protocol, m.Priority = r.byte(), r.byte(), r.byte()
	m.Schedule, m.Validity = r.text(17), r.text(17)
	m.Registered, m.Replace, m.Coding, m.Default = r.byte(), r.byte(), r.byte(), r.byte()
	m.Text = r.octets(int(r.byte()))
	if r.err != nil {
		return Message{}, r.err
	}
	var err error
	m.TLVs, err = readTLVs(r.rest)
	return m, err
}

// AppendData writes the body of data_sm behind what is in b.
func (m Message) AppendData(b []byte) []byte {
	b = appendText(b, m.ServiceType, 6)
	b = append(b, m.Source.TON, m.Source.NPI)
	b = appendText(b, m.Source.Number, 65)
	b = append(b, m.Dest.TON, m.Dest.NPI)
	b = appendText(b, m.Dest.Number, 65)
	return m.TLVs.append(append(b, m.Class, m.Registered, m.Coding))
}

// ReadData reads the body of data_sm.
func ReadData(body []byte) (Message, error) {
	r := &reader{rest: body}
	m := Message{ServiceType: r.text(6)}
	m.Source = Address{TON: r.byte(), NPI: r.byte(), Number: r.text(65)}
	m.Dest = Address{TON: r.byte(), NPI: r.byte(), Number: r.text(65)}
	m.Class, m.Registered, m.Coding = r.byte(), r.byte(), r.byte()
	if r.err != nil {
		return Message{}, r.err
	}
	var err error
	m.TLVs, err = readTLVs(r.rest)
	return m, err
}

// Octets answers what the message says: short_message, or where that is empty message_payload.
func (m Message) Octets() []byte {
	if len(m.Text) > 0 {
		return m.Text
	}
	return m.TLVs.Get(MessagePayload)
}

// IsReceipt says whether deliver_sm or data_sm tells of a message that was sent, rather than being one.
func (m Message) IsReceipt() bool {
	kind := m.Class & ClassKind
	return kind&ClassReceipt != 0 || kind&ClassIntermediate != 0 || m.TLVs.Get(ReceiptedID) != nil && m.TLVs.Get(MessageState) != nil
}

// MessageID reads the body of a submit_sm_resp. Carriers leave its zero away, or all of it when they refuse.
func MessageID(body []byte) string {
	text, _, _ := strings.Cut(string(body[:min(len(body), 65)]), "\x00")
	return text
}

// AppendID writes the body of a response that has a message_id.
func AppendID(b []byte, id string) []byte { return appendText(b, id, 65) }
