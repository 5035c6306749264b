package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/lxzan/gws"
	_ "modernc.org/sqlite" // the bound uses the same driver
)

// The bound: rooms over WebSocket and POST, each text sealed with AES-GCM, one writer that commits in groups to SQLite with
// synchronous=FULL, acknowledgment after the commit, then the other members get it. No tokens, no membership, no log.

const miniGroup = 256

type miniRoom struct {
	mu      sync.Mutex
	members []*gws.Conn
	last    int64
}

type miniWrite struct {
	from *gws.Conn
	room *miniRoom
	name string
	text []byte
	seq  int64
	body []byte
	done chan []byte
}

type mini struct {
	gws.BuiltinEventHandler
	rooms sync.Map
	queue chan *miniWrite
	seal  cipher.AEAD
}

type miniMessage struct {
	SID   string    `json:"sid"`
	Room  string    `json:"channel_sid"`
	Index int64     `json:"index"`
	At    time.Time `json:"date_created"`
	From  string    `json:"from"`
	Body  string    `json:"body"`
}

func (m *mini) room(name string) *miniRoom {
	r, _ := m.rooms.LoadOrStore(name, &miniRoom{})
	return r.(*miniRoom)
}

func (m *mini) write(from *gws.Conn, name string, text []byte, done chan []byte) {
	nonce := make([]byte, 12, 12+len(text)+16)
	_, _ = rand.Read(nonce)
	r := m.room(name)
	r.mu.Lock()
	r.last++
	seq := r.last
	r.mu.Unlock()
	m.queue <- &miniWrite{from, r, name, text, seq, m.seal.Seal(nonce, nonce, text, nil), done}
}

// OnMessage takes a text.
func (m *mini) OnMessage(c *gws.Conn, frame *gws.Message) {
	name, _ := c.Session().Load("room")
	m.write(c, name.(string), append([]byte(nil), frame.Bytes()...), nil)
	_ = frame.Close()
}

func (m *mini) loop(conn *sql.Conn, insert *sql.Stmt) error {
	ctx := context.Background()
	for first := range m.queue {
		group := []*miniWrite{first}
		for more := true; more && len(group) < miniGroup; {
			select {
			case w := <-m.queue:
				group = append(group, w)
			default:
				more = false
			}
		}
		if _, err := conn.ExecContext(ctx, "begin immediate"); err != nil {
			return err
		}
		for _, w := range group {
			if _, err := insert.Exec(w.name, w.seq, "u", time.Now().UnixNano(), w.body); err != nil {
				return err
			}
		}
		if _, err := conn.ExecContext(ctx, "commit"); err != nil {
			return err
		}
		for _, w := range group {
			m.deliver(w)
		}
	}
	return nil
}

func (m *mini) deliver(w *miniWrite) {
	if w.from != nil {
		w.from.WriteAsync(gws.OpcodeText, []byte("A|"), nil)
	}
	text, _ := json.Marshal(miniMessage{"IM", w.name, w.seq, time.Now(), "u", string(w.text)})
	if w.done != nil {
		w.done <- text
	}
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	for _, c := range w.room.members {
		if c != w.from {
			c.WriteAsync(gws.OpcodeText, text, nil)
		}
	}
}

func (m *mini) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("room")
	if r.Method == http.MethodPost {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		done := make(chan []byte, 1)
		m.write(nil, name, text, done)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(<-done)
		return
	}
	c, err := gws.NewUpgrader(m, &gws.ServerOption{ReadBufferSize: 1024}).Upgrade(w, r)
	if err != nil {
		return
	}
	c.Session().Store("room", name)
	room := m.room(name)
	room.mu.Lock()
	room.members = append(room.members, c)
	room.mu.Unlock()
	go c.ReadLoop()
}

// runMini serves the bound on an address until it is killed.
func runMini(addr, dir string) error {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return err
	}
	m := &mini{queue: make(chan *miniWrite, 4096)}
	if m.seal, err = cipher.NewGCM(block); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "mini.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	_, err = db.Exec(`create table if not exists m (id integer primary key, ch text not null, seq integer not null, author text not null,
		ts integer not null, body blob not null); create unique index if not exists mc on m (ch, seq); delete from m`)
	if err != nil {
		return err
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	insert, err := conn.PrepareContext(context.Background(), "insert into m (ch, seq, author, ts, body) values (?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- m.loop(conn, insert) }()
	go func() { failed <- http.ListenAndServe(addr, m) }()
	return <-failed
}
