package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// Heads is a file beside the authority's keys, outside the store and its backups, that says how far the authority's log of each ledger had
// come: what a store that was restored from an older copy does not hold gives it away, whoever restored it and however. It is appended to
// when the authority has written, before that is acknowledged, and written anew when it is opened. A nil Heads keeps nothing.
type Heads struct {
	path string

	mu    sync.Mutex
	file  *os.File
	known map[syncengine.LedgerID]outsideHead
}

// outsideHead is one line of the file.
type outsideHead struct {
	Ledger      syncengine.LedgerID  `json:"ledger"`
	Incarnation uint64               `json:"incarnation"`
	Replica     syncengine.ReplicaID `json:"replica"`
	Seq         uint64               `json:"seq"`
	Chain       syncengine.Hash      `json:"chain"`
}

// unkeptHead is what the log says where the file can't be written.
const unkeptHead = "the heads kept outside the store could not be written: a restore may go unnoticed"

// maxHeadLine bounds a line of the file before it is parsed.
const maxHeadLine = 1 << 10

// OpenHeads opens the file, making it where there is none. A last line that a power cut left half-written is left out; a file that is
// damaged elsewhere gives what can be read of it, since what it says only ever adds caution.
func OpenHeads(path string) (*Heads, error) {
	h := &Heads{path: path, known: map[syncengine.LedgerID]outsideHead{}}
	raw, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("heads kept outside the store: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, maxHeadLine)
	for lines.Scan() {
		var head outsideHead
		if json.Unmarshal(lines.Bytes(), &head) == nil {
			h.known[head.Ledger] = head
		}
	}
	if err := h.rewrite(); err != nil {
		return nil, fmt.Errorf("heads kept outside the store: %w", err)
	}
	return h, nil
}

// rewrite writes the file anew, with one line for each ledger, and leaves it open for appending.
func (h *Heads) rewrite() error {
	var content bytes.Buffer
	for _, head := range h.known {
		if err := json.NewEncoder(&content).Encode(head); err != nil {
			return err
		}
	}
	temp := h.path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the path is the operator's
	if err != nil {
		return err
	}
	_, err = f.Write(content.Bytes())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if h.file != nil {
		if err := h.file.Close(); err != nil {
			return err
		}
	}
	if err := errors.Join(os.Rename(temp, h.path), syncFolder(filepath.Dir(h.path))); err != nil {
		return err
	}
	h.file, err = os.OpenFile(h.path, os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the path is the operator's
	return err
}

// Close closes the file.
func (h *Heads) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.file.Close()
}

// number returns the highest incarnation that the file tells of.
func (h *Heads) number() (n uint64) {
	if h == nil {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, head := range h.known {
		n = max(n, head.Incarnation)
	}
	return n
}

// list returns what the file says.
func (h *Heads) list() []outsideHead {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]outsideHead, 0, len(h.known))
	for _, head := range h.known {
		out = append(out, head)
	}
	return out
}

// keep appends a head, durably, where it differs from what the file says of its ledger.
func (h *Heads) keep(head outsideHead) error {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known[head.Ledger] == head {
		return nil
	}
	raw, err := json.Marshal(head)
	if err != nil {
		return err
	}
	if _, err := h.file.Write(append(raw, '\n')); err != nil {
		return err
	}
	h.known[head.Ledger] = head
	return h.file.Sync()
}

// replace makes the file say this and nothing else.
func (h *Heads) replace(heads []outsideHead) error {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.known)
	for _, head := range heads {
		h.known[head.Ledger] = head
	}
	return h.rewrite()
}

// outside is what is kept outside of a ledger.
func outside(l *ledger.Ledger) (outsideHead, error) {
	replica, head, err := l.AuthorityHead()
	return outsideHead{l.ID(), l.Authority().Number(), replica, head.Seq, head.Chain}, err
}

// behindHeads reports whether the store lacks a line of the authority that the heads kept outside tell of.
func (s *Server) behindHeads(ctx context.Context) (behind bool, err error) {
	list := s.Heads.list()
	if len(list) == 0 {
		return false, nil
	}
	err = s.Store.View(ctx, func(r store.Reader) error {
		behind = false
		for _, head := range list {
			l, err := s.keeper.View(r, head.Ledger)
			if errors.Is(err, ledger.ErrUnknownLedger) {
				behind = true
				return nil
			}
			if err != nil {
				return err
			}
			holds, err := l.HoldsHead(head.Replica, syncengine.Head{Seq: head.Seq, Chain: head.Chain})
			if err != nil || !holds {
				behind = true
				return err
			}
		}
		return nil
	})
	return behind, err
}

// keepHeads keeps outside how far the authority's logs of some ledgers have come. What can't be kept is told in the log: the store has it.
func (s *Server) keepHeads(ctx context.Context, ids ...syncengine.LedgerID) {
	if s.Heads == nil {
		return
	}
	heads, err := s.outsideHeads(ctx, ids)
	for _, head := range heads {
		err = errors.Join(err, s.Heads.keep(head))
	}
	if err != nil {
		s.Log.Error().Err(err).Msg(unkeptHead)
	}
}

// keepAllHeads makes the file say what the store holds, and nothing else.
func (s *Server) keepAllHeads(ctx context.Context) error {
	if s.Heads == nil {
		return nil
	}
	ids, err := s.allLedgers(ctx)
	if err != nil {
		return err
	}
	heads, err := s.outsideHeads(ctx, ids)
	if err != nil {
		return err
	}
	return s.Heads.replace(heads)
}

func (s *Server) outsideHeads(ctx context.Context, ids []syncengine.LedgerID) (out []outsideHead, err error) {
	err = s.Store.View(ctx, func(r store.Reader) error {
		out = out[:0]
		for _, id := range ids {
			l, err := s.keeper.View(r, id)
			if err != nil {
				return err
			}
			head, err := outside(l)
			if err != nil {
				return err
			}
			out = append(out, head)
		}
		return nil
	})
	return out, err
}
