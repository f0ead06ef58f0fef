package schemas_test

import (
	"slices"
	"testing"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

func TestTheRoleTableIsWhatWasAgreed(t *testing.T) {
	golden(t, "../docs/ROLES.md", []byte(schemas.RoleDocument()))
}

func TestThoseWhoOnlyReadAreGrantedNothing(t *testing.T) {
	for _, role := range []syncengine.Role{syncengine.RoleAdministrator, syncengine.RoleNational, syncengine.RoleAuditor, "unknown"} {
		for _, restricted := range []bool{false, true} {
			if got := schemas.WritableKinds(role, restricted); len(got) > 0 {
				t.Errorf("%s writes %q", role, got)
			}
		}
	}
}

func TestAGrantNamesWhatItsRoleMayWrite(t *testing.T) {
	for _, role := range schemas.Roles() {
		public, restricted := schemas.WritableKinds(role, false), schemas.WritableKinds(role, true)
		if !slices.IsSorted(public) || !slices.IsSorted(restricted) {
			t.Errorf("%s: kinds of a grant ascend", role)
		}
		for _, kind := range schemas.Kinds() {
			if slices.Contains(public, kind) != schemas.MayWrite(role, kind) {
				t.Errorf("%s, %s: grant and table differ", role, kind)
			}
			if slices.Contains(restricted, kind) != (schemas.MayWrite(role, kind) && schemas.InRestricted(kind)) {
				t.Errorf("%s, %s: restricted grant and table differ", role, kind)
			}
			if schemas.MayWrite(role, kind) && !schemas.MayRead(role, kind) {
				t.Errorf("%s writes %s and can't read it", role, kind)
			}
			if schemas.OwnOnly(role, kind) && !schemas.MayWrite(role, kind) {
				t.Errorf("%s, %s: its own of nothing", role, kind)
			}
		}
	}
	if schemas.MayWrite(syncengine.RoleCoordinator, syncengine.KindRuling) || schemas.MayRead(syncengine.RoleAuditor, "unknown") {
		t.Error("rulings are the authority's own, and an unknown kind is nobody's")
	}
}

func TestTheAdministratorSeesNoFieldData(t *testing.T) {
	for _, kind := range schemas.Kinds() {
		if schemas.MayRead(syncengine.RoleAdministrator, kind) {
			t.Errorf("the administrator reads %s", kind)
		}
	}
}

func TestOnlyTheCoordinatorSettles(t *testing.T) {
	for _, role := range schemas.Roles() {
		if schemas.May(role, schemas.ActSettle) != (role == syncengine.RoleCoordinator) {
			t.Errorf("%s settles: %v", role, schemas.May(role, schemas.ActSettle))
		}
	}
}
