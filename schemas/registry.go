package schemas

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/arpenteur/arpenteur/syncengine"
)

// ErrNotSuccessor is returned for a version that does not succeed the current one of its lineage.
var ErrNotSuccessor = errors.New("the version does not succeed the current one")

// Registry holds the versions that are published in one ledger: for each lineage one chain, oldest first. It is safe for concurrent
// use, and reading never waits for writing. Registries of many ledgers share one Compiler.
type Registry struct {
	compiler *Compiler
	write    sync.Mutex
	held     atomic.Pointer[published]
}

// published is one state of a registry. It is replaced, never changed.
type published struct {
	versions map[syncengine.VersionID]*Version
	chains   map[string][]*Version
}

// NewRegistry returns an empty Registry that compiles with c.
func NewRegistry(c *Compiler) *Registry {
	r := &Registry{compiler: c}
	r.held.Store(&published{})
	return r
}

// Add compiles a published version and puts it at the end of its lineage's chain, in the order in which the ledger's authority
// published them. The first version of a chain may have a predecessor elsewhere: a new ledger starts with the newest. Adding a
// version again changes nothing. It fails with a *ContentError or ErrNotSuccessor, and then the registry is as before.
func (r *Registry) Add(id syncengine.VersionID, content []byte) (*Version, error) {
	v, err := r.compiler.Compile(id, content)
	if err != nil {
		return nil, err
	}
	r.write.Lock()
	defer r.write.Unlock()
	old := r.held.Load()
	if old.versions[id] != nil {
		return v, nil
	}
	chain := old.chains[v.Checklist.Lineage]
	if len(chain) > 0 && chain[len(chain)-1].ID != v.Checklist.Previous {
		return nil, ErrNotSuccessor
	}
	next := &published{map[syncengine.VersionID]*Version{id: v}, map[string][]*Version{}}
	maps.Copy(next.versions, old.versions)
	maps.Copy(next.chains, old.chains)
	next.chains[v.Checklist.Lineage] = append(slices.Clone(chain), v)
	r.held.Store(next)
	return v, nil
}

// Version returns a published version, or nil.
func (r *Registry) Version(id syncengine.VersionID) *Version { return r.held.Load().versions[id] }

// Checklist returns the engine's view of a published version, or nil.
func (r *Registry) Checklist(id syncengine.VersionID) *syncengine.Checklist {
	if v := r.Version(id); v != nil {
		return v.Checklist
	}
	return nil
}

// Current returns the version in force of a lineage, or nil.
func (r *Registry) Current(lineage string) *Version {
	chain := r.held.Load().chains[lineage]
	if len(chain) == 0 {
		return nil
	}
	return chain[len(chain)-1]
}

// Reading returns how records of a lineage are read: its versions, oldest first. It is empty where none is published.
func (r *Registry) Reading(lineage string) syncengine.Reading {
	chain := r.held.Load().chains[lineage]
	reading := make(syncengine.Reading, len(chain))
	for i, v := range chain {
		reading[i] = v.Checklist
	}
	return reading
}

// Lineages returns the names of the published lineages, ascending.
func (r *Registry) Lineages() []string { return slices.Sorted(maps.Keys(r.held.Load().chains)) }

// OfKind returns the versions in force that describe records of a kind, by lineage ascending: for observations one for each
// checklist, for other kinds at most one.
func (r *Registry) OfKind(kind syncengine.Kind) []*Version {
	held := r.held.Load()
	var out []*Version
	for _, lineage := range slices.Sorted(maps.Keys(held.chains)) {
		chain := held.chains[lineage]
		if last := chain[len(chain)-1]; last.Checklist.Kind == kind {
			out = append(out, last)
		}
	}
	return out
}
