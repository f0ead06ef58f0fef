package schemas

import (
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
)

// answers checks the labels of the codes of an enum or set against the codes.
func (b *shaper) answers(f *field) {
	codes, answers := f.node.Codes, f.schema.Words.Answers
	same := slices.EqualFunc(codes, answers, func(code string, a answerWords) bool { return code == a.Code })
	if !same {
		b.add(ProblemAnswers, f.pattern, "answers cite les codes de enum, dans le même ordre", "answers name the codes of enum, in the same order")
	}
	ranks := map[int]bool{}
	for _, a := range answers {
		if a.Rank == nil {
			continue
		}
		if ranks[*a.Rank] {
			b.add(ProblemAnswers, f.pattern, "deux réponses ont le rang %d", "two answers have rank %d", *a.Rank)
		}
		ranks[*a.Rank] = true
	}
}

// policy checks that the merge policy of a field exists and fits its type, and writes it into the node.
func (b *shaper) policy(f *field) {
	w := &f.schema.Words
	p := w.Policy
	leaf := f.node
	switch f.node.Type {
	case syncengine.SetNode:
		if p == "" {
			p = syncengine.Union
		}
	case syncengine.ListNode:
		if p != "" {
			b.add(ProblemPolicy, f.pattern, "une liste n'a pas de règle\u202f; ses champs en ont", "a list has no policy; its fields have")
		}
		return
	case syncengine.AuthorMapNode:
		leaf = f.node.Value
		fallthrough
	default:
		if p == "" {
			p = syncengine.Review
		}
	}
	switch p {
	case syncengine.Review, syncengine.Latest:
		if f.node.Type == syncengine.SetNode {
			b.unfit(f, p)
		}
	case syncengine.Union:
		if f.node.Type != syncengine.SetNode {
			b.unfit(f, p)
		}
	case syncengine.Highest, syncengine.Lowest:
		if f.node.Type == syncengine.SetNode || !b.rank(f, leaf) {
			b.unfit(f, p)
		}
	default:
		b.add(ProblemNoPolicy, f.pattern, "la règle «\u00a0%s\u00a0» n'existe pas", "there is no policy %q", string(p))
	}
	leaf.Policy = p
}

func (b *shaper) unfit(f *field, p syncengine.Policy) {
	b.add(ProblemPolicy, f.pattern,
		"la règle «\u00a0%s\u00a0» ne convient pas\u00a0: union va aux ensembles, highest et lowest aux nombres, aux oui/non et aux réponses rangées",
		"the policy %q does not fit: union is for sets, highest and lowest are for numbers, booleans and ranked answers", string(p))
}

// rank gives the leaf its order, and reports whether it has one: a number by itself, false before true, answers by their rank.
func (b *shaper) rank(f *field, leaf *syncengine.Node) bool {
	switch leaf.Leaf {
	case syncengine.IntegerLeaf, syncengine.NumberLeaf:
		return true
	case syncengine.BooleanLeaf:
		leaf.Ranks = map[syncengine.Value]int{syncengine.False: 1, syncengine.True: 2}
		return true
	case syncengine.StringLeaf:
		leaf.Ranks = make(map[syncengine.Value]int)
		for _, a := range f.schema.Words.Answers {
			if a.Rank != nil {
				leaf.Ranks[quoted(a.Code)] = *a.Rank
			}
		}
		return len(leaf.Ranks) >= 2
	}
	return false
}

// quoted returns the canonical value of a code. Codes hold nothing that JSON escapes.
func quoted(code string) syncengine.Value { return syncengine.Value(`"` + code + `"`) }
