package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/chat/delivery"
	"usher/internal/chat/look"
	devices "usher/internal/chat/push"
	"usher/internal/chat/webhook"
	"usher/internal/connector/switchboard"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/flowrun"
	"usher/internal/handoff"
	"usher/internal/hook"
	"usher/internal/inbound"
	"usher/internal/janitor"
	"usher/internal/job"
	"usher/internal/loop"
	"usher/internal/masking"
	"usher/internal/media"
	"usher/internal/messaging"
	"usher/internal/messaging/connection"
	"usher/internal/notify"
	"usher/internal/outbound"
	"usher/internal/page"
	"usher/internal/proxy"
	"usher/internal/push"
	"usher/internal/realtime"
	"usher/internal/realtime/socket"
	"usher/internal/realtime/stream"
	"usher/internal/realtime/twilsock"
	"usher/internal/rest"
	restaccounts "usher/internal/rest/accounts"
	restcarriers "usher/internal/rest/carriers"
	restchat "usher/internal/rest/chat"
	resters "usher/internal/rest/ers"
	restflex "usher/internal/rest/flex"
	resthooks "usher/internal/rest/hooks"
	restiam "usher/internal/rest/iam"
	restjanitor "usher/internal/rest/janitor"
	restmcs "usher/internal/rest/mcs"
	restmessaging "usher/internal/rest/messaging"
	restproxy "usher/internal/rest/proxy"
	reststudio "usher/internal/rest/studio"
	resttaskrouter "usher/internal/rest/taskrouter"
	"usher/internal/seal"
	"usher/internal/sid"
	"usher/internal/signin"
	"usher/internal/studio"
	"usher/internal/taskrouter"
	"usher/internal/texting"
	"usher/web"
)

// owners are the tables whose rows own streams, and count their events in the column head.
var owners = map[event.StreamKind]string{
	event.Channel:   "chat_channel",
	event.User:      "chat_user",
	event.Worker:    "taskrouter_worker",
	event.Queue:     "taskrouter_queue",
	event.Workspace: "taskrouter_workspace",
}

// subscribers says who reacts durably to which event.
func subscribers() map[string][]event.Subscriber {
	watched := func(e event.Event) bool { return e.Watched }
	// Tasks without a conversation cost no job, whoever made them.
	talks := func(e event.Event) bool { return bytes.Contains(e.Data, []byte(`"channelSid"`)) }
	reservation := event.Subscriber{Queue: handoff.Reservations, Wants: talks}
	// A task's event is on the workspace's stream, and on its worker's as well: once is enough.
	task := event.Subscriber{Queue: janitor.Tasks, Wants: func(e event.Event) bool { return e.Stream.Kind == event.Workspace && talks(e) }}
	flow := event.Subscriber{Queue: flowrun.Tasks, Wants: func(e event.Event) bool {
		return e.Stream.Kind == event.Workspace && bytes.Contains(e.Data, []byte(`"executionSid"`))
	}}
	// Handoff ties its own tasks to their channels when it makes them, and has them watched.
	named := event.Subscriber{Queue: handoff.Tasks, Wants: func(e event.Event) bool {
		return !e.Watched && e.Stream.Kind == event.Workspace && talks(e)
	}}
	carried := func(e event.Event) bool { return e.Carried }
	// A status matters to the chat message that went out so.
	said := func(e event.Event) bool { return bytes.Contains(e.Data, []byte(`"origin":"`+sid.Message)) }
	list := map[string][]event.Subscriber{
		event.MessageAdded:         {{Queue: handoff.Messages, Wants: watched}, {Queue: outbound.Words, Wants: carried}},
		event.SMSQueued:            {{Queue: outbound.Sends, Order: messaging.PairOf}},
		event.SMSStatus:            {{Queue: outbound.Ticks, Wants: said, Order: messaging.PairOf}},
		event.ReservationAccepted:  {reservation},
		event.ReservationCompleted: {reservation},
		event.TaskCreated:          {named},
		event.TaskWrapup:           {task},
		event.TaskCompleted:        {task, flow},
		event.TaskCanceled:         {task, flow},
		event.TaskDeleted:          {task, flow},
	}
	webhooks := event.Subscriber{Queue: notify.Events, Wants: func(e event.Event) bool { return e.Origin != nil && !e.Origin.Quiet }}
	for _, kind := range notify.Kinds() {
		list[kind] = append(list[kind], webhooks)
	}
	for _, kind := range push.Kinds() {
		list[kind] = append(list[kind], event.Subscriber{Queue: push.Events, Wants: push.Wants})
	}
	for _, more := range []map[string][]event.Subscriber{masks(), texts()} {
		for kind, subs := range more {
			list[kind] = append(list[kind], subs...)
		}
	}
	return list
}

// parts is everything that a running server is made of.
type parts struct {
	config   Config
	db       *db.DB
	bus      *bus.Memory
	jobs     *job.Queue
	log      *event.Log
	accounts *account.Accounts
	media    *media.Store
	chat     *chat.Chat
	tasks    *taskrouter.TaskRouter
	flex     *flex.Flex
	studio   *studio.Studio
	flowrun  *flowrun.FlowRun
	handoff  *handoff.Handoff
	messages *messaging.Messaging
	links    messaging.Links // to the files of messages
	proxy    *proxy.Proxy
	masking  *masking.Masking
	texting  *texting.Texting
	inbound  *inbound.Inbound
	hooks    *hook.Hooks
	webhooks *webhook.Webhooks
	carriers *connection.Connections
	board    *switchboard.Switchboard
	arrivals *delivery.Deliveries
	mail     *inbound.Mail
	outbound *outbound.Outbound
	notify   *notify.Notify
	devices  *devices.Push
	push     *push.Push
	janitor  *janitor.Janitor
	presence *realtime.Presence
	hub      *realtime.Hub
	stream   *stream.Server
	twilsock *twilsock.Server
	rest     *rest.Server
	signin   http.Handler
	pages    *page.Pages
	metrics  *metrics
	setup    account.Setup
	draining chan struct{}
}

// assemble opens the database and makes every part, from the bottom up. It starts nothing.
func assemble(ctx context.Context, c Config) (*parts, error) {
	p := &parts{config: c, bus: bus.NewMemory(), draining: make(chan struct{}), metrics: newMetrics()}
	ring, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	p.jobs = job.New(p.db, p.bus)
	p.log = event.New(p.db, p.bus, p.jobs, owners, subscribers())
	p.accounts = account.New(account.Deps{DB: p.db})
	allow, err := networks("--allow", c.Allow)
	if err != nil {
		return nil, errors.Join(err, p.db.Close())
	}
	transport := hook.NewTransport(hook.Policy{Allow: allow})
	caller := hook.NewClient(transport)
	p.presence = &realtime.Presence{}
	p.presence.Listen()
	if p.media, err = p.openMedia(); err != nil {
		return nil, errors.Join(err, p.db.Close())
	}
	p.chat = chat.New(chat.Deps{
		DB: p.db, Log: p.log, Ring: ring, Presence: p.presence, ActionsPerSecond: c.ChannelRate, Gate: notify.NewGate(caller, p.accounts),
		Media: p.media,
	})
	p.tasks = taskrouter.New(taskrouter.Deps{DB: p.db, Log: p.log, Ring: ring, Slog: slog.Default()})
	p.flex = flex.New(p.db)
	p.openMessages()
	p.handoff = handoff.New(p.flex, p.chat, p.tasks)
	p.inbound = inbound.New(p.flex, p.chat, p.handoff)
	p.studio = studio.New(p.db)
	p.hooks = hook.New(hook.Deps{DB: p.db, Jobs: p.jobs, Client: caller, Accounts: p.accounts})
	p.openMasking(caller)
	p.flowrun = flowrun.New(flowrun.Deps{
		Studio: p.studio, Flex: p.flex, Chat: p.chat, Jobs: p.jobs, Handoff: p.handoff, Caller: caller,
		Hooks: p.hooks, Accounts: p.accounts, Fetcher: caller, Files: p.media, Origin: p.fileOrigin(),
	})
	p.janitor = janitor.New(janitor.Deps{
		Flex: p.flex, Chat: p.chat, Studio: p.studio, Tasks: p.flowrun, Runner: p.flowrun, Waiting: p.handoff, Sessions: p.proxy, ExecutionDays: c.ExecutionDays,
	})
	p.openCarriers(transport, allow)
	p.webhooks = webhook.New(p.db, p.chat)
	p.devices = devices.New(p.db, p.chat)
	p.push = p.newPush()
	p.notify = notify.New(notify.Deps{
		DB: p.db, Chat: p.chat, Webhooks: p.webhooks, Hooks: p.hooks, Accounts: p.accounts, Flows: p.flowrun,
	})
	// The main account's keys are also those of page tokens and visitor secrets, so it comes before the edges.
	if p.setup, err = p.mainAccount(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("main account: %w", err), p.db.Close())
	}
	if err := p.openTexting(caller); err != nil {
		return nil, errors.Join(err, p.db.Close())
	}
	if err := p.edges(); err != nil {
		return nil, errors.Join(err, p.db.Close())
	}
	return p, nil
}

// errOrphan says that a database was found without the root key that it needs.
var errOrphan = errors.New("there is a database already: without its root key nothing in it can be read")

// open opens the database with the root key, which is made when there is neither a key nor a database that would need an
// older one.
func (p *parts) open(ctx context.Context) (*seal.Ring, error) {
	c := p.config
	root, err := seal.ReadRoot(c.RootKey)
	made := errors.Is(err, seal.ErrRootMissing)
	if made {
		if _, found := os.Stat(c.databaseURL()); c.Database == "" && found == nil {
			return nil, fmt.Errorf("%w, but %w", err, errOrphan)
		}
		root, err = seal.CreateRoot(c.RootKey)
	}
	if err != nil {
		return nil, err
	}
	ring := seal.New(root)
	if p.db, err = db.Open(ctx, db.Options{URL: c.databaseURL(), Ring: ring}); err != nil {
		return nil, err
	}
	if !made {
		return ring, nil
	}
	// Only now can a PostgreSQL database be asked. A key that was just made opens no account.
	if _, err := account.New(account.Deps{DB: p.db}).MainAccount(ctx); !errors.Is(err, db.ErrNotFound) && !fault.Is(err, fault.KindNotFound) {
		return nil, errors.Join(fmt.Errorf("%s: %w, but %w", c.RootKey, seal.ErrRootMissing, errOrphan), p.db.Close(), os.Remove(c.RootKey))
	}
	slog.Info("a new root key was made; keep a copy of it apart from the backups", "file", c.RootKey)
	return ring, nil
}

// products are the REST APIs that this server answers.
func (p *parts) products() ([]rest.Product, error) {
	visitorKey, err := p.edgeKey("visitors")
	if err != nil {
		return nil, err
	}
	mediaKey, err := p.edgeKey(mediaKeyOf)
	if err != nil {
		return nil, err
	}
	texts := restmessaging.Deps{Messages: p.messages, Accounts: p.accounts, Files: p.media, Links: p.links}
	flows := reststudio.Deps{Studio: p.studio, Runner: p.flowrun, Trials: p.flowrun}
	return []rest.Product{
		restaccounts.Product(p.accounts, p.accounts, restmessaging.Mounts(texts)...),
		restmessaging.Product(texts),
		restchat.Product(restchat.Deps{Chat: p.chat, Webhooks: p.webhooks, Push: p.devices, MediaMB: p.config.MediaMB}),
		resters.Product(p.accounts, p.devices),
		restflex.Product(restflex.Deps{
			Flows: p.flex, Channels: p.flex, Doors: p.inbound, Configurations: p.flex, Accounts: p.accounts, Seats: p.handoff,
		}),
		resttaskrouter.Product(p.tasks),
		reststudio.Product(flows), reststudio.Version1(flows), reststudio.Own(flows),
		restmcs.Product(restmcs.Deps{Files: p.media, Rules: p.media, Key: mediaKey, Origin: p.config.MediaURL}),
		restproxy.Product(restproxy.Deps{Proxy: p.proxy, Teller: p.masking}),
		resthooks.Product(p.hooks, p.flowrun),
		restjanitor.Product(p.janitor, p.flex),
		restcarriers.Product(restcarriers.Deps{Connections: p.carriers, Editor: p.carriers, Deliveries: p.arrivals, Phones: p.phones(), Entrance: entrance}),
		restiam.Product(restiam.Deps{Tokens: p.accounts, Flex: p.flex, Key: visitorKey, Origin: p.allowOrigin}),
	}, nil
}

// edges makes what speaks to the outside.
func (p *parts) edges() error {
	proxies, err := networks("--proxies", p.config.Proxies)
	if err != nil {
		return err
	}
	p.hub = realtime.New(realtime.Options{Log: realtime.SQLLog{DB: p.db, Log: p.log}})
	p.bus.Subscribe(bus.Events, func(v any) {
		if e, ok := v.(event.Event); ok {
			p.hub.Event(e)
		}
	})
	p.bus.Subscribe(bus.Signals, func(v any) {
		if y, ok := v.(realtime.Typing); ok {
			p.hub.Typing(y)
		}
	})
	pageKey, err := p.edgeKey("page tokens")
	if err != nil {
		return err
	}
	products, err := p.products()
	if err != nil {
		return err
	}
	p.rest, err = rest.New(rest.Options{
		Products: products, Auth: p.accounts, Key: pageKey, Proxies: proxies, Log: slog.Default(), Observe: p.metrics.request,
	})
	if err != nil {
		return err
	}
	views := stream.Products{DB: p.db, Log: p.log, Rooms: p.chat}
	typing := func(y realtime.Typing) { _ = p.bus.Publish(context.Background(), bus.Signals, y) }
	address := func(r *http.Request) string { return p.rest.Client(r).String() }
	guests := socket.Rules{
		Tokens: p.accounts, Presence: p.presence, Address: address,
		Limits: socket.Limits{SendRate: p.config.SendRate, SendBurst: 2 * p.config.SendRate, RequestRate: p.requestRate(), PerAddress: p.config.PerAddress},
	}
	p.stream = stream.New(stream.Options{Hub: p.hub, Streams: views, Chat: views, Typing: typing, Rules: guests})
	looker := &look.Looker{Rooms: p.chat, DB: p.db, Ring: p.db.Ring(), Presence: p.presence}
	p.twilsock = twilsock.New(twilsock.Options{
		Hub: p.hub, Chat: p.chat, Look: looker, Push: p.devices, Typing: typing, Origin: p.mediaOrigin, Rules: guests,
	})
	p.signin = signin.New(signin.Deps{
		Sessions: p.accounts, People: p.accounts, Minter: p.accounts, Seats: p,
		Client: p.rest.Client, Secure: p.rest.Secure, Origin: p.origin, Log: slog.Default(), Plain: p.config.PlainSignin,
	})
	p.pages, err = page.New(page.Options{
		Files: web.Dist(), Widget: p.widget, Ready: p.ready, Media: p.config.MediaURL, Secure: p.rest.Secure, Log: slog.Default(),
	})
	return err
}

// edgeKey makes a key of the installation: the same on every node and after every start.
func (p *parts) edgeKey(purpose string) ([]byte, error) {
	first, err := p.db.Ring().Blind(p.setup.Account.ID, "edge key 1", purpose)
	if err != nil {
		return nil, err
	}
	second, err := p.db.Ring().Blind(p.setup.Account.ID, "edge key 2", purpose)
	return append(first, second...), err
}

// services are the loops that run beside the listeners, in the order of their start.
func (p *parts) services() *loop.Group {
	g := &loop.Group{}
	g.Add("taskrouter", p.tasks.Router())
	for queue, do := range map[string]func(context.Context, job.Job) error{
		handoff.Messages:     p.flowrun.OnMessage,
		flowrun.Calls:        p.flowrun.OnCall,
		flowrun.Timers:       p.flowrun.OnTimer,
		flowrun.Tasks:        p.flowrun.OnTask,
		flowrun.Undelivered:  p.flowrun.OnUndelivered,
		outbound.Words:       p.onWord,
		outbound.Ticks:       p.outbound.OnTick,
		handoff.Tasks:        p.handoff.OnTask,
		handoff.Reservations: p.handoff.OnReservation,
		janitor.Tasks:        p.janitor.OnTask,
		notify.Events:        p.notify.OnEvent,
		messaging.Due:        p.messages.OnDue,
		masking.Received:     p.masking.OnReceived,
		masking.Statuses:     p.masking.OnStatus,
		texting.Inbound:      p.texting.OnInbound,
		texting.Status:       p.texting.OnStatus,
	} {
		g.Add(queue, p.jobs.Worker(job.Worker{Queue: queue, Do: do, Parallel: 64}))
	}
	g.Add("webhooks", p.hooks.Worker())
	g.Add(push.Events, p.jobs.Worker(job.Worker{Queue: push.Events, Do: p.push.OnEvent}))
	g.Add(push.Sends, p.jobs.Worker(job.Worker{Queue: push.Sends, Do: p.push.OnSend, Parallel: 16, Backoff: push.Backoff}))
	g.Add("carriers", p.board)
	g.Add(outbound.Sends, p.jobs.Worker(job.Worker{
		Queue: outbound.Sends, Do: p.outbound.OnSend, Parallel: outbound.Parallel, Backoff: outbound.SendBackoff,
	}))
	g.Add(inbound.Receipts, p.jobs.Worker(job.Worker{Queue: inbound.Receipts, Do: p.mail.OnReceipt, Backoff: inbound.ReceiptBackoff}))
	g.Add("flows", loop.Every(time.Minute, p.flowrun.Sweep))
	g.Add("masked sessions", loop.Every(masking.Every, p.proxy.Sweep))
	g.Add("janitor", p.janitor.Service())
	g.Add("event log", loop.Every(time.Hour, trim(p.config.EventDays, p.log.Trim)))
	g.Add("webhooks' log", loop.Every(time.Hour, trim(p.config.DeliveryDays, p.hooks.Trim)))
	g.Add("removed channels", loop.Every(time.Minute, p.purge))
	g.Add("files", loop.Every(time.Minute, p.sweepMedia))
	g.Add("sessions", loop.Every(time.Hour, func(ctx context.Context) error {
		_, err := p.accounts.Sweep(ctx)
		return err
	}))
	g.Add("presence", loop.Every(time.Second, func(ctx context.Context) error { return p.presence.Tell(ctx, p.chat.TellReach) }))
	g.Add("stream", p.stream)
	g.Add("twilsock", p.twilsock)
	return g
}

// trim takes rows older than days, in batches, from a log that is kept for so long: each is a transaction of its own, so that
// messages get through between them.
func trim(days int, some func(ctx context.Context, before time.Time, limit int) (int64, error)) func(context.Context) error {
	const batch = 2000
	return func(ctx context.Context) error {
		for ctx.Err() == nil {
			n, err := some(ctx, time.Now().AddDate(0, 0, -days), batch)
			if err != nil || n < batch {
				return err
			}
		}
		return nil
	}
}

// purge deletes what removed channels and services left behind.
func (p *parts) purge(ctx context.Context) error {
	for ctx.Err() == nil {
		more, err := p.chat.Purge(ctx)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// ServeHTTP sends a request to the edge that answers it.
func (p *parts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/stream":
		p.stream.ServeHTTP(w, r)
	case strings.HasSuffix(r.URL.Path, "/v3/wsconnect"): // on any host and under any prefix
		p.twilsock.ServeHTTP(w, r)
	case switchboard.Claims(r):
		p.board.ServeHTTP(w, r)
	case p.rest.Claims(r):
		p.rest.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, "/signin/"):
		p.signin.ServeHTTP(w, r)
	default:
		p.pages.ServeHTTP(w, r)
	}
}

// requestRate bounds frames that send nothing; no limit on sending is no limit on these.
func (p *parts) requestRate() float32 {
	if p.config.SendRate < 0 {
		return -1
	}
	return 0 // the stream's own default
}

// origin is the address under which people reach this server: the configured one, else the one that they used.
func (p *parts) origin(r *http.Request) string {
	if p.config.URL != "" {
		return strings.TrimRight(p.config.URL, "/")
	}
	return p.rest.Origin(r)
}

// allowOrigin refuses visitors' tokens to pages of sites that are not on the list, when there is one.
func (p *parts) allowOrigin(_ context.Context, _, _ sid.SID, origin string) error {
	if len(p.config.Origins) == 0 || origin == "" || slices.Contains(p.config.Origins, origin) {
		return nil
	}
	return fault.Forbidden("This site may not use the widget")
}

// ready says why the process cannot work now.
func (p *parts) ready(ctx context.Context) error {
	select {
	case <-p.draining:
		return errors.New("the process is ending")
	default:
		return p.db.Ping(ctx)
	}
}

// widget describes the widget of a web flow to anybody who asks.
func (p *parts) widget(ctx context.Context, s sid.SID) (page.WidgetConfig, error) {
	flow, err := p.flex.PublicFlow(ctx, s)
	if err != nil {
		return page.WidgetConfig{}, err
	}
	acct, err := p.accounts.ByID(ctx, flow.Account)
	if err != nil {
		return page.WidgetConfig{}, err
	}
	return page.WidgetConfig{
		AccountSID: acct.SID, FlowSID: flow.SID, ChatServiceSID: flow.ChatService, Name: acct.FriendlyName,
		PreEngagement: defaultForm, Online: true, Origins: p.config.Origins,
	}, nil
}

// defaultForm is the pre-engagement form of a widget that nobody has set up: a name, and how to be reached.
var defaultForm = []byte(`{"fields":[{"label":"Name","type":"InputItem","attributes":{"name":"friendlyName","type":"text","required":true}},` +
	`{"label":"E-mail","type":"InputItem","attributes":{"name":"email","type":"email","required":false}}]}`)
