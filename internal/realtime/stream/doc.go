// Package stream is Usher's own realtime wire: one WebSocket at GET /stream, JSON text frames, written up frame by
// frame in docs/realtime.md. The widget and the desk speak it.
//
// A connection costs as little as it can while nothing happens: the goroutine that waits for bytes, a small read
// buffer, and a few hundred bytes of state. Frames are handled on a shared pool of goroutines, one frame of a
// connection at a time and in order; deadlines of all connections are looked after by one sweep.
//
//	opened ──hello──► signed in ──┬─► closing ─► closed
//	   └──────────────────────────┘   (a close frame is on its way; nothing more is answered)
package stream
