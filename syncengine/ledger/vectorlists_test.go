package ledger_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// small is a checklist with a node of every type and a register of every policy, as short as one can be.
const small = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
	"x-arpenteur": {"vocabulary": 1, "lineage": "small", "kind": "observation", "label": WORD,
		"sections": [{"code": "all", "label": WORD, "items": ["hall", "danger", "lux", "lit", "stage", "source", "signs", "notes", "spot"]}]},
	"properties": {
		"hall": {"type": "object", "additionalProperties": false, "x-arpenteur": {"label": WORD, "order": ["rating", "remark"]}, "properties": {
			"rating": {"$ref": "#/$defs/rating"},
			"remark": {"type": "string", "x-arpenteur": {"label": WORD, "widget": "hidden", "personal": true}}}},
		"danger": {"$ref": "#/$defs/rating", "x-arpenteur": {"policy": "highest"}},
		"lux": {"type": "number", "x-arpenteur": {"label": WORD, "widget": "hidden", "policy": "lowest"}},
		"lit": {"type": "boolean", "x-arpenteur": {"label": WORD, "widget": "hidden", "policy": "highest"}},
		"stage": {"type": "integer", "x-arpenteur": {"label": WORD, "widget": "hidden", "policy": "latest"}},
		"source": {"type": "array", "uniqueItems": true, "items": {"type": "string", "enum": ["police", "landlord"]},
			"x-arpenteur": {"label": WORD, "widget": "hidden", "answers": [{"code": "police", "label": WORD}, {"code": "landlord", "label": WORD}]}},
		"signs": {"type": "array", "x-arpenteur": {"label": WORD, "widget": "hidden"},
			"items": {"type": "object", "additionalProperties": false, "required": ["id"], "x-arpenteur": {"order": ["position", "text"]}, "properties": {
				"id": {"type": "string", "format": "uuid"},
				"position": {"type": "number", "x-arpenteur": {"label": WORD, "widget": "hidden", "policy": "latest"}},
				"text": {"type": "string", "x-arpenteur": {"label": WORD, "widget": "hidden", "personal": true}}}}},
		"notes": {"type": "object", "propertyNames": {"format": "account"}, "additionalProperties": {"type": "string"},
			"x-arpenteur": {"label": WORD, "widget": "hidden", "personal": true, "node": "authors", "policy": "latest"}},
		"spot": {"type": "object", "x-arpenteur": {"label": WORD, "widget": "hidden", "node": "atomic"}}
	},
	"$defs": {"rating": {"type": "string", "enum": ["1", "2", "3", "not_observed", "not_applicable"], "x-arpenteur": {
		"label": WORD, "widget": "hidden", "policy": "review", "answers": [{"code": "1", "label": WORD, "rank": 1}, {"code": "2", "label": WORD, "rank": 2},
			{"code": "3", "label": WORD, "rank": 3}, {"code": "not_observed", "label": WORD}, {"code": "not_applicable", "label": WORD}]}}}
}`

// smallContent returns the canonical content of a version of small: the first, or one of two that succeed it, of which 2 renames, recodes
// and retires a register whose name it gives to another, and 3 renames otherwise.
func smallContent(t testing.TB, version int) []byte {
	t.Helper()
	text := small
	switch version {
	case 2:
		text = strings.NewReplacer(
			`"sections"`, `"previous": "PREVIOUS", "lens": LENS, "sections"`, `"hall"`, `"entrance"`, `"signs"`, `"boards"`,
			`["position", "text"]`, `["position", "label"]`, `"text": {"type"`, `"label": {"type"`, `"police"`, `"state_police"`,
			`"stage": {"type": "integer", "x-arpenteur": {`, `"stage": {"type": "string", "x-arpenteur": {"personal": true, `,
		).Replace(text)
		text = strings.Replace(text, "LENS", `{"rename": {"/hall": "/entrance", "/signs": "/boards", "/signs/*/text": "/boards/*/label"},
			"codes": {"/source": {"police": "state_police"}}, "retire": ["/stage"]}`, 1)
	case 3:
		text = strings.NewReplacer(`"sections"`, `"previous": "PREVIOUS", "lens": {"rename": {"/hall": "/porch"}}, "sections"`, `"hall"`, `"porch"`).Replace(text)
	}
	if version > 1 {
		text = strings.Replace(text, "PREVIOUS", se.VersionID{Hash: sha256.Sum256(smallContent(t, 1))}.String(), 1)
	}
	content, err := wire.Canonical([]byte(strings.ReplaceAll(text, "WORD", `{"fr": "x", "en": "x"}`)))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
