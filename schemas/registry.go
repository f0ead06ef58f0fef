package schemas

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/santhosh-tekuri/jsonschema/v5"
)

// MaxContentBytes bounds the content of a version, so that it fits into the ruling that publishes it.
const MaxContentBytes = 256 << 10

// Version is one compiled version of a checklist or record kind. It is immutable and safe for concurrent use.
type Version struct {
	ID         syncengine.VersionID
	Checklist  *syncengine.Checklist // the engine's view
	Content    []byte                // what was compiled; not to be changed
	Label      Text
	Hint       Text
	Restricted bool // to be published in restricted ledgers only

	record   *field
	sections []sectionWords
	rules    []scopedRules
	labels   map[string]Text // of the rules
}

// Identify returns the name of a version: the SHA-256 of its content, which must be canonical.
func Identify(content []byte) syncengine.VersionID {
	return syncengine.VersionID{Hash: sha256.Sum256(content)}
}

// Registry turns content into versions, each once: it keeps what it compiled, by version id. It is safe for concurrent use.
type Registry struct {
	vocabulary *jsonschema.Schema

	mu       sync.RWMutex
	versions map[syncengine.VersionID]*Version
}

// NewRegistry returns a Registry that holds no version. It fails only if the program was built wrongly.
func NewRegistry() (*Registry, error) {
	vocabulary, err := compileSchema(vocabularyContent)
	if err != nil {
		return nil, fmt.Errorf("compile the vocabulary: %w", err)
	}
	return &Registry{vocabulary: vocabulary, versions: map[syncengine.VersionID]*Version{}}, nil
}

// Compile returns the version called id, whose canonical content is given. The caller answers for id being the SHA-256 of content.
// Content that is refused gives a *ContentError that says all that is wrong with it.
func (c *Registry) Compile(id syncengine.VersionID, content []byte) (*Version, error) {
	if v := c.Version(id); v != nil {
		return v, nil
	}
	v, err := c.compile(id, content)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if first := c.versions[id]; first != nil {
		return first, nil
	}
	c.versions[id] = v
	return v, nil
}

// Version returns the version called id if it was compiled, else nil.
func (c *Registry) Version(id syncengine.VersionID) *Version {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.versions[id]
}

// compile checks content step by step; a step that finds problems is the last, since those after it build on it.
func (c *Registry) compile(id syncengine.VersionID, content []byte) (*Version, error) {
	p := &problems{}
	doc := parse(content, p)
	if err := p.err(); err != nil {
		return nil, err
	}
	if c.conform(doc, p); p.err() != nil {
		return nil, p.err()
	}
	expanded := expand(doc, p)
	if err := p.err(); err != nil {
		return nil, err
	}
	v, err := shape(id, content, expanded, p)
	if err != nil {
		return nil, err
	}
	plain, err := marshal(strip(expanded))
	if err != nil {
		return nil, fmt.Errorf("write the expanded content: %w", err)
	}
	compiled, err := compileSchema(plain)
	if err != nil {
		p.add(ProblemSchema, "", "le compilateur JSON Schema refuse la grille\u00a0: %v", "the JSON Schema compiler refuses the checklist: %v", err)
		return nil, p.err()
	}
	validator := &validator{compiled: compiled, expanded: expanded, record: v.record, labels: v.labels, rules: v.rules}
	v.Checklist.Validate = validator.validate
	return v, nil
}

// parse reads content as one JSON object.
func parse(content []byte, p *problems) map[string]any {
	if len(content) > MaxContentBytes {
		p.add(ProblemSize, "", "la grille dépasse %d octets", "the content is over %d bytes", MaxContentBytes)
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var doc map[string]any
	err := decoder.Decode(&doc)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err != nil || doc == nil {
		p.add(ProblemJSON, "", "la grille n'est pas un objet JSON\u00a0: %v", "the content is not one JSON object: %v", err)
	}
	return doc
}

// conform checks content against the vocabulary.
func (c *Registry) conform(doc map[string]any, p *problems) {
	err := c.vocabulary.Validate(doc)
	if err == nil {
		return
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		p.add(ProblemVocabulary, "", "la grille n'a pas pu être lue\u00a0: %v", "the content could not be read: %v", err)
		return
	}
	leaves(invalid, func(leaf *jsonschema.ValidationError) {
		word := leaf.KeywordLocation[strings.LastIndexByte(leaf.KeywordLocation, '/')+1:]
		label, _ := keywordLabel(word)
		if label.EN == "" {
			label = Text{"ce n'est pas permis ici", "this is not allowed here"}
		}
		p.add(ProblemVocabulary, leaf.InstanceLocation, "%[1]s (%[3]s)", "%[2]s (%[3]s)", label.FR, label.EN, leaf.Message)
	})
	slices.SortFunc(p.list, func(a, b Problem) int {
		return strings.Compare(a.At+"\x00"+a.Reason.EN, b.At+"\x00"+b.Reason.EN)
	})
}

// shape derives the engine's view, but for Validate.
func shape(id syncengine.VersionID, content []byte, expanded map[string]any, p *problems) (*Version, error) {
	raw, err := marshal(expanded)
	if err != nil {
		return nil, fmt.Errorf("write the expanded content: %w", err)
	}
	var s schema
	var head struct {
		Words rootWords `json:"x-arpenteur"`
	}
	if err := errors.Join(json.Unmarshal(raw, &s), json.Unmarshal(raw, &head)); err != nil {
		p.add(ProblemVocabulary, "", "la grille n'a pas pu être lue\u00a0: %v", "the content could not be read: %v", err)
		return nil, p.err()
	}
	w := head.Words
	b := shaper{p}
	var order []string
	for _, section := range w.Sections {
		order = append(order, section.Items...)
	}
	v := &Version{
		ID: id, Content: content, Label: w.Label, Hint: w.Hint, Restricted: w.Restricted,
		record: b.record(&s, order), sections: w.Sections,
	}
	v.labels = b.rules(v.record)
	v.rules = scope(v.record)
	v.Checklist = &syncengine.Checklist{
		Version: id, Previous: w.Previous, Lineage: w.Lineage, Kind: w.Kind, Domain: w.Domain,
		Shape: v.record.node, Lens: w.Lens.lens(), Index: b.index(v.record),
	}
	if w.Previous.IsZero() && !v.Checklist.Lens.IsIdentity() {
		p.add(ProblemLensNotFirst, "", "la première version d'une grille n'a pas de correspondance", "the first version of a checklist has no lens")
	}
	return v, p.err()
}

// index collects the attributes that stores index, each on one leaf.
func (b *shaper) index(record *field) map[string]syncengine.Path {
	out := map[string]syncengine.Path{}
	record.walk(func(f *field) {
		name := f.schema.Words.Index
		if name == "" {
			return
		}
		if _, twice := out[name]; twice {
			b.add(ProblemIndex, f.pattern, "l'index «\u00a0%s\u00a0» est déjà pris", "the index %q is taken already", name)
		}
		out[name] = syncengine.Path(f.pattern)
	})
	return out
}

// lens returns the engine's form of a lens.
func (w *lensWords) lens() syncengine.Lens {
	l := syncengine.Lens{Rename: maps.Clone(w.Rename), Retire: slices.Clone(w.Retire)}
	for at, codes := range w.Codes {
		values := make(map[syncengine.Value]syncengine.Value, len(codes))
		for from, to := range codes {
			values[quoted(from)] = quoted(to)
		}
		if l.Codes == nil {
			l.Codes = map[string]map[syncengine.Value]syncengine.Value{}
		}
		l.Codes[at] = values
	}
	return l
}

// schemaURL names the one schema that a JSON Schema compiler is given. Nothing is ever loaded from it, nor from elsewhere.
const schemaURL = "arpenteur:///checklist.json"

// compileSchema compiles JSON Schema 2020-12 that refers to nothing outside itself.
func compileSchema(raw []byte) (*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.Draft = jsonschema.Draft2020
	compiler.AssertFormat = true
	compiler.Formats = formats()
	compiler.LoadURL = func(url string) (io.ReadCloser, error) {
		return nil, fmt.Errorf("a schema refers to nothing outside itself, and not to %s", url)
	}
	if err := compiler.AddResource(schemaURL, bytes.NewReader(raw)); err != nil {
		return nil, err
	}
	return compiler.Compile(schemaURL)
}
