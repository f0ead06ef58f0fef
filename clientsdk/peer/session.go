package peer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
	"github.com/arpenteur/arpenteur/syncengine/wire/blocks"
)

// Times after which a side is given up.
const (
	silence     = 60 * time.Second // that brings nothing
	pairingTime = 20 * time.Second // of one that does not pair
	peopleTime  = 5 * time.Minute  // while people compare digits
)

// protocol is the TLS application protocol of a session (RFC 7301).
const protocol = "arpenteur-peer/1"

// early are the limits of messages until both know who is there.
func early() wire.Limits { return wire.Limits{Body: 64 << 10, Decoded: 1 << 20} }

// Who is what one side says of itself: its replicas, the newest first, and the ledgers that it holds.
type Who struct {
	Keys    []ed25519.PrivateKey
	Ledgers []syncengine.LedgerID
	Rand    io.Reader
}

// Confirm asks a person whether the other tablet shows the same six digits.
type Confirm func(ctx context.Context, digits string) (bool, error)

// ErrDigits is returned where a person found other digits on the other tablet, or nobody is there to compare them.
var ErrDigits = wire.Problemf(wire.CodeUnauthenticated, "the digits on both tablets were not found to be the same")

// Session is a channel between two tablets that know who is there. It is not safe for concurrent use.
type Session struct {
	side     wire.PeerSide
	conn     *patientConn
	in       *bufio.Reader
	hash     syncengine.Hash // the TLS exporter value
	replicas []syncengine.ReplicaID
	names    *wire.PeerLedgers
	stop     func() bool
	guard    *time.Timer // of a host, until the guest has paired
}

// Side returns which end of the session this is.
func (s *Session) Side() wire.PeerSide { return s.side }

// Replicas returns those that the other side has proven to be, the newest first.
func (s *Session) Replicas() []syncengine.ReplicaID { return s.replicas }

// Common reports whether the other side holds a ledger, too.
func (s *Session) Common(id syncengine.LedgerID) bool {
	return s.names.Has(wire.PeerLedgerName(s.side.Other(), s.hash, id))
}

// Close ends the session.
func (s *Session) Close() error {
	s.stop()
	return s.conn.Close()
}

// Ended waits until the other side has closed the session. Any other end than that is an error, a broken link among them.
func (s *Session) Ended(wait time.Duration) error {
	s.conn.wait = wait
	switch _, err := s.in.ReadByte(); {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil:
		return wire.Problemf(wire.CodeMalformed, "the other side speaks on after the end")
	default:
		return err
	}
}

// newSession takes a connection whose TLS handshake is done. It ends with ctx.
func newSession(ctx context.Context, side wire.PeerSide, conn *tls.Conn) (*Session, error) {
	state := conn.ConnectionState()
	if state.Version != tls.VersionTLS13 || state.NegotiatedProtocol != protocol {
		return nil, wire.Problemf(wire.CodeProtocolUnsupported, "the other side speaks another protocol")
	}
	value, err := state.ExportKeyingMaterial(wire.ExporterLabel, nil, 32)
	if err != nil {
		return nil, err
	}
	s := &Session{side: side, conn: &patientConn{Conn: conn, wait: pairingTime}, hash: syncengine.Hash(value)}
	s.in = bufio.NewReaderSize(s.conn, 32<<10)
	s.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	return s, nil
}

// Say sends one message: what write writes, and an end. It returns how many bytes that took.
func (s *Session) Say(write func(out *wire.Writer) error) (int64, error) {
	cut := blocks.NewWriter(s.conn)
	out := wire.NewWriter(flusher{cut})
	err := write(out)
	err = errors.Join(err, out.Close())
	if err == nil {
		err = cut.Close()
	}
	return cut.Written(), err
}

// flusher hands on every piece that the compression is flushed to, so that the other side keeps what came before a cut.
type flusher struct{ *blocks.Writer }

func (f flusher) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	return n, errors.Join(err, f.Flush())
}

// Hear calls read with the next message, for wire.NewReader, and passes over what read leaves of it.
func (s *Session) Hear(read func(body io.Reader) error) error {
	body := blocks.NewReader(s.in)
	if err := read(body); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, body, wire.MaxBodyBytes)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		err = wire.Problemf(wire.CodeTooLarge, "a message does not end")
	}
	return err
}

// say sends single frames.
func (s *Session) say(frames ...wire.Frame) error {
	_, err := s.Say(func(out *wire.Writer) error {
		for _, f := range append(frames, &wire.End{}) {
			if err := out.WriteFrame(f); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// refuse tells the other side why the session ends, if it still listens.
func (s *Session) refuse(err error) error {
	var p *wire.Problem
	if errors.As(err, &p) {
		_ = s.say(&wire.Remark{Code: p.Code, Detail: p.Detail})
	}
	return err
}

// hear returns the frames of a short message, which must be of the given types. A problem that the other side tells is returned as an error.
func (s *Session) hear(types ...string) (out []wire.Frame, err error) {
	err = s.Hear(func(body io.Reader) error {
		frames := wire.NewReader(body, early())
		defer frames.Close()
		for {
			f, err := frames.Next()
			switch {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			}
			if m, ok := f.(*wire.Remark); ok {
				return m.Problem()
			}
			if f.Type() != "end" && len(out) < len(types) {
				out = append(out, f)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for i, t := range types {
		if i >= len(out) || out[i].Type() != t {
			return nil, wire.Problemf(wire.CodeMalformed, "expected a frame of type %s", t)
		}
	}
	return out, nil
}

// introduce says who is here.
func (s *Session) introduce(who Who) error {
	replicas := &wire.PeerReplicas{}
	for _, key := range who.Keys[:min(len(who.Keys), wire.MaxPeerReplicas)] {
		replicas.Replicas = append(replicas.Replicas, wire.ProveReplica(key, s.side, s.hash))
	}
	names := &wire.PeerLedgers{}
	for _, id := range who.Ledgers[:min(len(who.Ledgers), wire.MaxPeerLedgers)] {
		names.Names = append(names.Names, wire.PeerLedgerName(s.side, s.hash, id))
	}
	for len(names.Names) == 0 || len(names.Names)%wire.PeerLedgersStep != 0 {
		var nobody syncengine.Hash
		if _, err := io.ReadFull(who.Rand, nobody[:]); err != nil {
			return err
		}
		names.Names = append(names.Names, nobody)
	}
	slices.SortFunc(names.Names, func(a, b syncengine.Hash) int { return bytes.Compare(a[:], b[:]) })
	return s.say(replicas, names)
}

// meet hears who is there, and checks the proofs.
func (s *Session) meet() error {
	frames, err := s.hear("replicas", "ledgers")
	if err != nil {
		return err
	}
	replicas, _ := frames[0].(*wire.PeerReplicas)
	s.names, _ = frames[1].(*wire.PeerLedgers)
	for _, r := range replicas.Replicas {
		if !r.Verify(s.side.Other(), s.hash) {
			return s.refuse(wire.Problemf(wire.CodeUnauthenticated, "a replica of the other side is not proven"))
		}
		s.replicas = append(s.replicas, wire.ReplicaOf(r.Key.Ed25519()))
	}
	return nil
}

// Heard returns how many bytes have come.
func (s *Session) Heard() int64 { return s.conn.read }

// patientConn gives each read and write its own deadline.
type patientConn struct {
	net.Conn
	wait time.Duration
	read int64
}

func (c *patientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.wait)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.read += int64(n)
	return n, err
}

func (c *patientConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
