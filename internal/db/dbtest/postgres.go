package dbtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// EnvPostgres names the environment variable that holds the address of a PostgreSQL server for tests, such as
// "postgres://postgres@127.0.0.1:5432/postgres". Its user must be allowed to create and drop databases.
const EnvPostgres = "TEST_PG"

// ErrNoPostgres says that no PostgreSQL server programs were found on this machine.
var ErrNoPostgres = errors.New("no PostgreSQL found: install the server (package postgresql) or set " + EnvPostgres)

// startTimeout bounds how long a new cluster may take to answer.
const startTimeout = 60 * time.Second

// Postgres is a private PostgreSQL cluster on a loopback port. It ends, and its files go, with Stop or with this process.
type Postgres struct {
	dsn  string
	life io.Closer // the cluster lives while this pipe is open
	done chan error
}

// PostgresOptions says how a private cluster is run.
type PostgresOptions struct {
	// Durable keeps fsync on, as in production. Off is many times faster and right for tests that never kill the server.
	Durable bool
}

// supervise runs the server as its direct child until standard input ends, which it does when the tests stop it and also
// when they die without a word. It then takes the files away. Arguments: the cluster's folder, the programs' folder, the
// port, on or off for fsync.
const supervise = `
cd "$1" || exit 1
"$2/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync >log 2>&1 || { cat log >&2; exit 1; }
"$2/postgres" -D data -k "$1" -h 127.0.0.1 -p "$3" \
	-c fsync="$4" -c synchronous_commit="$4" -c full_page_writes="$4" \
	-c max_connections=400 -c shared_buffers=64MB -c max_wal_size=256MB -c jit=off -c autovacuum_naptime=10s \
	</dev/null >>log 2>&1 &
server=$!
while read -r _; do :; done
kill -INT $server 2>/dev/null
wait $server
cd / && rm -rf "$1"
`

// StartPostgres makes a new cluster and waits until it answers. The server refuses to run as root; it is then run as the
// user postgres or nobody. It answers ErrNoPostgres when the programs are not there.
func StartPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	bin, err := FindPostgres()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "usher-pg-")
	if err != nil {
		return nil, fmt.Errorf("postgres folder: %w", err)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	fsync := "off"
	if o.Durable {
		fsync = "on"
	}
	cmd := exec.Command("/bin/sh", "-c", supervise, "sh", dir, bin, strconv.Itoa(port), fsync)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C of the tests is not for the server
	cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "LC_ALL=C"}
	if os.Geteuid() == 0 {
		if cmd.SysProcAttr.Credential, err = unprivileged(dir); err != nil {
			return nil, err
		}
	}
	var complaint strings.Builder
	cmd.Stderr = &complaint
	life, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("postgres pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	p := &Postgres{
		dsn:  fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port),
		life: life, done: make(chan error, 1),
	}
	go func() { p.done <- cmd.Wait() }()
	if err := p.wait(ctx); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		_ = p.Stop()
		return nil, fmt.Errorf("%w\n%s%s", err, complaint.String(), log)
	}
	return p, nil
}

// DSN is the address of the cluster's database "postgres".
func (p *Postgres) DSN() string { return p.dsn }

// Stop ends the server, cutting its connections, and removes its files.
func (p *Postgres) Stop() error {
	if err := p.life.Close(); err != nil {
		return fmt.Errorf("stop postgres: %w", err)
	}
	select {
	case err := <-p.done:
		return err
	case <-time.After(startTimeout):
		return errors.New("postgres did not stop")
	}
}

// wait returns when the server answers, or with the reason why it never will.
func (p *Postgres) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, p.dsn)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case err := <-p.done:
			p.done <- err
			return fmt.Errorf("postgres ended at start: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("postgres did not answer: %w", err)
		case <-tick.C:
		}
	}
}

// FindPostgres answers the folder with the programs initdb and postgres: the newest of Debian's folders, or one on the PATH.
func FindPostgres() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(dirs, func(a, b string) int { return majorVersion(b) - majorVersion(a) })
	dirs = append(dirs, filepath.SplitList(os.Getenv("PATH"))...)
	dirs = append(dirs, "/usr/local/pgsql/bin", "/opt/homebrew/bin")
	for _, dir := range dirs {
		if executable(filepath.Join(dir, "postgres")) && executable(filepath.Join(dir, "initdb")) {
			return dir, nil
		}
	}
	return "", ErrNoPostgres
}

func majorVersion(bin string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	if err != nil {
		return 0
	}
	return n
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
}

// unprivileged picks the user that the server runs as and gives it the folder.
func unprivileged(dir string) (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			return nil, fmt.Errorf("postgres folder: %w", err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("postgres does not run as root, and there is no user postgres or nobody")
}

// freePort asks the system for a loopback port that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// CreateDatabase makes a fresh database on the server at dsn, as a copy of template when one is named, and answers its
// address and its name.
func CreateDatabase(ctx context.Context, dsn, template string) (address, name string, err error) {
	name = "usher_test_" + randomName()
	query := "create database " + name
	if template != "" {
		query += " template " + template
	}
	if err := admin(ctx, dsn, query); err != nil {
		return "", "", err
	}
	address, err = withDatabase(dsn, name)
	return address, name, err
}

// DropDatabase removes a database that CreateDatabase made, cutting what is still connected to it.
func DropDatabase(ctx context.Context, dsn, name string) error {
	return admin(ctx, dsn, "drop database if exists "+name+" with (force)")
}

func admin(ctx context.Context, dsn, query string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, query); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}

// withDatabase answers dsn with another database name in it.
func withDatabase(dsn, name string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return "", fmt.Errorf("%s must be an address like postgres://user@host:port/database", EnvPostgres)
	}
	u.Path = "/" + name
	return u.String(), nil
}

func randomName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
