package clientsdk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/arpenteur/arpenteur/clientsdk/peer"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// MeetOptions are the choices of two tablets that meet.
type MeetOptions struct {
	// Show is given the pairing text of a host, for a QR code or to be typed, and the addresses that digits are paired at.
	Show func(pairing string, addresses []string)
	// Confirm asks a person whether the other tablet shows the same six digits. Where it is nil, only the text pairs.
	Confirm func(ctx context.Context, digits string) (bool, error)
}

// Limits of a meeting.
const (
	maxStrangers = 32                     // guests that do not pair, before the host gives up
	maxBroken    = 5                      // connections that bring nothing, one after the other, before the guest gives up
	reconnect    = 300 * time.Millisecond // before the next connection, once more for each that brought nothing
	afterwards   = 5 * time.Second        // for which a host that is done is there for a guest whose link broke at the very end
)

// Host waits on a listener until another tablet has come and exchanged with this one what both lack. A connection that breaks is taken up
// again by the same guest; everything that was complete is kept. It closes the listener. One guest comes at a time. Without ctx's
// end it waits for ever.
func (c *Client) Host(ctx context.Context, l net.Listener, o MeetOptions) (*Report, error) {
	defer l.Close() //nolint:errcheck // nothing was written to it
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	addresses, err := reachable(l.Addr())
	if err != nil {
		return nil, err
	}
	h, err := peer.NewHost(c.o.Rand, addresses)
	if err != nil {
		return nil, err
	}
	if o.Show != nil {
		o.Show(h.Pairing(), addresses)
	}
	w := &waiting{c: c, host: h, confirm: o.Confirm, report: &Report{}}
	for w.strangers < maxStrangers {
		conn, err := w.next(l)
		if err != nil && w.over && ctx.Err() == nil {
			return w.report, nil
		}
		if err != nil {
			return w.report, errors.Join(ctx.Err(), err, w.last)
		}
		if done, err := w.welcome(ctx, conn); done {
			return w.report, err
		}
	}
	return w.report, fmt.Errorf("too many came who did not pair: %w", w.last)
}

// waiting is one Host.
type waiting struct {
	c         *Client
	host      *peer.Host
	confirm   peer.Confirm
	report    *Report
	guest     syncengine.ReplicaID // who was met, if anybody
	strangers int
	last      error // with which the last connection ended
	over      bool  // all was exchanged, though the guest has not said that it heard the end
}

// next waits for a connection, and after the exchange is over only a little longer: it then closes l.
func (w *waiting) next(l net.Listener) (net.Conn, error) {
	if w.over {
		defer time.AfterFunc(afterwards, func() { _ = l.Close() }).Stop()
	}
	return l.Accept()
}

// welcome exchanges with whoever came, and reports whether that was the end.
func (w *waiting) welcome(ctx context.Context, conn net.Conn) (done bool, err error) {
	s, err := w.c.accept(ctx, w.host, conn, w.confirm)
	if err == nil && !w.guest.IsZero() && s.Replicas()[0] != w.guest {
		err = errors.Join(wire.Problemf(wire.CodeUnauthenticated, "another guest came"), s.Close())
	}
	if err != nil {
		w.strangers++
		w.last = err
		return false, nil
	}
	w.guest = s.Replicas()[0]
	w.last = w.c.meet(ctx, s, w.report)
	w.over = errors.Is(w.last, errUnheard)
	return met(ctx, w.last)
}

// met reports whether a meeting is over, and with what: a connection that broke is not its end.
func met(ctx context.Context, err error) (bool, error) {
	switch {
	case err == nil, ctx.Err() != nil:
		return true, errors.Join(ctx.Err(), err)
	case errors.Is(err, wire.CodeTruncated), errors.Is(err, errUnheard), broke(err):
		return false, err
	}
	return true, err
}

// broke reports whether an error is that of a connection.
func broke(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, net.ErrClosed) || brokenPipe(err)
}

// Join comes to another tablet that hosts, by its pairing text, or by its address ("host:port") where people compare digits, and exchanges what
// both lack. Paired by text it connects again where the link breaks, as long as that brings anything.
func (c *Client) Join(ctx context.Context, text string, o MeetOptions) (*Report, error) {
	dialer := &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 15 * time.Second}
	report := &Report{}
	for broken := 0; ; broken++ {
		who, err := c.introduction(ctx)
		if err != nil {
			return report, err
		}
		before, begun := report.Received+report.Sent, report.begun
		s, err := peer.Join(ctx, text, dialer.DialContext, who, o.Confirm)
		if err == nil {
			err = c.meet(ctx, s, report)
		}
		if report.Received+report.Sent > before || report.begun != begun {
			broken = 0
		}
		if done, err := met(ctx, err); done || broken >= maxBroken || !wire.IsPairing(text) {
			return report, err
		}
		if !pauseFor(ctx, time.Duration(broken)*reconnect) {
			return report, ctx.Err()
		}
	}
}

// pauseFor waits, and reports false where ctx ends before.
func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *Client) accept(ctx context.Context, h *peer.Host, conn net.Conn, confirm peer.Confirm) (*peer.Session, error) {
	who, err := c.introduction(ctx)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return h.Accept(ctx, conn, who, confirm)
}

// introduction is what this tablet says of itself.
func (c *Client) introduction(ctx context.Context) (who peer.Who, err error) {
	err = c.store.View(ctx, func(r store.Reader) error {
		who = peer.Who{Rand: c.o.Rand}
		id, err := enrolled(r)
		if err != nil {
			return err
		}
		for _, p := range c.pens(id) {
			who.Keys = append(who.Keys, p.Key)
		}
		who.Ledgers, err = c.heldLedgers(r)
		return err
	})
	return who, err
}

// heldLedgers returns the ledgers that are held, in the order of their ids.
func (c *Client) heldLedgers(r store.Reader) (out []syncengine.LedgerID, err error) {
	err = r.Ledgers(func(id syncengine.LedgerID) (bool, error) {
		_, err := c.keeper.View(r, id)
		if errors.Is(err, ledger.ErrUnknownLedger) {
			return true, nil
		}
		out = append(out, id)
		return true, err
	})
	return out, err
}

// maxAddresses is how many addresses a pairing text names.
const maxAddresses = 8

// reachable returns the addresses at which others may reach a listener: its own, or those of the machine's networks where it listens on all.
func reachable(a net.Addr) ([]string, error) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return []string{a.String()}, nil
	}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, n := range list {
		ip, ok := n.(*net.IPNet)
		if ok && ip.IP.IsGlobalUnicast() && len(out) < maxAddresses {
			out = append(out, net.JoinHostPort(ip.IP.String(), strconv.Itoa(tcp.Port)))
		}
	}
	if len(out) == 0 {
		return nil, errors.New("this tablet is on no network: join one first, or make one")
	}
	return out, nil
}
