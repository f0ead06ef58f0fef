package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// format is one way of writing records out.
type format interface {
	media() string
	extension() string
	// begin writes what comes before the records.
	begin(l *reached, q *query) error
	// record writes one record, behind which at lies.
	record(l *reached, m *ledger.Merged, at *cursor) error
	// end writes what comes after the records.
	end()
	// size returns how many bytes wait to be taken.
	size() int
	// bytes returns what was written since it was last called.
	bytes() []byte
}

// sheet is where a format writes to.
type sheet struct{ bytes.Buffer }

func (s *sheet) size() int { return s.Len() }

func (s *sheet) bytes() []byte {
	b := bytes.Clone(s.Bytes())
	s.Reset()
	return b
}

// exportPiece is how many bytes of an export are gathered before they are written out, a record more or less.
const exportPiece = 1 << 20

// export answers with every record that a query wants, in pages: each page is read in one transaction and written out before the
// next, so that neither memory nor a transaction grows with the ledger or with the slowness of the asker's link. What changes
// meanwhile may be in it or not. An export that fails on its way is cut, never ended as if it were whole.
func (s *Server) export(c *call, f format, q *query) error {
	for first := true; ; first = false {
		more, err := s.exportPage(c, f, q, first)
		switch {
		case err != nil && first:
			return err
		case err != nil:
			s.Log.Error().Err(err).Str("request", traceOf(c.Request).id).Msg("export was cut")
			panic(http.ErrAbortHandler)
		case first:
			exportHeader(c, f)
		}
		if !more {
			f.end()
		}
		if _, err := c.w.Write(f.bytes()); err != nil || !more {
			return nil //nolint:nilerr // the asker left
		}
	}
}

// exportPage formats one page and moves the query behind it. It reports whether there are more.
func (s *Server) exportPage(c *call, f format, q *query, first bool) (more bool, err error) {
	err = s.reading(c, func(l *reached) error {
		if first {
			if err := f.begin(l, q); err != nil {
				return err
			}
		}
		n := 0
		return s.walk(l, c.who, q, func(m *ledger.Merged, at cursor) (bool, error) {
			if n == maxPage || f.size() >= exportPiece {
				more = true
				return false, nil
			}
			n, q.from = n+1, at
			return true, f.record(l, m, &at)
		})
	})
	return more, err
}

func exportHeader(c *call, f format) {
	h := c.w.Header()
	h.Set("Content-Type", f.media())
	h.Set("Content-Disposition", `attachment; filename="arpenteur.`+f.extension()+`"`)
	c.w.WriteHeader(http.StatusOK)
}

// exportQuery reads what is to be exported. Formats whose records say where to go on take a cursor; none has pages.
func exportQuery(c *call, resumes bool, more ...string) (*query, error) {
	values := c.URL.Query()
	for _, name := range []string{"limit", "cursor"} {
		if values.Has(name) && !(resumes && name == "cursor") {
			return nil, wire.Problemf(wire.CodeInvalid, "this export has no pages: leave out %s", name)
		}
	}
	return parseQuery(values, more...)
}

// documentOf decodes the document of a record; nil where it is absent.
func documentOf(m *ledger.Merged) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(m.AppendDocument(nil)))
	decoder.UseNumber()
	var doc map[string]any
	if err := decoder.Decode(&doc); err != nil {
		return nil, fmt.Errorf("document of a %s: %w", m.Key.Kind, err)
	}
	return doc, nil
}

// column is one field of the records of a kind, named by its path without the slash before it.
type column struct {
	name string
	path []string
	set  bool
}

// columns returns the fields of the checklists in force that records of a kind, or of all, may follow, in the order of their forms, each
// once. Groups are taken apart; sets, repeat groups, author maps and atomic values are one column each.
func (s *Server) columns(l *ledger.Ledger, kind syncengine.Kind) []column {
	var out []column
	known := map[string]bool{}
	var add func(fields []schemas.FormField, at []string)
	add = func(fields []schemas.FormField, at []string) {
		for i := range fields {
			f := &fields[i]
			path := append(append([]string(nil), at...), f.Name)
			if f.Node == "group" {
				add(f.Fields, path)
				continue
			}
			if name := strings.Join(path, "/"); !known[name] {
				known[name] = true
				out = append(out, column{name, path, f.Node == "set"})
			}
		}
	}
	for _, lineage := range l.Authority().Lineages() {
		v := s.current(l, lineage)
		if v == nil || kind != "" && v.Checklist.Kind != kind {
			continue
		}
		for _, section := range s.forms.of(v, string(wire.French)).Sections {
			add(section.Fields, nil)
		}
	}
	return out
}

// at returns what a document has at a path, nil where it has nothing.
func (k *column) at(doc map[string]any) any {
	var v any = doc
	for _, name := range k.path {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}

// pathList joins paths for one cell.
func pathList(paths []syncengine.Path) string {
	parts := make([]string, len(paths))
	for i, p := range paths {
		parts[i] = string(p)
	}
	return strings.Join(parts, " ")
}
