package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// ErrUnknownLedger is returned for a ledger of which this store holds nothing.
var ErrUnknownLedger = errors.New("ledger is not held")

// Compiler turns the canonical content of a checklist version into the engine's view of it. It is pure.
type Compiler func(id syncengine.VersionID, content []byte) (*syncengine.Checklist, error)

// Keeper opens ledgers in the transactions of a store. It caches what is costly to make again, each thing under a name that
// its content gives, so that a cache can never be wrong. It is safe for concurrent use.
type Keeper struct {
	compile Compiler
	watcher Watcher // nil: nobody watches
	finder  Finder  // nil: records are found by their attributes alone

	mu          sync.Mutex
	checklists  map[syncengine.VersionID]*syncengine.Checklist
	authorities map[syncengine.LedgerID]cachedAuthority
}

// cachedAuthority is what the rulings add up to when the branches of the authority's log end as tips says.
type cachedAuthority struct {
	tips  syncengine.Hash
	state *syncengine.Authority
}

// NewKeeper returns a Keeper that reads checklists with compile.
func NewKeeper(compile Compiler) *Keeper {
	return &Keeper{
		compile:     compile,
		checklists:  map[syncengine.VersionID]*syncengine.Checklist{},
		authorities: map[syncengine.LedgerID]cachedAuthority{},
	}
}

// Ledger is one ledger within one transaction. It is not safe for concurrent use and is gone with its transaction. Changes that
// it takes are merged into their records by Settle, which every writing method of this package's callers must end with.
type Ledger struct {
	id           syncengine.LedgerID
	genesis      Genesis
	k            *Keeper
	r            store.Reader
	w            store.Writer // nil in a view
	authority    *syncengine.Authority
	incarnations []syncengine.ReplicaID // of the authority, in the order in which they came; nil: not read yet
	shared       bool                   // authority is the cache's: clone before taking rulings

	logs       map[uint32]*log
	branches   map[syncengine.ReplicaID][]*log
	checklists map[syncengine.VersionID]*syncengine.Checklist // those published in this ledger; nil: looked for and not there
	readings   map[string]syncengine.Reading
	wanting    *bool // whether the values of any change are missing; nil: not known
	work       map[syncengine.RecordKey]*work
	erasures   []Erasure             // that Settle tells the watcher of
	erased     bool                  // Settle told the watcher of any
	filled     []syncengine.ChangeID // changes that became complete, whose logs may be held further
	advances   []advance
	created    int // records that had no entry before
	notes      []Note
}

// View opens a ledger for reading. It returns ErrUnknownLedger where nothing of it is held.
func (k *Keeper) View(r store.Reader, id syncengine.LedgerID) (*Ledger, error) {
	return k.open(r, nil, id)
}

// Edit opens a ledger for writing. It returns ErrUnknownLedger where nothing of it is held.
func (k *Keeper) Edit(w store.Writer, id syncengine.LedgerID) (*Ledger, error) {
	return k.open(w, w, id)
}

func (k *Keeper) open(r store.Reader, w store.Writer, id syncengine.LedgerID) (*Ledger, error) {
	raw, err := r.Get(spaceLedger, id, []byte("genesis"))
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, ErrUnknownLedger
	}
	l := k.blank(r, w, id)
	if len(raw) != len(l.genesis.Root)+len(l.genesis.Authority) {
		return nil, fmt.Errorf("genesis of ledger %s: %w", id, store.ErrCorrupt)
	}
	copy(l.genesis.Authority[:], raw[copy(l.genesis.Root[:], raw):])
	return l, l.loadAuthority()
}

func (k *Keeper) blank(r store.Reader, w store.Writer, id syncengine.LedgerID) *Ledger {
	return &Ledger{
		id: id, k: k, r: r, w: w,
		logs:       map[uint32]*log{},
		branches:   map[syncengine.ReplicaID][]*log{},
		checklists: map[syncengine.VersionID]*syncengine.Checklist{},
		readings:   map[string]syncengine.Reading{},
		work:       map[syncengine.RecordKey]*work{},
	}
}

// ID returns the ledger's id.
func (l *Ledger) ID() syncengine.LedgerID { return l.id }

// RootKey returns the key that certifies the ledger's authority.
func (l *Ledger) RootKey() wire.PublicKey { return l.genesis.Root }

// Authority returns what the rulings add up to. It must not be changed.
func (l *Ledger) Authority() *syncengine.Authority { return l.authority }

// Point returns the authority point that this store holds: what a change made now names.
func (l *Ledger) Point() (syncengine.AuthorityPoint, error) {
	replica := l.authority.Current()
	logs, err := l.logsOf(replica)
	if err != nil || len(logs) == 0 {
		return syncengine.AuthorityPoint{}, err
	}
	return syncengine.AuthorityPoint{Replica: replica, Seq: logs[0].Held.Seq}, nil
}

// loadAuthority takes the authority from the cache, or adds up the rulings that are held.
func (l *Ledger) loadAuthority() error {
	first := wire.ReplicaOf(l.genesis.Authority.Ed25519())
	l.authority = syncengine.NewAuthority(first)
	tips, held, err := l.authorityTips()
	if err != nil || !held {
		return err
	}
	l.k.mu.Lock()
	cached := l.k.authorities[l.id]
	l.k.mu.Unlock()
	if cached.tips == tips {
		l.authority, l.shared = cached.state, true
		return nil
	}
	whole := true
	err = l.r.Scan(spaceAuthority, l.id, nil, nil, func(key, _ []byte) (bool, error) {
		err := l.loadRuling(key)
		if l.w == nil && errors.Is(err, store.ErrCorrupt) {
			whole, err = false, nil // what else is there can still be read, and Verify names the fault; nothing is judged by it for good
		}
		return true, err
	})
	if err != nil || !whole {
		return err
	}
	l.shareAuthority(tips)
	return nil
}

// authorityTips names what is kept of the authority's log: how each of its branches ends. held is false where nothing of it is kept.
func (l *Ledger) authorityTips() (tips syncengine.Hash, held bool, err error) {
	replicas, err := l.readIncarnations()
	if err != nil {
		return tips, false, err
	}
	for _, replica := range replicas {
		logs, err := l.logsOf(replica)
		if err != nil {
			return tips, false, err
		}
		for _, g := range logs {
			if held {
				tips = sha256.Sum256(append(tips[:], g.Tip.Chain[:]...))
			} else {
				tips, held = g.Tip.Chain, true
			}
		}
	}
	return tips, held, nil
}

// shareAuthority puts the authority's state into the cache, as that of the given tips.
func (l *Ledger) shareAuthority(tips syncengine.Hash) {
	l.k.mu.Lock()
	defer l.k.mu.Unlock()
	l.k.authorities[l.id] = cachedAuthority{tips, l.authority}
	l.shared = true
}

// rememberAuthority keeps what the rulings add up to for the next transaction, where this one wrote to the authority's log, so that not
// all of them are added up again after each edit on the server. Should this transaction not be committed, the tips in the cache are nobody's.
func (l *Ledger) rememberAuthority() error {
	tips, held, err := l.authorityTips()
	if err == nil && held {
		l.shareAuthority(tips)
	}
	return err
}

// loadRuling adds the ruling at a position to the authority's state.
func (l *Ledger) loadRuling(key []byte) error {
	p, err := readPosition(key)
	if err != nil {
		return err
	}
	line, err := l.line(p)
	if err != nil {
		return err
	}
	log, err := l.log(p.log)
	if err != nil {
		return err
	}
	l.authority.Take(line.Change, syncengine.Position{Replica: log.Replica, Seq: p.seq})
	return nil
}

// takeAuthority adds a ruling to the authority's state, which may be shared with other transactions until then.
func (l *Ledger) takeAuthority(c *syncengine.Change, at syncengine.Position) {
	if l.shared {
		l.authority, l.shared = l.authority.Clone(), false
	}
	l.authority.Take(c, at)
}

// forgetReadings makes the ledger look again at which checklist versions are in force and readable.
func (l *Ledger) forgetReadings() {
	clear(l.checklists)
	clear(l.readings)
}

// Checklist returns a version that is published in the ledger, or nil where it is not held or this program can't read it.
// With Held and SameBranch it makes a Ledger the syncengine.Knowledge that verdicts are reached by.
func (l *Ledger) Checklist(id syncengine.VersionID) *syncengine.Checklist {
	list, looked := l.checklists[id]
	if !looked {
		list = l.loadChecklist(id)
		l.checklists[id] = list
	}
	return list
}

// loadChecklist finds a version in the ledger, then takes it from the cache or compiles it. Content that is not what the version's name
// says is nobody's version.
func (l *Ledger) loadChecklist(id syncengine.VersionID) *syncengine.Checklist {
	raw, err := l.r.Get(spaceVersions, l.id, id.Hash[:])
	if err != nil || raw == nil {
		return nil // published elsewhere perhaps, but not in this ledger
	}
	l.k.mu.Lock()
	known := l.k.checklists[id]
	l.k.mu.Unlock()
	if known != nil {
		return known
	}
	content, err := l.contentAt(raw)
	if err != nil || sha256.Sum256(content) != id.Hash {
		return nil
	}
	list, err := l.k.compile(id, content)
	if err != nil {
		return nil
	}
	l.k.mu.Lock()
	l.k.checklists[id] = list
	l.k.mu.Unlock()
	return list
}

// Content returns the canonical content of a published version, or nil.
func (l *Ledger) Content(id syncengine.VersionID) ([]byte, error) {
	raw, err := l.r.Get(spaceVersions, l.id, id.Hash[:])
	if err != nil || raw == nil {
		return nil, err
	}
	return l.contentAt(raw)
}

// contentAt returns what the publication at a position puts into force, nil where its content is not held.
func (l *Ledger) contentAt(raw []byte) ([]byte, error) {
	p, err := readPosition(raw)
	if err != nil {
		return nil, err
	}
	line, err := l.line(p)
	if err != nil {
		return nil, err
	}
	if c := line.Change.Write(syncengine.ContentPath); c != nil && c.Value != "" {
		return []byte(c.Value), nil
	}
	return nil, nil
}

// Reading returns the versions of a lineage that are in force, oldest first; it ends before the first one that is not readable here.
func (l *Ledger) Reading(lineage string) syncengine.Reading {
	if r, ok := l.readings[lineage]; ok {
		return r
	}
	var r syncengine.Reading
	for _, v := range l.authority.Versions(lineage) {
		list := l.Checklist(v)
		if list == nil {
			break
		}
		r = append(r, list)
	}
	l.readings[lineage] = r
	return r
}

// Held reports whether the authority's log is held to p.
func (l *Ledger) Held(p syncengine.AuthorityPoint) bool {
	if !l.authority.IsAuthority(p.Replica) {
		return false
	}
	logs, err := l.logsOf(p.Replica)
	return err == nil && slices.ContainsFunc(logs, func(g *log) bool { return g.Tip.Seq >= p.Seq })
}

// SameBranch reports whether e lies on the branch that head ends, as far as the log is held.
func (l *Ledger) SameBranch(e syncengine.Envelope, head syncengine.Head) bool {
	logs, err := l.logsOf(e.Replica)
	if err != nil {
		return true
	}
	cut := branchOf(l, logs, head)
	if cut == nil || cut.Branch == 0 && e.Chain.IsZero() {
		return true
	}
	mine := e.Chain
	if mine.IsZero() { // an envelope of the first branch
		if mine, err = l.chainAt(logs[0], e.Seq); err != nil {
			return true
		}
	}
	chain, err := l.chainAt(cut, e.Seq)
	return err != nil || chain == mine
}

// branchOf returns the log that holds head, or nil.
func branchOf(l *Ledger, logs []*log, head syncengine.Head) *log {
	for _, g := range logs {
		if g.Tip.Seq < head.Seq {
			continue
		}
		if chain, err := l.chainAt(g, head.Seq); err == nil && chain == head.Chain {
			return g
		}
	}
	return nil
}

// AuthorityKey returns the public key of the authority's newest incarnation.
func (l *Ledger) AuthorityKey() wire.PublicKey {
	return wire.PublicKeyOf(l.keyOf(l.authority.Current()))
}
