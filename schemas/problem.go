package schemas

import (
	"fmt"
	"strings"
)

// ProblemCode is the stable code of a reason for which content is refused.
type ProblemCode string

// The problems that a content can have by itself.
const (
	ProblemJSON       ProblemCode = "json"           // not one JSON object
	ProblemSize       ProblemCode = "too_large"      // over MaxContentBytes, MaxSchemas, or a path over the protocol's limits
	ProblemVocabulary ProblemCode = "vocabulary"     // a keyword or value outside our part of JSON Schema
	ProblemReference  ProblemCode = "reference"      // a $ref that is unknown, circular, or has keywords beside it
	ProblemStructure  ProblemCode = "structure"      // a node that is no group, leaf, set, list or author map
	ProblemLabel      ProblemCode = "label"          // a register without label
	ProblemOrder      ProblemCode = "order"          // an order or sections that do not name each property once
	ProblemAnswers    ProblemCode = "answers"        // answers that do not fit the enum, or ranks that are equal
	ProblemNoPolicy   ProblemCode = "unknown_policy" // a merge policy that does not exist
	ProblemPolicy     ProblemCode = "unfit_policy"   // a merge policy that does not fit the type
	ProblemWidget     ProblemCode = "widget"         // a widget that does not exist or does not fit the type
	ProblemPattern    ProblemCode = "pattern"        // a regular expression that Go and browsers may read differently
	ProblemPersonal   ProblemCode = "personal"       // free text that does not say whether it may hold personal data
	ProblemIndex      ProblemCode = "index"          // an index that is not on one leaf of the record itself
	ProblemRule       ProblemCode = "rule"           // a rule about what is not there, or that can't be shown in a form
	ProblemSchema     ProblemCode = "schema"         // refused by the JSON Schema compiler
)

// The problems that a content has as the successor of a version.
const (
	ProblemLineage      ProblemCode = "lineage"               // another lineage, kind, domain or restriction than before
	ProblemSuccessor    ProblemCode = "not_successor"         // it does not name the current version as its previous one
	ProblemChangedType  ProblemCode = "changed_type"          // a register changes its structure or type
	ProblemLostPath     ProblemCode = "lost_path"             // a register is gone, neither renamed nor retired
	ProblemLostCode     ProblemCode = "lost_code"             // an answer is gone and not mapped to another
	ProblemLensUnknown  ProblemCode = "lens_unknown"          // the lens names a register or answer that is not there
	ProblemLensMerges   ProblemCode = "lens_not_injective"    // two registers or two answers become one
	ProblemLensNotFirst ProblemCode = "lens_without_previous" // the first version of a lineage has nothing to read
)

// Problem is one reason for which content is refused. Its code is stable; its reason says what to do, in both languages.
type Problem struct {
	Code   ProblemCode `json:"code"`
	At     string      `json:"at"` // the pattern of a register, or a JSON pointer into the content where its shape is not known yet
	Reason Text        `json:"reason"`
}

// ContentError is the error of Compile and Publish: everything that is wrong with a content, at least one problem.
type ContentError struct{ Problems []Problem }

// Error lists the problems in English.
func (e *ContentError) Error() string {
	parts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		parts[i] = fmt.Sprintf("%s at %s: %s", p.Code, p.At, p.Reason.EN)
	}
	return "checklist content is refused: " + strings.Join(parts, "; ")
}

// problems collects what is wrong, so that an author sees all of it at once.
type problems struct{ list []Problem }

// add records a problem; fr and en are formats of the same arguments.
func (p *problems) add(code ProblemCode, at, fr, en string, args ...any) {
	if at == "" {
		at = "/"
	}
	p.list = append(p.list, Problem{code, at, Text{fmt.Sprintf(fr, args...), fmt.Sprintf(en, args...)}})
}

// err returns the problems as an error, or nil.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return &ContentError{p.list}
}
