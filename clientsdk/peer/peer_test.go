package peer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

var ctx = context.Background()

func keyOf(n byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, 32)) }

func idOf(n byte) syncengine.LedgerID {
	return syncengine.LedgerID{Hash: syncengine.Hash(bytes.Repeat([]byte{n}, 32))}
}

func whoOf(n byte, ledgers ...syncengine.LedgerID) Who {
	return Who{Keys: []ed25519.PrivateKey{keyOf(n)}, Ledgers: ledgers, Rand: rand.Reader}
}

// ended is how one side's attempt ended.
type ended struct {
	s   *Session
	err error
}

// hosting accepts one connection on a port.
func hosting(t *testing.T, who Who, confirm Confirm) (*Host, string, <-chan ended) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	h, err := NewHost(rand.Reader, []string{l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	out := make(chan ended, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			out <- ended{nil, err}
			return
		}
		s, err := h.Accept(ctx, conn, who, confirm)
		out <- ended{s, err}
	}()
	return h, l.Addr().String(), out
}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}

func yes(context.Context, string) (bool, error) { return true, nil }

func TestBothSidesKnowWhoIsThereAndWhatIsCommon(t *testing.T) {
	h, _, done := hosting(t, whoOf(1, idOf(10), idOf(11)), nil)
	g, err := Join(ctx, h.Pairing(), dial, whoOf(2, idOf(11), idOf(12)), nil)
	if err != nil {
		t.Fatal(err)
	}
	host := <-done
	if host.err != nil {
		t.Fatal(host.err)
	}
	public := func(n byte) syncengine.ReplicaID { return wire.ReplicaOf(keyOf(n).Public().(ed25519.PublicKey)) }
	if host.s.Replicas()[0] != public(2) || g.Replicas()[0] != public(1) {
		t.Error("the replicas are not those of the other side")
	}
	for _, n := range []byte{10, 11, 12, 13} {
		held := n == 10 || n == 11
		if got := host.s.Common(idOf(n)); got != (n == 11 || n == 12) {
			t.Errorf("the guest is said to hold %d: %v", n, got)
		}
		if got := g.Common(idOf(n)); got != held {
			t.Errorf("the host is said to hold %d: %v", n, got)
		}
	}
	if n := len(g.names.Names); n != wire.PeerLedgersStep {
		t.Errorf("%d names show how many ledgers there are", n)
	}
	// Names on the one side say nothing on the other, so that they can't be given back.
	for _, name := range g.names.Names {
		if host.s.names.Has(name) {
			t.Error("a name is the same on both sides")
		}
	}
	said := make(chan error, 1)
	go func() {
		_, err := g.Say(func(out *wire.Writer) error { return out.WriteFrame(&wire.End{}) })
		said <- err
	}()
	if err := host.s.Hear(func(body io.Reader) error { _, err := io.ReadAll(body); return err }); err != nil {
		t.Error(err)
	}
	if err := errors.Join(<-said, g.Close()); err != nil {
		t.Error(err)
	}
	if err := host.s.Hear(func(body io.Reader) error { _, err := io.ReadAll(body); return err }); err == nil {
		t.Error("a closed session is not told")
	}
	_ = host.s.Close()
}

func TestSomebodyInBetweenShowsOtherDigitsOnEitherSide(t *testing.T) {
	shown := make(chan string, 2)
	show := func(_ context.Context, digits string) (bool, error) { shown <- digits; return false, nil }
	_, address, done := hosting(t, whoOf(1), show)
	_, front, victim := hosting(t, whoOf(9), yes)
	joined := make(chan error, 1)
	go func() {
		_, err := Join(ctx, front, dial, whoOf(2), show)
		joined <- err
	}()
	if _, err := Join(ctx, address, dial, whoOf(9), yes); err == nil {
		t.Error("the host let somebody in whose digits its person refused")
	}
	if out := <-done; !errors.Is(out.err, wire.CodeUnauthenticated) {
		t.Errorf("host: %v", out.err)
	}
	if err := <-joined; !errors.Is(err, wire.CodeUnauthenticated) {
		t.Errorf("guest: %v", err)
	}
	if out := <-victim; out.err == nil {
		t.Error("the guest told somebody else who it is")
	}
	if a, b := <-shown, <-shown; a == b {
		t.Errorf("both sides show %s", a)
	}
}

func TestAHostRefusesWhatIsNotProven(t *testing.T) {
	for name, c := range map[string]struct {
		say  func(h *Host, s *Session) error
		code wire.Code
	}{
		"a wrong proof": {func(_ *Host, s *Session) error { return s.say(&wire.Pair{Proof: idOf(5).Hash}) }, wire.CodeUnauthenticated},
		"another nonce than was committed to": {func(_ *Host, s *Session) error {
			if err := s.say(&wire.Pair{Commitment: wire.NonceCommitment(s.hash, idOf(5).Hash)}); err != nil {
				return err
			}
			if _, err := s.hear("nonce"); err != nil {
				return err
			}
			return s.say(&wire.Nonce{Nonce: idOf(6).Hash})
		}, wire.CodeUnauthenticated},
		"a replica that is another's": {func(h *Host, s *Session) error {
			err := s.say(&wire.Pair{Proof: h.pairing.Proof(s.hash)})
			stolen := wire.ProveReplica(keyOf(3), wire.PeerGuest, idOf(7).Hash) // out of another session
			names := &wire.PeerLedgers{}
			for i := range byte(wire.PeerLedgersStep) {
				names.Names = append(names.Names, idOf(i+1).Hash)
			}
			return errors.Join(err, s.say(&wire.PeerReplicas{Replicas: []wire.PeerReplica{stolen}}, names))
		}, wire.CodeUnauthenticated},
		"another frame": {func(_ *Host, s *Session) error { return s.say(&wire.Nonce{Nonce: idOf(6).Hash}) }, wire.CodeMalformed},
		"no frame":      {func(_ *Host, s *Session) error { return s.say() }, wire.CodeMalformed},
		"a message that does not end": {func(_ *Host, s *Session) error {
			_, err := s.Say(func(out *wire.Writer) error {
				for range 100 {
					noise := make([]byte, 4096)
					_, _ = rand.Read(noise)
					if err := out.WriteFrame(&wire.PhotoPiece{Ledger: idOf(1), Hash: idOf(1).Hash, Size: 4096, Data: noise}); err != nil {
						return err
					}
				}
				return nil
			})
			return ignoreReset(err)
		}, wire.CodeTooLarge},
	} {
		h, address, done := hosting(t, whoOf(1), yes)
		s := bare(t, address)
		if err := c.say(h, s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if out := <-done; wire.CodeOf(out.err) != c.code {
			t.Errorf("%s: %v, want %s", name, out.err, c.code)
		}
		_ = s.Close()
	}
}

// ignoreReset leaves out that the other side stopped listening.
func ignoreReset(err error) error {
	var n net.Error
	if errors.As(err, &n) {
		return nil
	}
	return err
}

func TestAnAddressAlonePairsNobody(t *testing.T) {
	_, address, done := hosting(t, whoOf(1), nil)
	if _, err := Join(ctx, address, dial, whoOf(2), nil); !errors.Is(err, ErrDigits) {
		t.Fatalf("a guest that compares nothing: %v", err)
	}
	if out := <-done; out.err == nil {
		t.Error("the host let it in")
	}
	h, _, _ := hosting(t, whoOf(1), nil)
	pairing, err := wire.ParsePairing(h.Pairing())
	if err != nil {
		t.Fatal(err)
	}
	pairing.Addresses = []string{"127.0.0.1:1"} // nobody listens there
	if _, err := Join(ctx, pairing.String(), dial, whoOf(2), nil); err == nil {
		t.Error("it joined nobody")
	}
	if _, err := Join(ctx, "no address", dial, whoOf(2), nil); !errors.Is(err, wire.CodeInvalid) {
		t.Errorf("got %v", err)
	}
}

// FuzzHear: whatever comes as a message, it is refused by its code or gives the frames that were asked for.
func FuzzHear(f *testing.F) {
	var good bytes.Buffer
	s := &Session{conn: &patientConn{Conn: pipe{w: &good}, wait: time.Second}}
	if err := s.say(&wire.Nonce{Nonce: idOf(1).Hash}); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &Session{in: bufio.NewReader(bytes.NewReader(data))}
		frames, err := s.hear("nonce")
		if err == nil && (len(frames) != 1 || frames[0].Type() != "nonce") {
			t.Fatalf("heard %v", frames)
		}
	})
}

// pipe is a connection that only writes.
type pipe struct {
	net.Conn
	w io.Writer
}

func (p pipe) Write(b []byte) (int, error)      { return p.w.Write(b) }
func (p pipe) SetWriteDeadline(time.Time) error { return nil }
