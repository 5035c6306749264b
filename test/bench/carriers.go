package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"
)

const (
	// phoneCustomers is how many customers write in a round, phoneMessages how many messages each of them.
	phoneCustomers = 3000
	phoneMessages  = 4
)

// carriers times what carriers bring over HTTP: the first messages of customers, each to the row, a conversation and a task, and the
// messages that follow, each to the row and the conversation.
func (b *bench) carriers(ctx context.Context) error {
	var firsts, more []float64
	for range b.rounds {
		first, next, err := b.phones(ctx)
		if err != nil {
			return err
		}
		firsts, more = append(firsts, first), append(more, next)
	}
	first, next := median(firsts), median(more)
	b.add("first text messages to a conversation and a task, durable, 64 clients", f0(first)+"/s", "", "", "≥ 1,000/s", first >= 1000)
	b.add("text messages into conversations, durable, 64 clients", f0(next)+"/s", "", "", "≥ 1,000/s", next >= 1000)
	return nil
}

// phones lets customers write by the sandbox's number, and answers how many first messages and how many others came a second.
func (b *bench) phones(ctx context.Context) (first, more float64, err error) {
	dir, err := os.MkdirTemp(b.dir, "usher-")
	if err != nil {
		return 0, 0, err
	}
	p, err := b.usher(ctx, dir)
	if err != nil {
		return 0, 0, err
	}
	defer p.stop()
	answer, err := p.api(ctx, "GET", "/carriers/v1/Connections", nil)
	if err != nil {
		return 0, 0, err
	}
	list, _ := answer["connections"].([]any)
	if len(list) == 0 {
		return 0, 0, errors.New("no sandbox")
	}
	path := "/carriers/v1/Connections/" + list[0].(map[string]any)["sid"].(string) + "/Phones/"
	rows, err := openRows(ctx, dir)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = rows.Close() }()
	write := func(i int) error {
		customer := i % phoneCustomers
		_, err := p.api(ctx, "POST", path+url.PathEscape(fmt.Sprintf("+1500%07d", customer))+"/Messages",
			url.Values{"Body": {"Where is my order?"}, "Id": {fmt.Sprint(i)}})
		return err
	}
	begin := time.Now()
	if err := parallel(64, phoneCustomers, write); err != nil {
		return 0, 0, err
	}
	for n := 0; n < phoneCustomers; time.Sleep(5 * time.Millisecond) {
		if n, err = count(ctx, rows, "taskrouter_task"); err != nil {
			return 0, 0, err
		}
		if time.Since(begin) > 2*time.Minute {
			return 0, 0, fmt.Errorf("%d of %d tasks were made", n, phoneCustomers)
		}
	}
	first = phoneCustomers / time.Since(begin).Seconds()
	begin = time.Now()
	err = parallel(64, phoneCustomers*(phoneMessages-1), func(i int) error { return write(phoneCustomers + i) })
	more = phoneCustomers * (phoneMessages - 1) / time.Since(begin).Seconds()
	if n, counted := count(ctx, rows, "chat_message"); err == nil && (counted != nil || n != phoneCustomers*phoneMessages) {
		err = fmt.Errorf("%d messages, %w", n, counted)
	}
	return first, more, err
}
