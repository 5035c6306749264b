package smpp

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
	"usher/internal/segment"
)

// Kind is the connector in the catalog.
var Kind = connector.Kind{
	Name:     "smpp",
	Channels: []carry.Channel{carry.SMS},
	Fields:   fields,
	Open:     func(settings map[string]string, d connector.Deps) (any, error) { return Open(settings, d) },
}

var fields = []connector.Field{
	{Name: "address", Label: "Host and port", Help: "The carrier's SMPP server, such as smpp.example.org:2775.", Required: true},
	{Name: "tls", Label: "TLS", Default: "no", Choices: []string{"no", "yes"}},
	{
		Name: "tls_fingerprint", Label: "Certificate", Help: "The SHA-256 fingerprint in hexadecimal, when the carrier's certificate is none of a public authority.",
	},
	{Name: "system_id", Label: "System ID", Required: true},
	{Name: "password", Label: "Password", Secret: true, Required: true},
	{Name: "system_type", Label: "System type"},
	{
		Name: "bind", Label: "Bind", Help: "Both is one link for sending and one for receiving.", Default: "transceiver",
		Choices: []string{"transceiver", "transmitter", "receiver", "both"},
	},
	{Name: "window", Label: "Window", Help: "How many messages may wait for the carrier's answer, 1 to 1000.", Default: "50"},
	{Name: "parts_per_second", Label: "Parts per second", Help: "The most that the carrier takes; 0 is without bound. A long message has several.", Default: "0"},
	{Name: "enquire_seconds", Label: "Enquire link every", Help: "In seconds.", Default: "30"},
	{Name: "timeout_seconds", Label: "Wait for an answer", Help: "In seconds.", Default: "30"},
	{
		Name: "alphabet", Label: "Carrier's default alphabet", Help: "What data_coding 0 means there.", Default: "gsm7",
		Choices: []string{"gsm7", "gsm7-packed", "latin1", "ascii", "utf8"},
	},
	{
		Name: "long", Label: "Long messages", Help: "How parts are tied together, or sent as a whole in message_payload.", Default: "udh",
		Choices: []string{"udh", "udh16", "sar", "payload"},
	},
	{Name: "receipts", Label: "Ask for receipts", Default: "yes", Choices: []string{"yes", "no"}},
	{
		Name: "receipt_id", Label: "Message IDs in receipts", Default: "same", Choices: []string{"same", "decimal", "hex"},
		Help: "decimal: receipts have in decimal what the answer had in hexadecimal; hex: the other way around.",
	},
	{
		Name: "receipt_errors", Label: "Error codes of receipts", Help: "The carrier's code and ours, such as 001=30005, 006=30003.",
	},
	{Name: "source_ton", Label: "Source TON", Default: "auto"},
	{Name: "source_npi", Label: "Source NPI", Default: "auto"},
	{Name: "dest_ton", Label: "Destination TON", Default: "auto"},
	{Name: "dest_npi", Label: "Destination NPI", Default: "auto"},
	{Name: "service_type", Label: "Service type"},
	{Name: "country_code", Label: "Country code", Help: "Goes before national numbers of the carrier, without +."},
	{Name: "parts_minutes", Label: "Wait for missing parts", Help: "In minutes; then what has come is shown as it is.", Default: "10"},
}

// config is what the settings say.
type config struct {
	address           string
	tls               *tls.Config
	systemID          string
	password          string
	systemType        string
	bind              string
	window            int
	rate              int
	enquire           time.Duration
	timeout           time.Duration
	alphabet          segment.Coding
	long              string
	receipts          bool
	receiptID         string
	errors            map[string]int
	sourceTON, srcNPI int // -1 is auto
	destTON, destNPI  int
	serviceType       string
	country           string
	wait, hold        time.Duration
	idKey             []byte
}

var alphabets = map[string]segment.Coding{
	"gsm7": segment.Septets, "gsm7-packed": segment.Packed, "latin1": segment.Latin1, "ascii": segment.ASCII, "utf8": segment.UTF8,
}

// hold is how long a part waits for its answer until the rest may be held back by it.
const hold = 5 * time.Second

// settings reads what was configured; the first error stays.
type settings struct {
	values map[string]string
	err    error
}

func (s *settings) fail(field, problem string) {
	if s.err == nil {
		s.err = fmt.Errorf("%s: %s", field, problem)
	}
}

// text answers a setting of at most limit bytes.
func (s *settings) text(name string, limit int) string {
	v := s.values[name]
	if len(v) > limit {
		s.fail(name, fmt.Sprintf("is longer than %d", limit))
	}
	return v
}

func (s *settings) number(name string, low, high int) int {
	n, err := strconv.Atoi(s.text(name, 20))
	if err != nil || n < low || n > high {
		s.fail(name, fmt.Sprintf("is no number between %d and %d", low, high))
	}
	return n
}

// auto reads a TON or NPI: -1 is auto.
func (s *settings) auto(name string) int {
	v := s.text(name, 20)
	if v == "auto" {
		return -1
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > 255 {
		s.fail(name, "is neither auto nor a number up to 255")
	}
	return n
}

// Open makes a connection of settings. It does not dial; Run does.
func Open(values map[string]string, d connector.Deps) (*Connection, error) {
	checked, err := connector.Settings(fields, values)
	if err != nil {
		return nil, err
	}
	s := &settings{values: checked}
	c := config{
		address: s.text("address", 255), systemID: s.text("system_id", 15), password: s.text("password", 8), systemType: s.text("system_type", 12),
		bind: s.text("bind", 20), window: s.number("window", 1, 1000), rate: s.number("parts_per_second", 0, 10_000),
		enquire: time.Duration(s.number("enquire_seconds", 1, 3600)) * time.Second,
		timeout: time.Duration(s.number("timeout_seconds", 1, 300)) * time.Second,
		long:    s.text("long", 20), receipts: s.text("receipts", 3) == "yes", receiptID: s.text("receipt_id", 10),
		sourceTON: s.auto("source_ton"), srcNPI: s.auto("source_npi"), destTON: s.auto("dest_ton"), destNPI: s.auto("dest_npi"),
		serviceType: s.text("service_type", 5), country: s.text("country_code", 4),
		wait: time.Duration(s.number("parts_minutes", 1, 24*60)) * time.Minute, hold: hold,
	}
	c.alphabet = alphabets[s.text("alphabet", 20)]
	host, _, err := net.SplitHostPort(c.address)
	if err != nil || host == "" {
		s.fail("address", "is not host:port")
	}
	if strings.Trim(c.country, "0123456789") != "" {
		s.fail("country_code", "has something other than digits")
	}
	c.errors = s.codes("receipt_errors")
	if s.text("tls", 3) == "yes" {
		c.tls = s.certificates(host)
	}
	if s.err != nil {
		return nil, s.err
	}
	mac := hmac.New(sha256.New, []byte(c.password))
	mac.Write([]byte("names of parts\x00" + c.systemID))
	c.idKey = mac.Sum(nil)
	dial := d.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return newConnection(c, dial), nil
}

func (s *settings) certificates(host string) *tls.Config {
	conf := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	text := strings.ReplaceAll(s.text("tls_fingerprint", 95), ":", "")
	if text == "" {
		return conf
	}
	want, err := hex.DecodeString(text)
	if err != nil || len(want) != sha256.Size {
		s.fail("tls_fingerprint", "is no SHA-256 in hexadecimal")
	}
	conf.InsecureSkipVerify = true // the fingerprint says more than an authority could
	conf.VerifyConnection = func(state tls.ConnectionState) error {
		if got := sha256.Sum256(state.PeerCertificates[0].Raw); !hmac.Equal(got[:], want) {
			return errors.New("the carrier's certificate has another fingerprint")
		}
		return nil
	}
	return conf
}

// codes reads "001=30005, 006=30003".
func (s *settings) codes(name string) map[string]int {
	m := map[string]int{}
	for pair := range strings.SplitSeq(s.text(name, 4096), ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		theirs, ours, _ := strings.Cut(pair, "=")
		n, err := strconv.Atoi(strings.TrimSpace(ours))
		if err != nil || n < 10000 || n > 99999 {
			s.fail(name, "has something other than pairs such as 001=30005")
		}
		m[strings.TrimLeft(strings.TrimSpace(theirs), "0")] = n
	}
	return m
}

// errDown is why nothing can be sent.
var errDown = errors.New("the link to the carrier is down")

// dialer opens a connection to the carrier.
type dialer = func(ctx context.Context, network, address string) (net.Conn, error)
