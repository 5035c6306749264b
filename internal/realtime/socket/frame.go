package socket

import "encoding/binary"

// Opcode is the first byte of a WebSocket frame with the final bit, as a server sends it (RFC 6455, section 5.2).
type Opcode byte

// The opcodes that servers send.
const (
	Text   Opcode = 0x81
	Binary Opcode = 0x82
	closed Opcode = 0x88
	ping   Opcode = 0x89
	pong   Opcode = 0x8A
)

// headerRoom is left free before a payload; a header takes 2, 4 or 10 bytes of its end.
const headerRoom = 10

// Begin starts a frame whose payload will take about size bytes: append the payload, and Finish.
func Begin(size int) []byte { return make([]byte, headerRoom, headerRoom+size) }

// Finish puts the header before the payload and answers the frame.
func Finish(op Opcode, b []byte) []byte {
	n := len(b) - headerRoom
	switch {
	case n < 126:
		b[8], b[9] = byte(op), byte(n)
		return b[8:]
	case n <= 0xFFFF:
		b[6], b[7] = byte(op), 126
		binary.BigEndian.PutUint16(b[8:], uint16(n))
		return b[6:]
	}
	b[0], b[1] = byte(op), 127
	binary.BigEndian.PutUint64(b[2:], uint64(n))
	return b
}

// CloseFrame ends a connection with a code. The reason is for people, at most 123 bytes.
func CloseFrame(code uint16, reason string) []byte {
	b := binary.BigEndian.AppendUint16(Begin(2+len(reason)), code)
	return Finish(closed, append(b, reason...))
}

// PongFrame answers a ping.
func PongFrame(payload []byte) []byte { return Finish(pong, append(Begin(len(payload)), payload...)) }

func pingFrame() []byte { return Finish(ping, Begin(0)) }
