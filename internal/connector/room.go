package connector

import (
	"context"
	"sync"
)

// room bounds the bytes of files that are in memory because a carrier's request brings them: whoever has no room waits, and a carrier
// that has waited too long tries again. A request gives its room back when it is done.
type room struct {
	mu    sync.Mutex
	free  int64
	freed chan struct{} // closed, and made anew, when something was given back
}

// MaxFiles bounds the files of one request together, in bytes. Those beyond are left out, and the message says so.
const MaxFiles = 32 << 20

// files is the room of this process.
var files = newRoom(256 << 20)

func newRoom(size int64) *room { return &room{free: size, freed: make(chan struct{})} }

// take takes n bytes until request is done, or fails when ctx is done before there is room. What it returns gives back all but the
// bytes that are really used.
func (r *room) take(ctx, request context.Context, n int64) (shrink func(used int64), err error) {
	for {
		r.mu.Lock()
		if r.free >= n {
			break
		}
		freed := r.freed
		r.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-freed:
		}
	}
	r.free -= n
	r.mu.Unlock()
	held := n
	shrink = func(used int64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if back := held - min(used, held); back > 0 {
			held -= back
			r.free += back
			close(r.freed)
			r.freed = make(chan struct{})
		}
	}
	context.AfterFunc(request, func() { shrink(0) })
	return shrink, nil
}
