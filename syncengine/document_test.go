package syncengine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/internal/oracle"
)

// drawFilled draws a shape and a change that writes some of its registers.
func drawFilled(t *rapid.T) (*se.Checklist, se.Judged) {
	list := &se.Checklist{Version: versionID("any"), Lineage: "any", Kind: "observation", Shape: group(drawChildren(t, 3))}
	c := se.Judged{Reading: se.Reading{list}, Change: &se.Change{ID: changeID("A"), Header: se.Header{
		Kind: "observation", Checklist: list.Version, Writes: []se.Write{{Path: "/", Value: se.True}},
	}}}
	// Some elements and members are said to be there, so that what lies below them is part of the document.
	for _, path := range drawRegisters(t, list) {
		value := rapid.SampledFrom([]se.Value{`"<é>"`, "2", "10", "-1.5", "true", "null", `{"a":[1]}`}).Draw(t, "value")
		if path.IsPresence() {
			value = rapid.SampledFrom([]se.Value{se.True, se.True, se.False}).Draw(t, "present")
		}
		c.Writes = append(c.Writes, se.Write{Path: path, Value: value})
	}
	slices.SortFunc(c.Writes, func(a, b se.Write) int { return strings.Compare(string(a.Path), string(b.Path)) })
	return list, c
}

// drawRegisters draws registers that a shape has, by walking down from its root.
func drawRegisters(t *rapid.T, list *se.Checklist) []se.Path {
	var out []se.Path
	for range rapid.IntRange(0, 30).Draw(t, "registers") {
		var path se.Path
		for n := list.Shape; n != nil; {
			var names []string
			switch n.Type {
			case se.GroupNode:
				for _, name := range propertyNames {
					if n.Children[name] != nil {
						names = append(names, name)
					}
				}
			case se.SetNode:
				names = n.Codes
			case se.ListNode:
				names = []string{sign1, sign2}
			case se.AuthorMapNode:
				names = []string{"u1", "u2", sign1}
			}
			if len(names) == 0 {
				break
			}
			name := rapid.SampledFrom(names).Draw(t, "segment")
			path = path.Child(name)
			switch n.Type {
			case se.GroupNode:
				n = n.Children[name]
			case se.ListNode:
				out = append(out, path.Node())
				n = &se.Node{Type: se.GroupNode, Children: n.Children}
			case se.SetNode:
				path, n = path.Node(), nil
			default:
				n = nil
			}
		}
		if path != "" && list.Lookup(path) != nil && !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// The document of any shape, and of names that sort around the slash, is what the definition says.
func TestTheDocumentOfAnyShapeIsAsDefined(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, c := drawFilled(t)
		r := take([]se.Judged{c}).Record(c.Key(), list)
		prefix := []byte("before")
		got := string(r.AppendDocument(prefix))
		if want := "before" + oracle.Merge([]se.Judged{c}).Document; got != want {
			t.Fatalf("document\n%s\nbut defined is\n%s", got, want)
		}
		if !json.Valid([]byte(got[len("before"):])) {
			t.Fatalf("not JSON: %s", got)
		}
	})
}

// What is validated is the merged document, with numbers as they were written.
func TestWhatIsValidatedIsTheDocument(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, c := drawFilled(t)
		seen := ""
		list.Validate = func(document any) []se.Violation {
			text, err := json.Marshal(document)
			if err != nil {
				t.Fatal(err)
			}
			seen = string(text)
			return []se.Violation{{Path: "/", Rule: "always"}}
		}
		r := take([]se.Judged{c}).Record(c.Key(), list)
		if v := r.Validate(); len(v) != 1 || v[0].Rule != "always" {
			t.Fatalf("violations %v", v)
		}
		var document json.RawMessage = r.AppendDocument(nil)
		if want, err := json.Marshal(document); err != nil || seen != string(want) {
			t.Fatalf("validated\n%s\nthe document is\n%s, %v", seen, want, err)
		}
	})
}

func TestNothingIsValidatedOfWhatIsAbsent(t *testing.T) {
	c := se.Judged{Reading: cleanliness(), Change: &se.Change{ID: changeID("A"), Header: se.Header{
		Checklist: versionID("c3"), Writes: []se.Write{{Path: "/", Value: se.False}, {Path: "/height", Value: "3"}},
	}}}
	list := *cleanliness().Current()
	list.Validate = func(any) []se.Violation { return []se.Violation{{Rule: "always"}} }
	r := take([]se.Judged{c}).Record(c.Key(), &list)
	if got := fmt.Sprintf("%s %v", r.AppendDocument(nil), r.Validate()); got != "null []" {
		t.Fatal(got)
	}
	if r := se.NewState().Record(c.Key(), nil); string(r.AppendDocument(nil)) != "null" || r.Validate() != nil || r.Present {
		t.Fatalf("a record of which nothing is held is %+v", r)
	}
}
