package hook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrRefused is in the chain of every error by which the guard refuses an address. Its text names no address: whoever
// configured the webhook reads it, and must not learn from it how the network inside looks.
var ErrRefused = errors.New("refused")

// Limits of a connection.
const (
	dialTimeout     = 5 * time.Second
	tlsTimeout      = 5 * time.Second
	idleTimeout     = 30 * time.Second
	maxHeaderBytes  = 64 << 10
	maxConnsPerHost = 32
	maxIdlePerHost  = 4
	// maxURL bounds an address, in bytes.
	maxURL = 8 << 10
)

// Policy says where connections may go. The zero value lets only public addresses through, on the ports of the web.
type Policy struct {
	// Allow lists networks that the operator of the installation opens although they are not public, on every port. It
	// must not be filled from what an account can write.
	Allow []netip.Prefix
	// Deny lists networks that are refused whatever else is said, such as the public addresses of one's own servers.
	Deny []netip.Prefix
	// Ports are those that public addresses may be called on; empty means 80, 443, 8080 and 8443.
	Ports []uint16
	// Resolver turns names into addresses; nil is the system's.
	Resolver *net.Resolver
}

var webPorts = []uint16{80, 443, 8080, 8443}

// metadata lists the addresses at which clouds hand credentials to whoever asks. No policy allows them.
var metadata = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"), // the usual one
	netip.MustParseAddr("169.254.170.2"),   // credentials of containers
	netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("168.63.129.16"), // a public address that is answered by the host
	netip.MustParseAddr("192.0.0.192"),
	netip.MustParseAddr("fd00:ec2::254"),
	netip.MustParseAddr("fd20:ce::254"),
}

// closed lists the networks that are not public. Source: the special-purpose address registries of IANA (RFC 6890 and later);
// of IPv6 only 2000::/3 is given out at all, which publicV6 says.
var closed = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "3fff::/20",
)

var (
	publicV6 = netip.MustParsePrefix("2000::/3")
	nat64    = netip.MustParsePrefix("64:ff9b::/96")
	sixToV4  = netip.MustParsePrefix("2002::/16")
)

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(list))
	for i, s := range list {
		all[i] = netip.MustParsePrefix(s)
	}
	return all
}

// Check says whether a connection to this address and port may be made; the error wraps ErrRefused.
func (p Policy) Check(to netip.AddrPort) error {
	addr := to.Addr()
	if !addr.IsValid() {
		return fmt.Errorf("%w: no address", ErrRefused)
	}
	// A prefix contains no address with a zone, and no IPv4 address that is written as IPv6.
	addr = addr.WithZone("").Unmap()
	if slices.Contains(metadata, addr) || contains(p.Deny, addr) {
		return fmt.Errorf("%w: the host's address is never called", ErrRefused)
	}
	if contains(p.Allow, addr) {
		return nil
	}
	if inner, ok := embedded(addr); ok {
		return p.Check(netip.AddrPortFrom(inner, to.Port()))
	}
	if contains(closed, addr) || addr.Is6() && !publicV6.Contains(addr) || isatap(addr) {
		return fmt.Errorf("%w: the host's address is not public", ErrRefused)
	}
	ports := p.Ports
	if len(ports) == 0 {
		ports = webPorts
	}
	if !slices.Contains(ports, to.Port()) {
		return fmt.Errorf("%w: port %d is not allowed", ErrRefused, to.Port())
	}
	return nil
}

func contains(list []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// embedded returns the IPv4 address that a translator or a tunnel would take out of an IPv6 address.
func embedded(addr netip.Addr) (netip.Addr, bool) {
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case sixToV4.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}

// isatap recognizes interface identifiers that tunnel to the IPv4 address in them, inside one organization's network.
func isatap(addr netip.Addr) bool {
	b := addr.As16()
	return addr.Is6() && b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// control refuses a connection between the resolving of the name and the first packet.
func (p Policy) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") {
		return fmt.Errorf("%w: not a TCP address", ErrRefused)
	}
	return p.Check(to)
}

// NewTransport makes the transport through which all calls to foreign addresses go. It knows no proxy, whatever the
// environment says: a proxy would dial in its place, unguarded.
func NewTransport(p Policy) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, Resolver: p.Resolver, ControlContext: p.control}
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    tlsTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		MaxConnsPerHost:        maxConnsPerHost,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // what a receiver compresses cannot grow here
	}
}

// CheckURL says whether an address can be called at all: http or https, a host that is a name or a plain address. Where the
// name leads is looked at when it is called. The error wraps ErrRefused.
func CheckURL(raw string) error {
	_, err := parseURL(raw)
	return err
}

// parseURL reads an address and normalizes it.
func parseURL(raw string) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, fmt.Errorf("%w: the URL is longer than %d bytes", ErrRefused, maxURL)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: not a URL", ErrRefused) // err would repeat the URL
	}
	return u, normalize(u)
}

// normalize checks an address and brings it into the form in which it goes over the wire, which is also what is signed: no
// fragment, a path, and no characters in the query that a request line cannot hold.
func normalize(u *url.URL) error {
	if err := checkParsed(u); err != nil {
		return err
	}
	u.Fragment, u.RawFragment, u.ForceQuery = "", "", false
	if u.Path == "" {
		u.Path, u.RawPath = "/", ""
	}
	u.RawQuery = escapeQuery(u.RawQuery)
	return nil
}

func checkParsed(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%w: only http and https are called", ErrRefused)
	}
	host := u.Hostname()
	if u.Opaque != "" || host == "" {
		return fmt.Errorf("%w: the URL has no host", ErrRefused)
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("%w: the URL's port is not a number from 1 to 65535", ErrRefused)
		}
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			return fmt.Errorf("%w: the URL's address has a zone", ErrRefused)
		}
		return nil
	}
	for _, c := range []byte(host) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return fmt.Errorf("%w: the URL's host must be a name in ASCII (xn--… for others) or an address", ErrRefused)
		}
	}
	if numeric(host) {
		return fmt.Errorf("%w: the URL's host is a number and not a plain address", ErrRefused)
	}
	return nil
}

// numeric says that some resolvers read the host as an address although it is not written as one: 2130706433, 0177.0.0.1,
// 0x7f.1. Names of the world's top level never begin with a digit that way.
func numeric(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// escapeQuery escapes what must not stand in a request line and leaves every other byte as it is: receivers check the
// signature over exactly these.
func escapeQuery(q string) string {
	const digits = "0123456789ABCDEF"
	bad := func(c byte) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' }
	var out strings.Builder
	for i := range len(q) {
		if c := q[i]; bad(c) {
			out.Write([]byte{'%', digits[c>>4], digits[c&15]})
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}
