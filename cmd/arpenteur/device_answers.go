package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// op is what an entry does.
type op string

// The ops.
const (
	opSet    op = "set"    // a value at a leaf
	opAdd    op = "add"    // a set member, or an element of a list
	opRemove op = "remove" // a set member, an element, or with "/" the record
	opClear  op = "clear"  // a leaf
)

// entry is one answer, as it is typed or read. In its path "+" stands for the element that was last added to that list, and "@" for the
// user's own account.
type entry struct {
	op   op
	path string
	text string          // as typed: how it is read depends on the leaf
	raw  json.RawMessage // as read from a file
}

// entryFlag gathers entries from several flags in the order in which they are given.
type entryFlag struct {
	op   op
	list *[]entry
}

// Set takes one flag's value: a path, for set followed by "=" and the value.
func (f *entryFlag) Set(given string) error {
	e := entry{op: f.op, path: given}
	if f.op == opSet {
		var ok bool
		if e.path, e.text, ok = strings.Cut(given, "="); !ok {
			return failed(classUsage, "device.set_form", "given", given)
		}
	}
	*f.list = append(*f.list, e)
	return nil
}

// String returns nothing: there is no default to show.
func (f *entryFlag) String() string { return "" }

// Type says in help what is given.
func (f *entryFlag) Type() string {
	if f.op == opSet {
		return "/path=value"
	}
	return "/path"
}

// answers gathers all entries of a command: those of the file, place and visit, then the flags.
func (t *tablet) answers(ctx context.Context, d *clientsdk.Draft, q *captureOptions, fresh bool) ([]entry, error) {
	var out []entry
	if q.file != "" {
		doc, err := t.readAnswers(q.file)
		if err != nil {
			return nil, err
		}
		if out, err = flatten(d.Checklist().Checklist.Shape, "", doc); err != nil {
			return nil, err
		}
	}
	for path, v := range map[string]string{"/place": q.place, "/visit": q.visit} {
		if v != "" {
			out = append(out, entry{op: opSet, path: path, text: v})
		}
	}
	out = append(out, q.entries...)
	rater := func(e entry) bool { return e.path == "/rater" }
	if fresh && d.Checklist().Checklist.Lookup("/rater") != nil && !slices.ContainsFunc(out, rater) {
		account, err := t.c.Account(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, entry{op: opSet, path: "/rater", text: string(account)})
	}
	return out, nil
}

// readAnswers reads a JSON object from a file, or from the standard input.
func (t *tablet) readAnswers(path string) (map[string]json.RawMessage, error) {
	var raw []byte
	var err error
	if path == "-" {
		raw, err = io.ReadAll(io.LimitReader(t.in, wire.MaxJSONBytes))
	} else {
		raw, err = os.ReadFile(path) //nolint:gosec // the path is the user's
	}
	if err != nil {
		return nil, failed(classUnknown, "device.file", "path", path).because(err)
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, failed(classUsage, "device.file_form", "path", path).because(err)
	}
	return doc, nil
}

// flatten turns a document, or an object of paths and values, into entries. Groups are objects, sets arrays of codes, lists arrays of
// objects: the form that `device get --json` shows.
func flatten(group *syncengine.Node, at string, doc map[string]json.RawMessage) ([]entry, error) {
	var out []entry
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		raw := doc[name]
		if strings.HasPrefix(name, "/") {
			out = append(out, entry{op: opSet, path: name, raw: raw})
			continue
		}
		path, node := at+"/"+name, group.Children[name]
		if node == nil {
			return nil, failed(classUsage, "device.no_field", "path", path)
		}
		more, err := flattenNode(node, path, raw)
		if err != nil {
			return nil, failed(classUsage, "device.wrong_form", "path", path).because(err)
		}
		out = append(out, more...)
	}
	return out, nil
}

func flattenNode(node *syncengine.Node, path string, raw json.RawMessage) (out []entry, err error) {
	switch node.Type {
	case syncengine.GroupNode, syncengine.AuthorMapNode:
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(raw, &doc); err != nil {
			return nil, err
		}
		if node.Type == syncengine.GroupNode {
			return flatten(node, path, doc)
		}
		for _, account := range slices.Sorted(maps.Keys(doc)) {
			out = append(out, entry{op: opSet, path: path + "/" + account, raw: doc[account]})
		}
	case syncengine.SetNode:
		var codes []string
		err = json.Unmarshal(raw, &codes)
		for _, code := range codes {
			out = append(out, entry{op: opAdd, path: path + "/" + code})
		}
	case syncengine.ListNode:
		return flattenList(node, path, raw)
	default:
		out = []entry{{op: opSet, path: path, raw: raw}}
	}
	return out, err
}

func flattenList(node *syncengine.Node, path string, raw json.RawMessage) (out []entry, err error) {
	var elements []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return nil, err
	}
	for _, element := range elements {
		at := path + "/+"
		add := entry{op: opAdd, path: path}
		if given, ok := element["id"]; ok {
			var id uuid.UUID
			if err := json.Unmarshal(given, &id); err != nil {
				return nil, err
			}
			delete(element, "id")
			at = path + "/" + id.String()
			add.path = at
		}
		fields, err := flatten(node, at, element)
		if err != nil {
			return nil, err
		}
		out = append(append(out, add), fields...)
	}
	return out, nil
}

// apply enters answers into a draft, in one durable step but for new elements, which get their ids one by one.
func (t *tablet) apply(ctx context.Context, d *clientsdk.Draft, entries []entry) error {
	f := &filler{tablet: t, d: d, list: d.Checklist().Checklist, refers: d.Checklist().References(), last: map[string]string{}, values: map[syncengine.Path]any{}}
	for _, e := range entries {
		if err := f.take(ctx, e); err != nil {
			return err
		}
	}
	if len(f.values) == 0 {
		return nil
	}
	err := d.SetAll(f.values)
	if errors.Is(err, wire.CodeInvalid) {
		return failed(classUsage, "device.refused_value").because(err)
	}
	return err
}

// filler reads entries as the checklist of a draft asks.
type filler struct {
	*tablet
	d      *clientsdk.Draft
	list   *syncengine.Checklist
	refers map[string]syncengine.Kind
	last   map[string]string // list -> the element last added
	values map[syncengine.Path]any
}

func (f *filler) take(ctx context.Context, e entry) error {
	path, err := f.path(ctx, e.path)
	if err != nil {
		return err
	}
	switch e.op {
	case opAdd:
		return f.add(path)
	case opRemove:
		if path != syncengine.RecordPresence && f.list.Lookup(path.Node()) == nil {
			return failed(classUsage, "device.no_field", "path", e.path)
		}
		f.values[path.Node()] = false
		return nil
	case opClear:
		if f.list.Lookup(path) == nil {
			return failed(classUsage, "device.no_field", "path", e.path)
		}
		f.values[path] = nil
		return nil
	}
	v, err := f.value(ctx, path, e)
	f.values[path] = v
	return err
}

// path puts in what "+" and "@" stand for.
func (f *filler) path(ctx context.Context, given string) (syncengine.Path, error) {
	if !strings.HasPrefix(given, "/") {
		return "", failed(classUsage, "device.path_form", "given", given)
	}
	segments := strings.Split(given, "/")
	for i, s := range segments {
		switch s {
		case "+":
			id, ok := f.last[strings.Join(segments[:i], "/")]
			if !ok {
				return "", failed(classUsage, "device.no_element", "path", given)
			}
			segments[i] = id
		case "@":
			account, err := f.c.Account(ctx)
			if err != nil {
				return "", err
			}
			segments[i] = string(account)
		}
	}
	return syncengine.Path(strings.Join(segments, "/")), nil
}

// add adds a set member or an element; an element without an id gets a new one.
func (f *filler) add(path syncengine.Path) error {
	if path != syncengine.RecordPresence && f.list.Lookup(path.Node()) == nil {
		list := strings.TrimSuffix(string(path), "/")
		if n := f.list.Lookup(syncengine.Path(list).Child(uuid.Nil.String()).Node()); n == nil || n.Type != syncengine.ListNode {
			return failed(classUsage, "device.no_field", "path", string(path))
		}
		element, err := f.d.AddElement(syncengine.Path(list))
		if err != nil {
			return err
		}
		f.last[list] = strings.TrimPrefix(string(element), list+"/")
		return nil
	}
	f.values[path.Node()] = true
	return nil
}

// value reads what was typed or read as the leaf asks: text stands for itself at a text, and the name of a record for its id at a
// reference.
func (f *filler) value(ctx context.Context, path syncengine.Path, e entry) (any, error) {
	node := f.list.Lookup(path)
	if node == nil || node.Type != syncengine.LeafNode {
		return nil, failed(classUsage, "device.no_field", "path", string(path))
	}
	text := e.text
	if e.raw != nil {
		text = string(e.raw)
	}
	isText := node.Leaf == syncengine.StringLeaf
	if e.raw == nil && isText && !strings.HasPrefix(text, `"`) {
		if kind, ok := f.refers[pattern(path)]; ok {
			return f.refer(ctx, kind, text)
		}
		return text, nil
	}
	canonical, err := wire.Canonical([]byte(text))
	if err != nil {
		return nil, failed(classUsage, "device.value_form", "path", string(path), "value", text).because(err)
	}
	return wire.DecodeValue(syncengine.Value(canonical))
}

// pattern returns the path with a star for each element.
func pattern(path syncengine.Path) string {
	segments := strings.Split(string(path), "/")
	for i, s := range segments {
		if uuid.Validate(s) == nil {
			segments[i] = "*"
		}
	}
	return strings.Join(segments, "/")
}
