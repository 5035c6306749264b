// Package realtime is the hub: it carries events from the log to the sockets that watch their streams.
//
// Three wires share it: Usher's own stream, and later the two that the legacy SDKs speak. A wire is a Sink: it
// encodes an event once for all of its watchers and puts the frame into the connection's Pipe. The hub knows
// streams, offsets and who may go on watching; it knows no frame.
//
// What a watcher gets is exactly the stream: every offset once, in order, from the place it asked for.
//
//	Join ──► catching up ──────────────► live ──► over
//	         rows from the log, in       events     the watcher left, lost its right,
//	         bounded batches             from the   or the stream was removed
//	                                     bus
//
// The switch: a watcher is registered before its first row is read. When a batch comes back short, the hub
// compares, under the lock of the stream's shard, what was read with what the bus has brought. Not less: the
// watcher is live from the next offset on. Less: there are rows to read, and it reads again. Nothing is buffered
// for a watcher that catches up, so a slow one costs nothing.
//
// The bus may lose, repeat and reorder. Per watched stream the hub knows the next offset: earlier ones are
// repeats, later ones are held for a moment, and what does not come by itself is read from the log.
package realtime
