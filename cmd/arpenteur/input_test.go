package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

// shapeOf returns the shape of a checklist.
func shapeOf(t *testing.T, lineage string) *syncengine.Node {
	t.Helper()
	sources, err := schemas.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	registry, err := schemas.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sources {
		if s.Lineage != lineage {
			continue
		}
		v, err := registry.Compile(schemas.Identify(s.Content), s.Content)
		if err != nil {
			t.Fatal(err)
		}
		return v.Checklist.Shape
	}
	t.Fatalf("no lineage %s", lineage)
	return nil
}

func TestADocumentBecomesTheEntriesThatMakeIt(t *testing.T) {
	const id = "0190a5f0-0000-7000-8000-00000000000a"
	document := `{
		"place": "p",
		"dumping": {"rating": "1", "count": 2, "remarks": ["passage_blocked"], "notes": {"@": "here"}},
		"photos": [{"caption": "new"}, {"id": "` + id + `", "caption": "known"}],
		"position": {"lat": 1, "lon": 2},
		"/litter/rating": "2"
	}`
	var doc map[string]json.RawMessage
	decode(t, []byte(document), &doc)
	entries, err := flatten(shapeOf(t, schemas.Cleanliness), "", doc)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, strings.TrimSpace(string(e.op)+" "+e.path+" "+string(e.raw)))
	}
	want := []string{
		`set /litter/rating "2"`,
		`set /dumping/count 2`, `set /dumping/notes/@ "here"`, `set /dumping/rating "1"`, `add /dumping/remarks/passage_blocked`,
		`add /photos`, `set /photos/+/caption "new"`, `add /photos/` + id, `set /photos/` + id + `/caption "known"`,
		`set /place "p"`, `set /position {"lat": 1, "lon": 2}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestAnswersOfTheWrongFormAreNamed(t *testing.T) {
	for document, at := range map[string]string{
		`{"nothing": 1}`:                        "/nothing",
		`{"dumping": "1"}`:                      "/dumping",
		`{"dumping": {"remarks": "x"}}`:         "/dumping",
		`{"photos": {"caption": "x"}}`:          "/photos",
		`{"photos": [{"id": "x"}]}`:             "/photos",
		`{"dumping": {"notes": ["a", "list"]}}`: "/dumping",
	} {
		var doc map[string]json.RawMessage
		decode(t, []byte(document), &doc)
		_, err := flatten(shapeOf(t, schemas.Cleanliness), "", doc)
		if err == nil || classOf(err) != classUsage || !strings.Contains(err.Error(), at) {
			t.Errorf("%s: %v", document, err)
		}
	}
}
