// Package inboundtest gives the tests of floor 3 a contact center without its edges: products, router and reactions on a real
// database. Reactions run when a test says so (Pump), one after the other, and can be run again.
package inboundtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/blob"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/flex"
	"usher/internal/flowrun"
	"usher/internal/handoff"
	"usher/internal/hook"
	"usher/internal/inbound"
	"usher/internal/janitor"
	"usher/internal/job"
	"usher/internal/media"
	"usher/internal/proxy"
	"usher/internal/seal"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/taskrouter"
)

// patience bounds how long a test waits for the router.
const patience = 30 * time.Second

// Reaction is a job that an event has asked for.
type Reaction struct {
	Kind string
	Job  job.Job
	Do   func(context.Context, job.Job) error
}

// World is an account with its defaults and everything that reacts.
type World struct {
	T       testing.TB
	DB      *db.DB
	Flex    *flex.Flex
	Chat    *chat.Chat
	Tasks   *taskrouter.TaskRouter
	Handoff *handoff.Handoff
	Inbound *inbound.Inbound
	Janitor *janitor.Janitor
	Studio  *studio.Studio
	Flowrun *flowrun.FlowRun
	Hooks   *hook.Hooks
	Jobs    *job.Queue
	// Proxy has no numbers: sessions can be made in it, and nobody can take part.
	Proxy   *proxy.Proxy
	Files   *media.Store
	Owner   account.Actor
	IDs     taskrouter.DefaultIDs
	Service chat.Service
	// ExecutionDays is how long executions are kept; what Restart makes takes it over.
	ExecutionDays int64

	// Answer is what HTTP calls of flows and webhooks get; nil refuses them.
	Answer func(hook.Request) (hook.Response, error)

	bus  *bus.Memory
	word func(context.Context, job.Job) error // of what goes out by a carrier

	mu      sync.Mutex
	waiting []Reaction
	done    []Reaction
	heard   chan struct{}
}

// New makes a world whose router does not run.
func New(t testing.TB, d *db.DB) *World {
	t.Helper()
	b := bus.NewMemory()
	jobs := job.New(d, b)
	log := event.New(d, b, jobs, map[event.StreamKind]string{
		event.Channel: "chat_channel", event.User: "chat_user",
		event.Worker: taskrouter.WorkerTable, event.Queue: taskrouter.QueueTable, event.Workspace: taskrouter.WorkspaceTable,
	}, nil)
	w := &World{T: t, DB: d, Flex: flex.New(d), Jobs: jobs, bus: b, heard: make(chan struct{}, 1)}
	blobs, err := blob.Open(blob.Options{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w.Files = media.New(media.Deps{DB: d, Blobs: blobs, Rules: media.Rules{MaxBytes: 1 << 20, VisitorBytes: 1 << 20}})
	w.Chat = chat.New(chat.Deps{DB: d, Log: log, Ring: d.Ring(), Media: w.Files})
	w.Tasks = taskrouter.New(taskrouter.Deps{DB: d, Log: log, Ring: d.Ring()})
	w.Handoff = handoff.New(w.Flex, w.Chat, w.Tasks)
	w.Inbound = inbound.New(w.Flex, w.Chat, w.Handoff)
	w.Restart()
	w.Owner = w.Account()
	w.Do(func(tx *db.Tx) (err error) {
		if w.IDs, err = w.Tasks.Defaults(tx, w.Owner.Account, w.Owner.AccountSID, ""); err != nil {
			return err
		}
		if w.Service, err = w.Chat.CreateServiceTx(tx, w.Owner.Account, chat.NewService{FriendlyName: "Support"}); err != nil {
			return err
		}
		return w.Flex.PutConfigurationTx(tx, w.Owner.Account, flex.ConfigurationDocument{
			Workspace: w.IDs.Workspace, Workflow: w.IDs.Workflow, ChatService: w.Service.SID,
		})
	})
	t.Cleanup(b.Subscribe(bus.Events, func(v any) { w.hear(v.(event.Event)) }))
	return w
}

// Restart makes what runs flows anew over the same rows, as the next process does.
func (w *World) Restart() {
	w.Studio = studio.New(w.DB)
	w.Proxy = proxy.New(proxy.Deps{DB: w.DB})
	w.Hooks = hook.New(hook.Deps{DB: w.DB, Jobs: w.Jobs, Client: w, Accounts: keeper{w}})
	w.Flowrun = flowrun.New(flowrun.Deps{
		Studio: w.Studio, Flex: w.Flex, Chat: w.Chat, Jobs: w.Jobs, Handoff: w.Handoff, Caller: w, Hooks: w.Hooks, Accounts: keeper{w},
		Fetcher: w, Files: w.Files, Origin: "https://usher.example.org",
	})
	w.Janitor = janitor.New(janitor.Deps{
		Flex: w.Flex, Chat: w.Chat, Studio: w.Studio, Tasks: w.Flowrun, Runner: w.Flowrun, Waiting: w.Handoff, Sessions: w.Proxy, ExecutionDays: w.ExecutionDays,
	})
}

// AuthToken is the token of every account in a world.
const AuthToken = "3f1c4c1e6b0d4f56a1b2c3d4e5f60718"

// keeper knows the world's own account.
type keeper struct{ w *World }

// ByIDTx finds the account by its integer key.
func (k keeper) ByIDTx(_ *db.Tx, id int64) (account.Account, error) {
	if id != k.w.Owner.Account {
		return account.Account{}, db.ErrNotFound
	}
	return k.Get(context.Background(), k.w.Owner, k.w.Owner.AccountSID)
}

// Get finds the account by its SID.
func (k keeper) Get(_ context.Context, _ account.Actor, s sid.SID) (a account.Account, err error) {
	a.ID, a.SID, a.Status, a.AuthToken = k.w.Owner.Account, s, account.Active, AuthToken
	return a, nil
}

// Fetch answers calls for files, by Answer as well.
func (w *World) Fetch(ctx context.Context, address string, most int64, take func(hook.File) error) error {
	r, err := w.Post(ctx, hook.Request{Method: "GET", URL: address})
	if err != nil {
		return err
	}
	if int64(len(r.Body)) > most {
		return &hook.Error{Failure: hook.TooLarge}
	}
	return take(hook.File{Filename: path.Base(address), ContentType: r.ContentType, Size: int64(len(r.Body)), Body: bytes.NewReader(r.Body)})
}

// Post answers the HTTP calls of flows and webhooks.
func (w *World) Post(_ context.Context, r hook.Request) (hook.Response, error) {
	if w.Answer == nil {
		return hook.Response{}, &hook.Error{Failure: hook.Refused}
	}
	return w.Answer(r)
}

// Due reads the unfinished jobs of a queue, the oldest first.
func (w *World) Due(queue string) (jobs []job.Job) {
	w.T.Helper()
	w.Do(func(tx *db.Tx) error {
		jobs = nil
		rows, err := tx.Query("select id, account_id, key_id, coalesce(unique_key, ''), order_key, run_at, doc from job where queue = $1 order by id", queue)
		if err != nil {
			return err
		}
		for rows.Next() {
			j, at, doc := job.Job{Queue: queue, Attempt: 1}, int64(0), []byte(nil)
			if err := rows.Scan(&j.ID, &j.Account, &j.Key, &j.Unique, &j.Order, &at, &doc); err != nil {
				return errors.Join(err, rows.Close())
			}
			aad := []byte("job|" + strconv.FormatInt(j.Account, 10) + "|" + queue + "|" + j.Order)
			j.RunAt = db.FromMicros(at)
			if j.Args, err = tx.DB().Ring().Open(seal.KeyRef{Account: j.Account, Data: j.Key}, aad, doc); err != nil && !errors.Is(err, seal.ErrDestroyed) {
				return errors.Join(err, rows.Close())
			}
			jobs = append(jobs, j)
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	return jobs
}

// Finish removes a job.
func (w *World) Finish(j job.Job) {
	w.T.Helper()
	w.Do(func(tx *db.Tx) error {
		_, err := tx.Exec("delete from job where id = $1", j.ID)
		return err
	})
}

// Account makes the keys of another account and returns its owner.
func (w *World) Account() account.Actor {
	w.T.Helper()
	var id int64
	w.Do(func(tx *db.Tx) (err error) { id, err = db.CreateKeyset(tx); return err })
	return account.System(id, sid.New(sid.Account))
}

// Do runs a transaction that must succeed.
func (w *World) Do(fn func(tx *db.Tx) error) {
	w.T.Helper()
	if err := w.DB.Do(context.Background(), fn); err != nil {
		w.T.Fatal(err)
	}
}

// hear notes what an event asks for: the table of subscribers in short.
func (w *World) hear(e event.Event) {
	talks := bytes.Contains(e.Data, []byte(`"channelSid"`))
	var do, flow, word func(context.Context, job.Job) error
	if e.Carried {
		word = w.word
	}
	switch e.Kind {
	case event.MessageAdded:
		if e.Watched {
			do = func(ctx context.Context, j job.Job) error { return w.Flowrun.OnMessage(ctx, j) } // of today's, see Restart
		}
	case event.ReservationAccepted, event.ReservationCompleted, event.ReservationCanceled, event.ReservationRescinded:
		if talks {
			do = w.Handoff.OnReservation
		}
	case event.TaskCreated:
		if talks && !e.Watched && e.Stream.Kind == event.Workspace {
			do = w.Handoff.OnTask
		}
	case event.TaskWrapup, event.TaskCompleted, event.TaskCanceled, event.TaskDeleted:
		if talks && e.Stream.Kind == event.Workspace {
			do = func(ctx context.Context, j job.Job) error { return w.Janitor.OnTask(ctx, j) }
			if e.Kind != event.TaskWrapup && bytes.Contains(e.Data, []byte(`"executionSid"`)) {
				flow = func(ctx context.Context, j job.Job) error { return w.Flowrun.OnTask(ctx, j) }
			}
		}
	}
	for _, do := range []func(context.Context, job.Job) error{do, flow, word} {
		if do == nil {
			continue
		}
		args, err := json.Marshal(event.Args{
			Kind: e.Kind, Stream: e.Stream.SID, ID: e.Stream.ID, Of: e.Stream.Kind, Offset: e.Offset, At: e.At, Data: e.Data,
		})
		if err != nil {
			w.T.Error(err)
		}
		w.mu.Lock()
		w.waiting = append(w.waiting, Reaction{e.Kind, job.Job{Account: e.Account, Key: e.Key, Args: args, Attempt: 1}, do})
		w.mu.Unlock()
	}
	select {
	case w.heard <- struct{}{}:
	default:
	}
}

// Take returns what waits to be reacted to, and forgets it.
func (w *World) Take() []Reaction {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.waiting
	w.waiting = nil
	return all
}

// Run runs one reaction, which must succeed.
func (w *World) Run(r Reaction) {
	w.T.Helper()
	if err := r.Do(context.Background(), r.Job); err != nil {
		w.T.Fatalf("reaction to %s: %v", r.Kind, err)
	}
	w.mu.Lock()
	w.done = append(w.done, r)
	w.mu.Unlock()
}

// Pump runs what waits, and what that makes, until nothing waits. It returns the kinds of events that were reacted to.
func (w *World) Pump() (kinds []string) {
	w.T.Helper()
	for all := w.Take(); len(all) > 0; all = w.Take() {
		for _, r := range all {
			w.Run(r)
			kinds = append(kinds, r.Kind)
		}
	}
	return kinds
}

// Again runs everything that was run before once more, in order, as a job may.
func (w *World) Again() {
	w.T.Helper()
	w.mu.Lock()
	all := slices.Clone(w.done)
	w.mu.Unlock()
	for _, r := range all {
		w.Run(r)
	}
	w.Pump()
}

// Route starts the router.
func (w *World) Route() {
	w.T.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Tasks.Router().Run(ctx) }()
	w.T.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			w.T.Errorf("router: %v", err)
		}
	})
}

// Flow makes an enabled web flow whose tasks are made by the first message, as change alters it.
func (w *World) Flow(change func(c *flex.FlowChange)) flex.Flow {
	w.T.Helper()
	c := flex.FlowChange{
		FriendlyName: new("Web"), ChatService: &w.Service.SID, ChannelType: new("web"), IntegrationType: new(flex.Task), Janitor: new(true),
		Integration: flex.IntegrationChange{
			Workspace: &w.IDs.Workspace, Workflow: &w.IDs.Workflow, Channel: new("chat"), CreationOnMessage: new(true),
		},
	}
	if change != nil {
		change(&c)
	}
	flow, err := w.Flex.CreateFlow(context.Background(), w.Owner, c)
	if err != nil {
		w.T.Fatal(err)
	}
	return flow
}

// Visitor is a customer with a token.
func (w *World) Visitor(identity string) account.Actor {
	return account.Actor{
		Account: w.Owner.Account, AccountSID: w.Owner.AccountSID, Role: account.RoleVisitor, Identity: identity, ChatService: w.Service.SID,
	}
}

// Open opens a web channel for a visitor, as change alters it.
func (w *World) Open(flow flex.Flow, identity string, change func(o *inbound.Opening)) flex.Channel {
	w.T.Helper()
	o := inbound.Opening{Flow: flow.SID, Identity: identity, CustomerName: "Ada", ChannelName: "Chat", Web: true}
	if change != nil {
		change(&o)
	}
	c, _, err := w.Inbound.Open(context.Background(), w.Owner, o)
	if err != nil {
		w.T.Fatal(err)
	}
	return c
}

// Say sends a message by its author.
func (w *World) Say(channel sid.SID, author, body string) chat.Message {
	w.T.Helper()
	m, _, err := w.Chat.Send(context.Background(), w.Owner, channel, chat.NewMessage{Author: author, Body: body})
	if err != nil {
		w.T.Fatal(err)
	}
	return m
}

// Channel reads a Flex channel.
func (w *World) Channel(s sid.SID) (c flex.Channel) {
	w.T.Helper()
	w.Do(func(tx *db.Tx) (err error) { c, err = w.Flex.ChannelTx(tx, w.Owner.Account, s); return err })
	return c
}

// Room reads a chat channel.
func (w *World) Room(s sid.SID) chat.Channel {
	w.T.Helper()
	ch, err := w.Chat.Get(context.Background(), w.Owner, s)
	if err != nil {
		w.T.Fatal(err)
	}
	return ch
}

// Attributes decodes a chat channel's attributes.
func (w *World) Attributes(s sid.SID) map[string]any {
	w.T.Helper()
	var m map[string]any
	if err := json.Unmarshal(w.Room(s).Attributes, &m); err != nil {
		w.T.Fatal(err)
	}
	return m
}

// Members lists the identities in a channel.
func (w *World) Members(s sid.SID) (identities []string) {
	w.T.Helper()
	all, err := w.Chat.Members(context.Background(), w.Owner, s)
	if err != nil {
		w.T.Fatal(err)
	}
	for _, m := range all {
		identities = append(identities, m.Identity)
	}
	return identities
}

// AllTasks lists the tasks of the workspace, oldest first.
func (w *World) AllTasks() []taskrouter.Task {
	w.T.Helper()
	page, err := w.Tasks.Tasks(context.Background(), w.Owner, w.IDs.Workspace, taskrouter.TaskFilter{}, db.Page{Size: 1000})
	if err != nil {
		w.T.Fatal(err)
	}
	return page.Items
}

// Agent makes a worker who waits for chats.
func (w *World) Agent(name string) taskrouter.Worker {
	w.T.Helper()
	worker, err := w.Tasks.CreateWorker(context.Background(), w.Owner, w.IDs.Workspace, taskrouter.NewWorker{
		FriendlyName: name, Attributes: `{"contact_uri":"client:` + name + `","full_name":"` + name + `"}`,
	})
	if err != nil {
		w.T.Fatal(err)
	}
	return w.Move(worker, w.IDs.Available)
}

// Move puts a worker into an activity.
func (w *World) Move(worker taskrouter.Worker, activity sid.SID) taskrouter.Worker {
	w.T.Helper()
	worker, err := w.Tasks.UpdateWorker(context.Background(), w.Owner, w.IDs.Workspace, worker.SID, taskrouter.WorkerUpdate{Activity: &activity})
	if err != nil {
		w.T.Fatal(err)
	}
	return worker
}

// Accept waits until the task is offered to the worker, and accepts it.
func (w *World) Accept(worker taskrouter.Worker, task sid.SID) {
	w.T.Helper()
	var offer sid.SID
	w.Until("task "+string(task)+" is offered to "+worker.FriendlyName, func() bool {
		page, err := w.Tasks.TaskReservations(context.Background(), w.Owner, w.IDs.Workspace, task, taskrouter.ReservationFilter{
			Statuses: []taskrouter.ReservationStatus{taskrouter.ReservationPending}, Worker: worker.SID,
		}, db.Page{Size: 1})
		if err != nil {
			w.T.Fatal(err)
		}
		if len(page.Items) > 0 {
			offer = page.Items[0].SID
		}
		return offer != ""
	})
	_, err := w.Tasks.UpdateReservation(context.Background(), w.Owner,
		taskrouter.ReservationOf{Workspace: w.IDs.Workspace, Task: task, Reservation: offer},
		taskrouter.ReservationUpdate{Status: taskrouter.ReservationAccepted})
	if err != nil {
		w.T.Fatal(err)
	}
}

// Until waits for what follows from an event.
func (w *World) Until(what string, ok func() bool) {
	w.T.Helper()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-w.heard:
		case <-time.After(20 * time.Millisecond): // an event may have gone before this waited
		case <-deadline:
			w.T.Fatalf("never happened: %s", what)
		}
	}
}

// SetTask moves a task to a state.
func (w *World) SetTask(task sid.SID, to taskrouter.TaskStatus) {
	w.T.Helper()
	_, err := w.Tasks.UpdateTask(context.Background(), w.Owner, w.IDs.Workspace, task, taskrouter.TaskUpdate{Status: to})
	if err != nil {
		w.T.Fatal(err)
	}
}
