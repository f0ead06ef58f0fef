package ledger

import (
	"bytes"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

const (
	// probed is how many entries of a criterion are counted to find the one that leaves the fewest records.
	probed = 256
	// probedBeside is the same where words are looked for too: what fewer entries leave is seen faster than the words of all windows.
	probedBeside = 4096
	// gathered is about how many entries of a criterion with many prefixes are read in one round.
	gathered = 1024
)

// scarcest returns the index of the criterion that leaves the fewest records, as far as counting up to limit of each tells, and whether it
// leaves less than that.
func (l *Ledger) scarcest(list []criterion, kind syncengine.Kind, limit int) (best int, few bool, err error) {
	fewest := limit
	for i := range list {
		n := 0
		for _, prefix := range list[i].prefixes {
			from := ofKind(prefix, kind)
			err = l.r.Scan(spaceIndex, l.id, from, store.After(from), func(_, _ []byte) (bool, error) {
				n++
				return n < fewest, nil
			})
			if err != nil || n >= fewest {
				break
			}
		}
		if err != nil {
			return 0, false, err
		}
		if n < fewest {
			best, fewest = i, n
		}
	}
	return best, fewest < limit, nil
}

// ofKind returns the beginning of the keys under a prefix that are of records of a kind, or of any.
func ofKind(prefix []byte, kind syncengine.Kind) []byte {
	from := bytes.Clone(prefix)
	if kind != "" {
		from = append(append(from, kind...), 0)
	}
	return from
}

// candidates calls visit with the record key, as bytes, of every record that is indexed under a criterion, each once and ascending, behind
// last, until visit returns false. What visit is passed is gone when it returns.
func (l *Ledger) candidates(c *criterion, kind syncengine.Kind, last []byte, visit func(suffix []byte) (bool, error)) error {
	if len(c.prefixes) == 1 {
		return l.under(c, c.prefixes[0], kind, last, visit)
	}
	for {
		found, bound, err := l.gather(c, kind, last)
		if err != nil {
			return err
		}
		for _, suffix := range found {
			if more, err := visit(suffix); err != nil || !more {
				return err
			}
		}
		if bound == nil {
			return nil
		}
		last = bound
	}
}

// under is candidates for one prefix.
func (l *Ledger) under(c *criterion, prefix []byte, kind syncengine.Kind, last []byte, visit func(suffix []byte) (bool, error)) error {
	from := ofKind(prefix, kind)
	to := store.After(from)
	if last != nil {
		next := append(append(bytes.Clone(prefix), last...), 0)
		if bytes.Compare(next, from) > 0 { // a key of a kind before the wanted one leaves all of it
			from = next
		}
	}
	return l.r.Scan(spaceIndex, l.id, from, to, func(key, value []byte) (bool, error) {
		if c.fits != nil && !c.fits(value) {
			return true, nil
		}
		return visit(key[len(prefix):])
	})
}

// gather reads some entries of each prefix and returns the record keys up to the bound that all of them were read to, ascending. A nil
// bound says that there are no more.
func (l *Ledger) gather(c *criterion, kind syncengine.Kind, last []byte) (found [][]byte, bound []byte, err error) {
	share := max(8, gathered/len(c.prefixes))
	for _, prefix := range c.prefixes {
		n := 0
		err := l.under(c, prefix, kind, last, func(suffix []byte) (bool, error) {
			found = append(found, bytes.Clone(suffix))
			if n++; n < share {
				return true, nil
			}
			if end := found[len(found)-1]; bound == nil || bytes.Compare(end, bound) < 0 {
				bound = end
			}
			return false, nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	slices.SortFunc(found, bytes.Compare)
	found = slices.CompactFunc(found, bytes.Equal)
	if bound != nil {
		at, _ := slices.BinarySearchFunc(found, bound, bytes.Compare)
		found = found[:at+1]
	}
	return found, bound, nil
}
