package app

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Config is everything that can be set from outside, by flag or by environment variable.
type Config struct {
	Version string `kong:"-"`
	// Command is what the command line asks for: CommandServe, the zero value, or CommandRotate.
	Command string `kong:"-"`

	Data     string `default:"./usher-data" env:"USHER_DATA" type:"path" help:"Folder of the database, the root key and media."`
	Listen   string `default:"127.0.0.1:8080" env:"USHER_LISTEN" help:"Address that serves everything but metrics."`
	Database string `env:"USHER_DATABASE" help:"postgres://… to use PostgreSQL; empty for SQLite in the data folder."`
	Metrics  string `default:"127.0.0.1:9464" env:"USHER_METRICS" help:"Address of GET /metrics; \"off\" for none. A port that is taken is reported and skipped."`
	RootKey  string `env:"USHER_ROOT_KEY" type:"path" help:"Root key file, mode 0600; made at first run. Default: root.key in the data folder."`
	URL      string `env:"USHER_URL" help:"Address under which people reach this server, for links. Default: made of the listen address."`
	TLSCert  string `env:"USHER_TLS_CERT" type:"path" help:"TLS certificate file (PEM); with --tls-key, serves https."`
	TLSKey   string `env:"USHER_TLS_KEY" type:"path" help:"TLS key file (PEM)."`

	PlainSignin bool `env:"USHER_PLAIN_SIGNIN" help:"Let people sign in over plain http from other machines. Their passwords then cross the network readable."`

	Proxies []string `env:"USHER_TRUSTED_PROXIES" help:"Addresses (CIDR) of reverse proxies whose X-Forwarded headers count."`
	Allow   []string `env:"USHER_ALLOW_NETWORKS" help:"Networks (CIDR) that flows and webhooks may call although they are not public."`
	Origins []string `env:"USHER_WIDGET_ORIGINS" help:"Web origins that may use the widget's endpoints; empty for any."`

	AccountSID string `env:"USHER_ACCOUNT_SID" help:"First run: the account's SID (AC…); random when empty."`
	AuthToken  string `env:"USHER_AUTH_TOKEN" help:"First run: the account's auth token; random when empty."`
	APIKey     string `env:"USHER_API_KEY" help:"First run: the API key's SID (SK…); random when empty."`
	APISecret  string `env:"USHER_API_SECRET" help:"First run: the API key's secret; random when empty."`
	AdminEmail string `default:"admin@localhost" env:"USHER_ADMIN_EMAIL" help:"First run: the administrator's e-mail address."`
	AdminName  string `default:"Administrator" env:"USHER_ADMIN_NAME" help:"First run: the administrator's name."`

	SendRate    float32 `default:"20" env:"USHER_SEND_RATE" help:"Messages a second on one connection of the stream; negative for no limit."`
	ChannelRate int     `default:"30" env:"USHER_CHANNEL_RATE" help:"Changes a second in one chat channel; negative for no limit."`
	PerAddress  int     `default:"500" env:"USHER_PER_ADDRESS" help:"Connections of the stream from one address; negative for no limit."`

	EventDays int `default:"14" env:"USHER_EVENT_DAYS" help:"Days that the event log reaches back for readers who reconnect."`
	// DeliveryDays bounds how long what was sent to others' addresses is kept, and with it what it takes of the disk.
	DeliveryDays int `default:"14" env:"USHER_DELIVERY_DAYS" help:"Days that deliveries of webhooks are kept, to be looked at and sent again."`

	ExecutionDays  int64  `default:"0" env:"USHER_EXECUTION_DAYS" help:"Days that executions of Studio flows are kept after their end; 0 for ever."`
	MediaStore     string `env:"USHER_MEDIA_STORE" help:"Where files are kept: s3://bucket/prefix?endpoint=https://host&region=name; empty for the folder media in the data folder."`
	MediaKey       string `env:"USHER_MEDIA_KEY,AWS_ACCESS_KEY_ID" help:"Access key of the S3 store."`
	MediaSecret    string `env:"USHER_MEDIA_SECRET,AWS_SECRET_ACCESS_KEY" help:"Secret of the S3 store's access key."`
	MediaURL       string `name:"media-url" env:"USHER_MEDIA_URL" help:"Origin that files are handed out from, such as https://media.example.org, if it is to be another than that of the screens."`
	MediaMB        int    `name:"media-mb" default:"150" env:"USHER_MEDIA_MB" help:"Size of the largest file, in MB."`
	MediaVisitorMB int    `name:"media-visitor-mb" default:"16" env:"USHER_MEDIA_VISITOR_MB" help:"Size of the largest file of a visitor, in MB."`
	MediaScan      string `env:"USHER_MEDIA_SCAN" help:"Address of clamd, host:port or the path of its socket. Files then pass only if it finds them clean."`

	FCMURL         string `name:"fcm-url" default:"https://fcm.googleapis.com" env:"USHER_FCM_URL" help:"Where push notifications for Android and browsers go."`
	FCMTokenURL    string `name:"fcm-token-url" default:"https://oauth2.googleapis.com/token" env:"USHER_FCM_TOKEN_URL" help:"Where access tokens for them come from."`
	APNsURL        string `name:"apns-url" default:"https://api.push.apple.com" env:"USHER_APNS_URL" help:"Where push notifications for iOS go."`
	APNsSandboxURL string `name:"apns-sandbox-url" default:"https://api.sandbox.push.apple.com" env:"USHER_APNS_SANDBOX_URL" help:"Where those of credentials for development go."`

	LogLevel  string        `default:"info" enum:"debug,info,warn,error" env:"USHER_LOG_LEVEL" help:"Least level that is logged."`
	LogFormat string        `default:"text" enum:"text,json" env:"USHER_LOG_FORMAT" help:"Format of the log on standard error."`
	Drain     time.Duration `default:"10s" env:"USHER_DRAIN" help:"Time that requests under way have at the end."`
}

// The commands.
const (
	CommandServe  = ""
	CommandRotate = "rotate"
)

// store is what a command needs to open the database.
type store struct {
	Data      string `default:"./usher-data" env:"USHER_DATA" type:"path" help:"Folder of the database and the root key."`
	Database  string `env:"USHER_DATABASE" help:"postgres://… to use PostgreSQL; empty for SQLite in the data folder."`
	RootKey   string `env:"USHER_ROOT_KEY" type:"path" help:"Root key file. Default: root.key in the data folder."`
	LogLevel  string `default:"info" enum:"debug,info,warn,error" env:"USHER_LOG_LEVEL" help:"Least level that is logged."`
	LogFormat string `default:"text" enum:"text,json" env:"USHER_LOG_FORMAT" help:"Format of the log on standard error."`
}

// commands is the command line.
type commands struct {
	Serve   Config           `cmd:"" help:"Serve the contact center."`
	Rotate  store            `cmd:"" help:"Give the account a new key and seal its rows anew under it. A server may run meanwhile."`
	Version kong.VersionFlag `help:"Print the version."`
}

// Parse reads the command line and the environment. With no command it explains itself.
func Parse(args []string, version string) (Config, error) { return parse(args, version) }

func parse(args []string, version string, more ...kong.Option) (Config, error) {
	var line commands
	parser, err := kong.New(&line, append([]kong.Option{
		kong.Name("usher"), kong.Description("A self-hosted contact center for messaging."),
		kong.Vars{"version": version},
		kong.UsageOnError(),
	}, more...)...)
	if err != nil {
		return Config{}, err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	got, err := parser.Parse(args)
	if err != nil {
		return Config{}, err
	}
	config := line.Serve
	if got.Command() == CommandRotate {
		s := line.Rotate
		config = Config{
			Command: CommandRotate, Data: s.Data, Database: s.Database, RootKey: s.RootKey, LogLevel: s.LogLevel, LogFormat: s.LogFormat,
			EventDays: 1, DeliveryDays: 1, MediaMB: 1, MediaVisitorMB: 1,
		}
	}
	config.Version = version
	return config, config.check()
}

func (c *Config) check() error {
	if c.RootKey == "" {
		c.RootKey = filepath.Join(c.Data, "root.key")
	}
	if c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		return errors.New("--database must be a postgres:// address")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	if c.EventDays < 1 {
		return errors.New("--event-days must be 1 or more")
	}
	if err := c.checkMedia(); err != nil {
		return err
	}
	if c.DeliveryDays < 1 {
		return errors.New("--delivery-days must be 1 or more")
	}
	if err := c.checkPush(); err != nil {
		return err
	}
	if c.ExecutionDays < 0 || c.ExecutionDays > 36500 {
		return errors.New("--execution-days must be 0 (for ever) to 36500")
	}
	if _, err := networks("--proxies", c.Proxies); err != nil {
		return err
	}
	_, err := networks("--allow", c.Allow)
	return err
}

// mediaMost is the largest file that --media-mb may allow, in MB: what one upload brings in its time.
const mediaMost = 2000

func (c *Config) checkMedia() error {
	if c.MediaMB < 1 || c.MediaMB > mediaMost || c.MediaVisitorMB < 1 {
		return fmt.Errorf("--media-mb must be from 1 to %d, --media-visitor-mb 1 or more", mediaMost)
	}
	if c.MediaURL == "" {
		return nil
	}
	u, err := url.Parse(c.MediaURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return errors.New("--media-url must be an origin: https://media.example.org")
	}
	return nil
}

func (c *Config) checkPush() error {
	for flag, address := range map[string]string{
		"--fcm-url": c.FCMURL, "--fcm-token-url": c.FCMTokenURL, "--apns-url": c.APNsURL, "--apns-sandbox-url": c.APNsSandboxURL,
	} {
		u, err := url.Parse(address)
		if address != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "") {
			return fmt.Errorf("%s must be an address: https://host", flag)
		}
	}
	return nil
}

// networks parses addresses and networks of a flag.
func networks(flag string, list []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, s := range list {
		if !strings.Contains(s, "/") {
			if a, err := netip.ParseAddr(s); err == nil {
				s = netip.PrefixFrom(a, a.BitLen()).String()
			}
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// databaseURL is where the rows are.
func (c *Config) databaseURL() string {
	if c.Database != "" {
		return c.Database
	}
	return filepath.Join(c.Data, "usher.db")
}
