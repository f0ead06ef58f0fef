package phrases

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bytes is a size, written with a unit: "1,1 Mo", "1.1 MB".
type Bytes int64

// Day is a time of which only the date is written: "23/11/2026".
type Day time.Time

// Write returns a value as the language writes it: a number with its thousands apart, a time.Time as the hour of a sentence
// ("14 h 05"), a Day, a duration in seconds, Bytes with their unit; anything else as fmt does.
func (c *Catalogue) Write(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case Bytes:
		return c.bytes(v)
	case time.Time:
		if c.lang == French {
			return fmt.Sprintf("%d\u00a0h\u00a0%02d", v.Hour(), v.Minute())
		}
		return v.Format("15:04")
	case Day:
		return time.Time(v).Format("02/01/2006")
	case time.Duration:
		return c.decimal(v.Seconds(), 1) + "\u00a0s"
	case float64:
		return c.decimal(v, 1)
	}
	if n, ok := number(value); ok {
		return c.grouped(strconv.FormatInt(n, 10))
	}
	return fmt.Sprint(value)
}

// number reads any integer.
func number(value any) (int64, bool) {
	switch v := value.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case uint64:
		return int64(v), true //nolint:gosec // counts
	case Bytes:
		return int64(v), true
	}
	return 0, false
}

// grouped sets thousands apart.
func (c *Catalogue) grouped(digits string) string {
	apart := "\u202f"
	if c.lang != French {
		apart = ","
	}
	var b strings.Builder
	for i, d := range digits {
		if rest := len(digits) - i; i > 0 && rest%3 == 0 && digits[:i] != "-" {
			b.WriteString(apart)
		}
		b.WriteRune(d)
	}
	return b.String()
}

func (c *Catalogue) decimal(v float64, places int) string {
	text := strconv.FormatFloat(v, 'f', places, 64)
	whole, fraction, _ := strings.Cut(text, ".")
	point := "."
	if c.lang == French {
		point = ","
	}
	return c.grouped(whole) + point + fraction
}

func (c *Catalogue) bytes(v Bytes) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	if c.lang == French {
		units = []string{"o", "ko", "Mo", "Go", "To"}
	}
	if v < 1000 {
		return strconv.FormatInt(int64(v), 10) + "\u00a0" + units[0]
	}
	n, unit := float64(v), 0
	for n >= 1000 && unit < len(units)-1 {
		n /= 1000
		unit++
	}
	return c.decimal(n, 1) + "\u00a0" + units[unit]
}
