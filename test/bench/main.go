// Command bench measures Usher against the least that a durable chat relay can do on the same machine, in one run, and prints the
// ratios. Figures of different runs do not compare; ratios do. It is not a test: nothing fails for being slow.
//
//	go run ./test/bench            everything, three rounds, medians
//	go run ./test/bench -rounds 1  a quick look
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

// row is a line of the table.
type row struct {
	what, ours, bound, ratio, goal string
	ok                             bool
}

// bench holds what the measurements share.
type bench struct {
	rounds int
	length time.Duration
	only   string
	// channels is how many the janitor sweeps.
	channels int
	dir      string
	binary   string
	rows     []row
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "mini" {
		if err := runMini(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, "mini:", err)
			os.Exit(1)
		}
		return
	}
	b := bench{}
	flag.IntVar(&b.rounds, "rounds", 3, "rounds of each measurement; medians are reported")
	flag.DurationVar(&b.length, "length", 5*time.Second, "length of each round")
	flag.IntVar(&b.channels, "channels", 100_000, "open channels of the janitor's measurement; half of them are closed")
	flag.StringVar(&b.only, "only", "", "only measurements whose name contains this")
	profile := flag.String("profile", "", "file for a CPU profile of this process: of routing, and of the load")
	flag.Parse()
	if *profile != "" {
		file, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(file)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context) error {
	raiseFileLimit()
	dir, err := os.MkdirTemp("", "usher-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b.dir = dir
	if b.binary, err = build(ctx, dir); err != nil {
		return err
	}
	for _, m := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"durable messages", b.messages},
		{"end to end", b.latency},
		{"rest", b.rest},
		{"idle connections", b.idle},
		{"chat SDKs, idle", b.idleChat},
		{"chat SDKs, beginning", b.beginChat},
		{"chat SDKs, messages", b.hearChat},
		{"history", b.history},
		{"routing", b.routing},
		{"first messages", b.inbound},
		{"steps of flows", b.steps},
		{"waiting flows", b.waiting},
		{"sweeps of the janitor", b.sweeps},
		{"carriers", b.carriers},
		{"smpp", b.smpp},
		{"start and size", b.start},
	} {
		if !strings.Contains(m.name, b.only) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s …\n", m.name)
		if err := m.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	b.print()
	return nil
}

// interleave runs ours and the bound in turns and returns the medians.
func (b *bench) interleave(ours, bound func() (float64, error)) (o, m float64, err error) {
	var os, ms []float64
	for range b.rounds {
		v, err := bound()
		if err != nil {
			return 0, 0, fmt.Errorf("bound: %w", err)
		}
		ms = append(ms, v)
		if v, err = ours(); err != nil {
			return 0, 0, err
		}
		os = append(os, v)
	}
	return median(os), median(ms), nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// quantile returns the q-th part of sorted durations in milliseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Microseconds()) / 1000
}

func (b *bench) add(what, ours, bound, ratio, goal string, ok bool) {
	b.rows = append(b.rows, row{what, ours, bound, ratio, goal, ok})
}

func (b *bench) print() {
	fmt.Printf("\n| measurement | Usher | bound | ratio | goal | |\n|---|---|---|---|---|---|\n")
	for _, r := range b.rows {
		mark := "met"
		if !r.ok {
			mark = "MISSED"
		}
		fmt.Printf("| %s | %s | %s | %s | %s | %s |\n", r.what, r.ours, r.bound, r.ratio, r.goal, mark)
	}
}
