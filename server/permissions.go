package server

import (
	"slices"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/server/imports"
	"github.com/arpenteur/arpenteur/syncengine"
)

// action is what a route does, as permissions name it.
type action string

// The actions.
const (
	actAnyone             action = "anyone"           // no account is needed
	actReplica            action = "replica"          // a signed request of a tablet, which the handler verifies itself
	actListen             action = "listen"           // a tablet, or a person who reads
	actObserve            action = "observe"          // figures of operation
	actAccount            action = "read own account" // who am I
	actReadAudit          action = "read the audit trail"
	actBackUp             action = "make backups"        // in a folder of the machine
	actCompact            action = "compact the store"   //
	actListTokens         action = "list tokens"         // also their rights
	actMakeToken          action = "make tokens"         //
	actRevokeToken        action = "revoke tokens"       //
	actListDiagnostic     action = "list diagnostics"    // names and ledgers, no field data
	actOrder              action = "order diagnostics"   //
	actReadPlaces         action = "read places"         // the tree that is to be visited
	actMakePlaces         action = "make places"         //
	actReadNeighbourhoods action = "read neighbourhoods" // the national list
	actImport             action = "import files"        // of the kinds that the role writes (mayImport)
	actTicket             action = "make tickets"        // enrolment codes, with what they open
	actListDevices        action = "list devices"        //
	actGrant              action = "grant ledgers"       //
	actRevoke             action = "revoke devices"      //
	actTakeFile           action = "take in files"       // what tablets carry on a stick
	actUpload             action = "send files"          // to import or take them in
	actReadChecklists     action = "read checklists"     //
	actPublish            action = "publish checklists"  //
	actReadRecords        action = "read records"        // with history, notices and exports
	actReadPhotos         action = "read photos"         // a tablet, or a person who reads records
	actReadRulings        action = "read rulings"        //
	actEdit               action = "edit records"        // within the kinds of the role
	actSettle             action = "settle"              //
	actRule               action = "rule"                //
	actMakeHook           action = "make webhooks"       // with the rights of one's token
	actManageHooks        action = "manage webhooks"     // one's own, and where no field data is read everybody's
)

// allowed is the one table of which role may do what on the server. It follows from the rights of roles where those say it
// (schemas.May), and adds what only the server has. Which diagnostics and ledgers a person has comes on top of it.
//
// An administrator sees no field data by that role. Who works on the machine itself sets up what there is: diagnostics, places,
// tablets and accounts; reading and judging records is not theirs either.
func allowed(role syncengine.Role, a action) bool {
	local := role == roleLocal
	reads := readsHere(role)
	switch a {
	case actAnyone, actReplica:
		return true
	case actAccount:
		return true
	case actBackUp:
		return local
	case actObserve, actCompact:
		return local || schemas.May(role, schemas.ActOperate)
	case actReadAudit:
		return local || schemas.May(role, schemas.ActAudit)
	case actListTokens, actMakeToken, actRevokeToken:
		return local || schemas.May(role, schemas.ActAccounts)
	case actTicket, actListDevices, actRevoke, actTakeFile:
		return local || schemas.May(role, schemas.ActTablets)
	case actGrant:
		return local || schemas.May(role, schemas.ActGrant)
	case actListDiagnostic:
		return local || reads || role == syncengine.RoleAdministrator
	case actOrder:
		return local || schemas.MayWrite(role, schemas.Diagnostic)
	case actReadNeighbourhoods:
		return local || reads || role == syncengine.RoleAdministrator
	case actImport:
		return slices.ContainsFunc(imports.Kinds(), func(kind imports.Kind) bool { return mayImport(&Person{Role: role}, kind) == nil })
	case actUpload:
		return allowed(role, actImport) || allowed(role, actTakeFile)
	case actReadPlaces:
		return local || reads
	case actMakePlaces:
		return local || reads && schemas.MayWrite(role, schemas.Place)
	case actReadChecklists:
		return local || reads || role == syncengine.RoleAdministrator
	case actPublish:
		return local || schemas.May(role, schemas.ActChecklists)
	case actListen, actReadRecords, actReadPhotos, actReadRulings:
		return reads
	case actMakeHook:
		return reads && schemas.May(role, schemas.ActRule)
	case actManageHooks:
		return local || schemas.May(role, schemas.ActOperate) || allowed(role, actMakeHook)
	case actEdit:
		return reads && len(schemas.WritableKinds(role, false)) > 0
	case actSettle:
		return schemas.May(role, schemas.ActSettle)
	case actRule:
		return schemas.May(role, schemas.ActRule)
	}
	return false
}

// readsHere reports whether a role reads field data on the server.
func readsHere(role syncengine.Role) bool {
	return slices.Contains([]syncengine.Role{
		syncengine.RoleCoordinator, syncengine.RoleNational, syncengine.RoleLead, syncengine.RoleAuditor,
	}, role)
}
