package peer

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Dial opens connections: (*net.Dialer).DialContext, or a test's.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Join comes to a host: by its pairing text, or by its address alone, "host:port", where people compare digits.
func Join(ctx context.Context, text string, dial Dial, who Who, confirm Confirm) (*Session, error) {
	addresses, pairing := []string{strings.TrimSpace(text)}, (*wire.Pairing)(nil)
	if wire.IsPairing(text) {
		p, err := wire.ParsePairing(text)
		if err != nil {
			return nil, err
		}
		addresses, pairing = p.Addresses, p
	} else if _, _, err := net.SplitHostPort(addresses[0]); err != nil {
		return nil, wire.Problemf(wire.CodeInvalid, "this is neither a pairing text nor an address of the form host:port")
	}
	var failed error
	for _, a := range addresses {
		s, err := join(ctx, a, pairing, dial, who, confirm)
		if err == nil {
			return s, nil
		}
		var p *wire.Problem
		if errors.As(err, &p) || ctx.Err() != nil {
			return nil, err
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// join comes to one address.
func join(ctx context.Context, address string, pairing *wire.Pairing, dial Dial, who Who, confirm Confirm) (*Session, error) {
	limited, cancel := context.WithTimeout(ctx, pairingTime)
	defer cancel()
	conn, err := dial(limited, "tcp", address)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{protocol},
		InsecureSkipVerify: true, //nolint:gosec // the host is known by the key that the pairing text pins, or by digits: there is no authority to ask
	})
	err = secure.HandshakeContext(limited)
	if err == nil && pairing != nil {
		err = pinned(secure.ConnectionState(), pairing.Key)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	s, err := newSession(ctx, wire.PeerGuest, secure)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if err := s.pair(ctx, pairing, who, confirm); err != nil {
		_ = s.Close()
		return nil, err
	}
	s.conn.wait = silence
	return s, nil
}

// pinned checks that the host is the one whose pairing text was read.
func pinned(state tls.ConnectionState, key syncengine.Hash) error {
	if len(state.PeerCertificates) == 0 || sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo) != key {
		return wire.Problemf(wire.CodeUnauthenticated, "at that address is another tablet than the one whose pairing text was read")
	}
	return nil
}

// pair proves that the text was read, or lets people compare digits; then both say who they are.
func (s *Session) pair(ctx context.Context, pairing *wire.Pairing, who Who, confirm Confirm) error {
	var err error
	if pairing != nil {
		err = s.say(&wire.Pair{Proof: pairing.Proof(s.hash)})
	} else {
		err = s.compare(ctx, who.Rand, confirm)
	}
	if err != nil {
		return s.refuse(err)
	}
	if _, err := s.hear("confirm"); err != nil {
		return err
	}
	s.conn.wait = silence
	if err := s.introduce(who); err != nil {
		return err
	}
	return s.meet()
}

func (s *Session) compare(ctx context.Context, rand io.Reader, confirm Confirm) error {
	if confirm == nil {
		return ErrDigits
	}
	var own syncengine.Hash
	if _, err := io.ReadFull(rand, own[:]); err != nil {
		return err
	}
	if err := s.say(&wire.Pair{Commitment: wire.NonceCommitment(s.hash, own)}); err != nil {
		return err
	}
	frames, err := s.hear("nonce")
	if err != nil {
		return err
	}
	theirs, _ := frames[0].(*wire.Nonce)
	if err := s.say(&wire.Nonce{Nonce: own}); err != nil {
		return err
	}
	s.conn.wait = peopleTime
	return ask(ctx, confirm, wire.PeerDigits(s.hash, theirs.Nonce, own))
}
