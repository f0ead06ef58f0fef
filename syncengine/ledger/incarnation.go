package ledger

import (
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// incarnationsKey is where the authority's replicas after the first are kept, in the order in which they came.
var incarnationsKey = []byte("incarnations")

// readIncarnations returns the authority's replicas, in the order in which they came here. They are read once, since they are asked for
// when the transaction is about to end as well.
func (l *Ledger) readIncarnations() ([]syncengine.ReplicaID, error) {
	if l.incarnations != nil {
		return l.incarnations, nil
	}
	out := []syncengine.ReplicaID{wire.ReplicaOf(l.genesis.Authority.Ed25519())}
	raw, err := l.r.Get(spaceLedger, l.id, incarnationsKey)
	if err != nil {
		return nil, err
	}
	const size = len(syncengine.Hash{})
	if len(raw)%size != 0 {
		return nil, fmt.Errorf("incarnations of ledger %s: %w", l.id, store.ErrCorrupt)
	}
	for ; len(raw) > 0; raw = raw[size:] {
		out = append(out, syncengine.ReplicaID{Hash: syncengine.Hash(raw[:size])})
	}
	l.incarnations = out
	return out, nil
}

// keyOfIncarnation returns the key of an incarnation of the authority that a run begins, nil where the run doesn't, or where the root key
// did not certify it.
func (l *Ledger) keyOfIncarnation(in *Incoming) []byte {
	if in.First != 1 || !l.opens(in.Replica, in.Decoded[0].Change) {
		return nil
	}
	return in.Decoded[0].Change.Ruling.Key
}

// opens reports whether a change, as the first line of a replica's log, makes that replica an incarnation of the authority.
func (l *Ledger) opens(replica syncengine.ReplicaID, c *syncengine.Change) bool {
	r := c.Ruling
	return r != nil && r.Type == syncengine.Succeed && wire.ReplicaOf(r.Key) == replica && wire.VerifyCertificate(l.genesis.Root.Ed25519(), l.id, r)
}

// takeIncarnation lets a line open a new incarnation of the authority, and reports whether it does.
func (l *Ledger) takeIncarnation(g *log, p position, c *syncengine.Change) (bool, error) {
	if p.seq != 1 || l.authority.IsAuthority(g.Replica) || !l.opens(g.Replica, c) {
		return false, nil
	}
	known, err := l.readIncarnations()
	if err != nil {
		return false, err
	}
	known = append(slices.Clone(known), g.Replica)
	raw := make([]byte, 0, len(known)*len(syncengine.Hash{}))
	for _, replica := range known[1:] {
		raw = append(raw, replica.Hash[:]...)
	}
	if err := l.w.Put(spaceLedger, l.id, incarnationsKey, raw); err != nil {
		return false, err
	}
	l.incarnations = known
	if err := l.w.Put(spaceAuthority, l.id, p.key(), present); err != nil {
		return false, err
	}
	l.takeAuthority(c, syncengine.Position{Replica: g.Replica, Seq: p.seq})
	return true, nil
}

// Succeed opens a new incarnation of the authority in the ledger, behind what is held of the newest one: the first line of the pen's log.
// number must exceed that of every incarnation. The caller goes on with Commit, and ends with Settle.
func (l *Ledger) Succeed(pen Pen, root ed25519.PrivateKey, number uint64, record syncengine.RecordID, author syncengine.AccountID, time int64) error {
	predecessor, head, err := l.AuthorityHead()
	if err != nil {
		return err
	}
	public, _ := pen.Key.Public().(ed25519.PublicKey)
	line, err := newLine(pen, syncengine.Header{
		Ledger: l.id, Kind: syncengine.KindRuling, Record: record, Author: author, Time: time,
		At:     syncengine.AuthorityPoint{Replica: predecessor, Seq: head.Seq},
		Ruling: wire.Certify(root, l.id, wire.PublicKeyOf(public), number, predecessor, head),
	}, wire.Salt{})
	if err != nil {
		return err
	}
	own, err := l.ownLog(pen.Replica())
	if err != nil {
		return err
	}
	return l.write(own, pen, []*wire.Line{line})
}

// AuthorityHead returns the newest incarnation of the authority and the end of its log as held here.
func (l *Ledger) AuthorityHead() (syncengine.ReplicaID, syncengine.Head, error) {
	replica := l.authority.Current()
	logs, err := l.logsOf(replica)
	if err != nil || len(logs) == 0 {
		return replica, syncengine.Head{}, err
	}
	return replica, logs[0].Tip, nil
}

// VerifiesReceipt reports whether a receipt is signed by an incarnation of the authority that is known here: the one whose point it names.
func (l *Ledger) VerifiesReceipt(r *wire.Receipt) bool {
	return r.Ledger == l.id && l.authority.IsAuthority(r.At.Replica) && r.Verify(l.keyOf(r.At.Replica))
}
