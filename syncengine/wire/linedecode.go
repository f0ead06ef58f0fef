package wire

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strconv"
	"sync"

	"github.com/arpenteur/arpenteur/syncengine"
)

// DecodeLine reads a line of a ledger and computes its root and id. It refuses what is not canonical, over a limit, or of another
// ledger. The zero ledger is accepted for a genesis whose ledger the caller doesn't know yet. The line doesn't refer to data.
func DecodeLine(data []byte, ledger syncengine.LedgerID) (*Line, error) {
	if len(data) > MaxLineBytes {
		return nil, Problemf(CodeTooLarge, "a line of %d bytes is over the limit of %d", len(data), MaxLineBytes)
	}
	if bytes.HasPrefix(data, []byte(unknownPrefix)) {
		return decodeUnknown(string(data), ledger)
	}
	d, _ := lineDecoders.Get().(*lineDecoder)
	defer d.release()
	d.scanner = scanner{text: string(data), limit: MaxLineDepth}
	return d.decode(ledger)
}

// lineDecoder holds a decoding in progress and the memory that the next one uses again.
type lineDecoder struct {
	scanner
	over   []overEntry
	ids    []syncengine.ChangeID // of all over entries, one after the other
	values []syncengine.Write
	leaves []pathHash
	salts  []pathHash
	buf    []byte
}

// overEntry is one member of `over`: ids[from:to] are what the write at path replaces.
type overEntry struct {
	path     syncengine.Path
	from, to int
}

type pathHash struct {
	path syncengine.Path
	hash syncengine.Hash
}

var lineDecoders = sync.Pool{New: func() any { return new(lineDecoder) }}

// release puts d back, without what it refers to.
func (d *lineDecoder) release() {
	clear(d.over)
	clear(d.values)
	clear(d.leaves)
	clear(d.salts)
	*d = lineDecoder{
		over: d.over[:0], ids: d.ids[:0], values: d.values[:0], leaves: d.leaves[:0], salts: d.salts[:0], buf: d.buf[:0],
	}
	if cap(d.buf) <= 64<<10 && cap(d.values) <= 512 && cap(d.ids) <= 1024 {
		lineDecoders.Put(d)
	}
}

// present says which members that depend on the form of the line were there.
type present struct {
	leaves, paths, root, salt, salts, values bool
}

func (d *lineDecoder) decode(ledger syncengine.LedgerID) (*Line, error) {
	both := new(struct {
		line   Line
		change syncengine.Change
	})
	l, h := &both.line, &both.change.Header
	l.Change = &both.change

	has := d.readMembers(l, h)
	switch has {
	case present{salt: true, values: true}:
		l.Form = Whole
	case present{leaves: true, salts: true, values: true}:
		l.Form = Partial
	case present{paths: true, root: true}:
		l.Form = Bare
	default:
		d.malformed("the members are those of no form of line")
	}
	if err := d.finish(); err != nil {
		return nil, err
	}
	d.assemble(l, h)
	if err := d.finish(); err != nil {
		return nil, err
	}
	if h.Kind != syncengine.KindGenesis {
		h.Ledger = ledger
	}
	if err := checkKind(h); err != nil {
		return nil, err
	}
	if d.buf = l.seal(d.buf); len(d.buf) > syncengine.MaxHeaderBytes {
		return nil, Problemf(CodeTooLarge, "a header of %d bytes is over the limit of %d", len(d.buf), syncengine.MaxHeaderBytes)
	}
	if h.Kind == syncengine.KindGenesis && !ledger.IsZero() && l.Change.ID.Hash != ledger.Hash {
		return nil, Problemf(CodeWrongLedger, "this genesis begins ledger %s", l.Change.ID)
	}
	return l, nil
}

// readMembers takes all members of a line, in their order.
func (d *lineDecoder) readMembers(l *Line, h *syncengine.Header) (has present) {
	m := d.members()
	if m.optional("at") {
		h.At = d.authorityPoint()
	}
	m.required("author")
	h.Author = d.account()
	if m.optional("checklist") {
		h.Checklist.Hash = d.hash()
	}
	m.required("format")
	d.literal("1")
	h.Format = syncengine.FormatVersion
	if m.optional("genesis") {
		h.Genesis = d.genesis()
	}
	m.required("kind")
	h.Kind = syncengine.Kind(d.word())
	if has.leaves = m.optional("leaves"); has.leaves {
		d.leaves = d.pathHashes(d.leaves)
	}
	if m.optional("over") {
		d.overs()
	}
	if has.paths = m.optional("paths"); has.paths {
		d.paths()
	}
	m.required("record")
	h.Record = d.uuid()
	if has.root = m.optional("root"); has.root {
		h.Root = d.hash()
	}
	if m.optional("ruling") {
		h.Ruling, l.ruling = d.ruling()
	}
	if has.salt = m.optional("salt"); has.salt {
		d.binary(l.Salt[:])
	}
	if has.salts = m.optional("salts"); has.salts {
		d.salts = d.pathHashes(d.salts)
	}
	m.required("time")
	h.Time = int64(d.integer()) //nolint:gosec // 15 digits at most
	if has.values = m.optional("values"); has.values {
		d.readValues()
	}
	m.end()
	return has
}

// tooMany refuses a list over its limit.
func (d *lineDecoder) tooMany(n, limit int, what string) {
	if n > limit {
		d.fail(CodeTooLarge, "more than "+strconv.Itoa(limit)+" "+what)
	}
}

func (d *lineDecoder) overs() {
	e := d.entries()
	for key, ok := e.next(); ok; key, ok = e.next() {
		from := len(d.ids)
		for ids := d.elements(); ids.next(); {
			id := syncengine.ChangeID{Hash: d.hash()}
			if n := len(d.ids); n > from && bytes.Compare(id.Hash[:], d.ids[n-1].Hash[:]) <= 0 {
				d.malformed("ids in over are not ascending, or one is there twice")
			}
			d.ids = append(d.ids, id)
			d.tooMany(len(d.ids), syncengine.MaxOverIDs, "ids in over")
		}
		if len(d.ids) == from {
			d.malformed("a list in over is empty")
		}
		d.over = append(d.over, overEntry{syncengine.Path(key), from, len(d.ids)})
	}
	if len(d.over) == 0 {
		d.malformed("over is there but empty")
	}
}

func (d *lineDecoder) paths() {
	for e := d.elements(); e.next(); {
		p := d.path()
		if n := len(d.values); n > 0 && p <= d.values[n-1].Path {
			d.malformed("paths are not ascending, or one is there twice")
		}
		d.values = append(d.values, syncengine.Write{Path: p})
		d.tooMany(len(d.values), syncengine.MaxWrites, "paths")
	}
}

func (d *lineDecoder) readValues() {
	size := 0
	e := d.entries()
	for key, ok := e.next(); ok; key, ok = e.next() {
		p := syncengine.Path(key)
		d.checkPath(p)
		v := d.value()
		if size += len(v); size > syncengine.MaxValueBytes {
			d.fail(CodeTooLarge, "values are over "+strconv.Itoa(syncengine.MaxValueBytes)+" bytes together")
		}
		d.values = append(d.values, syncengine.Write{Path: p, Value: syncengine.Value(v)})
		d.tooMany(len(d.values), syncengine.MaxWrites, "paths")
	}
}

func (d *lineDecoder) pathHashes(list []pathHash) []pathHash {
	e := d.entries()
	for key, ok := e.next(); ok; key, ok = e.next() {
		p := syncengine.Path(key)
		d.checkPath(p)
		list = append(list, pathHash{p, d.hash()})
		d.tooMany(len(list), syncengine.MaxWrites, "paths")
	}
	return list
}

// assemble makes the writes of the line from the lists that were read.
func (d *lineDecoder) assemble(l *Line, h *syncengine.Header) {
	if l.Form == Partial {
		d.assemblePartial(l, h)
	} else {
		h.Writes = slices.Clone(d.values)
	}
	if len(d.over) == 0 || d.err != nil {
		return
	}
	ids, i := slices.Clone(d.ids), 0
	for _, o := range d.over {
		for i < len(h.Writes) && h.Writes[i].Path < o.path {
			i++
		}
		if i == len(h.Writes) || h.Writes[i].Path != o.path {
			d.malformed("over names a path that is not written")
			return
		}
		h.Writes[i].Over = ids[o.from:o.to:o.to]
	}
}

// assemblePartial merges the paths whose value is held with those whose leaf hash is.
func (d *lineDecoder) assemblePartial(l *Line, h *syncengine.Header) {
	n := len(d.values) + len(d.leaves)
	if d.tooMany(n, syncengine.MaxWrites, "paths"); len(d.values) != len(d.salts) {
		d.malformed("values and salts do not have the same paths")
		return
	}
	h.Writes = make([]syncengine.Write, 0, n)
	l.LeafSalts, l.Leaves = make([]syncengine.Hash, n), make([]syncengine.Hash, n)
	values, leaves := 0, 0
	for i := range n {
		switch {
		case leaves == len(d.leaves) || values < len(d.values) && d.values[values].Path < d.leaves[leaves].path:
			if d.values[values].Path != d.salts[values].path {
				d.malformed("values and salts do not have the same paths")
				return
			}
			h.Writes = append(h.Writes, d.values[values])
			l.LeafSalts[i] = d.salts[values].hash
			values++
		case values < len(d.values) && d.values[values].Path == d.leaves[leaves].path:
			d.malformed("a path has both a value and a leaf hash")
			return
		default:
			h.Writes = append(h.Writes, syncengine.Write{Path: d.leaves[leaves].path})
			l.Leaves[i] = d.leaves[leaves].hash
			leaves++
		}
	}
}

// checkKind checks that the header has the members that its kind asks for, and no other.
func checkKind(h *syncengine.Header) error {
	genesis, ruling := h.Kind == syncengine.KindGenesis, h.Kind == syncengine.KindRuling
	switch {
	case genesis != (h.Genesis != nil):
		return Problemf(CodeMalformed, "the kind is %s: the member genesis is of a genesis", h.Kind)
	case ruling != (h.Ruling != nil):
		return Problemf(CodeMalformed, "the kind is %s: the member ruling is of a ruling", h.Kind)
	case genesis != h.At.IsZero():
		return Problemf(CodeMalformed, "the kind is %s: only a genesis has no authority point", h.Kind)
	case (genesis || ruling) != h.Checklist.IsZero():
		return Problemf(CodeMalformed, "the kind is %s: a record has a checklist, a genesis or ruling has none", h.Kind)
	case genesis && len(h.Writes) != 0:
		return Problemf(CodeMalformed, "a genesis writes no value")
	case !genesis && !ruling && len(h.Writes) == 0:
		return Problemf(CodeMalformed, "a change of a record writes at least its presence")
	case !genesis && h.Ledger.IsZero():
		return Problemf(CodeWrongLedger, "only a genesis belongs to no ledger")
	default:
		return nil
	}
}

// unknownPrefix begins a line of an unknown format, and no other: the first member of a line of ours is `at` or `author`.
const unknownPrefix = `{"body":`

// decodeUnknown reads a line of another format. All that is read of it is its format, its ledger and its header's bytes.
func decodeUnknown(text string, ledger syncengine.LedgerID) (*Line, error) {
	s := scanner{text: text, limit: MaxLineDepth}
	m := s.members()
	m.required("body")
	s.skip()
	m.required("format")
	format := s.integer()
	if format <= syncengine.FormatVersion {
		s.malformed("a line of this format has no body")
	}
	m.required("header")
	start := s.pos
	inner, named := s.unknownMembers()
	header := text[start:s.pos]
	m.end()
	if inner != format {
		s.malformed("line and header name different formats")
	}
	if err := s.finish(); err != nil {
		return nil, err
	}
	id := syncengine.ChangeID{Hash: sha256.Sum256([]byte(header))}
	// The header of a genesis names no ledger: its own id does.
	if named != ledger && (!named.IsZero() || ledger.Hash != id.Hash) {
		return nil, Problemf(CodeWrongLedger, "a line of format %d belongs to ledger %s", format, named)
	}
	change := &syncengine.Change{ID: id, Header: syncengine.Header{Format: int(format), Ledger: named}} //nolint:gosec // 15 digits
	return &Line{Change: change, Form: UnknownFormat, opaque: text}, nil
}

// unknownMembers takes a header of an unknown format and returns its format and ledger.
func (s *scanner) unknownMembers() (format uint64, ledger syncengine.LedgerID) {
	named := false
	e := s.entries()
	for key, ok := e.next(); ok; key, ok = e.next() {
		switch {
		case key == "format":
			format = s.integer()
		case key != "ledger":
			s.skip()
		case s.peek() == '"' && s.pos+1 < len(s.text) && s.text[s.pos+1] == '"':
			s.pos, named = s.pos+2, true
		default:
			ledger.Hash, named = s.hash(), true
		}
	}
	if !named {
		s.malformed("the header names no ledger")
	}
	return format, ledger
}

// unknownHeader returns the header of a line that decodeUnknown accepted.
func unknownHeader(text string) string {
	s := scanner{text: text, limit: MaxLineDepth}
	m := s.members()
	m.required("body")
	s.skip()
	m.required("format")
	s.skip()
	m.required("header")
	return s.value()
}
