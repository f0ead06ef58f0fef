package webhooks

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// Policy says what receivers may be. The zero Policy is for a server on the public network.
type Policy struct {
	AllowHTTP    bool // without TLS: for trials, and receivers on the same machine
	AllowPrivate bool // addresses of the machine and of private networks too
	// FirstRetry is how long after the first failure the next attempt is; 5 seconds where it is zero. It grows from there.
	FirstRetry time.Duration
}

// errForbidden is the error of a connection to an address that the policy refuses.
var errForbidden = errors.New("the address is not on the public network")

// special lists prefixes that are global unicast by their form and are nobody's public address (RFC 6890 and its registries).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("3fff::/20"),
}

// allocated is what is public of IPv6 at all. Translated IPv4 (64:ff9b::/96) and everything local lie outside of it.
var allocated = netip.MustParsePrefix("2000::/3")

// reaches reports whether messages may be sent to an address.
func (p Policy) reaches(a netip.Addr) bool {
	if p.AllowPrivate {
		return true
	}
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !allocated.Contains(a) {
		return false
	}
	return !slices.ContainsFunc(special, func(s netip.Prefix) bool { return s.Contains(a) })
}

// Times that a delivery may take.
const (
	dialTime   = 5 * time.Second
	answerTime = 15 * time.Second // from the connection to the end of the answer
)

// client returns what messages are sent with. Addresses are checked as connections are made, so a name that resolves to something else
// by then helps nobody; no proxy comes between.
func (p Policy) client() *http.Client {
	dialer := &net.Dialer{Timeout: dialTime, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !p.reaches(at.Addr()) {
			return errForbidden
		}
		return nil
	}}
	return &http.Client{
		Timeout:       answerTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: answerTime, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: 32 << 10, MaxIdleConnsPerHost: 1, DisableCompression: true, ForceAttemptHTTP2: true,
		},
	}
}
