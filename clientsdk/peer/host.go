package peer

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Host is the side that waits. Its key and secret are made for one meeting.
type Host struct {
	pairing wire.Pairing
	config  *tls.Config
	rand    io.Reader
}

// NewHost makes the key of a meeting, at addresses that the guest is to try.
func NewHost(rand io.Reader, addresses []string) (*Host, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return nil, err
	}
	key := ed25519.NewKeyFromSeed(seed)
	// No clock of a tablet is to be believed, and nobody looks: the guest pins the key.
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}
	raw, err := x509.CreateCertificate(rand, form, form, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, err
	}
	h := &Host{rand: rand, pairing: wire.Pairing{Addresses: addresses, Key: sha256.Sum256(cert.RawSubjectPublicKeyInfo)}}
	if _, err := io.ReadFull(rand, h.pairing.Secret[:]); err != nil {
		return nil, err
	}
	h.config = &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{protocol}, SessionTicketsDisabled: true,
		Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}},
	}
	return h, nil
}

// Pairing returns the text that a guest scans or types.
func (h *Host) Pairing() string { return h.pairing.String() }

// Accept pairs with whoever is at the other end of a connection, and closes it where that fails. confirm may be nil: then digits are refused.
func (h *Host) Accept(ctx context.Context, conn net.Conn, who Who, confirm Confirm) (*Session, error) {
	limited, cancel := context.WithTimeout(ctx, pairingTime)
	defer cancel()
	secure := tls.Server(conn, h.config)
	err := secure.HandshakeContext(limited)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	s, err := newSession(ctx, wire.PeerHost, secure)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	s.guard = time.AfterFunc(pairingTime, func() { _ = conn.Close() }) // one that only trickles keeps nobody else away
	if err := h.pair(ctx, s, who, confirm); err != nil {
		s.guard.Stop()
		_ = s.Close()
		return nil, err
	}
	s.conn.wait = silence
	return s, nil
}

func (h *Host) pair(ctx context.Context, s *Session, who Who, confirm Confirm) error {
	frames, err := s.hear("pair")
	if err != nil {
		return err
	}
	pair, _ := frames[0].(*wire.Pair)
	if pair.Proof.IsZero() {
		err = h.compare(ctx, s, pair.Commitment, confirm)
	} else if proof := h.pairing.Proof(s.hash); !hmac.Equal(proof[:], pair.Proof[:]) {
		err = wire.Problemf(wire.CodeUnauthenticated, "the pairing text is not that of this tablet")
	}
	if err != nil {
		return s.refuse(err)
	}
	s.guard.Stop()
	if err := s.say(&wire.Confirm{}); err != nil {
		return err
	}
	if err := s.meet(); err != nil {
		return err
	}
	return s.introduce(who)
}

// compare lets people compare digits. The guest is bound to its nonce before it knows ours.
func (h *Host) compare(ctx context.Context, s *Session, commitment syncengine.Hash, confirm Confirm) error {
	if confirm == nil {
		return wire.Problemf(wire.CodeUnauthenticated, "this tablet pairs by its text only")
	}
	var own syncengine.Hash
	if _, err := io.ReadFull(h.rand, own[:]); err != nil {
		return err
	}
	if err := s.say(&wire.Nonce{Nonce: own}); err != nil {
		return err
	}
	frames, err := s.hear("nonce")
	if err != nil {
		return err
	}
	theirs, _ := frames[0].(*wire.Nonce)
	if wire.NonceCommitment(s.hash, theirs.Nonce) != commitment {
		return wire.Problemf(wire.CodeUnauthenticated, "the other side broke its word about its nonce")
	}
	s.guard.Stop()
	s.conn.wait = peopleTime
	return ask(ctx, confirm, wire.PeerDigits(s.hash, own, theirs.Nonce))
}

// ask lets a person compare digits.
func ask(ctx context.Context, confirm Confirm, digits string) error {
	limited, cancel := context.WithTimeout(ctx, peopleTime)
	defer cancel()
	same, err := confirm(limited, digits)
	if err == nil && !same {
		err = ErrDigits
	}
	return err
}
