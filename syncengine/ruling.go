package syncengine

// RulingType names what a ruling decides.
type RulingType string

// The rulings. Each is a line of the authority's log; none targets a ruling, except that Redact may erase the reason of one.
const (
	Grant   RulingType = "grant"   // a replica may write some kinds for a user
	Revoke  RulingType = "revoke"  // a grant ends, with a cut
	Refuse  RulingType = "refuse"  // a change is ineffective, and its values are withheld from those who lack them
	Void    RulingType = "void"    // a change is ineffective, its values stay readable
	Release RulingType = "release" // lifts refuse, void and cut, and stands for a grant
	Redact  RulingType = "redact"  // values of a change are erased everywhere
	Publish RulingType = "publish" // a checklist version is in force from here
	Untimed RulingType = "untimed" // the author time of a change is not to be believed
	Succeed RulingType = "succeed" // the first line of a new incarnation of the authority, after its store was restored
)

// Role is what a person is to a diagnostic. What each role may write is kept in one table by the schemas package.
type Role string

// The roles.
const (
	RoleAdministrator Role = "administrator"
	RoleNational      Role = "national"
	RoleCoordinator   Role = "coordinator"
	RoleLead          Role = "lead"
	RoleConsultant    Role = "consultant"
	RoleActor         Role = "actor"
	RoleAuditor       Role = "auditor"
)

// Ruling is the part of a ruling that its header commits to. The reason, and a published checklist's content, are values beside it
// (paths ReasonPath and ContentPath), so that a reason can be erased.
type Ruling struct {
	Type RulingType

	// Target is the change that refuse, void, release, redact and untimed are about, and the grant that revoke ends.
	Target ChangeID
	// Paths are the registers of the target that redact erases, ascending.
	Paths []Path

	// Replica, Key, Account, Role, Kinds and Predecessor say what is granted. Replica is the hash of Key.
	Replica     ReplicaID
	Key         []byte // Ed25519 public key; that of the new incarnation for Succeed
	Account     AccountID
	Role        Role
	Kinds       []Kind    // ascending
	Predecessor ReplicaID // the replica that this one continues, or zero

	// Cut is the last position of the revoked replica's log that the revocation lets stand.
	Cut Head

	// Incarnation numbers what Succeed opens, from 2; Head is the last line of the authority's log that it follows, Predecessor whose
	// log that is, and Certificate the root key's signature over all of them.
	Incarnation uint64
	Head        Head
	Certificate [64]byte

	// Version and Lineage name the published version and the checklist that it is a version of.
	Version VersionID
	Lineage string
}

// The registers that a ruling may write.
const (
	ReasonPath  Path = "/reason"
	ContentPath Path = "/content"
)
