package imports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

const square = `[[2.9,42.7],[2.91,42.7],[2.91,42.71],[2.9,42.71],[2.9,42.7]]`

func featureOf(code, commune, geometry string) string {
	return fmt.Sprintf(`{"type":"Feature","properties":{"code_qp":%q,"nom_qp":"Vernet","code_commune":%q},"geometry":%s}`, code, commune, geometry)
}

func polygonOf(rings ...string) string {
	return `{"type":"Polygon","coordinates":[` + strings.Join(rings, ",") + `]}`
}

func collectionOf(features ...string) string {
	return "{\"type\":\"FeatureCollection\",\"features\":[\n" + strings.Join(features, ",\n") + "\n]}"
}

func identify(kind syncengine.Kind, key string) uuid.UUID {
	return uuid.NewSHA1(uuid.Nil, []byte(string(kind)+" "+key))
}

// outlinesOf reads a file: for each feature its outline, or "line code".
func outlinesOf(t testing.TB, text string) []string {
	t.Helper()
	s, err := Open(t.Context(), fileOf(text), Options{Kind: Outlines, Identify: identify})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for {
		row, err := s.next(context.Background())
		if errors.Is(err, io.EOF) {
			return out
		}
		var end *stop
		if err != nil && !errors.As(err, &end) {
			t.Fatal(err)
		}
		if row.refused() {
			out = append(out, fmt.Sprintf("%d %s", row.Line, row.Remarks[0].Code))
		} else {
			out = append(out, string(row.Records[0].Values["/outline"]))
		}
		if err != nil {
			return out
		}
	}
}

func TestOutlinesAreCheckedAndTurned(t *testing.T) {
	turned := `[[2.9,42.7],[2.9,42.71],[2.91,42.71],[2.91,42.7],[2.9,42.7]]`
	hole := `[[2.902,42.702],[2.908,42.702],[2.908,42.708],[2.902,42.702]]`
	holeTurned := `[[2.902,42.702],[2.908,42.708],[2.908,42.702],[2.902,42.702]]`
	for name, test := range map[string]struct{ feature, want string }{
		"as it should be":     {featureOf("QP066007", "66136", polygonOf(square)), `{"coordinates":[` + square + `],"type":"Polygon"}`},
		"turned":              {featureOf("QP066007", "66136", polygonOf(turned)), `{"coordinates":[` + square + `],"type":"Polygon"}`},
		"a hole":              {featureOf("QP066007", "66136", polygonOf(square, hole)), `{"coordinates":[` + square + `,` + holeTurned + `],"type":"Polygon"}`},
		"several":             {featureOf("QP066007", "66136", `{"type":"MultiPolygon","coordinates":[[`+square+`],[`+hole+`]]}`), `{"coordinates":[[` + square + `],[` + hole + `]],"type":"MultiPolygon"}`},
		"one of several":      {featureOf("QP066007", "66136", `{"type":"MultiPolygon","coordinates":[[`+square+`]]}`), `{"coordinates":[` + square + `],"type":"Polygon"}`},
		"heights":             {featureOf("QP066007", "66136", polygonOf(strings.ReplaceAll(square, "]", ",12.5]")[:len(strings.ReplaceAll(square, "]", ",12.5]"))-6]+"]")), `{"coordinates":[` + square + `],"type":"Polygon"}`},
		"a centimetre":        {featureOf("QP066007", "66136", polygonOf(strings.ReplaceAll(square, "2.91,", "2.91000000004,"))), `{"coordinates":[` + square + `],"type":"Polygon"}`},
		"overseas":            {featureOf("QN97105A", "97105", polygonOf(`[[-61.7,16],[-61.6,16],[-61.6,16.1],[-61.7,16]]`)), `{"coordinates":[[[-61.7,16],[-61.6,16],[-61.6,16.1],[-61.7,16]]],"type":"Polygon"}`},
		"Corsica":             {featureOf("QP02A001", "2A004", polygonOf(square)), "2 neighbourhood_code"},
		"Corsica's commune":   {featureOf("QP020001", "2a004", polygonOf(square)), `{"coordinates":[` + square + `],"type":"Polygon"}`},
		"no code":             {featureOf("", "66136", polygonOf(square)), "2 missing"},
		"no commune":          {featureOf("QP066007", "", polygonOf(square)), "2 no_commune"},
		"a wrong commune":     {featureOf("QP066007", "Perpignan", polygonOf(square)), "2 commune"},
		"no such département": {featureOf("QP066007", "20004", polygonOf(square)), "2 commune"},
		"open":                {featureOf("QP066007", "66136", polygonOf(`[[2.9,42.7],[2.91,42.7],[2.91,42.71],[2.9,42.71]]`)), "2 ring_open"},
		"short":               {featureOf("QP066007", "66136", polygonOf(`[[2.9,42.7],[2.91,42.7],[2.9,42.7]]`)), "2 ring_short"},
		"flat":                {featureOf("QP066007", "66136", polygonOf(`[[2.9,42.7],[2.91,42.7],[2.92,42.7],[2.9,42.7]]`)), "2 ring_flat"},
		"no ring":             {featureOf("QP066007", "66136", polygonOf()), "2 ring_short"},
		"a hole outside":      {featureOf("QP066007", "66136", polygonOf(hole, square)), "2 hole_outside"},
		"swapped":             {featureOf("QP066007", "66136", polygonOf(`[[42.7,2.9],[42.71,2.9],[42.71,2.91],[42.7,2.9]]`)), "2 coordinates_swapped"},
		"elsewhere":           {featureOf("QP066007", "66136", polygonOf(`[[-79.2,43.7],[-79.1,43.7],[-79.1,43.8],[-79.2,43.7]]`)), "2 outside"},
		"Lambert-93":          {featureOf("QP066007", "66136", polygonOf(`[[692000,6178000],[692100,6178000],[692100,6178100],[692000,6178000]]`)), "2 not_degrees"},
		"a point":             {featureOf("QP066007", "66136", `{"type":"Point","coordinates":[2.9,42.7]}`), "2 geometry"},
		"a line":              {featureOf("QP066007", "66136", `{"type":"LineString","coordinates":`+square+`}`), "2 geometry"},
		"a collection":        {featureOf("QP066007", "66136", `{"type":"GeometryCollection","geometries":[]}`), "2 geometry"},
		"no geometry":         {featureOf("QP066007", "66136", `null`), "2 geometry"},
		"words for numbers":   {featureOf("QP066007", "66136", polygonOf(`[["2.9","42.7"]]`)), "2 geometry"},
		"one number":          {featureOf("QP066007", "66136", polygonOf(`[[2.9],[2.9],[2.9],[2.9]]`)), "2 geometry"},
		"no feature":          {`{"type":"Polygon","coordinates":[]}`, "2 feature"},
		"a number":            {`7`, "2 feature"},
		"members twice":       {`{"type":"Feature","type":"Feature","properties":{},"geometry":null}`, "2 feature"},
		"deep":                {featureOf("QP066007", "66136", polygonOf(strings.Repeat("[", 5000)+strings.Repeat("]", 5000))), "2 feature"},
		"too deep to read":    {featureOf("QP066007", "66136", polygonOf(strings.Repeat("[", 20000)+strings.Repeat("]", 20000))), "2 json"},
		"a billion rings":     {featureOf("QP066007", "66136", polygonOf(strings.Repeat("[],", 300_000)+"[]")), "2 too_detailed"},
		"too large":           {featureOf("QP066007", "66136", polygonOf(strings.Repeat("[],", 500_000)+"[]")), "2 feature_too_large"},
		"a point too many":    {featureOf("QP066007", "66136", polygonOf(circle(20_000))), "2 too_detailed"},
	} {
		t.Run(name, func(t *testing.T) {
			got := outlinesOf(t, collectionOf(test.feature))
			if len(got) != 1 || got[0] != test.want {
				t.Errorf("%.300v, not %s", got, test.want)
			}
			if test.want[0] == '{' {
				if err := wire.Check([]byte(got[0]), wire.MaxValueDepth); err != nil {
					t.Errorf("it is no value of the protocol: %v", err)
				}
			}
		})
	}
}

// circle is a ring of many points.
func circle(points int) string {
	var b strings.Builder
	b.WriteString("[[2.9,42.7]")
	for i := range points {
		fmt.Fprintf(&b, ",[2.91,%.7f]", 42.7+float64(i)/1e6)
	}
	return b.String() + ",[2.9,42.7]]"
}

func TestOutlinesTwiceThereAreRefusedByTheirLine(t *testing.T) {
	other := strings.ReplaceAll(square, "2.91", "2.92")
	got := outlinesOf(t, collectionOf(
		featureOf("QP066007", "66136", polygonOf(square)),
		featureOf("QP066008", "66136", polygonOf(square)),
		featureOf("QP066007", "66136", polygonOf(other)),
		featureOf("QP066009", "66136", polygonOf(strings.ReplaceAll(square, "2.91", "2.93"))),
	))
	if len(got) != 4 || got[1] != "3 same_outline" || got[2] != "4 duplicate" || got[3][0] != '{' {
		t.Errorf("%v", got)
	}
}

func TestBrokenJSONEndsTheFileWhereItBreaks(t *testing.T) {
	good := collectionOf(featureOf("QP066007", "66136", polygonOf(square)), featureOf("QP066008", "66136", polygonOf(strings.ReplaceAll(square, "2.91", "2.92"))))
	for name, text := range map[string]string{
		"cut":         good[:len(good)-60],
		"a comma":     strings.Replace(good, ",\n", ",,\n", 1),
		"no brackets": strings.Replace(good, ",\n", "\n", 1),
	} {
		t.Run(name, func(t *testing.T) {
			got := outlinesOf(t, strings.Replace(text, `{"type":"FeatureCollection",`, `{"type":"FeatureCollection",`, 1))
			if len(got) != 2 || got[0][0] != '{' || !strings.HasSuffix(got[1], " json") {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestTheMembersOfACollectionMayComeInAnyOrder(t *testing.T) {
	feature := featureOf("QP066007", "66136", polygonOf(square))
	for _, text := range []string{
		`{"features":[` + feature + `],"type":"FeatureCollection"}`,
		`{"crs":null,"type":"FeatureCollection","bbox":[1,2,3,4],"features":[` + feature + `],"name":"x"}`,
		"\ufeff" + `{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}},"features":[` + feature + `]}`,
		`{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::4326"}},"features":[` + feature + `]}`,
	} {
		if got := outlinesOf(t, text); len(got) != 1 || got[0][0] != '{' {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func FuzzOutlinesEnd(f *testing.F) {
	f.Add(collectionOf(featureOf("QP066007", "66136", polygonOf(square))))
	f.Add(`{"type":"FeatureCollection","features":[{},[],1,`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Open(t.Context(), fileOf(text), Options{Kind: Outlines, Identify: identify})
		if err != nil {
			return
		}
		for {
			row, err := s.next(t.Context())
			if err != nil {
				return
			}
			for i := range row.Records {
				v := row.Records[i].Values["/outline"]
				if err := wire.Check([]byte(v), wire.MaxValueDepth); err != nil {
					t.Fatalf("%v in %s", err, v)
				}
				if _, err := BoxOf(v); err != nil {
					t.Fatalf("%v in %s", err, v)
				}
			}
		}
	})
}
