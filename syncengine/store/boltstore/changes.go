package boltstore

// maxChanges bounds the keys that are noted while a compaction copies. They take about 100 bytes each.
const maxChanges = 1 << 18

// changes are the keys that were written since a compaction began to copy, also by transactions that failed: what stands at them is
// looked up when they are copied. A nil *changes notes nothing.
type changes struct {
	keys  map[place]map[string]struct{}
	count int
	over  bool // there were more than maxChanges: nothing less than a whole copy will do
}

func newChanges() *changes { return &changes{keys: map[place]map[string]struct{}{}} }

// note adds a key.
func (c *changes) note(p place, key []byte) {
	if c == nil || c.over {
		return
	}
	keys := c.keys[p]
	if keys == nil {
		keys = map[string]struct{}{}
		c.keys[p] = keys
	}
	if _, noted := keys[string(key)]; noted {
		return
	}
	keys[string(key)] = struct{}{}
	if c.count++; c.count > maxChanges {
		c.keys, c.over = nil, true
	}
}
