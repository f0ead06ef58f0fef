package server

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/server/webhooks"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// Options are what a server is made of. Store, StoreID and Secret are required.
type Options struct {
	Store    store.Store
	Photos   photos.Store // where the bytes of photos lie; without it none are taken
	StoreID  uuid.UUID    // of the store: another one makes every base token void
	Secret   *Secret
	Heads    *Heads // what is kept outside the store, so that a restore is noticed; nothing where it is nil
	Log      zerolog.Logger
	Now      func() time.Time // time.Now where it is nil
	Address  string           // base URL that tickets name: "https://arpenteur.example"
	Version  string           // of the program, told by /healthz
	Backup   BackupPlan       // of the backups that the server makes by itself
	Webhooks webhooks.Policy  // whom messages are sent to
	// CompactAfter is how long after a redaction the store's file is written anew, so that several redactions go together; 45 minutes where
	// it is zero.
	CompactAfter time.Duration
}

// Server is the central server: the authority of its ledgers, and everybody's way to the merged records. It is safe for concurrent
// use and holds no state but caches, so that several may serve one store.
type Server struct {
	Options
	storeID      [8]byte
	keeper       *ledger.Keeper
	compiler     *schemas.Registry
	pen          ledger.Pen                    // of the first incarnation
	incarnations atomic.Pointer[[]incarnation] // oldest first; Begin completes it
	challenges   challenger
	seals        sealer
	events       *hub
	metrics      *metrics
	turns        turns // of those who prepare a push
	atlas        *atlas
	forms        *formCache
	ids          idMaker
	contacts     contacts
	counted      countCache
	refresher    *refresher
	importer     importer
	importing    chan struct{} // holds one for each import that runs
	uploads      uploads
	photos       *photos.Archive // nil where there is no place for them
	janitor      *refresher      // of photos
	backingUp    chan struct{}   // holds one while a backup is made
	maintainer   *refresher      // of Maintain
	hooks        *webhooks.Office
	closing      chan struct{}          // closed by Close
	document     func() ([]byte, error) // of the routes, made when it is first asked for
	closeOnce    sync.Once
	probe        probe
	backupFailed time.Time // of the plan; the maintainer's
	started      string    // names this run of the program in request ids
	requests     atomic.Uint64
}

// defaultCompactAfter is how long values that were redacted may lie in free pages of the store's file.
const defaultCompactAfter = 45 * time.Minute

// New returns a server over a store. It makes nothing in the store.
func New(o Options) (*Server, error) {
	if o.Store == nil || o.Secret == nil {
		return nil, errors.New("a server needs a store and the authority's keys")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CompactAfter == 0 {
		o.CompactAfter = defaultCompactAfter
	}
	compiler, err := schemas.NewRegistry()
	if err != nil {
		return nil, err
	}
	s := &Server{
		Options:    o,
		compiler:   compiler,
		pen:        ledger.Pen{Key: o.Secret.incarnation(1), Rand: o.Secret.rand},
		challenges: challenger{o.Secret.derive("challenge")},
		seals:      sealer{o.Secret.derive("seen")},
		events:     newHub(),
		metrics:    newMetrics(),
		turns:      newTurns(),
		atlas:      newAtlas(),
		forms:      newFormCache(),
		contacts:   contacts{told: map[syncengine.ReplicaID]int64{}},
		counted:    countCache{counts: map[syncengine.LedgerID]countedAt{}},
		importer:   importer{o.Secret.derive("import")},
		importing:  make(chan struct{}, maxImports),
		uploads:    uploads{all: map[uuid.UUID]*upload{}},
		backingUp:  make(chan struct{}, 1),
		closing:    make(chan struct{}),
		document:   sync.OnceValues(describe),
	}
	s.refresher = newRefresher(s.Refresh, 0)
	s.incarnations.Store(&[]incarnation{{Number: 1, pen: s.pen}})
	s.maintainer = newRefresher(s.Maintain, time.Minute)
	s.metrics.registry.MustRegister(&backupFigures{s})
	copy(s.storeID[:], o.StoreID[:])
	s.started = strconv.FormatInt(s.millis()/1000, 36)
	s.keeper = ledger.NewKeeper(func(id syncengine.VersionID, content []byte) (*syncengine.Checklist, error) {
		v, err := compiler.Compile(id, content)
		if err != nil {
			o.Log.Warn().Err(err).Stringer("version", id).Msg("checklist version can't be read by this program")
			return nil, err
		}
		return v.Checklist, nil
	})
	s.keeper.Find(schemas.NewFinder(compiler))
	s.keeper.Watch(photos.NewWatcher(s.namesPhoto))
	if o.Photos != nil {
		s.photos = photos.New(photos.Options{Blobs: o.Photos, Store: o.Store, Now: o.Now, Unsure: s.valuesMissing, Since: s.restored})
	}
	s.janitor = newRefresher(s.tidyPhotos, sweepEvery)
	s.hooks = webhooks.New(webhooks.Options{
		Store: o.Store, Source: hookSource{s}, Keys: s.hookKeys(), Policy: o.Webhooks, Now: o.Now, Log: o.Log, Version: o.Version,
		Moved: s.events.listen().wake, Observe: s.metrics.delivered,
	})
	return s, nil
}

// millis is the server's clock as changes carry it.
func (s *Server) millis() int64 { return s.Now().UnixMilli() }

// edit runs fn on a ledger, merges what it changed, and commits. fn may run twice (see store.Prepare).
func (s *Server) edit(ctx context.Context, id syncengine.LedgerID, fn func(l *ledger.Ledger, w store.Writer) error) error {
	var l *ledger.Ledger
	var version uint64
	var before, after outsideHead // of the authority's log
	err := store.Prepare(ctx, s.Store, func(w store.Writer) (err error) {
		if l, err = s.keeper.Edit(w, id); err != nil {
			return err
		}
		if before, err = outside(l); err != nil {
			return err
		}
		if err := fn(l, w); err != nil {
			return err
		}
		if after, err = outside(l); err != nil {
			return err
		}
		return l.Settle()
	}, func(w store.Writer) (err error) {
		version, err = l.Advances(w)
		return err
	})
	if err != nil {
		return err
	}
	if after != before {
		if err := s.Heads.keep(after); err != nil {
			s.Log.Error().Err(err).Msg(unkeptHead)
		}
	}
	s.events.moved(id, version)
	if l.Erased() {
		s.erasePhotos(ctx)
	}
	return nil
}

// announce tells listeners that the ledgers of a replica moved, after a commit that touched several.
func (s *Server) announce(ctx context.Context, replica syncengine.ReplicaID) {
	var ids []syncengine.LedgerID
	err := s.Store.View(ctx, func(r store.Reader) error {
		ids = ids[:0]
		list, err := ledgersOf(r, replica)
		if err != nil {
			return err
		}
		for _, h := range list {
			p, err := ledger.ReadProgress(r, h.id)
			if err != nil {
				return err
			}
			s.events.moved(h.id, p.Version)
			ids = append(ids, h.id)
		}
		return nil
	})
	s.keepHeads(ctx, ids...)
	if err != nil {
		s.Log.Warn().Err(err).Msg("listeners could not be told of a change; they will see it at the next one")
	}
}
