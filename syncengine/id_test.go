package syncengine_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
)

func TestAHashHasOneTextForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) string {
				h := se.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
				return h.String()
			}),
			rapid.StringMatching(`[A-Za-z0-9_-]{42,44}`),
			rapid.StringMatching(`A{43}`),
			rapid.StringMatching(`[A-Za-z0-9_=+/\n-]{0,44}`),
		).Draw(t, "text")
		h, err := se.ParseHash(text)
		if err != nil {
			if !errors.Is(err, se.ErrHash) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if h.String() != text {
			t.Fatalf("%q was read, and is written %q", text, h.String())
		}
		if written, err := h.MarshalText(); err != nil || string(written) != text || h.IsZero() != (text == "") {
			t.Fatalf("%q is written %q, %v", text, written, err)
		}
	})
}

func TestAccountsAndKindsAreWellFormed(t *testing.T) {
	account, kind := regexp.MustCompile(`\A[a-z0-9-]{1,40}\z`), regexp.MustCompile(`\A[a-z_]{1,32}\z`)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`[a-z0-9_-]{0,42}`), rapid.String()).Draw(t, "text")
		if se.AccountID(s).Valid() != account.MatchString(s) {
			t.Fatalf("%q is an account: %v", s, se.AccountID(s).Valid())
		}
		if se.Kind(s).Valid() != kind.MatchString(s) {
			t.Fatalf("%q is a kind: %v", s, se.Kind(s).Valid())
		}
	})
}

func TestHashesAreOrderedByTheirBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := hashOf(rapid.String().Draw(t, "a")), hashOf(rapid.String().Draw(t, "b"))
		if a.Compare(b) != strings.Compare(string(a[:]), string(b[:])) {
			t.Fatalf("%v compared with %v is %d", a, b, a.Compare(b))
		}
	})
}
