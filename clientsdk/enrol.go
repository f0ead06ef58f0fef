package clientsdk

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Enrol makes this store the tablet of the person that a ticket is for. It makes the key pair, whose private half never leaves the
// store. An enrolment whose answer was lost may be repeated with the same ticket: the key is kept first.
func (c *Client) Enrol(ctx context.Context, ticket, name string) error {
	t, err := wire.ParseTicket(ticket)
	if err != nil {
		return err
	}
	id, err := c.pendingIdentity(ctx, t, name)
	if err != nil {
		return err
	}
	key := ed25519.NewKeyFromSeed(id.Keys[0])
	body := wire.NewEnrolment(key, t.Code, name).Append(nil)
	r, err := c.newRequest(ctx, t.Server, request{method: http.MethodPost, path: "/v1/enrolments", contentType: "application/json", body: body})
	if err != nil {
		return err
	}
	answer, err := c.o.HTTP.Do(r)
	if err != nil {
		return fmt.Errorf("reach the server: %w", err)
	}
	if answer.StatusCode >= 300 {
		return problemOf(answer)
	}
	raw, err := readAll(answer)
	if err != nil {
		return err
	}
	a, err := wire.DecodeEnrolmentAnswer(raw)
	if err != nil {
		return err
	}
	if a.Root != t.Root {
		return wire.Problemf(wire.CodeUnauthenticated, "the server is not the one that the ticket names; ask for a new ticket")
	}
	id.Account = a.Account
	return c.store.Update(ctx, func(w store.Writer) error { return writeIdentity(w, id) })
}

// pendingIdentity returns the identity that is being enrolled, made durable before the server hears of it.
func (c *Client) pendingIdentity(ctx context.Context, t *wire.Ticket, name string) (*identity, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(c.o.Rand, seed); err != nil {
		return nil, err
	}
	var id *identity
	err := c.store.Update(ctx, func(w store.Writer) error {
		known, err := readIdentity(w)
		switch {
		case err != nil:
			return err
		case known != nil && known.Account != "":
			return ErrEnrolled
		case known != nil:
			id = known
		default:
			id = &identity{Keys: [][]byte{seed}}
		}
		id.Server, id.Root, id.Name = t.Server, t.Root, name
		return writeIdentity(w, id)
	})
	return id, err
}

// succeed takes a successor: a new replica of the same person, which the server grants what the old one held. It is called when the
// log of this store was found to have been continued by another copy of it.
func (c *Client) succeed(ctx context.Context, id *identity) error {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(c.o.Rand, seed); err != nil {
		return err
	}
	old := ed25519.NewKeyFromSeed(id.Keys[0])
	next := *id
	next.Keys = append([][]byte{seed}, id.Keys...)
	if err := c.askSuccession(ctx, id, old, seed); err != nil {
		return err
	}
	// A crash before this leaves a grant that nobody uses, and the next exchange finds the fork again.
	return c.store.Update(ctx, func(w store.Writer) error { return writeIdentity(w, &next) })
}

// askSuccession asks the server to let the replica of a seed continue an older one.
func (c *Client) askSuccession(ctx context.Context, id *identity, old ed25519.PrivateKey, seed []byte) error {
	public, _ := old.Public().(ed25519.PublicKey)
	body := wire.NewSuccession(ed25519.NewKeyFromSeed(seed), wire.ReplicaOf(public)).Append(nil)
	answer, err := c.do(ctx, id, old, request{method: http.MethodPost, path: "/v1/successions", contentType: "application/json", body: body})
	if err != nil {
		return err
	}
	_, err = readAll(answer)
	return err
}

// succeedAgain repeats the successions of this tablet, the oldest first, where the server was restored from a copy that is older than they are
// and nobody holds their grants. It reports whether the newest replica is known now.
func (c *Client) succeedAgain(ctx context.Context, id *identity) (known bool, err error) {
	for i := len(id.Keys) - 1; i > 0; i-- {
		err := c.askSuccession(ctx, id, ed25519.NewKeyFromSeed(id.Keys[i]), id.Keys[i-1])
		if known = err == nil; !known && !errors.Is(err, wire.CodeUnknownReplica) && !errors.Is(err, wire.CodeForbidden) {
			return false, err
		}
	}
	return known, nil
}
