package schemas

import (
	"fmt"
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// access is what a role may do with records of a kind.
type access uint8

const (
	none     access = iota
	read            // read them
	writeOwn        // read them, and write those that concern oneself: one's tasks, duties, actions, one's people's records
	write           // read and write them
)

func (a access) String() string {
	return [...]string{none: "–", read: "read", writeOwn: "write own", write: "write"}[a]
}

// Act is something that a role may do beside reading and writing records.
type Act string

// The acts.
const (
	ActAccounts   Act = "accounts"   // make and close accounts, set roles
	ActTablets    Act = "tablets"    // enrol and revoke tablets
	ActChecklists Act = "checklists" // publish checklist versions
	ActOperate    Act = "operate"    // backups, stores, configuration
	ActGrant      Act = "grant"      // open a ledger to a person, and close it
	ActSettle     Act = "settle"     // decide a conflict over values of others
	ActReview     Act = "review"     // approve and return records
	ActRule       Act = "rule"       // refuse, release, void, redact
	ActAggregates Act = "aggregates" // see aggregates of the restricted ledgers, above the threshold
	ActAudit      Act = "audit"      // read the audit trail
)

// Roles returns every role, those with the widest view first.
func Roles() []syncengine.Role {
	return []syncengine.Role{
		syncengine.RoleAdministrator, syncengine.RoleNational, syncengine.RoleCoordinator, syncengine.RoleLead,
		syncengine.RoleConsultant, syncengine.RoleActor, syncengine.RoleAuditor,
	}
}

// Acts returns every act.
func Acts() []Act {
	return []Act{ActAccounts, ActTablets, ActChecklists, ActOperate, ActGrant, ActSettle, ActReview, ActRule, ActAggregates, ActAudit}
}

// roleRights is the one table of who may do what: what a role may do with a kind that is not listed, with those that are, and its
// acts. It says what a role can have at most; which ledgers a person has, restricted ones above all, is a matter of grants.
func roleRights(role syncengine.Role) (rest access, listed map[syncengine.Kind]access, acts []Act) {
	switch role {
	case syncengine.RoleAdministrator:
		return none, nil, []Act{ActAccounts, ActTablets, ActChecklists, ActOperate, ActAudit}
	case syncengine.RoleNational:
		return read, nil, []Act{ActAggregates}
	case syncengine.RoleCoordinator:
		return write, nil, []Act{ActTablets, ActGrant, ActSettle, ActReview, ActRule, ActAggregates}
	case syncengine.RoleLead:
		return read, map[syncengine.Kind]access{
			Place: write, Visit: write, Observation: writeOwn, Finding: writeOwn, ResidentVoice: writeOwn, Task: writeOwn, Link: write,
		}, nil
	case syncengine.RoleConsultant:
		return read, map[syncengine.Kind]access{
			Place: write, Visit: write, Observation: write, Finding: write, ResidentVoice: write, Task: writeOwn,
		}, nil
	case syncengine.RoleActor:
		return none, map[syncengine.Kind]access{
			Neighbourhood: read, Diagnostic: read, Place: read, Actor: read, Finding: read, Duty: writeOwn, Action: writeOwn,
		}, nil
	case syncengine.RoleAuditor:
		return read, nil, []Act{ActAudit}
	}
	return none, nil, nil
}

func rights(role syncengine.Role, kind syncengine.Kind) access {
	rest, listed, _ := roleRights(role)
	if a, ok := listed[kind]; ok {
		return a
	}
	if !slices.Contains(Kinds(), kind) {
		return none
	}
	return rest
}

// MayRead reports whether a role may read records of a kind, in ledgers that are open to the person. An actor reads what concerns
// the actor only.
func MayRead(role syncengine.Role, kind syncengine.Kind) bool { return rights(role, kind) >= read }

// MayWrite reports whether a role may write records of a kind, in ledgers that the person is granted. With OwnOnly not all of them.
func MayWrite(role syncengine.Role, kind syncengine.Kind) bool { return rights(role, kind) >= writeOwn }

// OwnOnly reports whether what a role may write of a kind is limited to records that concern the person: their tasks, the duties
// and actions of their organisation, the records of their own people. A grant can't say this; server and forms keep to it.
func OwnOnly(role syncengine.Role, kind syncengine.Kind) bool { return rights(role, kind) == writeOwn }

// May reports whether a role may do an act.
func May(role syncengine.Role, act Act) bool {
	_, _, acts := roleRights(role)
	return slices.Contains(acts, act)
}

// InRestricted reports whether records of a kind may lie in a restricted ledger. What they refer to, places and visits among it,
// lies in the public one: references go from restricted to public only.
func InRestricted(kind syncengine.Kind) bool {
	switch kind {
	case Consultation, Duty, Observation, Finding, ResidentVoice, Action, Review, Task, Link, Report:
		return true
	}
	return false
}

// WritableKinds returns the kinds that a grant to a role names in a public or a restricted ledger, ascending.
func WritableKinds(role syncengine.Role, restricted bool) []syncengine.Kind {
	var out []syncengine.Kind
	for _, kind := range Kinds() {
		if MayWrite(role, kind) && (!restricted || InRestricted(kind)) {
			out = append(out, kind)
		}
	}
	slices.Sort(out)
	return out
}

// RoleTable returns the table of roles, kinds and acts in Markdown, as it is printed in the documentation.
func RoleTable() string {
	var b strings.Builder
	header := func(first string) {
		fmt.Fprintf(&b, "| %s |", first)
		for _, role := range Roles() {
			fmt.Fprintf(&b, " %s |", role)
		}
		b.WriteString("\n|---|" + strings.Repeat("---|", len(Roles())) + "\n")
	}
	header("kind")
	for _, kind := range Kinds() {
		fmt.Fprintf(&b, "| %s |", kind)
		for _, role := range Roles() {
			fmt.Fprintf(&b, " %s |", rights(role, kind))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	header("act")
	for _, act := range Acts() {
		fmt.Fprintf(&b, "| %s |", act)
		for _, role := range Roles() {
			mark := "–"
			if May(role, act) {
				mark = "yes"
			}
			fmt.Fprintf(&b, " %s |", mark)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// RoleDocument returns docs/ROLES.md, which a test holds to this table.
func RoleDocument() string {
	return "# Roles\n\nWho may do what at most. Which ledgers a person or tablet has, restricted ones above all, is a matter of grants. " +
		"This page is printed from `schemas/roles.go`.\n\n" +
		"*own* means records of one's own only: server and forms keep to that, since a grant names kinds. *–* means nothing.\n\n" + RoleTable()
}
