package backup

// Retention is which backups of a folder are kept. The newest always is.
type Retention struct {
	Keep          int  // how many, at least 1
	PurgeRedacted bool // remove those that don't know the last redaction that the newest knows: they hold what was redacted
}

// expired returns the backups that are not to be kept. list begins with the newest.
func (r Retention) expired(list []*Manifest) (out []*Manifest) {
	for i, m := range list {
		if i == 0 {
			continue
		}
		if i >= max(r.Keep, 1) || r.PurgeRedacted && m.Redacted < list[0].Redacted {
			out = append(out, m)
		}
	}
	return out
}
