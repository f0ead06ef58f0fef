package phrases

import "strings"

// Language is a language that catalogues are written in.
type Language string

// The languages.
const (
	French  Language = "fr"
	English Language = "en"
)

// Choose returns the language of the first wish that is not empty: a language code or a locale ("fr", "en_GB.UTF-8"). French is for
// whoever wishes nothing, or only a locale without a language ("C", "POSIX"); English is for everybody else's language.
func Choose(wishes ...string) Language {
	for _, w := range wishes {
		w, _, _ = strings.Cut(w, ".")
		switch w {
		case "":
			continue
		case "C", "POSIX":
			return French
		}
		if code := strings.ToLower(w); code == "fr" || strings.HasPrefix(code, "fr_") || strings.HasPrefix(code, "fr-") {
			return French
		}
		return English
	}
	return French
}
