package phrases

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Catalogue is what is said in one language. It is immutable and safe for concurrent use.
type Catalogue struct {
	lang  Language
	texts map[string]string
}

// Parse reads a catalogue. It refuses a key that is there twice, text before the first key, and a key without text.
func Parse(lang Language, source string) (*Catalogue, error) {
	c := &Catalogue{lang: lang, texts: map[string]string{}}
	key := ""
	var text []string
	end := func() error {
		body := strings.Trim(strings.Join(text, "\n"), "\n")
		text = nil
		switch {
		case key == "" && body != "":
			return fmt.Errorf("text before the first key: %q", body)
		case key == "":
			return nil
		case body == "":
			return fmt.Errorf("nothing is said for %s", key)
		case c.texts[key] != "":
			return fmt.Errorf("%s is there twice", key)
		}
		c.texts[key] = c.space(body)
		return nil
	}
	for line := range strings.Lines(source) {
		line = strings.TrimRight(line, " \n")
		if inner, ok := strings.CutPrefix(line, "["); ok && strings.HasSuffix(inner, "]") {
			if err := end(); err != nil {
				return nil, err
			}
			key = strings.TrimSuffix(inner, "]")
			continue
		}
		if !strings.HasPrefix(line, "#") {
			text = append(text, line)
		}
	}
	return c, end()
}

// space puts the spaces of French typography before the marks that have one: they must not break a line.
func (c *Catalogue) space(text string) string {
	if c.lang != French {
		return text
	}
	text = frenchMarks.ReplaceAllStringFunc(text, func(found string) string {
		if found[1] == ':' {
			return "\u00a0" + found[1:]
		}
		return "\u202f" + found[1:]
	})
	return strings.NewReplacer("« ", "«\u00a0", " »", "\u00a0»").Replace(text)
}

// frenchMarks finds a mark that French writes a space before. One that is followed by more than space belongs to something else: ":8080".
var frenchMarks = regexp.MustCompile(`(?m) [:;!?](\s|$)`)

// Language returns the language of the catalogue.
func (c *Catalogue) Language() Language { return c.lang }

// Has reports whether the catalogue says anything for a key.
func (c *Catalogue) Has(key string) bool { return c.texts[key] != "" }

// Keys returns the keys, ascending.
func (c *Catalogue) Keys() []string { return slices.Sorted(maps.Keys(c.texts)) }

var placeholder = regexp.MustCompile(`\{([a-z][a-z_]*)(?:\|([^|{}]*)\|([^|{}]*))?\}`)

// Say returns what is said for a key, with the values of names put in: Say("tablet.left", "n", 3). Where nothing is said for the key it
// returns the key, and a name without a value stands as it is, so that a defect of the catalogue hides nothing.
func (c *Catalogue) Say(key string, namesAndValues ...any) string {
	text := c.texts[key]
	if text == "" {
		return strings.TrimSpace(fmt.Sprintln(append([]any{key}, namesAndValues...)...))
	}
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		parts := placeholder.FindStringSubmatch(found)
		for i := 0; i+1 < len(namesAndValues); i += 2 {
			if namesAndValues[i] != parts[1] {
				continue
			}
			if strings.Contains(found, "|") {
				return c.plural(namesAndValues[i+1], parts[2], parts[3])
			}
			return c.Write(namesAndValues[i+1])
		}
		return found
	})
}

// plural chooses between a word for one thing and the word for several.
func (c *Catalogue) plural(value any, one, many string) string {
	n, ok := number(value)
	if ok && (n == 1 || n == 0 && c.lang == French) {
		return one
	}
	return many
}

// Differences returns how two catalogues differ in keys and in the names that each text uses; none where they say the same things.
func Differences(a, b *Catalogue) []string {
	var out []string
	for _, key := range slices.Compact(slices.Sorted(slices.Values(append(a.Keys(), b.Keys()...)))) {
		switch {
		case !a.Has(key):
			out = append(out, fmt.Sprintf("%s says nothing for %s", a.lang, key))
		case !b.Has(key):
			out = append(out, fmt.Sprintf("%s says nothing for %s", b.lang, key))
		default:
			if x, y := names(a.texts[key]), names(b.texts[key]); !slices.Equal(x, y) {
				out = append(out, fmt.Sprintf("%s: %s uses %v, %s uses %v", key, a.lang, x, b.lang, y))
			}
		}
	}
	return out
}

// names returns the names that a text uses, ascending, each once.
func names(text string) []string {
	var out []string
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}
