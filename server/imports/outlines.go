package imports

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// outlineReader reads neighbourhoods with their outlines.
type outlineReader struct {
	*features
	o     Options
	shown map[[sha256.Size]byte]int // by the hash of its outline, the line of each feature
}

func (s *Source) openOutlines(f File, o Options) error {
	e, skip, err := detect(f)
	if err != nil {
		return err
	}
	if e != UTF8 {
		return refusal(CodeEncoding, 1, "", "")
	}
	r, err := newFeatures(f, skip)
	if err != nil {
		return err
	}
	s.begin.Encoding = e
	s.reader = &outlineReader{r, o, map[[sha256.Size]byte]int{}}
	return nil
}

// feature is a GeoJSON Feature.
type feature struct {
	Type       string         `json:"type"`
	Properties map[string]any `json:"properties"`
	Geometry   *struct {
		Type        string          `json:"type"`
		Coordinates json.RawMessage `json:"coordinates"`
	} `json:"geometry"`
}

func (x *outlineReader) next(context.Context) (*Row, error) {
	raw, line, err := x.features.next()
	if err != nil {
		return nil, err
	}
	row := &Row{Line: line}
	refuse := func(property, value string, code Code, with string) {
		row.Remarks = append(row.Remarks, Remark{Line: line, Column: property, Value: shortened(value), Outcome: Refused, Code: code, With: with})
	}
	var f feature
	canonical, err := wire.Canonical(raw)
	if err != nil || json.Unmarshal(canonical, &f) != nil || f.Type != "Feature" {
		refuse("", "", CodeFeature, "")
		return row, nil
	}
	about := x.about(&f, refuse)
	outline, code, with := x.outline(&f)
	switch {
	case code != "":
		refuse("geometry", "", code, with)
	case x.shown[sha256.Sum256(outline)] != 0:
		refuse("geometry", "", CodeSameOutline, strconv.Itoa(x.shown[sha256.Sum256(outline)]))
	}
	if row.refused() {
		return row, nil
	}
	x.shown[sha256.Sum256(outline)] = line
	about.values.by["/outline"] = syncengine.Value(outline)
	row.Records = []Record{{
		Key:  syncengine.RecordKey{Kind: schemas.Neighbourhood, ID: x.o.Identify(schemas.Neighbourhood, about.code)},
		Name: about.code, Lineage: string(schemas.Neighbourhood), Values: about.values.by,
	}}
	return row, about.values.err
}

// neighbourhood is what the properties of a feature say.
type neighbourhood struct {
	code   string
	values *values
}

// patterns of what identifies a neighbourhood. That of a commune leaves out the départements that there are not.
var (
	codePattern    = regexp.MustCompile(`^(?:QP[0-9]{6}|QN[0-9A-Z]{6}|[0-9]{7})$`)
	communePattern = regexp.MustCompile(`^(?:0[1-9]|1[0-9]|2[1-9]|2[AB]|[3-8][0-9]|9[0-5]|97|98)[0-9]{3}$`)
)

// about reads code, name and communes.
func (x *outlineReader) about(f *feature, refuse func(property, value string, code Code, with string)) neighbourhood {
	n := neighbourhood{values: newValues()}
	property, code := f.property("code_qp", "code_qn", "code_quartier", "codgeo", "code")
	switch n.code = strings.ToUpper(code); {
	case n.code == "":
		refuse("code", "", CodeMissing, "")
	case !codePattern.MatchString(n.code):
		refuse(property, code, CodeNeighbourhood, "")
	}
	n.values.text("/code", n.code)
	n.values.text("/code_version", CodeVersion(n.code))
	property, name := f.property("nom_qp", "nom_qn", "lib_qp", "nom_quartier", "nom", "name")
	if len([]rune(name)) > maxNameRunes {
		refuse(property, name, CodeTooLong, strconv.Itoa(maxNameRunes))
	}
	n.values.text("/name", name)
	property, communes := f.property("code_commune", "codes_communes", "insee_com", "code_insee", "insee", "commune")
	list := strings.FieldsFunc(communes, func(c rune) bool { return strings.ContainsRune(",;/| ", c) })
	if len(list) == 0 {
		refuse("code_commune", "", CodeCommuneNotSet, "")
	}
	for i, commune := range list {
		commune = strings.ToUpper(commune)
		if !communePattern.MatchString(commune) {
			refuse(property, commune, CodeCommune, "")
			break
		}
		if i == 0 {
			n.values.text("/commune", commune)
			continue
		}
		element := "/other_communes/" + x.o.Identify(schemas.Neighbourhood, n.code+" commune "+commune).String()
		n.values.text(syncengine.Path(element+"/commune"), commune)
		n.values.number(syncengine.Path(element+"/position"), float64(i), true)
	}
	return n
}

// CodeVersion returns the list that the code of a neighbourhood is from, empty for what is no code.
func CodeVersion(code string) string {
	switch {
	case !codePattern.MatchString(code):
		return ""
	case strings.HasPrefix(code, "QP"):
		return "qp_2015"
	case strings.HasPrefix(code, "QN"):
		return "qn_2024"
	}
	return "zus_1996"
}

// property returns the first of some properties that has a text, by its name as the file has it.
func (f *feature) property(names ...string) (key, text string) {
	keys := slices.Sorted(maps.Keys(f.Properties))
	for _, name := range names {
		for _, key := range keys {
			if v, ok := f.Properties[key].(string); ok && strings.EqualFold(key, name) {
				return key, UTF8.decode([]byte(v))
			}
		}
	}
	return "", ""
}

// outline returns the outline of a feature as canonical GeoJSON, or what is wrong with it.
func (x *outlineReader) outline(f *feature) ([]byte, Code, string) {
	var list [][][][]float64
	g := f.Geometry
	switch {
	case g == nil:
		return nil, CodeGeometry, ""
	case g.Type == "Polygon":
		list = make([][][][]float64, 1)
		if json.Unmarshal(g.Coordinates, &list[0]) != nil {
			return nil, CodeGeometry, ""
		}
	case g.Type != "MultiPolygon" || json.Unmarshal(g.Coordinates, &list) != nil || len(list) == 0:
		return nil, CodeGeometry, ""
	}
	out := make([]polygon, 0, len(list))
	around, rings := emptyBox(), 0
	for _, coordinates := range list {
		if rings += len(coordinates); rings > maxRings {
			return nil, CodeTooDetailed, strconv.Itoa(maxRings)
		}
		p, code := readPolygon(coordinates)
		if code != "" {
			return nil, code, ""
		}
		for _, c := range p[0] {
			around.add(c)
		}
		out = append(out, p)
	}
	if code := around.lies(); code != "" {
		return nil, code, ""
	}
	b := []byte(`{"coordinates":`)
	if len(out) == 1 {
		b = out[0].append(b)
	} else {
		b = appendPolygons(b, out)
	}
	if len(b) > maxOutlineBytes {
		return nil, CodeTooDetailed, strconv.Itoa(maxOutlineBytes)
	}
	if len(out) == 1 {
		return append(b, `,"type":"Polygon"}`...), "", ""
	}
	return append(b, `,"type":"MultiPolygon"}`...), "", ""
}
