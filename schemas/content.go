package schemas

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"

	"github.com/arpenteur/arpenteur/syncengine"
)

//go:embed content/*.json
var contentFiles embed.FS

//go:embed vocabulary.json
var vocabularyContent []byte

// Source is a checklist or record kind that comes with the program: the first version of its lineage.
type Source struct {
	Lineage    string
	Kind       syncengine.Kind
	Restricted bool   // published in restricted ledgers only (law L10)
	Content    []byte // canonical JSON; the SHA-256 of these bytes is the version's id
}

// Builtin returns the checklists and record kinds that come with the program, the checklists first, then the kinds in the order of
// Kinds. The caller owns the result. It fails only if the program was built wrongly.
func Builtin() ([]Source, error) {
	lineages := append([]string(nil), Checklists()...)
	for _, kind := range Kinds() {
		if kind != Observation {
			lineages = append(lineages, string(kind))
		}
	}
	sources := make([]Source, 0, len(lineages))
	for _, lineage := range lineages {
		raw, err := contentFiles.ReadFile("content/" + lineage + ".json")
		if err != nil {
			return nil, fmt.Errorf("read the content of %s: %w", lineage, err)
		}
		content, err := compact(raw)
		if err != nil {
			return nil, fmt.Errorf("read the content of %s: %w", lineage, err)
		}
		var head struct {
			Root rootWords `json:"x-arpenteur"`
		}
		if err := json.Unmarshal(content, &head); err != nil {
			return nil, fmt.Errorf("read the content of %s: %w", lineage, err)
		}
		sources = append(sources, Source{lineage, head.Root.Kind, head.Root.Restricted, content})
	}
	return sources, nil
}

// compact writes JSON without insignificant space and with sorted keys. For NFC text and plain numbers, which the embedded files
// hold to, that is the canonical form of package wire.
func compact(raw []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var doc any
	if err := decoder.Decode(&doc); err != nil {
		return nil, err
	}
	return marshal(doc)
}

// marshal is json.Marshal without HTML escapes.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
