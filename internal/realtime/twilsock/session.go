package twilsock

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/fault"
	"usher/internal/realtime/socket"
	"usher/internal/sid"
)

// A session is a list through which twilio-chat 3 and 4 give commands: the client pushes an item with a command, and the same
// item is updated with the response. There is no list behind it. What is kept are the last responses, so that a client whose
// connection breaks between a command and its response gets it on the next one.
type session struct {
	sid     string
	actor   account.Actor
	context json.RawMessage

	mu        sync.Mutex
	index     int64
	event     int64 // number of the last thing that happened to the list
	responses []response
	watcher   *conn     // whose subscription is established
	since     time.Time // when the last connection that held it went; zero while there is one
	holders   int
}

type response struct {
	event int64
	frame []byte
}

// Bounds of what a session keeps, how many a connection may have, and from how many on those that nobody holds go at once.
const (
	keptResponses   = 32
	sessionsPerConn = 4
	manySessions    = 50_000
)

// Codes that make a client begin a new session.
const codeListNotFound = 54150

// sessions are those of all connections, and of connections that have been lost lately.
type sessions struct {
	mu sync.Mutex
	m  map[string]*session
}

func (s *sessions) find(name string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[name]
}

func (s *sessions) add(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = make(map[string]*session)
	}
	if len(s.m) >= manySessions {
		s.sweep(time.Now())
	}
	s.m[one.sid] = one
}

// forget drops sessions that nobody holds since before a time.
func (s *sessions) forget(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(before)
}

// sweep is forget with the lock held.
func (s *sessions) sweep(before time.Time) {
	for name, one := range s.m {
		one.mu.Lock()
		if one.holders == 0 && one.since.Before(before) {
			delete(s.m, name)
		}
		one.mu.Unlock()
	}
}

// hold ties a session to a connection; it ends some minutes after the last.
func (c *conn) hold(s *session) {
	c.mu.Lock()
	for _, held := range c.sessions {
		if held == s {
			c.mu.Unlock()
			return
		}
	}
	var oldest *session
	if len(c.sessions) >= sessionsPerConn {
		oldest = c.sessions[0]
		c.sessions = c.sessions[1:]
	}
	gone := c.raw.Gone()
	if !gone {
		c.sessions = append(c.sessions, s)
	}
	c.mu.Unlock()
	if !gone {
		s.mu.Lock()
		s.holders++
		s.mu.Unlock()
	}
	if oldest != nil {
		oldest.left(c, time.Time{}) // nobody will ask for it again
	}
}

// left unties a session from a connection.
func (s *session) left(c *conn, at time.Time) {
	s.unwatch(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holders--; s.holders <= 0 {
		s.holders, s.since = 0, at
	}
}

func (s *session) unwatch(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watcher == c {
		s.watcher = nil
	}
}

func (s *session) url() string { return syncHost + "/v3/Lists/" + s.sid }

var sessionOperations = []operation{
	{"POST", "/v3/Lists", account.ChatOwn, 201, createSession},
	{"GET", "/v3/Lists/{ref}/Context", account.ChatOwn, 200, sessionContext},
	{"POST", "/v3/Lists/{ref}/Items", account.ChatOwn, 201, runCommand},
}

// filesPath is where a service's files are.
func filesPath(service sid.SID) string { return "/mcs/v1/Services/" + string(service) + "/Media" }

// behindMCS makes what leads to this server after "https://mcs.us1.twilio.com", which these versions put before it whatever they
// are told: the rest of a longer host name, where the origin of files is one, or else a host of which that is the user's name.
// So neither a file nor a token goes to a server that is not this one.
func behindMCS(origin string) string {
	_, host, _ := strings.Cut(origin, "://")
	if rest, ok := strings.CutPrefix(host, "mcs.us1.twilio.com."); ok {
		return "." + rest
	}
	return "@" + host
}

// createSession begins a session. A new identity becomes a user by it.
func createSession(k *call) (any, error) {
	u, err := k.conn.srv.o.Look.Enter(k, k.actor)
	if err != nil {
		return nil, err
	}
	service, err := k.rooms().GetService(k, k.actor, k.actor.ChatService)
	if err != nil {
		return nil, err
	}
	links := map[string]string{"mediaServiceUrl": behindMCS(k.conn.origin) + filesPath(service.SID)}
	for name, path := range descriptorLinks {
		links[name] = path
	}
	s := &session{sid: string(sid.New("ES")), actor: k.actor, event: 1}
	s.context, err = json.Marshal(map[string]any{
		"identity": u.Identity, "userInfo": object{person, u.SID}.name(), "myChannels": object{mine, u.SID}.name(),
		"channels": string(service.SID) + ".channels", "links": links, "reachabilityEnabled": service.Reachability,
		"consumptionReportInterval": seconds(service.ConsumptionReports), "httpCacheInterval": seconds(cacheSeconds), "userInfosToSubscribe": 100,
	})
	if err != nil {
		return nil, err
	}
	k.conn.hold(s)
	k.conn.srv.sessions.add(s)
	return s.root(k), nil
}

// root is the list as it is opened. Nothing has happened to it yet: the client waits for its context as an event.
func (s *session) root(k *call) root {
	at := time.Now().UTC().Format(dateFormat)
	return root{
		SID: s.sid, URL: s.url(), Revision: "0", DateCreated: at, DateUpdated: at, CreatedBy: chat.System,
		ServiceSID: string(k.actor.ChatService), AccountSID: string(k.actor.AccountSID),
		Links: map[string]string{"items": s.url() + "/Items", "context": s.url() + "/Context"},
	}
}

// lists answers a session, or the messages of a channel.
func lists(k *call) (any, error) {
	if s := k.session(); s != nil {
		return s.root(k), nil
	}
	return k.root("Lists")
}

// session finds the session that a path names; nil when it is none of the caller's.
func (k *call) session() *session {
	s := k.conn.srv.sessions.find(k.vars["ref"])
	if s == nil || s.actor.Account != k.actor.Account || socket.IdentityKey(&s.actor) != socket.IdentityKey(&k.actor) || s.actor.ChatService != k.actor.ChatService {
		return nil
	}
	return s
}

// sessionContext answers the context. The number is below that of the event, which clients wait for.
func sessionContext(k *call) (any, error) {
	s := k.session()
	if s == nil {
		return nil, missing("Lists/" + k.vars["ref"] + "/Context")
	}
	return map[string]any{"data": s.context, "last_event_id": 0}, nil
}

// establishSession subscribes to a session: its context as an event, and the responses that were missed.
func (c *conn) establishSession(correlation int64, w *wish) {
	actor := *c.raw.Actor()
	k := &call{Context: c.srv.ctx, conn: c, actor: actor, vars: map[string]string{"ref": w.SID}}
	s := k.session()
	if s == nil {
		c.failed(correlation, w, missing(w.SID))
		return
	}
	c.hold(s)
	after := int64(0)
	if w.Last != nil {
		after = *w.Last
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if after < 1 {
		c.raw.Send(eventFrame(s.sid+".1", "list_context_updated", map[string]any{
			"id": 1, "date_created": time.Now().UTC().Format(dateFormat), "list_sid": s.sid, "list_revision": "1", "context_data": s.context,
		}))
	}
	for _, r := range s.responses {
		if r.event > after {
			c.raw.Send(r.frame)
		}
	}
	s.watcher = c
	c.subscribed("established", correlation, w, map[string]any{"replay_status": "completed", "last_event_id": s.event})
}

// runCommand does what a pushed item says. The response follows as an update of the item.
func runCommand(k *call) (any, error) {
	s := k.session()
	if s == nil {
		return nil, fault.New(codeListNotFound, "List not found")
	}
	var r struct {
		Data struct {
			Request   json.RawMessage `json:"request"`
			CommandID string          `json:"commandId"`
		} `json:"data"`
	}
	if err := k.decode(&r); err != nil {
		return nil, err
	}
	result := k.command(r.Data.Request, r.Data.CommandID)
	s.mu.Lock()
	s.index, s.event = s.index+1, s.event+2
	index, id := s.index, s.event
	s.mu.Unlock()
	at := time.Now().UTC().Format(dateFormat)
	url := s.url() + "/Items/" + strconv.FormatInt(index, 10)
	frame := eventFrame(s.sid+"."+strconv.FormatInt(id, 10), "list_item_updated", map[string]any{
		"id": id, "date_created": at, "list_sid": s.sid, "list_revision": revision(id), "item_index": index, "item_url": url,
		"item_revision": revision(id),
		"item_data":     map[string]any{"request": r.Data.Request, "commandId": r.Data.CommandID, "response": result},
	})
	k.then = func() { s.respond(id, frame) }
	return itemBody{Index: &index, URL: url, Revision: revision(id - 1), LastEvent: id - 1, DateCreated: at, DateUpdated: at}, nil
}

// respond tells a response to whoever has the session now, and keeps it.
func (s *session) respond(id int64, frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.responses = append(s.responses, response{id, frame}); len(s.responses) > keptResponses {
		s.responses = append(s.responses[:0:0], s.responses[1:]...)
	}
	if s.watcher != nil {
		s.watcher.raw.Send(frame)
	}
}
