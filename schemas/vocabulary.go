package schemas

import (
	"encoding/json"

	"github.com/arpenteur/arpenteur/syncengine"
)

// The languages that labels come in.
const (
	French  = "fr"
	English = "en"
)

// Text is a label in both languages.
type Text struct {
	FR string `json:"fr"`
	EN string `json:"en"`
}

// In returns the text in lang; French for every language but English.
func (t Text) In(lang string) string {
	if lang == English {
		return t.EN
	}
	return t.FR
}

// keyword is the one keyword that our vocabulary adds to JSON Schema.
const keyword = "x-arpenteur"

// rootWords is what x-arpenteur says at the root of a content.
type rootWords struct {
	Lineage    string               `json:"lineage"`
	Kind       syncengine.Kind      `json:"kind"`
	Domain     string               `json:"domain"`
	Restricted bool                 `json:"restricted"`
	Previous   syncengine.VersionID `json:"previous"`
	Lens       lensWords            `json:"lens"`
	Label      Text                 `json:"label"`
	Hint       Text                 `json:"hint"`
	Sections   []sectionWords       `json:"sections"`
}

// lensWords is a lens as content writes it, with plain codes.
type lensWords struct {
	Rename map[string]string            `json:"rename"`
	Codes  map[string]map[string]string `json:"codes"`
	Retire []string                     `json:"retire"`
}

type sectionWords struct {
	Code  string   `json:"code"`
	Label Text     `json:"label"`
	Hint  Text     `json:"hint"`
	Items []string `json:"items"`
}

// words is what x-arpenteur says of a node.
type words struct {
	Label    Text              `json:"label"`
	Hint     Text              `json:"hint"`
	Unit     Text              `json:"unit"`
	Node     string            `json:"node"`
	Policy   syncengine.Policy `json:"policy"`
	Widget   string            `json:"widget"`
	Scale    string            `json:"scale"`
	Answers  []answerWords     `json:"answers"`
	Order    []string          `json:"order"`
	Places   []string          `json:"places"`
	Personal *bool             `json:"personal"`
	Fixed    bool              `json:"fixed"`
	Index    string            `json:"index"`
	Refers   syncengine.Kind   `json:"refers"`
}

type answerWords struct {
	Code  string `json:"code"`
	Label Text   `json:"label"`
	Hint  Text   `json:"hint"`
	Sign  string `json:"sign"`
	Rank  *int   `json:"rank"`
}

// schema is one schema of a content whose references are expanded.
type schema struct {
	Type        string             `json:"type"`
	Enum        []string           `json:"enum"`
	Format      string             `json:"format"`
	Pattern     string             `json:"pattern"`
	MinLength   *int               `json:"minLength"`
	MaxLength   *int               `json:"maxLength"`
	Minimum     *json.Number       `json:"minimum"`
	Maximum     *json.Number       `json:"maximum"`
	MinItems    *int               `json:"minItems"`
	MaxItems    *int               `json:"maxItems"`
	UniqueItems bool               `json:"uniqueItems"`
	Items       *schema            `json:"items"`
	Required    []string           `json:"required"`
	Properties  map[string]*schema `json:"properties"`
	Additional  additional         `json:"additionalProperties"`
	AllOf       []ruleSchema       `json:"allOf"`
	Words       words              `json:"x-arpenteur"`
}

// additional is additionalProperties: false, or the schema of all values of an author map.
type additional struct {
	closed bool
	values *schema
}

// UnmarshalJSON reads false or a schema.
func (a *additional) UnmarshalJSON(raw []byte) error {
	if string(raw) == "false" {
		a.closed = true
		return nil
	}
	return json.Unmarshal(raw, &a.values)
}

// ruleSchema is one entry of allOf: a named rule across the properties of its object.
type ruleSchema struct {
	If        *demand             `json:"if"`
	Then      *demand             `json:"then"`
	Else      *demand             `json:"else"`
	Dependent map[string][]string `json:"dependentRequired"`
	Words     ruleWords           `json:"x-arpenteur"`
}

type ruleWords struct {
	Rule     string `json:"rule"`
	Label    Text   `json:"label"`
	Relation string `json:"relation"`
	Left     string `json:"left"`
	Right    string `json:"right"`
}
