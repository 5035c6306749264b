package app

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/event"
	"usher/internal/flowrun"
	"usher/internal/handoff"
	"usher/internal/janitor"
)

// Who reacts durably to what. A job costs two writes, so what nobody needs must not become one.
func TestSubscribers(t *testing.T) {
	t.Parallel()
	const talks, silent = `{"task":{"attributes":{"channelSid":"CH0"}}}`, `{"task":{"attributes":{}}}`
	const flow = `{"task":{"attributes":{"channelSid":"CH0","executionSid":"FN0"}}}`
	for _, row := range []struct {
		kind    string
		of      event.StreamKind
		data    string
		watched bool
		want    []string
	}{
		{event.MessageAdded, event.Channel, `{}`, true, []string{handoff.Messages}},
		{event.MessageAdded, event.Channel, `{}`, false, nil},
		{event.MessageUpdated, event.Channel, `{}`, true, nil},
		{event.ReservationCreated, event.Worker, talks, true, nil},
		{event.ReservationAccepted, event.Worker, talks, true, []string{handoff.Reservations}},
		{event.ReservationAccepted, event.Worker, talks, false, []string{handoff.Reservations}},
		{event.ReservationAccepted, event.Worker, silent, true, nil},
		{event.ReservationCompleted, event.Worker, talks, true, []string{handoff.Reservations}},
		{event.ReservationCanceled, event.Worker, talks, true, nil},
		{event.ReservationRescinded, event.Worker, talks, true, nil},
		{event.ReservationWrapup, event.Worker, talks, true, nil},
		{event.TaskCreated, event.Workspace, talks, true, nil},
		{event.TaskCreated, event.Workspace, talks, false, []string{handoff.Tasks}},
		{event.TaskCreated, event.Worker, talks, false, nil},
		{event.TaskCreated, event.Workspace, silent, false, nil},
		{event.TaskUpdated, event.Workspace, talks, true, nil},
		{event.TaskWrapup, event.Workspace, talks, true, []string{janitor.Tasks}},
		{event.TaskWrapup, event.Worker, talks, true, nil},
		{event.TaskCompleted, event.Workspace, talks, false, []string{janitor.Tasks}},
		{event.TaskCompleted, event.Workspace, silent, true, nil},
		{event.TaskCanceled, event.Workspace, talks, true, []string{janitor.Tasks}},
		{event.TaskDeleted, event.Workspace, talks, true, []string{janitor.Tasks}},
		{event.TaskDeleted, event.Worker, talks, true, nil},
		{event.TaskCompleted, event.Workspace, flow, true, []string{janitor.Tasks, flowrun.Tasks}},
		{event.TaskCanceled, event.Workspace, flow, true, []string{janitor.Tasks, flowrun.Tasks}},
		{event.TaskDeleted, event.Workspace, flow, true, []string{janitor.Tasks, flowrun.Tasks}},
		{event.TaskWrapup, event.Workspace, flow, true, []string{janitor.Tasks}},
	} {
		var got []string
		for _, s := range subscribers()[row.kind] {
			if s.Wants == nil || s.Wants(event.Event{Kind: row.kind, Stream: event.Stream{Kind: row.of}, Data: []byte(row.data), Watched: row.watched}) {
				got = append(got, s.Queue)
			}
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s on a stream of kind %d, watched %v, %s: %v, want %v", row.kind, row.of, row.watched, row.data, got, row.want)
		}
	}
}

// A client that stalls does not keep the process from ending.
func TestRun_cutsWhatStallsAtTheEnd(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		c.Drain = 2 * time.Second
		s := start(t, c)
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_, err = fmt.Fprintf(conn, "POST /signin/once HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", s.url[7:])
		if err != nil {
			t.Fatal(err)
		}
		s.visitor() // a later request is answered, so the first one is under way
		began := time.Now()
		s.stop()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the end took %v with 2 s to drain", took)
		}
	})
}

// A metrics port that is taken is no reason not to serve customers.
func TestRun_withoutItsMetricsPort(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	c := config(t, "")
	c.Metrics = taken.Addr().String()
	start(t, c).must(200, "GET", "/healthz", "", "", nil)
	free := config(t, "")
	free.Metrics = "127.0.0.1:0"
	start(t, free).must(200, "GET", "/healthz", "", "", nil)
}

func TestRun_badCertificate(t *testing.T) {
	t.Parallel()
	c := config(t, "")
	c.Listen, c.TLSCert, c.TLSKey = "127.0.0.1:0", "/nowhere/cert.pem", "/nowhere/key.pem"
	if err := Run(t.Context(), c, io.Discard); err == nil || !strings.Contains(err.Error(), "cert.pem") {
		t.Errorf("run: %v", err)
	}
	c.Listen = "nonsense"
	if err := Run(t.Context(), c, io.Discard); err == nil {
		t.Error("a bad address to listen on is no error")
	}
}
