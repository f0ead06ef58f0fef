package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// propertyTests compare a backend with the oracle.
func propertyTests() []conformanceTest {
	return []conformanceTest{{"random transactions give what the oracle gives", testOracle}}
}

// testOracle runs random transactions on a new store and on a Memory, and compares every answer, and all that is held after each.
func testOracle(t *testing.T, b Backend) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{b: b, t: t, subject: b.Open(t), oracle: NewMemory()}
		defer func() { _ = m.subject.Close() }()
		actions := map[string]func(*rapid.T){
			"update": func(rt *rapid.T) { m.update(rt, "kept") },
			"failed": func(rt *rapid.T) { m.update(rt, "failed") },
			"panic":  func(rt *rapid.T) { m.update(rt, "panic") },
			"view":   m.view,
			"":       m.compare,
		}
		if b.Reopen != nil {
			actions["reopen"] = m.reopen
		}
		rt.Repeat(actions)
	})
}

// machine is the state of one run of testOracle.
type machine struct {
	b       Backend
	t       *testing.T
	subject store.Store
	oracle  *Memory
}

// update runs a random program as an update that ends as told.
func (m *machine) update(rt *rapid.T, end string) {
	steps := rapid.SliceOfN(stepGen(), 1, 7).Draw(rt, "steps")
	answers := [2]string{}
	for i, s := range []store.Store{m.subject, m.oracle} {
		func() {
			defer func() {
				if panicked := recover(); panicked != nil && panicked != end {
					panic(panicked)
				}
			}()
			err := s.Update(context.Background(), func(w store.Writer) error {
				answers[i] = perform(steps, w, w)
				switch end {
				case "failed":
					return errRefused
				case "panic":
					panic(end)
				}
				return nil
			})
			if (end == "kept" && err != nil) || (end == "failed" && !errors.Is(err, errRefused)) {
				rt.Fatalf("update that is %s: %v", end, err)
			}
		}()
	}
	if answers[0] != answers[1] {
		rt.Fatalf("the backend answered\n%q\nthe oracle\n%q", answers[0], answers[1])
	}
}

// view runs the reading steps of a random program.
func (m *machine) view(rt *rapid.T) {
	steps := rapid.SliceOfN(stepGen(), 1, 7).Draw(rt, "steps")
	answers := [2]string{}
	for i, s := range []store.Store{m.subject, m.oracle} {
		view(rt, s, func(r store.Reader) error {
			answers[i] = perform(steps, r, nil)
			return nil
		})
	}
	if answers[0] != answers[1] {
		rt.Fatalf("the backend answered\n%q\nthe oracle\n%q", answers[0], answers[1])
	}
}

// reopen closes the subject and opens it again.
func (m *machine) reopen(rt *rapid.T) {
	if err := m.subject.Close(); err != nil {
		rt.Fatalf("close: %v", err)
	}
	m.subject = m.b.Reopen(m.t, m.subject)
}

// compare compares all that both hold.
func (m *machine) compare(rt *rapid.T) {
	if got, expected := dump(rt, m.subject), dump(rt, m.oracle); got != expected {
		rt.Fatalf("the backend holds\n%q\nthe oracle\n%q", got, expected)
	}
}

// randomStep is one thing that a random program does.
type randomStep struct {
	Op       string
	Space    store.Space
	Ledger   syncengine.LedgerID
	Key, To  []byte
	Size     int // of a value
	From, N  int // of a stretch of numbered keys
	Fraction int // every so manieth key of the stretch
	Limit    int // of a scan
}

// stepGen draws steps. Keys are few and short, so that they meet; stretches of keys with larger values fill and empty whole pages.
func stepGen() *rapid.Generator[randomStep] {
	key := rapid.SliceOfN(rapid.SampledFrom([]byte{0x00, 0x01, '0', '1', 'k', 0x7f, 0x80, 0xff}), 0, 3)
	return rapid.Custom(func(rt *rapid.T) randomStep {
		s := randomStep{
			Op: rapid.SampledFrom([]string{
				"put", "put", "delete", "get", "putMany", "putMany", "deleteMany", "deleteMany", "scan", "scanBack", "scanBack", "ledgers", "move",
			}).Draw(rt, "op"),
			Space:    rapid.SampledFrom(spaces()).Draw(rt, "space"),
			Ledger:   ledger(rapid.SampledFrom([]byte{0, 1, 2, 255}).Draw(rt, "ledger")),
			Key:      key.Draw(rt, "key"),
			To:       key.Draw(rt, "to"),
			Size:     rapid.SampledFrom([]int{1, 20, 300, 1500}).Draw(rt, "size"),
			From:     rapid.IntRange(0, 40).Draw(rt, "from"),
			N:        rapid.IntRange(0, 40).Draw(rt, "n"),
			Fraction: rapid.SampledFrom([]int{1, 1, 1, 2, 7}).Draw(rt, "fraction"),
			Limit:    rapid.SampledFrom([]int{1, 3, 1000}).Draw(rt, "limit"),
		}
		if rapid.IntRange(0, 3).Draw(rt, "open") == 0 {
			s.To = nil
		}
		return s
	})
}

// value returns the value that the step puts at key.
func (s randomStep) value(key []byte) []byte {
	return bytes.Repeat(append([]byte("v"), key...), s.Size/(len(key)+1)+1)
}

// stretch calls fn for the numbered keys of the step.
func (s randomStep) stretch(fn func(key []byte) error) error {
	for i := s.From; i < s.From+s.N; i++ {
		if i%s.Fraction == 0 {
			if err := fn(fmt.Appendf(nil, "%03d", i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// perform runs steps and returns their answers as text. Writing steps are left out where w is nil.
func perform(steps []randomStep, r store.Reader, w store.Writer) string {
	var out bytes.Buffer
	for i, s := range steps {
		err := s.read(r, &out)
		if w != nil && err == nil {
			err = s.write(w)
		}
		fmt.Fprintf(&out, "%d %s: %s\n", i, s.Op, errorName(err))
	}
	return out.String()
}

// errorName returns the kind of an error; messages may differ between backends.
func errorName(err error) string {
	for _, known := range []error{store.ErrEmpty, store.ErrTooLarge, store.ErrClosed, store.ErrCorrupt} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return fmt.Sprint(err)
}

// read does what the step reads.
func (s randomStep) read(r store.Reader, out *bytes.Buffer) error {
	left := s.Limit
	row := func(k, v []byte) (bool, error) {
		writeRow(out, s.Space, k, v)
		left--
		return left > 0, nil
	}
	switch s.Op {
	case "get":
		v, err := r.Get(s.Space, s.Ledger, s.Key)
		writeRow(out, s.Space, s.Key, v)
		fmt.Fprintf(out, "  nil: %t\n", v == nil)
		return err
	case "scan":
		return r.Scan(s.Space, s.Ledger, s.Key, s.To, row)
	case "scanBack":
		return r.ScanBack(s.Space, s.Ledger, s.Key, s.To, row)
	case "ledgers":
		return r.Ledgers(func(l syncengine.LedgerID) (bool, error) { return row(l.Hash[:], nil) })
	}
	return nil
}

// write does what the step writes.
func (s randomStep) write(w store.Writer) error {
	switch s.Op {
	case "put":
		return w.Put(s.Space, s.Ledger, s.Key, s.value(s.Key))
	case "delete":
		return w.Delete(s.Space, s.Ledger, s.Key)
	case "putMany":
		return s.stretch(func(key []byte) error { return w.Put(s.Space, s.Ledger, key, s.value(key)) })
	case "deleteMany":
		return s.stretch(func(key []byte) error { return w.Delete(s.Space, s.Ledger, key) })
	case "move":
		return s.move(w)
	}
	return nil
}

// move scans the step's space and turns what it meets over to the next space of the same ledger.
func (s randomStep) move(w store.Writer) error {
	to, back := spaceA, s.Limit == 1
	if s.Space == spaceA {
		to = spaceB
	}
	scan := w.Scan
	if back {
		scan = w.ScanBack
	}
	return scan(s.Space, s.Ledger, s.Key, s.To, func(k, v []byte) (bool, error) {
		there, err := w.Get(to, s.Ledger, k)
		if err != nil {
			return false, err
		}
		if there != nil {
			return true, w.Delete(to, s.Ledger, k)
		}
		return true, w.Put(to, s.Ledger, k, v)
	})
}
