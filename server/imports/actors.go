package imports

import (
	"context"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

// actorReader reads organisations: name and type, and SIREN or SIRET, which are checked. A row is named by its code where the file has such
// a column, else by SIRET, SIREN or name.
type actorReader struct {
	*table
	o       Options
	seen    map[uuid.UUID]int32 // what this file has given already
	version *schemas.Version
	types   answers

	code, name, short, kind, siren, siret int // columns
}

func (s *Source) openActors(f File, o Options) error {
	t, err := openTable(f)
	if err != nil {
		return err
	}
	a := &actorReader{
		table: t, o: o, seen: s.seen, version: o.Version(string(schemas.Actor)),
		code: t.column("code"), name: t.column("name", "nom", "raison sociale", "organisme"), short: t.column("short_name", "nom court", "sigle"),
		kind: t.column("type", "type d'acteur"), siren: t.column("siren"), siret: t.column("siret"),
	}
	if a.name < 0 {
		return refusal(CodeColumnMissing, 1, "", "name (nom)")
	}
	a.types = answersOf(a.version, "/type")
	s.describe(t)
	s.reader = a
	return nil
}

func (a *actorReader) next(ctx context.Context) (*Row, error) {
	r, err := a.table.next()
	if err != nil || r.refused() {
		return rowOf(r), err
	}
	v := newValues()
	name := r.name(a.name, maxNameRunes)
	if name == "" {
		r.refuse(a.name, CodeMissing, "")
	}
	v.text("/name", name)
	v.text("/short_name", r.name(a.short, 40))
	v.text("/type", r.answer(a.kind, a.types))
	siren, siret := r.identifier(a.siren, 9), r.identifier(a.siret, 14)
	switch {
	case siren == "" && siret != "":
		siren = siret[:9]
	case siret != "" && siret[:9] != siren:
		r.refuse(a.siret, CodeSiretOfSiren, siren)
	}
	v.text("/siren", siren)
	v.text("/siret", siret)
	key := "name " + Fold(name)
	switch {
	case r.cell(a.code) != "":
		key = "code " + r.cell(a.code)
	case siret != "":
		key = "siret " + siret
	case siren != "":
		key = "siren " + siren
	}
	record := Record{
		Key:  syncengine.RecordKey{Kind: schemas.Actor, ID: a.o.Identify(schemas.Actor, key)},
		Name: name, Lineage: string(schemas.Actor), Values: v.by,
	}
	if err := r.hold(a.version, v); err != nil {
		return nil, err
	}
	if err := a.elsewhere(ctx, r, &record, siren, siret); err != nil {
		return nil, err
	}
	r.Records = []Record{record}
	return &r.Row, nil
}

// rowOf returns the row of a record, nil for none.
func rowOf(r *record) *Row {
	if r == nil {
		return nil
	}
	return &r.Row
}

// elsewhere refuses an organisation that somebody entered by hand: a SIREN without establishments is one organisation.
func (a *actorReader) elsewhere(ctx context.Context, r *record, actor *Record, siren, siret string) error {
	if siren == "" || siret != "" || r.refused() {
		return nil
	}
	known, err := a.o.Has(ctx, actor.Key)
	if err != nil || known {
		return err
	}
	ids, err := a.o.Find(ctx, schemas.Actor, "siren", siren)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, ours := a.seen[id]; !ours {
			r.refuse(a.siren, CodeElsewhere, id.String())
			break
		}
	}
	return nil
}

// identifier reads a SIREN or SIRET; empty where the cell is empty or refused. Spaces and dots that people put between digits are left out.
func (r *record) identifier(column, size int) string {
	text := strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || c == '.' {
			return -1
		}
		return c
	}, r.cell(column))
	digits := strings.Trim(text, "0123456789") == ""
	with, check := "9", schemas.IsSIREN
	if size == 14 {
		with, check = "14", schemas.IsSIRET
	}
	switch {
	case text == "":
		return ""
	case !digits && strings.ContainsAny(text, "eE") && strings.Trim(text, "0123456789,eE+") == "":
		r.refuse(column, CodeIdentifierNumber, with)
	case !digits:
		r.refuse(column, CodeIdentifierDigits, with)
	case len(text) != size:
		r.refuse(column, CodeIdentifierLength, with)
	case !check(text):
		r.refuse(column, CodeIdentifierCheck, with)
	default:
		return text
	}
	return ""
}
