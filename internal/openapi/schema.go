package openapi

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// Schema is a JSON Schema of draft 2020-12, as it is marshalled.
type Schema map[string]any

// schemas makes the schemas of Go types and keeps those that have a name.
type schemas struct {
	known      map[reflect.Type]Schema
	components map[string]Schema
	owners     map[string]component
}

// component is what a name of the document stands for.
type component struct {
	t     reflect.Type
	asked bool // in a body that is asked for
}

func newSchemas(known map[reflect.Type]Schema) *schemas {
	return &schemas{known, map[string]Schema{}, map[string]component{}}
}

// of returns the schema of a body: v is a Schema, a value of a Go type, or nil for bytes.
func (s *schemas) of(v any, asked bool) (Schema, error) {
	switch v := v.(type) {
	case nil:
		return Schema{}, nil
	case Schema:
		return v, nil
	}
	return s.typed(reflect.TypeOf(v), asked)
}

// typed returns the schema of a type as encoding/json writes or reads it.
func (s *schemas) typed(t reflect.Type, asked bool) (Schema, error) {
	if known, ok := s.known[t]; ok {
		return maps.Clone(known), nil
	}
	if t == reflect.TypeFor[json.RawMessage]() || t.Kind() == reflect.Interface {
		return Schema{}, nil
	}
	p := reflect.PointerTo(t)
	switch {
	case p.Implements(reflect.TypeFor[json.Marshaler]()):
		return nil, fmt.Errorf("%s writes its own JSON: say its schema among the known types", t)
	case p.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return Schema{"type": "string"}, nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.typed(t.Elem(), asked)
	case reflect.Struct:
		return s.named(t, asked)
	case reflect.Slice, reflect.Array:
		items, err := s.typed(t.Elem(), asked)
		return Schema{"type": "array", "items": items}, err
	case reflect.Map:
		values, err := s.typed(t.Elem(), asked)
		return Schema{"type": "object", "additionalProperties": values}, err
	}
	return scalar(t)
}

func scalar(t reflect.Type) (Schema, error) {
	switch t.Kind() {
	case reflect.String:
		return Schema{"type": "string"}, nil
	case reflect.Bool:
		return Schema{"type": "boolean"}, nil
	case reflect.Int, reflect.Int64:
		return Schema{"type": "integer", "format": "int64"}, nil
	case reflect.Int8, reflect.Int16, reflect.Int32:
		return Schema{"type": "integer"}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return Schema{"type": "integer", "minimum": 0}, nil
	case reflect.Float32, reflect.Float64:
		return Schema{"type": "number"}, nil
	}
	return nil, fmt.Errorf("%s has no form in JSON", t)
}

// named returns a reference to the component of a struct, and makes it where it is new. A struct without a name stands in place.
func (s *schemas) named(t reflect.Type, asked bool) (Schema, error) {
	if t.Name() == "" {
		return s.object(t, asked)
	}
	letters := []rune(t.Name())
	letters[0] = unicode.ToUpper(letters[0])
	name := string(letters)
	ref := Schema{"$ref": "#/components/schemas/" + name}
	if owner, taken := s.owners[name]; taken {
		if owner != (component{t, asked}) {
			return nil, fmt.Errorf("the name %s stands for %s and %s, or for one of them both asked for and answered", name, owner.t, t)
		}
		return ref, nil
	}
	s.owners[name] = component{t, asked} // before its members, which may name it
	object, err := s.object(t, asked)
	s.components[name] = object
	return ref, err
}

// member returns the schema of a field of a struct. A pointer that is always written is null where it points nowhere.
func (s *schemas) member(f *reflect.StructField, asked, always bool) (Schema, error) {
	schema, err := s.typed(f.Type, asked)
	if err != nil {
		return nil, err
	}
	if always && f.Type.Kind() == reflect.Pointer {
		schema = Schema{"anyOf": []Schema{schema, {"type": "null"}}}
	}
	if about := f.Tag.Get("doc"); about != "" {
		schema["description"] = about
	}
	return schema, nil
}

// object returns the schema of a struct by its members.
func (s *schemas) object(t reflect.Type, asked bool) (Schema, error) {
	properties, required := map[string]Schema{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" || !f.IsExported() || name == "-" {
			continue // the members of an embedded struct come by themselves
		}
		if name == "" {
			name = f.Name
		}
		always := !asked && !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero")
		member, err := s.member(&f, asked, always)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
		properties[name] = member
		if always || f.Tag.Get("required") == "true" {
			required = append(required, name)
		}
	}
	out := Schema{"type": "object", "properties": properties}
	if asked {
		out["additionalProperties"] = false
	}
	if len(required) > 0 {
		slices.Sort(required)
		out["required"] = required
	}
	return out, nil
}
