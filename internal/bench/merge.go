package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Sizes of the record that everybody edits.
const (
	mergeReplicas = 200
	mergeEdits    = 10 // of each
	mergeFields   = 40
	mergeTries    = 25
)

// merge measures the merge of one record of forty fields that two hundred replicas edited ten times each without hearing of
// each other: from the decoded changes to the document and its violations. The limit is the decoding of the same two thousand lines,
// hashes included, by which each change gets its name.
func (b *bench) merge(context.Context) error {
	replicas := b.size(mergeReplicas)
	b.say("merge: %d replicas edit one record", replicas)
	m, err := newMerging()
	if err != nil {
		return err
	}
	lines, err := m.lines(replicas)
	if err != nil {
		return err
	}
	var merging, decoding []time.Duration
	var rec *syncengine.Record
	document, violations := []byte(nil), 0
	for range mergeTries {
		start := time.Now()
		judged := make([]syncengine.Judged, 0, len(lines))
		for _, raw := range lines {
			line, err := wire.DecodeLine(raw, m.ledger)
			if err != nil {
				return err
			}
			judged = append(judged, syncengine.Judged{Change: line.Change, Reading: m.reading})
		}
		decoding = append(decoding, time.Since(start))
		start = time.Now()
		rec = syncengine.Rebuild(judged).Record(judged[0].Key(), m.reading.Current())
		document = rec.AppendDocument(document[:0])
		violations = len(rec.Validate())
		merging = append(merging, time.Since(start))
	}
	survivors := 0
	for i := range rec.Fields {
		survivors += len(rec.Fields[i].Survivors)
	}
	if len(rec.Conflicts()) == 0 {
		return fmt.Errorf("the edits do not conflict: %s", document)
	}
	return b.report(figure{"merge", milliseconds(median(merging)), "ms", milliseconds(median(decoding)), []detail{
		{"changes", len(lines)},
		{"fields", len(rec.Fields) - 1},
		{"survivors", survivors},
		{"conflicts", len(rec.Conflicts())},
		{"violations", violations},
	}})
}

// merging makes the changes that are merged.
type merging struct {
	*writer
	ledger  syncengine.LedgerID
	reading syncengine.Reading
	paths   []syncengine.Path
}

func newMerging() (*merging, error) {
	registry, err := schemas.NewRegistry()
	if err != nil {
		return nil, err
	}
	content, version, err := checklist()
	if err != nil {
		return nil, err
	}
	v, err := registry.Compile(version, content)
	if err != nil {
		return nil, err
	}
	m := &merging{writer: newWriter(6, "c-merge"), reading: syncengine.Reading{v.Checklist}}
	if _, err := m.Read(m.ledger.Hash[:]); err != nil {
		return nil, err
	}
	m.paths = []syncengine.Path{"/place", "/visit", "/rater"}
	for _, leaf := range []string{"rating", "urgent", "count"} {
		for _, name := range slices.Sorted(maps.Keys(v.Checklist.Shape.Children)) {
			path := syncengine.Path("/" + name + "/" + leaf)
			if v.Checklist.Lookup(path) != nil && len(m.paths) < mergeFields {
				m.paths = append(m.paths, path)
			}
		}
	}
	return m, nil
}

// value returns an answer for a field.
func (m *merging) value(path syncengine.Path) (syncengine.Value, error) {
	switch {
	case path == "/place" || path == "/visit":
		return wire.EncodeValue(m.uuid().String())
	case path == "/rater":
		return wire.EncodeValue(string(m.author))
	case strings.HasSuffix(string(path), "/urgent"):
		return wire.EncodeValue(m.r.IntN(8) == 0)
	case strings.HasSuffix(string(path), "/count"):
		return wire.EncodeValue(m.r.IntN(10))
	default:
		return wire.EncodeValue(ratings[m.r.IntN(len(ratings))])
	}
}

// line makes a change of the record and returns its line. seen says what its author has seen at each path, and is brought up to date.
func (m *merging) line(record syncengine.RecordKey, paths []syncengine.Path, seen map[syncengine.Path][]syncengine.ChangeID, now int64) ([]byte, error) {
	h := syncengine.Header{
		Ledger: m.ledger, Kind: record.Kind, Record: record.ID, Checklist: m.reading.Current().Version, Author: m.author, Time: now,
		At: syncengine.AuthorityPoint{Replica: syncengine.ReplicaID(m.ledger), Seq: 1},
	}
	h.Writes = append(h.Writes, syncengine.Write{Path: syncengine.RecordPresence, Value: syncengine.True, Over: seen[syncengine.RecordPresence]})
	for _, p := range paths {
		v, err := m.value(p)
		if err != nil {
			return nil, err
		}
		h.Writes = append(h.Writes, syncengine.Write{Path: p, Value: v, Over: seen[p]})
	}
	var salt wire.Salt
	if _, err := m.Read(salt[:]); err != nil {
		return nil, err
	}
	line, err := wire.NewLine(h, salt)
	if err != nil {
		return nil, err
	}
	for i := range line.Change.Writes {
		seen[line.Change.Writes[i].Path] = []syncengine.ChangeID{line.Change.ID}
	}
	return wire.AppendLine(nil, line), nil
}

// lines makes the first change of the record, which fills it in, and the edits, each of one field, in the order of their times.
func (m *merging) lines(replicas int) ([][]byte, error) {
	record := syncengine.RecordKey{Kind: schemas.Observation, ID: m.uuid()}
	first := map[syncengine.Path][]syncengine.ChangeID{}
	raw, err := m.line(record, m.paths, first, firstTime)
	if err != nil {
		return nil, err
	}
	out := [][]byte{raw}
	seen := make([]map[syncengine.Path][]syncengine.ChangeID, replicas)
	for edit := range mergeEdits {
		for i := range replicas {
			if seen[i] == nil {
				seen[i] = maps.Clone(first)
			}
			path := m.paths[3+m.r.IntN(len(m.paths)-3)]
			if raw, err = m.line(record, []syncengine.Path{path}, seen[i], firstTime+int64(1+edit*replicas+i)); err != nil {
				return nil, err
			}
			out = append(out, raw)
		}
	}
	return out, nil
}
