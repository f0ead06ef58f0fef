package clientsdk

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	crand "crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
	"github.com/arpenteur/arpenteur/syncengine/store/seal"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Errors of a client. Errors of the server are *wire.Problem, those of the store are of package store.
var (
	ErrNotEnrolled = errors.New("this tablet is not enrolled: ask a coordinator for a ticket")
	ErrEnrolled    = errors.New("this tablet is enrolled already")
	ErrNoLedger    = errors.New("this tablet does not hold that diagnostic")
	ErrNoRecord    = errors.New("this tablet does not hold that record")
	ErrNothing     = errors.New("nothing was entered that is not there already")
	ErrClosed      = errors.New("client is closed")
)

// Options are the choices at opening. Passphrase is required; the rest has good defaults.
type Options struct {
	// Passphrase opens the store. A store that does not exist yet is sealed with it: there is no other way in.
	Passphrase []byte
	// Cost is what a guess of the passphrase costs, used for a new store only; the zero value is the default of package seal.
	Cost seal.Params
	// HTTP does the exchanges; by default a client with time-outs for bad links.
	HTTP *http.Client
	// Now is the tablet's clock, Rand its randomness; time.Now and crypto/rand by default.
	Now  func() time.Time
	Rand io.Reader
}

// Client is one user's tablet: its ledgers, its drafts, and its exchange with the server. It works without a network; only Enrol, Sync and
// Run use one. It is safe for concurrent use.
type Client struct {
	o        Options
	folder   string
	file     *boltstore.Store
	store    store.Store
	keeper   *ledger.Keeper
	compiler *schemas.Registry
	journal  *journal
	photos   *photoStore
	watchers *watchers

	syncing       chan struct{} // holds one token: who has it may exchange
	photographing chan struct{} // holds one token: who has it may send photos

	recording sync.RWMutex // held for writing while the journal is written anew

	mu        sync.Mutex // guards what follows
	drafts    map[syncengine.RecordID]*Draft
	finished  []syncengine.RecordID // drafts whose commit the store still remembers
	link      link
	photoLink link      // pieces of photos; what the link lets through of them is learned apart
	challenge string    // the server's last one
	gaveBack  time.Time // when the authority's lines were last brought back to a server that did not know this tablet
	closed    bool
}

// Open opens the tablet's data in a folder, making it where there is none, and takes up the drafts that were left. Damaged counts
// stretches of the draft journal that could not be read; the rest is intact. One process at a time may hold a folder.
func Open(ctx context.Context, folder string, o Options) (c *Client, err error) {
	o = o.withDefaults()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("open the tablet's folder: %w", err)
	}
	file, err := boltstore.Open(filepath.Join(folder, "store.db"), boltstore.Options{CreatedBy: "arpenteur", Random: o.Rand})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	sealed, key, err := openSeal(ctx, file, o)
	if err != nil {
		return nil, err
	}
	compiler, err := schemas.NewRegistry()
	if err != nil {
		return nil, err
	}
	c = &Client{
		o: o, folder: folder, file: file, store: sealed, compiler: compiler, watchers: newWatchers(),
		syncing: make(chan struct{}, 1), photographing: make(chan struct{}, 1),
		drafts: map[syncengine.RecordID]*Draft{}, link: newLink(), photoLink: link{limit: maxPiece},
	}
	c.keeper = ledger.NewKeeper(func(id syncengine.VersionID, content []byte) (*syncengine.Checklist, error) {
		v, err := compiler.Compile(id, content)
		if err != nil {
			return nil, err
		}
		return v.Checklist, nil
	})
	c.keeper.Watch(&photoIndex{names: c.namesPhoto})
	if c.photos, err = openPhotoStore(folder, key, o); err != nil {
		return nil, err
	}
	if err := c.openJournal(ctx, key); err != nil {
		return nil, err
	}
	if err := c.repairPhotos(ctx); err != nil {
		return nil, errors.Join(err, c.journal.close())
	}
	// Where there is no room for it the tablet works all the same, and Run or the next opening tries again.
	_ = c.purge(ctx)
	return c, nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = crand.Reader
	}
	if o.HTTP == nil {
		o.HTTP = newHTTPClient()
	}
	return o
}

// openJournal opens the drafts' journal under a key of its own and takes up the drafts in it.
func (c *Client) openJournal(ctx context.Context, key [32]byte) error {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("arpenteur/1 drafts"))
	aead, err := chacha20poly1305.NewX(mac.Sum(nil))
	if err != nil {
		return err
	}
	replay := &draftReplay{client: c, drafts: map[syncengine.RecordID]*Draft{}}
	c.journal, _, err = openJournal(filepath.Join(c.folder, "drafts.journal"), aead, c.o.Rand, replay.take)
	if err != nil {
		return err
	}
	if err := c.resume(ctx, replay); err != nil {
		return errors.Join(err, c.journal.close())
	}
	return nil
}

// Close ends the client. What was saved is durable already; a running Sync is waited for.
func (c *Client) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	c.mu.Unlock()
	c.syncing <- struct{}{}
	c.photographing <- struct{}{}
	c.watchers.close()
	return errors.Join(c.journal.close(), c.store.Close())
}

// Account returns the user's account, empty where the tablet is not enrolled.
func (c *Client) Account(ctx context.Context) (account syncengine.AccountID, err error) {
	err = c.store.View(ctx, func(r store.Reader) error {
		id, err := readIdentity(r)
		if id != nil {
			account = id.Account
		}
		return err
	})
	return account, err
}

// pen returns what the user writes with in a ledger: the newest replica that the authority is known to have granted there. A successor
// takes over only once its grant has arrived, so that what is written meanwhile has a grant as well.
func (c *Client) pen(id *identity, l *ledger.Ledger) ledger.Pen {
	pens := c.pens(id)
	for _, p := range pens {
		if len(l.Authority().Grants(p.Replica())) > 0 {
			return p
		}
	}
	return pens[0]
}

// pens returns all of the user's replicas, the newest first.
func (c *Client) pens(id *identity) []ledger.Pen {
	out := make([]ledger.Pen, 0, len(id.Keys))
	for _, seed := range id.Keys {
		out = append(out, ledger.Pen{Key: ed25519.NewKeyFromSeed(seed), Rand: c.o.Rand})
	}
	return out
}

// LedgerInfo is one ledger that the tablet holds.
type LedgerInfo struct {
	ID      syncengine.LedgerID
	Access  wire.Access
	Records int    // merged records held
	Mine    uint64 // changes that this user made here
	// Received and BackedUp are how many of Mine the server has acknowledged, and holds in a verified backup.
	Received, BackedUp uint64
	// Photos are those of the user's own changes here.
	Photos PhotoCounts
}

// Ledgers returns the ledgers that the tablet holds, in the order of their ids.
func (c *Client) Ledgers(ctx context.Context) ([]LedgerInfo, error) {
	var out []LedgerInfo
	err := c.store.View(ctx, func(r store.Reader) error {
		out = out[:0]
		id, err := enrolled(r)
		if err != nil {
			return err
		}
		return r.Ledgers(func(lid syncengine.LedgerID) (bool, error) {
			l, err := c.keeper.View(r, lid)
			if errors.Is(err, ledger.ErrUnknownLedger) {
				return true, nil
			}
			if err != nil {
				return false, err
			}
			info, err := c.ledgerInfo(r, l, id)
			out = append(out, info)
			return true, err
		})
	})
	return out, err
}

func (c *Client) ledgerInfo(r store.Reader, l *ledger.Ledger, id *identity) (LedgerInfo, error) {
	s, err := readSide(r, l.ID())
	if err != nil {
		return LedgerInfo{}, err
	}
	info := LedgerInfo{ID: l.ID(), Access: s.Access}
	if s.Access == "" { // it began with a file, and the server has not said yet
		info.Access = wire.AccessRevoked
		if slices.ContainsFunc(c.pens(id), func(p ledger.Pen) bool { return len(l.Authority().Grants(p.Replica())) > 0 }) {
			info.Access = wire.AccessFull
		}
	}
	if info.Records, err = l.Count(); err != nil {
		return info, err
	}
	if info.Photos, err = photoCounts(r, l.ID()); err != nil {
		return info, err
	}
	for _, p := range c.pens(id) {
		heads, err := l.Heads(p.Replica())
		if err != nil {
			return info, err
		}
		if len(heads) > 0 {
			info.Mine += heads[0].Seq
		}
		if rec := s.receipt(p.Replica()); rec != nil {
			info.Received += rec.Head.Seq
			info.BackedUp += rec.Backup
		}
	}
	return info, nil
}

// receipt returns the last receipt about a replica, or nil.
func (s *side) receipt(replica syncengine.ReplicaID) *wire.Receipt {
	raw, ok := s.Receipts[replica.String()]
	if !ok {
		return nil
	}
	r, err := wire.DecodeReceipt(raw)
	if err != nil {
		return nil
	}
	return r
}

// newID draws a record id, version 7 by the tablet's clock.
func (c *Client) newID() (syncengine.RecordID, error) {
	var id syncengine.RecordID
	if _, err := io.ReadFull(c.o.Rand, id[:]); err != nil {
		return id, err
	}
	ms := uint64(max(c.o.Now().UnixMilli(), 0)) //nolint:gosec // not negative
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id, nil
}
