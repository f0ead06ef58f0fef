package schemas

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// instance is where in a merged document a schema failed, in the engine's terms.
type instance struct {
	path  syncengine.Path // of the register, or of the closest node
	field *field          // nil below a leaf
	value any
}

// place follows an instance location, a JSON pointer with list indexes, through a document and turns it into a path.
func (v *validator) place(location string, document any) instance {
	at := instance{path: syncengine.RecordPresence, field: v.record, value: document}
	if location == "" {
		return at
	}
	at.path = ""
	for token := range strings.SplitSeq(strings.TrimPrefix(location, "/"), "/") {
		if at.field == nil || !at.step(unescape(token)) {
			break
		}
	}
	if at.path == "" {
		at.path = syncengine.RecordPresence
	}
	return at
}

// step goes one token down, and reports whether that led to another register or node.
func (at *instance) step(token string) bool {
	switch at.field.node.Type {
	case syncengine.GroupNode:
		return at.property(token)
	case syncengine.ListNode:
		if list, ok := at.value.([]any); ok {
			return at.element(list, token)
		}
		return at.property(token)
	case syncengine.SetNode:
		list, _ := at.value.([]any)
		if i, err := strconv.Atoi(token); err == nil && i < len(list) {
			if code, ok := list[i].(string); ok && slices.Contains(at.field.node.Codes, code) {
				at.path, at.field = at.path.Child(code).Node(), nil
			}
		}
		return false
	case syncengine.AuthorMapNode:
		if syncengine.AccountID(token).Valid() {
			at.path = at.path.Child(token)
		}
		at.field = nil
		return false
	default:
		return false
	}
}

func (at *instance) property(name string) bool {
	object, _ := at.value.(map[string]any)
	child := at.field.child(name)
	if child == nil {
		return false
	}
	at.path, at.field, at.value = at.path.Child(name), child, object[name]
	return true
}

func (at *instance) element(list []any, token string) bool {
	i, err := strconv.Atoi(token)
	if err != nil || i >= len(list) {
		return false
	}
	object, _ := list[i].(map[string]any)
	id, _ := object[elementID].(string)
	if !isUUID(id) {
		return false
	}
	at.path, at.value = at.path.Child(id).Node(), object
	return true
}

// blamed returns the paths that a failed keyword is about: of a missing or unknown property the property's, else its own.
func (at *instance) blamed(word string, schema map[string]any) []syncengine.Path {
	var out []syncengine.Path
	for _, name := range at.properties(word, schema) {
		if p := at.path.Child(name); p.Valid() && !strings.Contains(name, "/") {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return []syncengine.Path{at.path}
	}
	return out
}

// properties returns the properties of the value here that are missing by required, or unknown by additionalProperties.
func (at *instance) properties(word string, schema map[string]any) []string {
	object, ok := at.value.(map[string]any)
	if !ok || at.field == nil || at.field.node.Type != syncengine.GroupNode && at.field.node.Type != syncengine.ListNode {
		return nil
	}
	var names []string
	switch word {
	case "required":
		list, _ := schema["required"].([]any)
		for _, name := range list {
			if name, _ := name.(string); object[name] == nil {
				names = append(names, name)
			}
		}
	case "additionalProperties":
		properties, _ := schema["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if properties[name] == nil {
				names = append(names, name)
			}
		}
	}
	return names
}

// unescape undoes the escapes of the validator's JSON pointers. Names that need more than this are no names of ours.
func unescape(token string) string {
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
}
