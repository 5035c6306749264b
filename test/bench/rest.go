package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// idleConnections is how many visitors are connected and quiet.
const idleConnections = 10_000

// idle measures what one more signed-in, subscribed connection costs.
func (b *bench) idle(ctx context.Context) error {
	dir, err := os.MkdirTemp(b.dir, "usher-")
	if err != nil {
		return err
	}
	p, err := b.usher(ctx, dir)
	if err != nil {
		return err
	}
	service, channels, err := p.rooms(ctx, idleConnections/2)
	p.stop()
	if err != nil {
		return err
	}
	// A fresh process, so that what making the channels took is not counted as room for connections.
	if p, err = b.usher(ctx, dir); err != nil {
		return err
	}
	defer p.stop()
	if _, err := p.join(channels[0], who(0, 0), service, nil); err != nil {
		return err
	}
	before, err := p.settled()
	if err != nil {
		return err
	}
	lines := make([]*line, idleConnections)
	err = parallel(32, idleConnections, func(i int) error {
		var err error
		lines[i], err = p.join(channels[i/2], who(i/2, i%2), service, nil)
		return err
	})
	if err != nil {
		return err
	}
	after, err := p.settled()
	if err != nil {
		return err
	}
	each := float64(after-before) / idleConnections / 1024
	b.add("idle connection at 10,000, resident", f2(each)+" KB", "", "", "≤ 20 KB", each <= 20)
	return nil
}

// settled waits until memory stops moving and returns it.
func (p *process) settled() (int64, error) {
	last := int64(-1)
	for range 40 {
		time.Sleep(250 * time.Millisecond)
		now, err := p.resident()
		if err != nil {
			return 0, err
		}
		if last >= 0 && max(now-last, last-now) < 64<<10 {
			return now, nil
		}
		last = now
	}
	return last, nil
}

// history compares reading the last 50 messages of a long and of a short channel.
func (b *bench) history(ctx context.Context) error {
	dir, err := os.MkdirTemp(b.dir, "usher-")
	if err != nil {
		return err
	}
	p, err := b.usher(ctx, dir)
	if err != nil {
		return err
	}
	defer p.stop()
	service, channels, err := p.rooms(ctx, 2)
	if err != nil {
		return err
	}
	paths := make([]string, 2)
	for i, n := range []int{100_000, 1_000} {
		paths[i] = "/chat/v2/Services/" + service + "/Channels/" + channels[i] + "/Messages"
		form := url.Values{"Body": {strings.Repeat("x", textSize)}, "From": {who(i, 0)}}
		err := parallel(restClients, n, func(int) error {
			_, err := p.api(ctx, "POST", paths[i], form)
			return err
		})
		if err != nil {
			return err
		}
	}
	var took [2][]time.Duration
	for n := range 400 {
		begin := time.Now()
		if _, err := p.api(ctx, "GET", paths[n%2]+"?Order=desc&PageSize=50", nil); err != nil {
			return err
		}
		took[n%2] = append(took[n%2], time.Since(begin))
	}
	slices.Sort(took[0])
	slices.Sort(took[1])
	long, short := quantile(took[0], 0.5), quantile(took[1], 0.5)
	b.add("last 50 of 100,000 messages, p50 (bound: of 1,000)", f2(long)+" ms", f2(short)+" ms", f2(long/short), "≤ 1.3", long/short <= 1.3)
	return nil
}

// start measures what a start takes, what an idle process holds, and how much there is to download.
func (b *bench) start(ctx context.Context) error {
	dir, err := os.MkdirTemp(b.dir, "usher-")
	if err != nil {
		return err
	}
	var starts []float64
	var memory int64
	for range b.rounds + 1 {
		p, err := b.usher(ctx, dir)
		if err != nil {
			return err
		}
		starts = append(starts, float64(p.took.Microseconds())/1000)
		memory, err = p.settled()
		p.stop()
		if err != nil {
			return err
		}
	}
	again := median(starts[1:]) // the first one makes the database
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	binary, resident := float64(info.Size())/(1<<20), float64(memory)/(1<<20)
	b.add("start until the first answer", f0(again)+" ms", "", "", "≤ 150 ms", again <= 150)
	b.add("idle, resident", f2(resident)+" MB", "", "", "≤ 48 MB", resident <= 48)
	b.add("binary, stripped", f2(binary)+" MB", "", "", "≤ 40 MB", binary <= 40)
	return b.downloads()
}

// downloads adds up what browsers load first, compressed.
func (b *bench) downloads() error {
	for _, d := range []struct {
		what, entry string
		limit       float64
	}{
		{"widget loader", "web/dist/widget.js", 2},
		{"widget app", "web/dist/widget/index.html", 25},
		{"desk, first load", "web/dist/desk/index.html", 250},
	} {
		size, err := firstLoad(d.entry)
		if err != nil {
			return err
		}
		kb := float64(size) / 1024
		b.add(d.what+", gzip", f2(kb)+" KB", "", "", fmt.Sprintf("≤ %.0f KB", d.limit), kb <= d.limit)
	}
	return nil
}

// firstLoad is the compressed size of a script, or of a page with the scripts and styles that it names.
func firstLoad(entry string) (int, error) {
	text, err := os.ReadFile(entry)
	if err != nil {
		return 0, err
	}
	total, err := served(entry)
	if err != nil || !strings.HasSuffix(entry, ".html") {
		return total, err
	}
	dir := filepath.Dir(entry)
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path == entry {
			return err
		}
		if ext := filepath.Ext(path); ext != ".js" && ext != ".css" || !bytes.Contains(text, []byte(e.Name())) {
			return nil
		}
		n, err := served(path)
		total += n
		return err
	})
	return total, err
}

// served is the size of a file as the server sends it: of the compressed copy beside it.
func served(path string) (int, error) {
	info, err := os.Stat(path + ".gz")
	if err != nil {
		return 0, err
	}
	return int(info.Size()), nil
}
