package server

import (
	"net/http"
	"reflect"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/internal/openapi"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/server/webhooks"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// apiVersion is the version of the interface that /openapi.json describes. Members and routes are added without a new first number;
// none is taken away or changed in meaning.
const apiVersion = "1.2.0"

// The names of the ways to say who asks.
const (
	schemeBearer  = "bearer"
	schemeReplica = "replica"
)

// problemBody is what every refusal says (RFC 9457). It is written by wire.AppendProblem, and by extended for what is optional here.
type problemBody struct {
	Type       string            `json:"type" doc:"urn:arpenteur:problem: and the code"`
	Title      string            `json:"title" doc:"what the code means, in the asker's language"`
	Status     int               `json:"status"`
	Code       wire.Code         `json:"code"`
	Detail     string            `json:"detail" doc:"what is wrong in this case"`
	Action     string            `json:"action" doc:"what to do next, in the asker's language"`
	Problems   []schemas.Problem `json:"problems,omitempty" doc:"of a checklist that can't be published"`
	Violations []violationView   `json:"violations,omitempty" doc:"the rules that a record would break"`
	Path       syncengine.Path   `json:"path,omitempty" doc:"of the value that moved on"`
	Lines      []importLine      `json:"lines,omitempty" doc:"what is wrong with a file to import"`
	Record     *recordView       `json:"record,omitempty" doc:"as it is now, where what was shown has moved on"`
}

// showDocument is GET /openapi.json.
func (s *Server) showDocument(c *call) error {
	document, err := s.document()
	if err != nil {
		return err
	}
	writeJSON(c.w, http.StatusOK, document)
	return nil
}

// describe makes the OpenAPI document of all routes.
func describe() ([]byte, error) {
	api := openapi.API{
		Title:   "Arpenteur",
		Version: apiVersion,
		About: "The central server of field surveys. People send a bearer token, tablets sign their requests (docs/PROTOCOL.md, section 7.1). " +
			"What is not open to the asker is answered exactly like what does not exist. Times are milliseconds since 1970 UTC. " +
			"Texts of problems come in French or English, by Accept-Language.",
		Security: map[string]openapi.Schema{
			schemeBearer: {"type": "http", "scheme": "bearer", "description": "A token that an administrator made"},
			schemeReplica: {
				"type": "http", "scheme": wire.AuthorizationScheme,
				"description": "The tablet's signature over the request and a challenge of the server: docs/PROTOCOL.md, section 7.1",
			},
		},
		Problem:      problemBody{},
		ProblemMedia: wire.ProblemMediaType,
		Path:         pathParameters(),
		Types:        knownTypes(),
		Messages:     hookMessages(),
	}
	for _, rt := range routes() {
		described := openapi.Route{Method: rt.method, Path: rt.path, Operation: rt.about}
		switch rt.action {
		case actAnyone:
		case actReplica:
			described.Security = []string{schemeReplica}
		case actListen, actReadPhotos:
			described.Security = []string{schemeReplica, schemeBearer}
		default:
			described.Security = []string{schemeBearer}
			described.Extensions = map[string]any{"x-roles": rolesFor(rt.action)}
		}
		api.Routes = append(api.Routes, described)
	}
	return api.Document()
}

// rolesFor returns the roles that may do something.
func rolesFor(a action) []syncengine.Role {
	out := []syncengine.Role{}
	for _, role := range schemas.Roles() {
		if allowed(role, a) {
			out = append(out, role)
		}
	}
	return out
}

func pathParameters() map[string]openapi.Parameter {
	return map[string]openapi.Parameter{
		"ledger":  {About: "The id of a ledger", Schema: hashSchema()},
		"kind":    {About: "The kind of a record; of an import, what the file holds", Schema: kindSchema()},
		"code":    {About: "The code of a neighbourhood: QP066007"},
		"id":      {About: "The id of what the path names"},
		"replica": {About: "The id of a tablet's replica", Schema: hashSchema()},
		"hash":    {About: "The hash of a photo", Schema: hashSchema()},
		"version": {About: "The id of a version of a checklist", Schema: hashSchema()},
	}
}

// filterDetail says what the parameters of filters have in common.
const filterDetail = "Parameters narrow together; one that is not known is refused. Records come by kind, then id; with `under`, place by place. " +
	"The order stays while records are added."

// filters are the parameters of lists of records.
func filters() []openapi.Parameter {
	list := []openapi.Parameter{
		{Name: "kind", About: "Records of this kind", Schema: kindSchema()},
		{Name: "bbox", About: "West, south, east and north in degrees of WGS 84 (RFC 7946, section 5): records that lie there, " +
			"or that have no position and whose place does. West over east crosses the antimeridian"},
		{Name: "q", About: "Words, all of which are in the record's texts or the French labels of its codes, whatever case, accents and plurals; " +
			"the last one may be the beginning of a word, of three letters at least"},
		{Name: "under", About: "Records at this place and all places in it", Schema: uuidSchema()},
	}
	for _, name := range attributesAsked() {
		p := openapi.Parameter{Name: name, About: "Records whose " + name + " is this"}
		switch name {
		case "state":
			p.Schema = oneOf(recordStates())
		case "place", "visit":
			p.Schema = uuidSchema()
		}
		list = append(list, p)
	}
	return list
}

// paging are the parameters of what comes in pages.
func paging() []openapi.Parameter {
	return []openapi.Parameter{
		{Name: "cursor", About: "`next` of the page before; left out for the first"},
		{Name: "limit", About: "How many a page has at most", Schema: openapi.Schema{
			"type": "integer", "minimum": 1, "maximum": maxPage, "default": defaultPage,
		}},
	}
}

// cursorParameter is where an export goes on.
func cursorParameter() openapi.Parameter {
	return openapi.Parameter{Name: "cursor", About: "`cursor` of the line behind which to go on; left out for all"}
}

// markParameter asks for a byte order mark.
func markParameter() openapi.Parameter {
	return openapi.Parameter{
		Name: "bom", About: "1: with a byte order mark, which spreadsheets want", Schema: openapi.Schema{"enum": []string{"0", "1"}, "type": "string"},
	}
}

// knownTypes are the schemas of types that Go's type system doesn't tell all about.
func knownTypes() map[reflect.Type]openapi.Schema {
	optionalHash := hashSchema()
	optionalHash["pattern"] = "^([A-Za-z0-9_-]{43})?$"
	return map[reflect.Type]openapi.Schema{
		reflect.TypeFor[uuid.UUID]():             uuidSchema(),
		reflect.TypeFor[syncengine.Hash]():       optionalHash,
		reflect.TypeFor[syncengine.ChangeID]():   optionalHash,
		reflect.TypeFor[syncengine.LedgerID]():   optionalHash,
		reflect.TypeFor[syncengine.ReplicaID]():  optionalHash,
		reflect.TypeFor[syncengine.VersionID]():  optionalHash,
		reflect.TypeFor[wire.PublicKey]():        hashSchema(),
		reflect.TypeFor[syncengine.AccountID]():  {"type": "string", "pattern": "^[a-z0-9-]{0,40}$"},
		reflect.TypeFor[syncengine.Kind]():       kindSchema(),
		reflect.TypeFor[syncengine.Role]():       oneOf(append(schemas.Roles(), roleLocal)),
		reflect.TypeFor[syncengine.Path]():       {"type": "string", "pattern": "^(/.*)?$", "maxLength": 256},
		reflect.TypeFor[syncengine.Status]():     oneOf([]string{"effective", "pending", "ineffective"}),
		reflect.TypeFor[ledger.RecordState]():    oneOf(recordStates()),
		reflect.TypeFor[syncengine.RulingType](): {"type": "string"}, // newer engines know more
		reflect.TypeFor[wire.Access]():           oneOf([]wire.Access{wire.AccessFull, wire.AccessRevoked}),
		reflect.TypeFor[wire.Code]():             oneOf(wire.Codes()),
		reflect.TypeFor[webhooks.EventType]():    oneOf(webhooks.EventTypes()),
		reflect.TypeFor[syncengine.NoticeCode](): {"type": "string"},
		reflect.TypeFor[syncengine.Reason]():     {"type": "string"},
	}
}

// oneOf is the schema of a closed set of words.
func oneOf[T ~string](list []T) openapi.Schema { return openapi.Schema{"type": "string", "enum": list} }

func uuidSchema() openapi.Schema { return openapi.Schema{"type": "string", "format": "uuid"} }

// hashSchema is that of a hash or key as text: 32 bytes as base64url without padding.
func hashSchema() openapi.Schema {
	return openapi.Schema{"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}
}

func kindSchema() openapi.Schema {
	return openapi.Schema{"type": "string", "pattern": "^[a-z_]{1,32}$"}
}
