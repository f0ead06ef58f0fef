package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/server/imports"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

const (
	// maxImports is how many imports run at a time: each has a file on the disk, and rows in memory.
	maxImports = 2
	// maxSource bounds the name of a source.
	maxSource = 100
	// linesMedia is JSON, one document on each line.
	linesMedia = "application/x-ndjson"
)

// importOrder is what is asked of an import beside its file.
type importOrder struct {
	kind       imports.Kind
	diagnostic *Diagnostic // nil for outlines
	source     string      // tells rows of different owners apart that name theirs alike
	after      int         // what concerns the rows up to this line was told before
	dry        bool
}

// importFile is POST /v1/imports/{kind}?diagnostic=…&dry_run=true&source=…&upload=…&after=…, with the file as its body unless it was sent before. What can't be taken at all is refused with
// all that is wrong with it; else the answer is a line of JSON for each thing to tell (importLine), the last of which has the totals.
func (s *Server) importFile(c *call) error {
	o, err := s.importOrder(c)
	if err != nil {
		return err
	}
	select {
	case s.importing <- struct{}{}:
		defer func() { <-s.importing }()
	default:
		return wire.Problemf(wire.CodeBusy, "%d imports are running already", maxImports)
	}
	file, err := s.importedFile(c)
	if err != nil {
		return err
	}
	defer file.close()
	keeper, options, err := s.importOptions(c, o)
	if err != nil {
		return err
	}
	options.Mapping = file.mapping
	source, err := imports.Open(c.Context(), imports.File{ReaderAt: file, Size: file.size}, options)
	if err != nil {
		return importProblem(c, err)
	}
	out := newImportWriter(c, o)
	totals, err := imports.Run(c.Context(), source, keeper, out.tell)
	if err != nil {
		out.fail(s, err)
		return nil
	}
	s.Log.Info().Str("kind", string(o.kind)).Bool("dry", o.dry).Int("rows", totals.Rows).Int("new", totals.New).Int("changed", totals.Changed).
		Int("refused", totals.Refused).Str("by", string(c.who.Account)).Msg("file imported")
	return nil
}

// importOrder reads the address and its parameters.
func (s *Server) importOrder(c *call) (*importOrder, error) {
	o := &importOrder{kind: imports.Kind(mux.Vars(c.Request)["kind"])}
	if !slices.Contains(imports.Kinds(), o.kind) {
		return nil, wire.Problemf(wire.CodeNotFound, "there are imports of %v", imports.Kinds())
	}
	if err := mayImport(c.who, o.kind); err != nil {
		return nil, err
	}
	named := uuid.Nil
	for name, values := range c.URL.Query() {
		ok := len(values) == 1
		switch name {
		case "diagnostic":
			var form bool
			named, form = parseUUID(values[0])
			ok = ok && form
		case "dry_run":
			o.dry = values[0] == "true"
			ok = ok && (o.dry || values[0] == "false")
		case "after":
			var err error
			o.after, err = strconv.Atoi(values[0])
			ok = ok && err == nil && o.after >= 0
		case "upload": // importedFile's
		case "source":
			o.source = imports.Fold(values[0])
			ok = ok && len(o.source) <= maxSource
		default:
			ok = false
		}
		if !ok {
			return nil, wire.Problemf(wire.CodeInvalid, "the parameter %q is not known here, or its value is not acceptable", name)
		}
	}
	if (named == uuid.Nil) != (o.kind == imports.Outlines) {
		return nil, wire.Problemf(wire.CodeInvalid, "an import names the diagnostic that it is for; outlines alone are for all, and name none")
	}
	var err error
	if named != uuid.Nil {
		o.diagnostic, err = s.diagnostic(c, named)
	}
	return o, err
}

// mayImport checks that a person may import a kind of file: who may write such records, and whoever sets up the machine. The list of
// neighbourhoods is no diagnostic's, and kept by who operates the server.
func mayImport(who *Person, kind imports.Kind) error {
	kinds := map[imports.Kind]syncengine.Kind{
		imports.Places: schemas.Place, imports.Actors: schemas.Actor, imports.Inspections: schemas.Observation,
	}
	may := who.Role == roleLocal
	if kind == imports.Outlines {
		may = may || schemas.May(who.Role, schemas.ActOperate)
	} else {
		may = may || readsHere(who.Role) && schemas.MayWrite(who.Role, kinds[kind]) && !schemas.OwnOnly(who.Role, kinds[kind])
	}
	if !may {
		return wire.Problemf(wire.CodeForbidden, "the role %s may not import %s", who.Role, kind)
	}
	return nil
}

// importOptions returns what keeps the rows, and what they are read with.
func (s *Server) importOptions(c *call, o *importOrder) (imports.Keeper, imports.Options, error) {
	options := imports.Options{Kind: o.kind, Today: s.Now().UTC()}
	if o.kind == imports.Outlines {
		options.Identify = func(kind syncengine.Kind, key string) uuid.UUID {
			return s.importer.id(syncengine.LedgerID{}, "", kind, key)
		}
		return &listKeeper{s: s, who: c.who, dry: o.dry}, options, nil
	}
	id := o.diagnostic.Ledger
	options.Identify = func(kind syncengine.Kind, key string) uuid.UUID { return s.importer.id(id, o.source, kind, key) }
	versions := map[string]*schemas.Version{}
	view := func(ctx context.Context, fn func(l *ledger.Ledger) error) error {
		return s.Store.View(ctx, func(r store.Reader) error {
			l, err := s.keeper.View(r, id)
			if err != nil {
				return err
			}
			return fn(l)
		})
	}
	err := view(c.Context(), func(l *ledger.Ledger) error {
		for _, lineage := range l.Authority().Lineages() {
			versions[lineage] = s.current(l, lineage)
		}
		return nil
	})
	if err != nil {
		return nil, options, err
	}
	for _, lineage := range []syncengine.Kind{schemas.Place, schemas.Actor, schemas.Visit} {
		if versions[string(lineage)] == nil {
			return nil, options, wire.Problemf(wire.CodeInvalid, "the version in force of %s was published by a newer program; update this one first", lineage)
		}
	}
	options.Version = func(lineage string) *schemas.Version { return versions[lineage] }
	options.Has = func(ctx context.Context, key syncengine.RecordKey) (there bool, err error) {
		err = view(ctx, func(l *ledger.Ledger) error {
			m, err := l.Record(key)
			there = err == nil && m != nil && m.Present
			return err
		})
		return there, err
	}
	options.Find = func(ctx context.Context, kind syncengine.Kind, attribute, value string) (ids []uuid.UUID, err error) {
		err = view(ctx, func(l *ledger.Ledger) error {
			ids = ids[:0]
			return l.List(ledger.Filter{Kind: kind, Where: map[string]string{attribute: value}}, nil, func(m *ledger.Merged) (bool, error) {
				if m.Present {
					ids = append(ids, m.Key.ID)
				}
				return len(ids) < 16, nil
			})
		})
		return ids, err
	}
	return &ledgerKeeper{s: s, who: c.who, order: o}, options, nil
}

// importProblem says why a file is not taken at all.
func importProblem(c *call, err error) error {
	var refusal *imports.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	lang := string(languageOf(c.Request))
	lines := make([]*importLine, 0, len(refusal.Remarks))
	for i := range refusal.Remarks {
		lines = append(lines, lineOf(&refusal.Remarks[i], lang))
	}
	return &extended{
		&wire.Problem{Code: wire.CodeInvalid, Detail: refusal.Remarks[0].Message(lang), Err: err},
		map[string]any{"lines": lines},
	}
}

// importLine is one line of the answer to an import. Event says which members it has.
type importLine struct {
	Event string `json:"event"` // "begin", "line", "progress", "end"; "error" where the import ends early

	// begin: how the file is read.
	Kind      imports.Kind     `json:"kind,omitempty"`
	DryRun    bool             `json:"dry_run,omitempty"`
	Encoding  imports.Encoding `json:"encoding,omitempty"`
	Separator string           `json:"separator,omitempty"`

	// line: what is to be said of a row.
	Line    int             `json:"line,omitempty"` // from 1; none: of the file as a whole
	Column  string          `json:"column,omitempty"`
	Value   string          `json:"value,omitempty"`
	Outcome imports.Outcome `json:"outcome,omitempty"`
	Code    string          `json:"code,omitempty"` // of an error, the protocol's
	Message string          `json:"message,omitempty"`

	// progress, and end.
	Done   int             `json:"done,omitempty"`  // rows
	Bytes  int64           `json:"bytes,omitempty"` // of the file, read
	Size   int64           `json:"size,omitempty"`  // of the file
	Totals *imports.Totals `json:"totals,omitempty"`
}

func lineOf(r *imports.Remark, lang string) *importLine {
	return &importLine{Event: "line", Line: r.Line, Column: r.Column, Value: r.Value, Outcome: r.Outcome, Code: string(r.Code), Message: r.Message(lang)}
}

// importWriter writes the answer to an import.
type importWriter struct {
	c     *call
	lang  string
	dry   bool
	after int
	out   *json.Encoder
	flow  *http.ResponseController
}

func newImportWriter(c *call, o *importOrder) *importWriter {
	w := &importWriter{c: c, lang: string(languageOf(c.Request)), dry: o.dry, after: o.after, out: json.NewEncoder(c.w), flow: http.NewResponseController(c.w)}
	w.out.SetEscapeHTML(false)
	c.w.Header().Set("Content-Type", linesMedia)
	c.w.Header().Set("Content-Language", w.lang)
	c.w.Header().Add("Vary", "Accept-Language")
	c.w.WriteHeader(http.StatusOK)
	return w
}

// tell writes what an import tells, unless it was told before. Who asked sees each batch when it is kept. A row's number is never above its
// line's.
func (w *importWriter) tell(e imports.Event) error {
	if e.Remark != nil && e.Remark.Line > 0 && e.Remark.Line <= w.after || e.Progress != nil && e.Progress.Rows <= w.after {
		return nil
	}
	line := &importLine{}
	switch {
	case e.Begin != nil:
		b := e.Begin
		*line = importLine{Event: "begin", Kind: b.Kind, DryRun: w.dry, Encoding: b.Encoding, Separator: b.Separator, Size: b.Size}
		if err := w.write(line); err != nil {
			return err
		}
		for i := range b.Remarks {
			if err := w.write(lineOf(&b.Remarks[i], w.lang)); err != nil {
				return err
			}
		}
		return w.flush()
	case e.Remark != nil:
		return w.write(lineOf(e.Remark, w.lang))
	case e.Progress != nil:
		*line = importLine{Event: "progress", Done: e.Progress.Rows, Bytes: e.Progress.Bytes, Size: e.Progress.Size}
	case e.Totals != nil:
		*line = importLine{Event: "end", Totals: e.Totals, DryRun: w.dry}
	}
	if err := w.write(line); err != nil {
		return err
	}
	return w.flush()
}

// errNobodyThere says that who asked for the import left, or was cut off.
var errNobodyThere = errors.New("nobody reads the answer")

func (w *importWriter) write(line *importLine) error {
	if err := w.out.Encode(line); err != nil {
		return fmt.Errorf("%w: %w", errNobodyThere, err)
	}
	return nil
}

func (w *importWriter) flush() error {
	if err := w.flow.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("%w: %w", errNobodyThere, err)
	}
	return nil
}

// fail ends the answer where the import could not go on. What it kept stands; the same file again goes on from there.
func (w *importWriter) fail(s *Server, err error) {
	if errors.Is(err, errNobodyThere) {
		return
	}
	err = problemOf(err)
	code := wire.CodeOf(err)
	if code == wire.CodeInternal {
		s.Log.Error().Err(err).Str("request", traceOf(w.c.Request).id).Msg("import failed by a defect")
	}
	traceOf(w.c.Request).code = code
	lang := languageOf(w.c.Request)
	_ = w.out.Encode(&importLine{Event: "error", Code: string(code), Message: code.Title(lang) + " – " + code.Action(lang)}) // nobody may be there
}
