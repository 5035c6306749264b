package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"usher/internal/db"
	"usher/internal/seal"
)

// flowCustomers is how many customers write their first message in a round.
const flowCustomers = 6000

// inbound times the way of a customer's first message: to the row, to its Studio flow, to a task in its queue.
func (b *bench) inbound(ctx context.Context) error {
	var rates []float64
	for range b.rounds {
		rate, err := b.firstMessages(ctx)
		if err != nil {
			return err
		}
		rates = append(rates, rate)
	}
	rate := median(rates)
	b.add("first messages through the default flow to a task, durable, 64 clients", f0(rate)+"/s", "", "", "≥ 2,000/s", rate >= 2000)
	return nil
}

// firstMessages opens a channel for each customer, then lets all of them write, and answers how many tasks a second were made.
func (b *bench) firstMessages(ctx context.Context) (float64, error) {
	dir, err := os.MkdirTemp(b.dir, "usher-")
	if err != nil {
		return 0, err
	}
	p, err := b.usher(ctx, dir)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	paths, err := p.doors(ctx, flowCustomers)
	if err != nil {
		return 0, err
	}
	rows, err := openRows(ctx, dir)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	begin := time.Now()
	err = parallel(64, len(paths), func(i int) error {
		_, err := p.api(ctx, "POST", paths[i], url.Values{"Body": {"Where is my order?"}, "From": {who(i, 0)}})
		return err
	})
	if err != nil {
		return 0, err
	}
	for {
		n, err := count(ctx, rows, "taskrouter_task")
		switch {
		case err != nil:
			return 0, err
		case n >= flowCustomers:
			return flowCustomers / time.Since(begin).Seconds(), nil
		case time.Since(begin) > 2*time.Minute:
			return 0, fmt.Errorf("%d of %d tasks were made", n, flowCustomers)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// webFlow is the Flex Flow that visitors of an installation come in by.
func (p *process) webFlow(ctx context.Context) (map[string]any, error) {
	answer, err := p.api(ctx, "GET", "/flex-api/v1/FlexFlows?FriendlyName="+url.QueryEscape("Flex Web Channel Flow"), nil)
	if err != nil {
		return nil, err
	}
	list, _ := answer["flex_flows"].([]any)
	if len(list) == 0 {
		return nil, errors.New("no default flow")
	}
	return list[0].(map[string]any), nil
}

// doors opens n channels on the default web flow and answers the paths of their messages.
func (p *process) doors(ctx context.Context, n int) ([]string, error) {
	flow, err := p.webFlow(ctx)
	if err != nil {
		return nil, err
	}
	paths := make([]string, n)
	return paths, parallel(32, n, func(i int) error {
		c, err := p.api(ctx, "POST", "/flex-api/v1/WebChannels", url.Values{
			"FlexFlowSid": {flow["sid"].(string)}, "Identity": {who(i, 0)}, "CustomerFriendlyName": {"Ada"}, "ChatFriendlyName": {"Web"},
		})
		if err != nil {
			return err
		}
		paths[i] = fmt.Sprintf("/chat/v2/Services/%s/Channels/%s/Messages", flow["chat_service_sid"], c["sid"])
		return nil
	})
}

// openRows opens a running server's database beside it.
func openRows(ctx context.Context, dir string) (*db.DB, error) {
	root, err := seal.ReadRoot(filepath.Join(dir, "root.key"))
	if err != nil {
		return nil, err
	}
	return db.Open(ctx, db.Options{URL: filepath.Join(dir, "usher.db"), Ring: seal.New(root)})
}

func count(ctx context.Context, d *db.DB, table string) (n int, err error) {
	err = d.View(ctx, func(tx *db.Tx) error { return tx.QueryRow("select count(*) from " + table).Scan(&n) })
	return n, err
}
