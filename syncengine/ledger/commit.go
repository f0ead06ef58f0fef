package ledger

import (
	"crypto/ed25519"
	"fmt"
	"io"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Pen is what a node writes its own log with.
type Pen struct {
	Key  ed25519.PrivateKey
	Rand io.Reader // for the salts of changes
}

// Replica returns the id of the replica that the pen writes as.
func (p Pen) Replica() syncengine.ReplicaID {
	public, _ := p.Key.Public().(ed25519.PublicKey)
	return wire.ReplicaOf(public)
}

// Edit is a change to be made. Each write names its over, which must come from a Seen.
type Edit struct {
	Record    syncengine.RecordKey
	Checklist syncengine.VersionID
	Author    syncengine.AccountID
	Time      int64 // the author's clock, milliseconds since 1970 UTC
	Writes    []syncengine.Write
	Ruling    *syncengine.Ruling
	// Salt is that of the change, for an author who can derive it again, as an import does; zero: one is drawn.
	Salt wire.Salt
}

// Commit makes changes and appends them to the pen's own log: all of them, or none where one can't be encoded. Each is one line and
// one head is signed after them. The caller ends with Settle. It returns their lines, in order.
func (l *Ledger) Commit(pen Pen, edits ...Edit) ([]*wire.Line, error) {
	replica := pen.Replica()
	point, err := l.Point()
	if err != nil {
		return nil, err
	}
	lines := make([]*wire.Line, 0, len(edits))
	for i := range edits {
		e := &edits[i]
		line, err := newLine(pen, syncengine.Header{
			Ledger: l.id, Kind: e.Record.Kind, Record: e.Record.ID, Checklist: e.Checklist, Author: e.Author,
			Time: e.Time, At: point, Writes: e.Writes, Ruling: e.Ruling,
		}, e.Salt)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	g, err := l.ownLog(replica)
	if err != nil {
		return nil, err
	}
	return lines, l.write(g, pen, lines)
}

// Envelop appends changes that are held already to the pen's own log, as a successor does with those of a replica that it continues.
func (l *Ledger) Envelop(pen Pen, ids []syncengine.ChangeID) error {
	lines := make([]*wire.Line, 0, len(ids))
	for _, id := range ids {
		at, err := l.positionsOf(id)
		if err != nil {
			return err
		}
		if len(at) == 0 {
			return fmt.Errorf("change %s: %w", id, wire.CodeNotFound)
		}
		line, err := l.line(at[0])
		if err != nil {
			return err
		}
		lines = append(lines, line)
	}
	g, err := l.ownLog(pen.Replica())
	if err != nil {
		return err
	}
	return l.write(g, pen, lines)
}

func newLine(pen Pen, h syncengine.Header, salt wire.Salt) (*wire.Line, error) {
	if salt == (wire.Salt{}) {
		if _, err := io.ReadFull(pen.Rand, salt[:]); err != nil {
			return nil, fmt.Errorf("draw a salt: %w", err)
		}
	}
	return wire.NewLine(h, salt)
}

// ownLog returns the log that a replica appends to: its first branch, made where there is none.
func (l *Ledger) ownLog(replica syncengine.ReplicaID) (*log, error) {
	logs, err := l.logsOf(replica)
	if err != nil {
		return nil, err
	}
	if len(logs) > 0 {
		return logs[0], nil
	}
	return l.newLog(replica, 0, nil, 0)
}

// write appends lines in runs and signs a head after each.
func (l *Ledger) write(g *log, pen Pen, lines []*wire.Line) error {
	raw := make([][]byte, len(lines))
	for i, line := range lines {
		raw[i] = wire.AppendLine(nil, line)
	}
	for len(lines) > 0 {
		n, size := 0, wire.RunSize{}
		for n < len(lines) && size.Add(len(raw[n])) {
			n++
		}
		head := g.Tip
		for _, line := range lines[:n] {
			head = syncengine.Head{Seq: head.Seq + 1, Chain: wire.ChainNext(head.Chain, line.Change.ID)}
		}
		if err := l.appendRun(g, raw[:n], lines[:n], wire.SignHead(pen.Key, l.id, head)); err != nil {
			return err
		}
		raw, lines = raw[n:], lines[n:]
	}
	return nil
}

// Publication is a checklist version to be published, with its canonical content.
type Publication struct {
	Version syncengine.VersionID
	Lineage string
	Content []byte
}

// Publish makes the rulings that put checklist versions into force.
func Publish(record func() (syncengine.RecordID, error), author syncengine.AccountID, time int64, list ...Publication) ([]Edit, error) {
	edits := make([]Edit, 0, len(list))
	for _, p := range list {
		e, err := Rule(record, author, time, syncengine.Ruling{Type: syncengine.Publish, Version: p.Version, Lineage: p.Lineage}, "")
		if err != nil {
			return nil, err
		}
		e.Writes = append(e.Writes, syncengine.Write{Path: syncengine.ContentPath, Value: syncengine.Value(p.Content)})
		edits = append(edits, e)
	}
	return edits, nil
}

// Rule makes the edit for a ruling. record gives the ruling its id; a reason may be empty.
func Rule(record func() (syncengine.RecordID, error), author syncengine.AccountID, time int64, r syncengine.Ruling, reason string) (Edit, error) {
	id, err := record()
	if err != nil {
		return Edit{}, err
	}
	e := Edit{Record: syncengine.RecordKey{Kind: syncengine.KindRuling, ID: id}, Author: author, Time: time, Ruling: &r}
	if reason != "" {
		e.Writes = []syncengine.Write{{Path: syncengine.ReasonPath, Value: wire.StringValue(reason)}}
	}
	return e, nil
}
