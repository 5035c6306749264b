package hook

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestPolicy_refusesWhatIsNotPublic(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
		"169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1",
		"198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"100.100.100.200", "168.63.129.16", "192.0.0.192",
		"::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
		"64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8", "100::1",
		"2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::",
		"2a00:1450::5efe:10.0.0.1", "2a00:1450::200:5efe:8.8.8.8", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fdff::1",
		"fe80::1", "fe80::1%eth0", "::1%lo", "fec0::1", "ff02::1", "ff0e::1", "4000::1",
	} {
		if err := (Policy{}).Check(netip.AddrPortFrom(netip.MustParseAddr(s), 443)); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", s, err)
		}
	}
	if err := (Policy{}).Check(netip.AddrPort{}); !errors.Is(err, ErrRefused) {
		t.Errorf("no address: %v", err)
	}
}

func TestPolicy_letsPublicAddressesThrough(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.255",
		"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2001:200::1", "2606:4700::1111", "2a00:1450:4001::200e",
	} {
		if err := (Policy{}).Check(netip.AddrPortFrom(netip.MustParseAddr(s), 443)); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestPolicy_portsAllowAndDeny(t *testing.T) {
	t.Parallel()
	p := Policy{Allow: prefixes("10.1.0.0/16", "169.254.0.0/16", "fd00::/8"), Deny: prefixes("10.1.9.0/24", "8.8.8.0/24")}
	for _, tt := range []struct {
		policy Policy
		to     string
		ok     bool
	}{
		{Policy{}, "1.1.1.1:80", true},
		{Policy{}, "1.1.1.1:8443", true},
		{Policy{}, "1.1.1.1:25", false},
		{Policy{}, "1.1.1.1:22", false},
		{Policy{Ports: []uint16{9000}}, "1.1.1.1:9000", true},
		{Policy{Ports: []uint16{9000}}, "1.1.1.1:443", false},
		{p, "10.1.0.1:5000", true},
		{p, "[::ffff:10.1.0.1]:5000", true},
		{p, "[64:ff9b::10.1.0.1]:5000", true},
		{p, "10.2.0.1:443", false},
		{p, "10.1.9.1:443", false},
		{p, "8.8.8.8:443", false},
		{p, "[::ffff:8.8.8.8]:443", false},
		{p, "[2002:808:808::1]:443", false},
		{p, "169.254.7.7:80", true},
		{p, "169.254.169.254:80", false},
		{p, "[fd12::1]:80", true},
		{p, "[fd00:ec2::254]:80", false},
	} {
		err := tt.policy.Check(netip.MustParseAddrPort(tt.to))
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", tt.to, err)
		}
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for raw, ok := range map[string]bool{
		"https://shop.example":                       true,
		"http://shop.example:8080/a?b=c#d":           true,
		"https://user:pass@shop.example/":            true,
		"https://xn--bcher-kva.example/":             true,
		"http://8.8.8.8/":                            true,
		"http://[2606:4700::1111]/":                  true,
		"http://3com.example/":                       true,
		"http://my_host.example/":                    true,
		"https://a.example/%2e%2e/":                  true,
		"":                                           false,
		"shop.example/x":                             false,
		"//shop.example/x":                           false,
		"ftp://shop.example/":                        false,
		"file:///etc/passwd":                         false,
		"gopher://shop.example/":                     false,
		"unix:/run/docker.sock":                      false,
		"http:shop.example":                          false,
		"http://":                                    false,
		"http://:80/":                                false,
		"http://shop.example:0/":                     false,
		"http://shop.example:/":                      false,
		"http://shop.example:65536/":                 false,
		"http://shop.example:x/":                     false,
		"http://2130706433/":                         false,
		"http://017700000001/":                       false,
		"http://0x7f000001/":                         false,
		"http://0X7F.1/":                             false,
		"http://127.1/":                              false,
		"http://0177.0.0.1/":                         false,
		"http://127.0.0.01/":                         false,
		"http://127.0.0.0x1/":                        false,
		"http://1.2.3.4.5/":                          false,
		"http://127.0.0.1./":                         false,
		"http://256.1.1.1/":                          false,
		"http://./":                                  false,
		"http://[fe80::1%25eth0]/":                   false,
		"http://[::1/":                               false,
		"http://１２７.0.0.1/":                          false,
		"http://bücher.example/":                     false,
		"http://shop%2eexample/":                     false,
		"http://shop.example\t/":                     false,
		"http://shop.example/\r\nX: 1":               false,
		"http://shop example/":                       false,
		"http://a\\b/":                               false,
		"https://shop.example/" + long(maxURL):       false,
		"https://shop.example/?q=a b\"<>ü|^`{}'":     true,
		"https://shop.example/pfad/ü?":               true,
		"HTTPS://SHOP.EXAMPLE/":                      true,
		"http://shop.example@127.0.0.1.nip.example/": true, // where it leads is for the dialer to see
	} {
		err := CheckURL(raw)
		if (err == nil) != ok || err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("%.60q: %v", raw, err)
		}
	}
}

func long(n int) string { return strings.Repeat("x", n) }

// FuzzCheck looks for addresses that get through although the standard library or another spelling of them says no.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "8.8.8.8", "::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1", "2606:4700::1111", "2a00::5efe:a00:1"} {
		a := netip.MustParseAddr(s).As16()
		f.Add(a[:], uint16(443), "")
	}
	f.Fuzz(func(t *testing.T, b []byte, port uint16, zone string) {
		addr, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		check := func(p Policy, a netip.Addr) bool { return p.Check(netip.AddrPortFrom(a, port)) == nil }
		open := check(Policy{}, addr)
		plain := addr.Unmap()
		if got := check(Policy{}, netip.AddrFrom16(addr.As16()).WithZone(zone)); got != open {
			t.Errorf("%s with zone %q: %t, without %t", addr, zone, got, open)
		}
		if check(Policy{}, plain) != open {
			t.Errorf("%s: another answer than %s", addr, plain)
		}
		if !open {
			return
		}
		if !plain.IsGlobalUnicast() || plain.IsPrivate() || plain.IsLoopback() || plain.IsLinkLocalUnicast() {
			t.Errorf("%s is let through", addr)
		}
		if plain.Is6() && !netip.MustParsePrefix("2000::/3").Contains(plain) && !nat64.Contains(plain) {
			t.Errorf("%s is let through", addr)
		}
		if inner, tunneled := embedded(plain); plain.Is6() && tunneled && !check(Policy{}, inner) {
			t.Errorf("%s carries %s", addr, inner)
		}
		if check(Policy{Deny: []netip.Prefix{netip.PrefixFrom(plain, plain.BitLen())}}, addr) {
			t.Errorf("%s is let through although it is denied", addr)
		}
	})
}

// FuzzCheckURL looks for hosts that are neither a name nor a plain address, and for addresses that change when read again.
func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{
		"https://shop.example", "http://2130706433/", "http://0x7f.1/", "http://[::1]:80/?a#b", "http://a:b@c:1/é?ü=\"",
		"http://127.0.0.1\\@shop.example/", "http://shop.example:80:80/", "http:///x", "http://a?b?c#d#e",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := parseURL(raw)
		if err != nil {
			if !errors.Is(err, ErrRefused) {
				t.Errorf("%q: %v", raw, err)
			}
			return
		}
		if _, err := netip.ParseAddr(u.Hostname()); err != nil && numeric(u.Hostname()) {
			t.Errorf("%q: host %q", raw, u.Hostname())
		}
		text := u.String()
		for _, c := range []byte(text) {
			if c <= ' ' || c >= 0x7f {
				t.Errorf("%q: %q cannot stand in a request line", raw, text)
			}
		}
		again, err := parseURL(text)
		if err != nil || again.String() != text || again.Host != u.Host {
			t.Errorf("%q: %q is read as %v, %v", raw, text, again, err)
		}
		if _, err := url.ParseRequestURI(u.RequestURI()); err != nil {
			t.Errorf("%q: %v", raw, err)
		}
	})
}
