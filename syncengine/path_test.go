package syncengine_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
)

// wellFormed is docs/PROTOCOL.md §3.1 as an expression.
var wellFormed = regexp.MustCompile(`\A(/|(/[A-Za-z0-9_.-]{1,64}){1,8}/?)\z`)

// drawSegments draws the segments of a valid path, elements among them.
func drawSegments(t *rapid.T) []string {
	segment := rapid.OneOf(
		rapid.StringMatching(`[A-Za-z0-9_.-]{1,20}`), rapid.SampledFrom([]string{sign1, sign2, "u1", "litter"}),
	)
	out := rapid.SliceOfN(segment, 0, 8).Draw(t, "segments")
	for len("/"+strings.Join(out, "/")+"/") > 256 {
		out = out[1:]
	}
	return out
}

func drawPath(t *rapid.T) se.Path {
	segments := drawSegments(t)
	p := se.Path("/" + strings.Join(segments, "/"))
	if len(segments) > 0 && rapid.Bool().Draw(t, "presence") {
		p += "/"
	}
	return p
}

func TestAPathIsBuiltFromItsSegments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		segments := drawSegments(t)
		p := se.Path("")
		for _, s := range segments {
			p = p.Child(s)
		}
		if len(segments) == 0 {
			p = se.RecordPresence
		}
		if !p.Valid() || !slices.Equal(p.Segments(), segments) || !slices.Equal(p.Node().Segments(), segments) {
			t.Fatalf("%v made %q, of which the segments are %v", segments, p, p.Segments())
		}
		if p.IsPresence() != (len(segments) == 0) || !p.Node().IsPresence() || p.Node() != p.Node().Node() || !p.Node().Valid() {
			t.Fatalf("%q is a presence: %v; its node is %q", p, p.IsPresence(), p.Node())
		}
		if len(segments) < 8 {
			if child := p.Node().Child("x"); child != p.Child("x") && len(segments) > 0 || child.IsPresence() || !slices.Equal(child.Segments(), append(segments, "x")) {
				t.Fatalf("the child of %q is %q", p, child)
			}
		}
	})
}

func TestAPathIsValidAsThePageSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) string { return string(drawPath(t)) }),
			rapid.StringMatching(`/?([a-z./é *]{0,3}/?){0,10}`),
			rapid.StringMatching(`(/[a-z]{60,66}){1,5}/?`),
			rapid.String(),
		).Draw(t, "path")
		if got, want := se.Path(p).Valid(), wellFormed.MatchString(p) && len(p) <= 256; got != want {
			t.Fatalf("%q is valid: %v, the page says %v", p, got, want)
		}
	})
}

func FuzzAPathIsValidAsThePageSays(f *testing.F) {
	for _, p := range []string{"", "/", "//", "/a", "/a/", "/a//b", "a", "/é", "/a/b/c/d/e/f/g/h", "/a/b/c/d/e/f/g/h/i"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if got, want := se.Path(p).Valid(), wellFormed.MatchString(p) && len(p) <= 256; got != want {
			t.Fatalf("%q is valid: %v, the page says %v", p, got, want)
		}
		if !se.Path(p).Valid() {
			return
		}
		if back := se.Path("/" + strings.Join(se.Path(p).Segments(), "/")); p != "/" && back.Node() != se.Path(p).Node() {
			t.Fatalf("%q became %q", p, back)
		}
	})
}

// What encloses a path are the record and the elements above it, outermost first: what every change must write the presence of.
func TestEnclosingNamesTheRecordAndTheElementsAbove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPath(t)
		segments := p.Segments()
		var want []se.Path
		if p != "/" {
			want = append(want, "/")
		}
		for n := 1; n < len(segments); n++ {
			if s := segments[n-1]; s == sign1 || s == sign2 {
				want = append(want, se.Path("/"+strings.Join(segments[:n], "/")+"/"))
			}
		}
		if got := p.Enclosing(); !slices.Equal(got, want) {
			t.Fatalf("%q lies in %v, want %v", p, got, want)
		}
	})
}

func TestAnAuthorWhoseAccountIsAUUIDIsNoElement(t *testing.T) {
	path := se.Path("/notes").Child(sign1)
	if got := path.Enclosing(); !slices.Equal(got, []se.Path{"/"}) {
		t.Fatalf("%q lies in %v", path, got)
	}
	c := &se.Change{Header: se.Header{Format: 1, Kind: "observation", Checklist: versionID("c1"), Writes: []se.Write{
		{Path: "/", Value: se.True}, {Path: path, Value: `"to be seen by night"`},
	}}}
	a := se.NewAuthority(replicaID("authority"))
	v := a.Judge(c, []se.Envelope{{Position: se.Position{Replica: replicaID("authority"), Seq: 1}}}, se.Decision{}, knows{}.with(cleanliness()...))
	if v.Status != se.Effective {
		t.Fatalf("the note of an author is %+v", v)
	}
}
