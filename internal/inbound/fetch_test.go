package inbound_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"usher/internal/db"
	"usher/internal/hook"
	"usher/internal/inbound"
	"usher/internal/inbound/inboundtest"
	"usher/internal/messaging/carry"
)

// nowhere has no file, and counts who asks.
type nowhere struct {
	asked, now, most atomic.Int64
	open             chan struct{}
}

func (n *nowhere) Fetch(ctx context.Context, _ string, most int64, _ func(hook.File) error) error {
	n.asked.Add(1)
	here := n.now.Add(1)
	defer n.now.Add(-1)
	for old := n.most.Load(); here > old && !n.most.CompareAndSwap(old, here); old = n.most.Load() {
	}
	if _, ok := ctx.Deadline(); !ok || most <= 0 {
		return errors.New("without bounds")
	}
	<-n.open
	return &hook.Error{Failure: hook.BadStatus, Status: 404}
}

// A file that cannot be had stays an address, the message is not lost, and few are fetched at a time however many come.
func TestAccept_filesThatCannotBeHad(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Carrier()
		texted(w, nil)
		files := &nowhere{open: make(chan struct{})}
		c.Mail = inbound.NewMail(w.Inbound, c.Messages, w.Jobs, nil, files)
		const customers = 20
		var all sync.WaitGroup
		for i := range customers {
			all.Go(func() {
				err := c.Bring(carry.Inbound{
					ID: fmt.Sprint(i), From: fmt.Sprintf("+1555010%04d", i), To: inboundtest.OwnNumber, Body: "look",
					Media: []carry.Media{{URL: "https://carrier.example/1.jpg"}, {URL: "https://carrier.example/2.jpg"}},
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		close(files.open)
		all.Wait()
		if files.asked.Load() != 2*customers || files.most.Load() > 8 {
			t.Errorf("asked %d times, %d at once", files.asked.Load(), files.most.Load())
		}
		page, err := w.Flex.ListOpen(t.Context(), w.Owner, db.Page{Size: 50})
		if err != nil || len(page.Items) != customers {
			t.Fatalf("%d channels %v", len(page.Items), err)
		}
		for _, ch := range page.Items {
			if lines := said(t, w, ch); len(lines) != 1 || !strings.HasSuffix(lines[0], ": look\nhttps://carrier.example/1.jpg\nhttps://carrier.example/2.jpg") {
				t.Errorf("said %q", lines)
			}
		}
	})
}
