// Package socket is what the wires of realtime have in common below their frames: WebSocket connections whose reading
// goroutine stays small, a pool that handles what they bring in order, deadlines, and who may come in, stay, and do how much.
//
//	conn.go    a connection: what arrives, what leaves, how it ends
//	guest.go   who is at its other end: tokens, their expiry, access that is lost, rates
//	rules.go   what of this can be set
//	set.go     all connections of a wire: opening, deadlines, draining
//
// A connection owns one goroutine that waits for bytes and a read buffer of 512 bytes. What arrives waits in a bounded inbox
// until the pool handles it; when the inbox is full the client's sending is held up. What leaves goes through a realtime.Pipe.
package socket
