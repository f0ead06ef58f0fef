package server

import (
	"encoding/base64"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Limits of one page of records.
const (
	defaultPage = 100
	maxPage     = 500
)

// attributesAsked are the query parameters that go to the index as they are.
func attributesAsked() []string {
	return []string{
		"actor", "domain", "number", "place", "plan", "provisional_number", "rater", "responsible", "stage", "state", "status", "target",
		"type", "visit",
	}
}

// query is which records are wanted, and from where on.
type query struct {
	ledger.Filter
	under uuid.UUID // place: it and all below; zero for any
	from  cursor
	limit int
	gone  bool // absent records come too
}

// cursor is behind which record a page begins. Where a subtree is asked for, records come place by place.
type cursor struct {
	place uuid.UUID
	key   syncengine.RecordKey
}

// cursorVersion begins every cursor, so that a later form can be told from this one.
const cursorVersion = 1

func (k *cursor) String() string {
	b := append([]byte{cursorVersion}, k.place[:]...)
	b = append(append(b, k.key.ID[:]...), k.key.Kind...)
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(text string) (cursor, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < 34 || b[0] != cursorVersion || !syncengine.Kind(b[33:]).Valid() {
		return cursor{}, wire.Problemf(wire.CodeInvalid, "cursor is not one that this server gave; start from the first page")
	}
	return cursor{uuid.UUID(b[1:17]), syncengine.RecordKey{Kind: syncengine.Kind(b[33:]), ID: uuid.UUID(b[17:33])}}, nil
}

// start returns the record that the page begins behind, nil for the first page.
func (k *cursor) start() *syncengine.RecordKey {
	if k.key.Kind == "" {
		return nil
	}
	return &k.key
}

// parseQuery reads which records are wanted. Parameters that are not known are refused, so that a filter with a slip of the pen does not
// answer with everything. more names further ones that the caller reads itself.
func parseQuery(values url.Values, more ...string) (*query, error) {
	q := &query{limit: defaultPage, Filter: ledger.Filter{Where: map[string]string{}}}
	for name := range values {
		value := values.Get(name)
		switch {
		case slices.Contains(more, name):
		case len(values[name]) > 1:
			return nil, wire.Problemf(wire.CodeInvalid, "the parameter %q is there twice", name)
		case slices.Contains(attributesAsked(), name):
			q.Where[name] = value
		default:
			if err := q.set(name, value); err != nil {
				return nil, err
			}
		}
	}
	return q, q.check()
}

func (q *query) set(name, value string) (err error) {
	switch name {
	case "kind":
		if q.Kind = syncengine.Kind(value); !slices.Contains(schemas.Kinds(), q.Kind) {
			return wire.Problemf(wire.CodeInvalid, "kind must be one of %v", schemas.Kinds())
		}
	case "under":
		var ok bool
		if q.under, ok = parseUUID(value); !ok {
			return wire.Problemf(wire.CodeInvalid, "under must be the id of a place")
		}
	case "limit":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > maxPage {
			return wire.Problemf(wire.CodeInvalid, "limit must be from 1 to %d", maxPage)
		}
		q.limit = n
	case "cursor":
		q.from, err = parseCursor(value)
	case "bbox":
		q.Box, err = boxAsked(value)
	case "q":
		q.Words, q.Begins, err = wordsAsked(value)
	default:
		err = wire.Problemf(wire.CodeInvalid, "the parameter %q is not known here", name)
	}
	return err
}

func (q *query) check() error {
	for _, name := range []string{"place", "visit"} {
		if v, asked := q.Where[name]; asked {
			if _, ok := parseUUID(v); !ok {
				return wire.Problemf(wire.CodeInvalid, "%s must be the id of a record", name)
			}
		}
	}
	if v, asked := q.Where["state"]; asked && !slices.Contains(recordStates(), ledger.RecordState(v)) {
		return wire.Problemf(wire.CodeInvalid, "state must be one of %v", recordStates())
	}
	return nil
}

// Limits of a search for words.
const (
	maxSearch = 200 // bytes
	maxTerms  = 8
)

// wordsAsked reads the words that are looked for. The last one may be the beginning of a word, since people search while they type.
func wordsAsked(text string) (words []string, begins string, err error) {
	list := schemas.Words(text)
	if len(text) > maxSearch || len(list) == 0 || len(list) > maxTerms {
		return nil, "", wire.Problemf(wire.CodeInvalid, "q must be from 1 to %d words, of at most %d bytes together", maxTerms, maxSearch)
	}
	last := len(list) - 1
	return list[:last], list[last], nil
}

// boxAsked reads a bounding box: west, south, east and north in degrees of WGS 84 (RFC 7946, section 5).
func boxAsked(text string) (*ledger.Box, error) {
	parts := strings.Split(text, ",")
	var n [4]float64
	for i, limit := range [4]float64{180, 90, 180, 90} {
		v := math.NaN()
		if len(parts) == len(n) {
			if parsed, err := strconv.ParseFloat(parts[i], 64); err == nil {
				v = parsed
			}
		}
		if !(math.Abs(v) <= limit) { // NaN too
			return nil, wire.Problemf(wire.CodeInvalid, "bbox must be four degrees: west,south,east,north")
		}
		n[i] = v
	}
	if n[1] > n[3] {
		return nil, wire.Problemf(wire.CodeInvalid, "the south of bbox lies north of its north; it must be west,south,east,north")
	}
	return &ledger.Box{West: n[0], South: n[1], East: n[2], North: n[3]}, nil
}

// recordStates returns the states that a record can have.
func recordStates() []ledger.RecordState {
	return []ledger.RecordState{
		ledger.StateConflict, ledger.StateViolation, ledger.StatePending, ledger.StateIneffective, ledger.StateAbsent, ledger.StateClean,
	}
}
