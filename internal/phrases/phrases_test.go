package phrases_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/internal/phrases"
)

const french = `
# for translators
[saved]
Enregistré à {at} : {n} {n|fiche|fiches}.

[ask]
Continuer ?
  --listen :8080 ; rien d'autre
`

func parse(t *testing.T, lang phrases.Language, source string) *phrases.Catalogue {
	t.Helper()
	c, err := phrases.Parse(lang, source)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheLanguageIsTheFirstOneWishedForAndFrenchByDefault(t *testing.T) {
	for _, c := range []struct {
		want   phrases.Language
		wishes []string
	}{
		{phrases.French, nil},
		{phrases.French, []string{"", ""}},
		{phrases.French, []string{"", "C.UTF-8"}},
		{phrases.French, []string{"POSIX"}},
		{phrases.French, []string{"fr_FR.UTF-8"}},
		{phrases.French, []string{"fr-BE"}},
		{phrases.English, []string{"en"}},
		{phrases.English, []string{"", "en_GB.UTF-8", "fr"}},
		{phrases.English, []string{"de_DE"}},
		{phrases.English, []string{"fry_NL"}},
	} {
		if got := phrases.Choose(c.wishes...); got != c.want {
			t.Errorf("Choose(%q) = %s, not %s", c.wishes, got, c.want)
		}
	}
}

func TestFrenchMarksAreNeverTornFromTheirWord(t *testing.T) {
	c := parse(t, phrases.French, french)
	want := "Continuer\u202f?\n  --listen :8080\u202f; rien d'autre"
	if got := c.Say("ask"); got != want {
		t.Errorf("got %q", got)
	}
	at := time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC)
	if got := c.Say("saved", "at", at, "n", 0); got != "Enregistré à 14\u00a0h\u00a005\u00a0: 0 fiche." {
		t.Errorf("got %q", got)
	}
	if got := c.Say("saved", "at", at, "n", 12345); got != "Enregistré à 14\u00a0h\u00a005\u00a0: 12\u202f345 fiches." {
		t.Errorf("got %q", got)
	}
}

func TestWhatIsMissingIsShownAndNotHidden(t *testing.T) {
	c := parse(t, phrases.French, french)
	if got := c.Say("nobody", "n", 3); got != "nobody n 3" {
		t.Errorf("got %q", got)
	}
	if got := c.Say("saved", "n", 2); got != "Enregistré à {at}\u00a0: 2 fiches." {
		t.Errorf("got %q", got)
	}
}

func TestASpoiltCatalogueIsRefused(t *testing.T) {
	for name, source := range map[string]string{
		"text before a key": "hello\n[a]\nb\n",
		"no text":           "[a]\n[b]\nc\n",
		"twice":             "[a]\nb\n[a]\nc\n",
	} {
		if _, err := phrases.Parse(phrases.English, source); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestDifferencesNameMissingKeysAndOtherNames(t *testing.T) {
	a := parse(t, phrases.French, "[a]\n{x} {y}\n[b]\nb\n")
	b := parse(t, phrases.English, "[a]\n{x}\n[c]\nc\n")
	want := []string{"a: fr uses [x y], en uses [x]", "en says nothing for b", "fr says nothing for c"}
	if got := phrases.Differences(a, b); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := phrases.Differences(a, a); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestSizesAndTimesAreWrittenAsTheLanguageWritesThem(t *testing.T) {
	fr, en := parse(t, phrases.French, "[a]\na"), parse(t, phrases.English, "[a]\na")
	for _, c := range []struct {
		value  any
		fr, en string
	}{
		{phrases.Bytes(980), "980\u00a0o", "980\u00a0B"},
		{phrases.Bytes(1_100_000), "1,1\u00a0Mo", "1.1\u00a0MB"},
		{1204, "1\u202f204", "1,204"},
		{204, "204", "204"},
		{-123456, "-123\u202f456", "-123,456"},
		{1500 * time.Millisecond, "1,5\u00a0s", "1.5\u00a0s"},
		{phrases.Day(time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)), "02/11/2026", "02/11/2026"},
		{time.Date(2026, 11, 2, 9, 5, 0, 0, time.UTC), "9\u00a0h\u00a005", "09:05"},
		{true, "true", "true"},
	} {
		if got := fr.Write(c.value); got != c.fr {
			t.Errorf("French writes %v as %q", c.value, got)
		}
		if got := en.Write(c.value); got != c.en {
			t.Errorf("English writes %v as %q", c.value, got)
		}
	}
}

func ExampleCatalogue_Say() {
	c, _ := phrases.Parse(phrases.English, "[left]\n{n} {n|change|changes} to send to {server}")
	fmt.Println(c.Say("left", "n", 1, "server", "example.org"))
	fmt.Println(c.Say("left", "n", 0, "server", "example.org"))
	// Output:
	// 1 change to send to example.org
	// 0 changes to send to example.org
}
