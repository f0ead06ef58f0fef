// Package schemas holds what is asked: the checklists and record kinds, how they are written, checked, compiled for the merge core,
// and shown as forms. It also holds the one table of which role may write what.
//
// # Content
//
// A checklist or record kind is content: one JSON document, a closed part of JSON Schema 2020-12 with one keyword of our own,
// x-arpenteur. The embedded ones lie in content/; what content may say is fixed by vocabulary.json. Content names its lineage (the
// checklist it is a version of), the version it succeeds, and for each field its labels in French and English, merge policy,
// widget, answers, unit, and whether people may write personal data there. Its canonical bytes are hashed; the hash is the version.
//
// Each property becomes one node of the engine's shape:
//
//	JSON Schema                                              node                  registers
//	string, integer, number, boolean                         leaf                  /title
//	"node": "atomic" (an object or array)                    leaf, as a whole      /position
//	object with properties                                   group                 /litter/rating, /litter/urgent
//	array of enum strings, uniqueItems                       set                   /pests/seen/rodents/
//	array of objects with id and position                    list                  /photos/<uuid>/, /photos/<uuid>/hash
//	"node": "authors" (an object by account id)              author map            /litter/notes/<account>
//
// A $ref to #/$defs saves repeating; only x-arpenteur may stand beside it. An "order" (at the root: the sections) names each property
// once, because JSON objects have no order.
//
// # Answers
//
// A rating is a string leaf with the codes "1" (bad), "2", "3", "4" (good), "not_applicable" and "not_observed", on the scale "state".
// Codes are strings so that answers and non-answers have one type and one canonical form. Only the digits have a rank: the policies
// highest and lowest compare ranks, and what has none yields to every answer. Booleans rank false below true, numbers by themselves.
//
// # Rules
//
// An entry of allOf is a named rule with a label that people read: if/then/else, dependentRequired, or a relation between two fields
// (le, ne, prefix), which JSON Schema can't state. Rules are what two valid edits can break together (law L4). Nothing is required
// while capturing: only what identifies a record is, and the program fills that in. Conditions and consequences keep to a small part
// of JSON Schema, so that every rule can be shown in a form: Version.Hidden and Condition say what it hides, limits or expects.
//
// # From content to use
//
//	content ──Registry.Compile──▶ Version ──▶ Checklist (shape, policies, lens, Validate) ──▶ syncengine
//	   ▲                             └──────▶ FormModel, Hidden, RuleLabel ────────────────▶ screens
//	CheckPublish (before a version is published)
//
// CheckPublish refuses what would lose or merge registers: each register of the current version must be read at exactly one register
// of the same type in the next, by name or through the lens, or be retired. It asks the engine's own reading, so it can't disagree
// with merge. A refusal names each problem by a stable code, with what to do in both languages.
//
// The package has no state of its own: a Registry keeps what it compiled, by version id; which versions are in force in a ledger, and
// in which order, its authority's log says (package ledger). Nothing is ever loaded from outside the content.
package schemas
