// Package socket is what the wires of realtime have in common below their frames: WebSocket connections whose reading
// goroutine stays small, a pool that handles what they bring in order, deadlines, and counters against greed.
//
// A connection owns one goroutine that waits for bytes and a read buffer of 512 bytes. What arrives waits in a bounded inbox
// until the pool handles it; when the inbox is full the client's sending is held up. What leaves goes through a realtime.Pipe.
package socket
