package server

import (
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
)

// geoFormat writes records as the features of a GeoJSON collection (RFC 7946), in WGS 84: at their own position, else at that of their
// place, else nowhere.
type geoFormat struct {
	sheet
	s       *Server
	started bool
	places  map[uuid.UUID]*point // of this export
}

// point is a position as GeoJSON has it: longitude, then latitude.
type point struct {
	Type        string         `json:"type"`
	Coordinates [2]json.Number `json:"coordinates"`
}

// feature is one record.
type feature struct {
	Type       string         `json:"type"`
	ID         string         `json:"id"`
	Geometry   *point         `json:"geometry"`
	Properties map[string]any `json:"properties"`
}

// exportGeoJSON is GET /v1/ledgers/{ledger}/export.geojson, filtered like a list of records.
func (s *Server) exportGeoJSON(c *call) error {
	q, err := exportQuery(c, false)
	if err != nil {
		return err
	}
	return s.export(c, &geoFormat{s: s, places: map[uuid.UUID]*point{}}, q)
}

func (f *geoFormat) media() string     { return "application/geo+json" }
func (f *geoFormat) extension() string { return "geojson" }

func (f *geoFormat) begin(*reached, *query) error {
	f.WriteString(`{"type":"FeatureCollection","features":[`)
	return nil
}

func (f *geoFormat) end() { f.WriteString("\n]}\n") }

func (f *geoFormat) record(l *reached, m *ledger.Merged, _ *cursor) error {
	doc, err := documentOf(m)
	if err != nil {
		return err
	}
	where, err := f.where(l, m)
	if err != nil {
		return err
	}
	row := rowOf(m)
	properties := map[string]any{
		"kind": row.Kind, "id": row.ID, "checklist": row.Checklist, "states": row.States, "differs": listOf(row.Differs),
		"conflict": listOf(row.Conflicts), "violations": listOf(brokenRules(m)),
	}
	flatten(properties, doc, "")
	return f.feature(string(m.Key.Kind)+"/"+m.Key.ID.String(), where, properties)
}

// feature writes one feature.
func (f *geoFormat) feature(id string, where *point, properties map[string]any) error {
	raw, err := json.Marshal(feature{Type: "Feature", ID: id, Geometry: where, Properties: properties})
	if err != nil {
		return err
	}
	if f.started {
		f.WriteByte(',')
	}
	f.started = true
	f.WriteByte('\n')
	f.Write(raw)
	return nil
}

// listOf is a list that is never null.
func listOf[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// where returns the position of a record, or nil.
func (f *geoFormat) where(l *reached, m *ledger.Merged) (*point, error) {
	if p := pointOf(m); p != nil || m.Key.Kind == syncengine.PlaceKind || m.Checklist == nil {
		return p, nil
	}
	place, ok := parseUUID(shownText(m, m.Checklist.Index["place"]))
	if !ok {
		return nil, nil
	}
	if p, known := f.places[place]; known {
		return p, nil
	}
	home, err := f.s.placesOf(l)
	if err != nil {
		return nil, err
	}
	at, err := home.Record(syncengine.RecordKey{Kind: syncengine.PlaceKind, ID: place})
	if err != nil {
		return nil, err
	}
	var p *point
	if at != nil && at.Present {
		p = pointOf(at)
	}
	f.places[place] = p
	return p, nil
}

// pointOf returns the position that a record itself has, or nil.
func pointOf(m *ledger.Merged) *point {
	field := m.Field("/position")
	if field == nil || !strings.HasPrefix(string(field.Shown), "{") {
		return nil
	}
	var at struct {
		Lat json.Number `json:"lat"`
		Lon json.Number `json:"lon"`
	}
	if json.Unmarshal([]byte(field.Shown), &at) != nil || at.Lat == "" || at.Lon == "" {
		return nil
	}
	return &point{Type: "Point", Coordinates: [2]json.Number{at.Lon, at.Lat}}
}

// flatten names what lies in groups by its path. The record's own id and kind keep their names.
func flatten(out, doc map[string]any, at string) {
	for name, v := range doc {
		path := at + name
		if group, ok := v.(map[string]any); ok {
			flatten(out, group, path+"/")
			continue
		}
		if _, taken := out[path]; !taken {
			out[path] = v
		}
	}
}
