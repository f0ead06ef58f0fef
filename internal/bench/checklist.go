package main

import (
	"fmt"
	"slices"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
)

// lineage is the checklist that is filled in.
const lineage = schemas.Cleanliness

// checklist returns the content of the checklist, and the version that it is.
func checklist() ([]byte, syncengine.VersionID, error) {
	sources, err := schemas.Builtin()
	if err != nil {
		return nil, syncengine.VersionID{}, err
	}
	at := slices.IndexFunc(sources, func(s schemas.Source) bool { return s.Lineage == lineage })
	if at < 0 {
		return nil, syncengine.VersionID{}, fmt.Errorf("there is no checklist %q", lineage)
	}
	return sources[at].Content, schemas.Identify(sources[at].Content), nil
}

// newKeeper returns a keeper that compiles checklists as server and tablet do.
func newKeeper() (*ledger.Keeper, error) {
	registry, err := schemas.NewRegistry()
	if err != nil {
		return nil, err
	}
	keeper := ledger.NewKeeper(func(id syncengine.VersionID, content []byte) (*syncengine.Checklist, error) {
		v, err := registry.Compile(id, content)
		if err != nil {
			return nil, err
		}
		return v.Checklist, nil
	})
	keeper.Find(schemas.NewFinder(registry))
	return keeper, nil
}
