package server_test

import (
	"flag"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
)

// records is how many observations the ledger has that the benchmarks read: -records 100000.
var records = flag.Int("records", 5000, "observations in the ledger that is read")

// largeWorld is a world on a bbolt file with many observations, one in a hundred of them in the second hall.
type largeWorld struct {
	*world
	estate, hall, last uuid.UUID
	tablet             *tablet
}

func filled(b *testing.B) *largeWorld {
	b.Helper()
	l := &largeWorld{world: newWorldOn(b, openBolt(b, filepath.Join(b.TempDir(), "central.db")))}
	var hallA uuid.UUID
	l.estate, hallA, _, l.hall, _ = l.world.estate()
	l.tablet = l.newTablet("c-1", "consultant", false)
	for i := range *records {
		l.last = l.tablet.observe([]uuid.UUID{l.hall, hallA}[min(i%100, 1)], map[syncengine.Path]any{litter: "2", "/glass/rating": "3"})
		if i%500 == 499 {
			l.tablet.sync()
		}
	}
	if h := l.tablet.sync(); len(h.remarks) > 0 {
		b.Fatalf("%+v", h.remarks[0])
	}
	return l
}

// middle returns the cursor of a page in the middle of all observations.
func (l *largeWorld) middle() string {
	cursor := ""
	for range *records / 1000 {
		query := url.Values{"kind": {"observation"}, "limit": {"500"}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		cursor = l.records(query).Next
	}
	return cursor
}

// BenchmarkLedger reads and decides in a ledger of -records observations.
func BenchmarkLedger(b *testing.B) {
	l := filled(b)
	base := "/v1/ledgers/" + l.ledger
	observations := base + "/records?kind=observation&limit=100"
	one := base + "/records/observation/" + l.last.String()
	for name, path := range map[string]string{
		"page":            observations,
		"page/middle":     observations + "&cursor=" + url.QueryEscape(l.middle()),
		"page/of-place":   observations + "&place=" + l.hall.String(),
		"page/of-subtree": observations + "&under=" + l.estate.String(),
		"page/of-state":   base + "/records?state=conflict",
		"record":          one,
		"record/history":  one + "/history",
		"ledgers":         "/v1/ledgers",
		"notices":         base + "/notices",
		"places":          "/v1/diagnostics/" + l.diagnostic.String() + "/places",
		"export/csv":      base + "/export.csv?kind=observation",
		"export/geojson":  base + "/export.geojson?kind=observation",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.ask(l.coordinator, "GET", path, nil).ok(nil)
			}
		})
	}
	// What a request for notices costs after each push: what arrived, not what exists.
	b.Run("notices/after-push", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			l.tablet.observe(l.hall, nil)
			l.tablet.sync()
			b.StartTimer()
			l.ask(l.coordinator, "GET", base+"/notices", nil).ok(nil)
		}
	})
	b.Run("settle", func(b *testing.B) {
		v := l.read("observation", l.last)
		for b.Loop() {
			l.settle(l.last, map[string]any{"seen": v.Seen, "reason": "x", "fields": map[string]any{litter: map[string]any{"value": "3"}}}).ok(v)
		}
	})
}
