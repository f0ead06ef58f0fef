package schemas

import "testing"

func TestFormats(t *testing.T) {
	for format, values := range map[string]struct{ good, bad []string }{
		"date":      {[]string{"2026-11-22", "2024-02-29"}, []string{"", "2026-02-29", "2026-11-22T00:00:00Z", "22/11/2026", "2026-1-2"}},
		"date-time": {[]string{"2026-11-22T14:05:00Z", "2026-11-22T14:05:00.5+01:00"}, []string{"", "2026-11-22", "2026-11-22 14:05:00Z", "2026-11-22T25:00:00Z"}},
		"uuid": {
			[]string{"0190a5f0-0000-7000-8000-000000000001"},
			[]string{"", "0190A5F0-0000-7000-8000-000000000001", "0190a5f0000070008000000000000001", "{0190a5f0-0000-7000-8000-00000000000}"},
		},
		"account": {[]string{"consultant-1"}, []string{"", "Mme Dupont", "a/b"}},
		"hash":    {[]string{"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"}, []string{"", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "abc"}},
		"email":   {[]string{"accueil@habitat-orle.example"}, []string{"", "a", "@b.c", "a@b", "a b@c.d", "a@b@c.d", "a@.d", "a@b."}},
		"siren":   {[]string{"732829320", "356000000"}, []string{"", "732829321", "73282932", "7328293200", "73282932a"}},
		"siret":   {[]string{"73282932000074", "35600000049837"}, []string{"", "73282932000075", "732829320", "35600000049838", "-3282932000074"}},
	} {
		check := formats()[format]
		for _, v := range values.good {
			if !check(v) {
				t.Errorf("%q is no %s", v, format)
			}
		}
		for _, v := range values.bad {
			if check(v) {
				t.Errorf("%q is a %s", v, format)
			}
		}
		if !check(1) {
			t.Errorf("%s judges what is no text", format)
		}
	}
}
