package photos

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// batch is how many photos one transaction looks at, so that pushes are never held up for long.
const batch = 200

// Erase erases the bytes of every photo that was barred and whose bytes may still be there: the photo, its thumbnail, and what replicas sent of
// it (law L9). It is called after a ruling, and at the start for what an earlier run left.
func (a *Archive) Erase(ctx context.Context) error {
	list, err := a.listed(ctx, spaceErase)
	if err != nil || len(list) == 0 {
		return err
	}
	partials := map[string][]string{}
	err = a.Blobs.List(ctx, partialPrefix, func(i Item) error {
		name := i.Key[strings.LastIndexByte(i.Key, '/')+1:]
		partials[name] = append(partials[name], i.Key)
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range list {
		key := Upload{PhotoName: p}.key()
		if err := a.erase(ctx, p, partials[key[strings.LastIndexByte(key, '/')+1:]]); err != nil {
			return err
		}
	}
	return nil
}

// erase erases the bytes of one barred photo. An upload that goes on meanwhile is refused when it ends, and dropped by Sweep.
func (a *Archive) erase(ctx context.Context, p wire.PhotoName, partials []string) error {
	defer a.lock(p)()
	for _, key := range append(partials, Key(p), thumbnailKey(p), thumbnailKey(p)+".new") {
		if err := a.Blobs.Remove(ctx, key); err != nil {
			return err
		}
	}
	return a.Store.Update(ctx, func(w store.Writer) error { return w.Delete(spaceErase, p.Ledger, p.Hash[:]) })
}

// listed returns the photos on a list, of every ledger.
func (a *Archive) listed(ctx context.Context, space store.Space) ([]wire.PhotoName, error) {
	var out []wire.PhotoName
	err := a.Store.View(ctx, func(r store.Reader) error {
		out = out[:0]
		return r.Ledgers(func(id syncengine.LedgerID) (bool, error) {
			return true, r.Scan(space, id, nil, nil, func(key, _ []byte) (bool, error) {
				if len(key) != hashBytes {
					return false, store.ErrCorrupt
				}
				out = append(out, wire.PhotoName{Ledger: id, Hash: syncengine.Hash(key)})
				return true, nil
			})
		})
	})
	return out, err
}

// Swept counts what Sweep did.
type Swept struct {
	Partials int // dropped: nobody went on with them, or the photo is held or barred
	Loose    int // photos dropped that nobody referred to
	Lost     int // photos that were said to be held and are not there: they are asked for again
	Found    int // photos that are there and were not known to be held
}

// Sweep erases what is barred, drops what is too old, and makes the index say what is there. It is the daily work of one process. One photo
// that fails holds back no other (law L6); all errors are returned together.
func (a *Archive) Sweep(ctx context.Context) (Swept, error) {
	var out Swept
	failed := a.Erase(ctx)
	failed = errors.Join(failed, a.sweepPartials(ctx, &out))
	loose, err := a.listed(ctx, spaceLoose)
	failed = errors.Join(failed, err)
	for _, p := range loose {
		failed = errors.Join(failed, a.sweepLoose(ctx, p, &out))
	}
	failed = errors.Join(failed, a.sweepLost(ctx, &out))
	return out, errors.Join(failed, a.sweepFound(ctx, &out))
}

// sweepPartials drops unfinished photos that were not continued in PartialLife, and those that nobody needs to finish.
func (a *Archive) sweepPartials(ctx context.Context, out *Swept) error {
	return a.Blobs.List(ctx, partialPrefix, func(i Item) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		drop := a.Now().Sub(i.Changed) > PartialLife
		if p, ok := parsePartial(i.Key); ok && !drop {
			s, err := a.Find(ctx, p)
			if err != nil {
				return err
			}
			drop = s.Barred || s.Held() && a.Now().Sub(i.Changed) > time.Hour
		}
		if !drop {
			return nil
		}
		out.Partials++
		return a.Blobs.Remove(ctx, i.Key)
	})
}

// sweepLoose drops a photo that nobody has referred to for LooseLife.
func (a *Archive) sweepLoose(ctx context.Context, p wire.PhotoName, out *Swept) error {
	defer a.lock(p)()
	drop := false
	err := a.Store.Update(ctx, func(w store.Writer) error {
		drop = false
		s, err := Find(w, p)
		if err != nil || !a.unneeded(time.UnixMilli(s.At)) {
			return err
		}
		who, err := refsOf(w, p)
		if err != nil || who.any {
			return err
		}
		if unsure, err := a.Unsure(w, p.Ledger); err != nil || unsure {
			return err
		}
		drop = true
		return forget(w, p)
	})
	if err != nil || !drop {
		return err
	}
	out.Loose++
	return errors.Join(a.Blobs.Remove(ctx, Key(p)), a.Blobs.Remove(ctx, thumbnailKey(p)))
}

// sweepLost forgets photos that are not there, as after a restore of a backup that was older than the index. Their bytes may be on tablets,
// which will be asked for them again.
func (a *Archive) sweepLost(ctx context.Context, out *Swept) error {
	ledgers, err := a.ledgers(ctx)
	if err != nil {
		return err
	}
	for _, id := range ledgers {
		for from := []byte{0}; from != nil; {
			var list []Photo
			if list, from, err = a.some(ctx, id, from); err != nil {
				return err
			}
			for _, p := range list {
				if err := a.checkThere(ctx, p, out); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (a *Archive) ledgers(ctx context.Context) ([]syncengine.LedgerID, error) {
	var out []syncengine.LedgerID
	err := a.Store.View(ctx, func(r store.Reader) error {
		out = out[:0]
		return r.Ledgers(func(id syncengine.LedgerID) (bool, error) {
			out = append(out, id)
			return true, nil
		})
	})
	return out, err
}

// some returns up to batch photos that are held, from a hash on, and where to go on, nil at the end.
func (a *Archive) some(ctx context.Context, id syncengine.LedgerID, from []byte) (list []Photo, next []byte, err error) {
	err = a.Store.View(ctx, func(r store.Reader) error {
		list, next = nil, nil
		n := 0
		return eachState(r, id, from, func(p Photo) (bool, error) {
			if n++; n > batch {
				next = append([]byte(nil), p.Hash[:]...)
				return false, nil
			}
			if p.Held() {
				list = append(list, p)
			}
			return true, nil
		})
	})
	return list, next, err
}

func (a *Archive) checkThere(ctx context.Context, p Photo, out *Swept) error {
	b, err := a.Blobs.Open(ctx, Key(p.PhotoName))
	if err == nil {
		return b.Close()
	}
	if !errors.Is(err, ErrAbsent) {
		return err
	}
	defer a.lock(p.PhotoName)()
	lost := false
	err = a.Store.Update(ctx, func(w store.Writer) error {
		s, err := Find(w, p.PhotoName)
		if lost = s == p.State; err != nil || !lost {
			return err // something happened to it since
		}
		return forget(w, p.PhotoName)
	})
	if err == nil && lost {
		out.Lost++
	}
	return err
}

// sweepFound takes in photos that are there without being known to be held, where a change refers to them; others are dropped after
// LooseLife.
func (a *Archive) sweepFound(ctx context.Context, out *Swept) error {
	return a.Blobs.List(ctx, "", func(i Item) error {
		p, ok := ParseKey(i.Key)
		if !ok {
			return ctx.Err()
		}
		known := false
		var s State
		err := a.Store.View(ctx, func(r store.Reader) (err error) {
			if s, err = Find(r, p); err != nil {
				return err
			}
			who, err := refsOf(r, p)
			known = who.any
			return err
		})
		switch {
		case err != nil:
			return err
		case s.Held():
			return nil
		case s.Barred, !known && a.unneeded(i.Changed):
			defer a.lock(p)()
			return a.Blobs.Remove(ctx, i.Key)
		case !known:
			return nil
		}
		if s, err = a.adopt(ctx, p); err == nil && s.Held() {
			out.Found++
		}
		return err
	})
}

// Saved notes that a verified backup holds the photos of a ledger up to an arrival (Arrived). It returns how many were new to the backup.
func (a *Archive) Saved(ctx context.Context, ledger syncengine.LedgerID, arrival uint64) (saved int, err error) {
	for more := true; more; {
		n := 0
		err := a.Store.Update(ctx, func(w store.Writer) error {
			n, more = 0, false
			var list []wire.PhotoName
			err := w.Scan(spaceUnsaved, ledger, nil, number(arrival+1), func(_, hash []byte) (bool, error) {
				if more = len(list) == batch; more {
					return false, nil
				}
				if len(hash) != hashBytes {
					return false, store.ErrCorrupt
				}
				list = append(list, wire.PhotoName{Ledger: ledger, Hash: syncengine.Hash(hash)})
				return true, nil
			})
			for _, p := range list {
				if err == nil {
					err = alter(w, p, func(s *State) error { s.Saved = true; return nil })
				}
			}
			n = len(list)
			return err
		})
		if err != nil {
			return saved, err
		}
		saved += n
	}
	return saved, nil
}
