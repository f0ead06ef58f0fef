package main

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// minNamePart is how much of an id must be given.
const minNamePart = 4

// eachRecord calls fn with the records of every ledger, or of the one whose id begins as given.
func (t *tablet) eachRecord(ctx context.Context, ledgerPart string, f ledger.Filter, fn func(r *clientsdk.Record) error) error {
	ids, err := t.ledgers(ctx, ledgerPart)
	if err != nil {
		return err
	}
	for _, id := range ids {
		err := t.c.Records(ctx, id, f, nil, func(r *clientsdk.Record) (bool, error) { return true, fn(r) })
		if err != nil {
			return err
		}
	}
	return nil
}

// ledgers returns the ledgers of the tablet, or the one whose id begins with part.
func (t *tablet) ledgers(ctx context.Context, part string) ([]syncengine.LedgerID, error) {
	list, err := t.c.Ledgers(ctx)
	if err != nil {
		return nil, err
	}
	var out []syncengine.LedgerID
	for _, l := range list {
		if strings.HasPrefix(l.ID.String(), part) {
			out = append(out, l.ID)
		}
	}
	switch {
	case part == "":
		return out, nil
	case len(out) == 0:
		return nil, failed(classUnknown, "device.no_ledger", "given", part)
	case len(out) > 1:
		return nil, failed(classUsage, "device.which_ledger", "given", part)
	}
	return out, nil
}

// ledgerWith returns the ledger in which a checklist is in force: the one that was named, or the only one.
func (t *tablet) ledgerWith(ctx context.Context, lineage, part string) (syncengine.LedgerID, error) {
	ids, err := t.ledgers(ctx, part)
	if err != nil {
		return syncengine.LedgerID{}, err
	}
	var with []syncengine.LedgerID
	for _, id := range ids {
		if _, err := t.c.Checklist(ctx, id, lineage); err == nil {
			with = append(with, id)
		} else if !errors.Is(err, clientsdk.ErrNoLedger) {
			return syncengine.LedgerID{}, err
		}
	}
	switch len(with) {
	case 0:
		return syncengine.LedgerID{}, failed(classUnknown, "device.no_checklist", "given", lineage)
	case 1:
		return with[0], nil
	}
	var names []string
	for _, id := range with {
		names = append(names, short(id.String()))
	}
	return syncengine.LedgerID{}, failed(classUsage, "device.several_ledgers", "given", lineage, "ledgers", strings.Join(names, ", "))
}

// find returns the record that a person names: by its id, or by the end of it. Ids of one day begin alike, so it is their ends that differ.
func (t *tablet) find(ctx context.Context, name string) (clientsdk.Ref, error) {
	name = strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
	if len(name) < minNamePart {
		return clientsdk.Ref{}, failed(classUsage, "device.short_name", "given", name, "n", minNamePart)
	}
	var found []clientsdk.Ref
	err := t.eachRecord(ctx, "", ledger.Filter{}, func(r *clientsdk.Record) error {
		if strings.HasSuffix(r.Ref.Record.ID.String(), name) {
			found = append(found, r.Ref)
		}
		return nil
	})
	switch {
	case err != nil:
		return clientsdk.Ref{}, err
	case len(found) == 0:
		return clientsdk.Ref{}, failed(classUnknown, "device.no_record", "given", name)
	case len(found) > 1:
		return clientsdk.Ref{}, failed(classUsage, "device.which_record", "given", name, "n", len(found))
	}
	return found[0], nil
}

// refer returns the id of the record of a kind that a person means: an id, which need not be held here, or the name or title of one
// that is.
func (t *tablet) refer(ctx context.Context, kind syncengine.Kind, name string) (string, error) {
	if id, err := uuid.Parse(name); err == nil {
		return id.String(), nil
	}
	var found []string
	err := t.eachRecord(ctx, "", ledger.Filter{Kind: kind}, func(r *clientsdk.Record) error {
		id := r.Ref.Record.ID.String()
		switch {
		case !r.Present:
		case strings.EqualFold(nameOf(r), name), len(name) >= minNamePart && strings.HasSuffix(id, strings.ToLower(name)):
			found = append(found, id)
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", failed(classUnknown, "device.no_named", "given", name)
	case len(found) > 1:
		return "", failed(classUsage, "device.which_named", "given", name, "n", len(found))
	}
	return found[0], nil
}

// nameOf is what people call a record, empty where it says nothing of the kind.
func nameOf(r *clientsdk.Record) string {
	for _, path := range []syncengine.Path{"/name", "/title", "/date"} {
		if text := shownText(r, path); text != "" {
			return text
		}
	}
	return ""
}

// shownText returns the text that is shown at a leaf, empty where there is none.
func shownText(r *clientsdk.Record, path syncengine.Path) string {
	f := r.Field(path)
	if f == nil || f.Shown == "" || f.Shown[0] != '"' {
		return ""
	}
	v, err := wire.DecodeValue(f.Shown)
	text, _ := v.(string)
	if err != nil {
		return ""
	}
	return text
}

// names returns what the places and visits of the tablet are called, by id: other records refer to these.
func (t *tablet) names(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	for _, kind := range []syncengine.Kind{schemas.Place, schemas.Visit} {
		err := t.eachRecord(ctx, "", ledger.Filter{Kind: kind}, func(r *clientsdk.Record) error {
			out[r.Ref.Record.ID.String()] = nameOf(r)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
