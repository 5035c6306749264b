package smpp

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"usher/internal/connector/smpp/pdu"
	"usher/internal/messaging/carry"
)

// states are the words of a receipt's text (SMPP 3.4, appendix B) and what some carriers write, by the value of message_state.
var states = map[string]byte{
	"SCHEDULED": 0, "SCHEDLD": 0, "BUFFERED": 1, "BUFFRED": 1, "ENROUTE": 1, "DELIVRD": 2, "DELIVERED": 2, "EXPIRED": 3, "DELETED": 4, "UNDELIV": 5,
	"UNDELIVERABLE": 5, "FAILED": 5, "ACCEPTD": 6, "ACCEPTED": 6, "UNKNOWN": 7, "REJECTD": 8, "REJECTED": 8,
}

var stateNames = [...]string{"SCHEDULED", "ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD"}

// mapErrors are the errors of the mobile network that network_error_code tells with network type 3, GSM (3GPP TS 29.002).
var mapErrors = map[int]int{
	1: 30005, 5: 30005, 9: 30005, 12: 30005, // unknown, unidentified or illegal subscriber, illegal equipment
	6: 30003, 27: 30003, 31: 30003, // absent, busy
	13: 30004, // barred
	11: 30006, // no such service there
}

// receipt reads a delivery receipt: the optional parameters where they are, else the text "id:… stat:… err:…". False is for one that names no
// message.
func (c *Connection) receipt(m pdu.Message, text string) (carry.Receipt, bool) {
	id := pdu.MessageID(m.TLVs.Get(pdu.ReceiptedID))
	if id == "" {
		id = word(text, "id")
	}
	stat := strings.ToUpper(word(text, "stat"))
	state, known := states[stat]
	if v, ok := m.TLVs.Uint(pdu.MessageState, 1); ok && int(v) < len(stateNames) {
		state, known, stat = byte(v), true, stateNames[v]
	}
	if id = c.name(id, true); id == "" || len(id) > 255 {
		return carry.Receipt{}, false
	}
	code := word(text, "err")
	r := carry.Receipt{ID: id, Status: carry.Undelivered, Code: 30008}
	switch {
	case known && state == 2:
		r.Status, r.Code = carry.Delivered, 0
	case known && (state < 2 || state == 6):
		r.Status, r.Code = carry.SentOut, 0
	case known && state == 3:
		r.Code = 30003
	case known && state == 8:
		r.Code = 30007
	}
	if r.Status != carry.Undelivered {
		return r, true
	}
	if !known {
		stat = "unknown state"
	}
	r.Reason = stat
	if n, ok := network(m.TLVs.Get(pdu.NetworkError)); ok {
		code = strconv.Itoa(n)
		if ours := mapErrors[n]; ours != 0 {
			r.Code = ours
		}
	}
	if plain(code) {
		if n := c.errors[strings.TrimLeft(code, "0")]; n != 0 {
			r.Code = n
		}
		r.Reason = fmt.Sprintf("%s, error %s", stat, code)
	}
	return r, true
}

// network reads network_error_code of a GSM network.
func network(v []byte) (int, bool) {
	if len(v) != 3 || v[0] != 3 {
		return 0, false
	}
	return int(binary.BigEndian.Uint16(v[1:])), true
}

// plain says whether a carrier's code is one, and no words that could name somebody.
func plain(code string) bool {
	if code == "" || len(code) > 10 {
		return false
	}
	for _, r := range code {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') && (r < 'A' || r > 'F') {
			return false
		}
	}
	return true
}

// word answers what follows "name:" at the beginning of the text or after a blank, up to the next blank. Names are compared without case.
// What comes after "text:" is the message's and says nothing.
func word(text, name string) string {
	lower := strings.ToLower(text)
	if len(lower) != len(text) { // a character changes its length; then the places are not the same
		lower = text
	}
	if i := find(lower, "text"); i >= 0 {
		text, lower = text[:i], lower[:i]
	}
	i := find(lower, name)
	if i < 0 {
		return ""
	}
	rest := strings.TrimPrefix(text[i+len(name)+1:], " ")
	if end := strings.IndexAny(rest, " \r\n\t"); end >= 0 {
		rest = rest[:end]
	}
	if strings.HasSuffix(rest, ":") || strings.Contains(rest, ":") { // the next name: this one had no value
		return ""
	}
	return rest
}

// find answers where "name:" begins as a word of its own, or -1.
func find(text, name string) int {
	for from := 0; ; {
		i := strings.Index(text[from:], name+":")
		if i < 0 {
			return -1
		}
		if i += from; i == 0 || text[i-1] == ' ' || text[i-1] == '\n' {
			return i
		}
		from = i + len(name)
	}
}
