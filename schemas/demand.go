package schemas

import (
	"encoding/json"
	"regexp"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
)

// demand is the condition or the consequence of a rule, for one value. It is a small part of JSON Schema with JSON Schema's meaning:
// a keyword about another type than the value's asks for nothing. The part is small so that forms can show every rule, and it is
// evaluated here because a form asks at each tap.
type demand struct {
	never      bool // the schema false, which no value meets
	Properties map[string]*demand
	Required   []string
	Const      any // string, bool or json.Number; nil where there is none
	Enum       []string
	Minimum    *json.Number
	Maximum    *json.Number
	MinItems   *int
	MaxItems   *int
	Pattern    string
	compiled   *regexp.Regexp // of Pattern, if it compiles
}

// UnmarshalJSON reads false or the keywords.
func (d *demand) UnmarshalJSON(raw []byte) error {
	if string(raw) == "false" {
		d.never = true
		return nil
	}
	var plain struct {
		Properties map[string]*demand `json:"properties"`
		Required   []string           `json:"required"`
		Const      json.RawMessage    `json:"const"`
		Enum       []string           `json:"enum"`
		Minimum    *json.Number       `json:"minimum"`
		Maximum    *json.Number       `json:"maximum"`
		MinItems   *int               `json:"minItems"`
		MaxItems   *int               `json:"maxItems"`
		Pattern    string             `json:"pattern"`
	}
	if err := json.Unmarshal(raw, &plain); err != nil {
		return err
	}
	*d = demand{
		Properties: plain.Properties, Required: plain.Required, Enum: plain.Enum, Minimum: plain.Minimum, Maximum: plain.Maximum,
		MinItems: plain.MinItems, MaxItems: plain.MaxItems, Pattern: plain.Pattern,
	}
	if plain.Const != nil {
		if err := json.Unmarshal(plain.Const, &d.Const); err != nil {
			return err
		}
		if _, number := d.Const.(float64); number {
			d.Const = json.Number(plain.Const)
		}
	}
	if plain.Pattern != "" {
		d.compiled, _ = regexp.Compile(plain.Pattern) // checkPattern says what is wrong with one that does not
	}
	return nil
}

// met reports whether a value meets the demand.
func (d *demand) met(v any) bool {
	if d.never || !d.fits(v) {
		return false
	}
	object, ok := v.(map[string]any)
	if !ok {
		return true
	}
	for _, name := range d.Required {
		if _, there := object[name]; !there {
			return false
		}
	}
	for name, sub := range d.Properties {
		if value, there := object[name]; there && !sub.met(value) {
			return false
		}
	}
	return true
}

// broken calls fn with the path of each value at or below path that keeps the demand from being met.
func (d *demand) broken(v any, path syncengine.Path, fn func(syncengine.Path)) {
	if d.never || !d.fits(v) {
		fn(path)
		return
	}
	object, ok := v.(map[string]any)
	if !ok {
		return
	}
	for _, name := range d.Required {
		if _, there := object[name]; !there {
			fn(path.Child(name))
		}
	}
	for name, sub := range d.Properties {
		if value, there := object[name]; there && !sub.met(value) {
			sub.broken(value, path.Child(name), fn)
		}
	}
}

// fits checks a value by itself, without its properties.
func (d *demand) fits(v any) bool {
	if d.Const != nil && !sameScalar(v, d.Const) {
		return false
	}
	switch v := v.(type) {
	case string:
		return (d.Enum == nil || slices.Contains(d.Enum, v)) && (d.compiled == nil || d.compiled.MatchString(v))
	case json.Number:
		return d.Enum == nil && (d.Minimum == nil || number(v) >= number(*d.Minimum)) && (d.Maximum == nil || number(v) <= number(*d.Maximum))
	case []any:
		return d.Enum == nil && (d.MinItems == nil || len(v) >= *d.MinItems) && (d.MaxItems == nil || len(v) <= *d.MaxItems)
	}
	return d.Enum == nil
}

func sameScalar(a, b any) bool {
	x, numberA := a.(json.Number)
	y, numberB := b.(json.Number)
	if numberA && numberB {
		return number(x) == number(y)
	}
	switch a.(type) {
	case string, bool:
		return a == b
	}
	return false
}

// number returns the value of a canonical number, which has at most 15 significant digits.
func number(n json.Number) float64 {
	f, err := n.Float64()
	if err != nil {
		return 0
	}
	return f
}
