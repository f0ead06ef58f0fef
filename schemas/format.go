package schemas

import (
	"strings"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/google/uuid"
)

// formats are the formats that content may name, and that validation asserts. JSON Schema's own are kept to one spelling of each value.
func formats() map[string]func(any) bool {
	of := func(check func(string) bool) func(any) bool {
		return func(v any) bool {
			s, ok := v.(string)
			return !ok || check(s)
		}
	}
	return map[string]func(any) bool{
		"date":      of(isDate),
		"date-time": of(isDateTime),
		"uuid":      of(isUUID),
		"account":   of(func(s string) bool { return syncengine.AccountID(s).Valid() }),
		"hash":      of(isHash),
		"email":     of(isEmail),
		"siren":     of(IsSIREN),
		"siret":     of(IsSIRET),
	}
}

// isDate reports whether s is a day of the calendar, "2026-11-22".
func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// isDateTime reports whether s is an instant of RFC 3339, "2026-11-22T14:05:00+01:00".
func isDateTime(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil && len(s) >= 20
}

// isUUID reports whether s is a UUID in the 36-character lower-case form that paths use.
func isUUID(s string) bool {
	return len(s) == 36 && strings.ToLower(s) == s && uuid.Validate(s) == nil
}

// isHash reports whether s is the text form of a syncengine.Hash.
func isHash(s string) bool {
	_, err := syncengine.ParseHash(s)
	return err == nil && s != ""
}

// isEmail reports whether s looks like an address that mail can be sent to: one @, a dotted domain, no space.
func isEmail(s string) bool {
	name, domain, ok := strings.Cut(s, "@")
	return ok && name != "" && len(s) <= 254 && !strings.ContainsAny(s, " \t\r\n<>\"") && !strings.Contains(domain, "@") &&
		strings.Contains(strings.Trim(domain, "."), ".") && !strings.HasPrefix(domain, ".") && !strings.HasSuffix(domain, ".")
}

// laPoste is the SIREN of the one organisation whose establishments do not follow Luhn: the digits of their SIRET add up to a
// multiple of 5 instead.
const laPoste = "356000000"

// IsSIREN reports whether s names an organisation in the register of the INSEE: 9 digits, the last a check digit.
func IsSIREN(s string) bool { return isOrganisation(s, 9) }

// IsSIRET reports whether s names an establishment in the register of the INSEE: the SIREN of its organisation, then 5 digits.
func IsSIRET(s string) bool { return isOrganisation(s, 14) }

// isOrganisation reports whether s is a SIREN (9 digits) or SIRET (14 digits) with the right check digit (Luhn, ISO/IEC 7812-1).
func isOrganisation(s string, size int) bool {
	if len(s) != size {
		return false
	}
	luhn, sum := 0, 0
	for i := range size {
		d := int(s[size-1-i]) - '0'
		if d < 0 || d > 9 {
			return false
		}
		sum += d
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		luhn += d
	}
	return luhn%10 == 0 || size == 14 && strings.HasPrefix(s, laPoste) && sum%5 == 0
}
