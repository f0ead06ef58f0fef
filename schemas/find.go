package schemas

import (
	"encoding/json"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/arpenteur/arpenteur/syncengine"
)

// maxWord bounds a word, in bytes; of a longer one its beginning stands for it.
const maxWord = 64

// Finder says by what records are found, as their checklists describe them. It is safe for concurrent use.
type Finder struct {
	registry *Registry

	mu    sync.Mutex
	forms map[syncengine.VersionID]*findForm
}

// findForm is what is to be known of a version's form: French, since that is what people search in.
type findForm struct {
	form   *Form
	labels map[*FormField]map[string][]string // the words of each answer's label, by its code
}

// NewFinder returns a Finder for records whose checklists registry compiled.
func NewFinder(registry *Registry) *Finder {
	return &Finder{registry: registry, forms: map[syncengine.VersionID]*findForm{}}
}

// Words returns the words of a record's texts and of the French labels of its codes, as Words makes them, of every value that stands: a
// contested one is found under all. What was erased has none.
func (f *Finder) Words(rec *syncengine.Record) []string {
	form := f.of(rec.Checklist)
	if form == nil {
		return nil
	}
	var out []string
	for i := range rec.Fields {
		field := &rec.Fields[i]
		about := form.form.Field(field.Path)
		if about == nil {
			continue
		}
		if about.Node == "set" {
			if field.Shown == syncengine.True {
				segments := field.Path.Segments()
				out = append(out, form.labels[about][segments[len(segments)-1]]...)
			}
			continue
		}
		if field.Path.IsPresence() || about.Type != "string" || named(about) {
			continue
		}
		for s := range field.Survivors {
			out = append(out, form.wordsOf(about, field.Survivors[s].Value)...)
		}
	}
	return out
}

// named reports whether a text names something else, or a day: nobody looks for it by its letters.
func named(f *FormField) bool {
	switch f.Format {
	case "uuid", "hash", "account", "date", "date-time":
		return true
	}
	return false
}

// wordsOf returns the words of one value of a field.
func (f *findForm) wordsOf(about *FormField, v syncengine.Value) []string {
	var text string
	if v == "" || v[0] != '"' || json.Unmarshal([]byte(v), &text) != nil {
		return nil
	}
	if labels := f.labels[about]; labels != nil {
		return labels[text]
	}
	return Words(text)
}

// Position returns the position that a record itself has, in degrees of WGS 84.
func (f *Finder) Position(rec *syncengine.Record) (lat, lon float64, ok bool) {
	field := rec.Field("/position")
	if field == nil || !strings.HasPrefix(string(field.Shown), "{") {
		return 0, 0, false
	}
	var at struct{ Lat, Lon *float64 }
	if json.Unmarshal([]byte(field.Shown), &at) != nil || at.Lat == nil || at.Lon == nil {
		return 0, 0, false
	}
	return *at.Lat, *at.Lon, *at.Lat >= -90 && *at.Lat <= 90 && *at.Lon >= -180 && *at.Lon <= 180
}

func (f *Finder) of(list *syncengine.Checklist) *findForm {
	if list == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.forms[list.Version]; known != nil {
		return known
	}
	v := f.registry.Version(list.Version)
	if v == nil {
		return nil
	}
	made := &findForm{FormModel(v, "fr"), map[*FormField]map[string][]string{}}
	for i := range made.form.Sections {
		made.addLabels(made.form.Sections[i].Fields)
	}
	f.forms[list.Version] = made
	return made
}

func (f *findForm) addLabels(fields []FormField) {
	for i := range fields {
		about := &fields[i]
		f.addLabels(about.Fields)
		if len(about.Answers) == 0 {
			continue
		}
		labels := map[string][]string{}
		for _, a := range about.Answers {
			labels[a.Code] = Words(a.Label)
		}
		f.labels[about] = labels
	}
}

// Words splits a text into the words that it is found by: small letters and digits without accents or the ending of a plural, as
// "Cages d'escalier, n° 4" into cage, d, escalier, n, 4. A text and a question about it are split alike.
func Words(text string) []string {
	if strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		text = norm.NFKD.String(text)
	}
	var out []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			out = append(out, singular(word.String()))
			word.Reset()
		}
	}
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 0x300 && r < 0x370: // an accent, taken apart
		case r == 'œ':
			word.WriteString("oe")
		case r == 'æ':
			word.WriteString("ae")
		case unicode.IsLetter(r), unicode.IsDigit(r):
			if word.Len() < maxWord {
				word.WriteRune(r)
			}
		default:
			end()
		}
	}
	end()
	return out
}

// singular takes the ending of a plural off: not by grammar, but alike wherever it is asked.
func singular(word string) string {
	if len(word) > 3 && (word[len(word)-1] == 's' || word[len(word)-1] == 'x') {
		return word[:len(word)-1]
	}
	return word
}
