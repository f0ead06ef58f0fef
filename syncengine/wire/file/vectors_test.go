package file_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine/wire"
	"github.com/arpenteur/arpenteur/syncengine/wire/file"
)

var update = flag.Bool("update", false, "write the published test vectors of files anew")

// fileVector is one file, and what is read of it with a key.
type fileVector struct {
	Name     string          `json:"name"`
	Code     wire.Code       `json:"code,omitempty"` // with which the file ends, where it does not end in an empty section
	File     string          `json:"file"`           // hexadecimal
	Seed     string          `json:"seed"`           // of the reader's Ed25519 key, hexadecimal
	Sections []sectionVector `json:"sections"`
}

type sectionVector struct {
	Sealed bool      `json:"sealed,omitempty"` // to others
	Code   wire.Code `json:"code,omitempty"`   // with which its body ends, where that is not after an end frame
	Frames []string  `json:"frames"`
}

type fileVectors struct {
	Description string       `json:"description"`
	Cases       []fileVector `json:"cases"`
}

func generate(t *testing.T) fileVectors {
	f := newFixture(t, 3)
	out := fileVectors{Description: "Section 10. Files, in hexadecimal, and the frames that the holder of an Ed25519 key (seed, RFC 8032) reads of each section. " +
		"Files are never twice the same: these are read, not compared."}
	add := func(name, reader string, data []byte) {
		s := seed("key " + reader)
		v := fileVector{Name: name, File: hex.EncodeToString(data), Seed: hex.EncodeToString(s[:]), Sections: []sectionVector{}}
		all, code := read(data, reader)
		v.Code = code
		for _, o := range all {
			v.Sections = append(v.Sections, sectionVector{o.Sealed, o.Code, append([]string{}, o.Frames...)})
		}
		out.Cases = append(out.Cases, v)
	}
	var both bytes.Buffer
	w := file.NewWriter(&both)
	section(t, w, f.frames, "tablet", "authority")
	section(t, w, []wire.Frame{&wire.Hello{}, &wire.End{}}, "authority")
	if err := w.Decoy(300); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data := both.Bytes()
	add("read by a tablet", "tablet", data)
	add("read by the authority", "authority", data)
	add("read by a stranger", "stranger", data)
	inside := 21 + int(binary.BigEndian.Uint32(data[17:])) - 100 // in what the first section, of one block, seals
	add("cut in the first section", "tablet", data[:inside])
	damaged := bytes.Clone(data)
	damaged[inside] ^= 1
	add("damaged in the first section", "authority", damaged)
	add("damaged in a stanza for others", "tablet", damageStanza(t, data, "tablet"))
	add("no section", "tablet", []byte("arpenteur/1 file\n\x00\x00\x00\x00"))
	add("another version", "tablet", []byte("arpenteur/2 file\n\x00\x00\x00\x00"))
	add("no file of ours", "tablet", []byte("PK\x03\x04 and some more bytes"))
	add("block over the limit", "tablet", []byte("arpenteur/1 file\n\x00\x01\x00\x01"))
	return out
}

// damageStanza changes a stanza of the first section that is for somebody else than the reader: its file key is found, and its header is
// not as it was written.
func damageStanza(t *testing.T, data []byte, reader string) []byte {
	t.Helper()
	for at, mark := 0, []byte("-> X25519 "); ; at += len(mark) {
		next := bytes.Index(data[at:], mark)
		if next < 0 {
			t.Fatal("every stanza is the reader's, or the header is not checked")
		}
		at += next
		out := bytes.Clone(data)
		body := at + len(mark) + 44
		out[body] = map[bool]byte{true: 'C', false: 'B'}[out[body] == 'B']
		if all, _ := read(out, reader); all[0].Code == wire.CodeDamaged {
			return out
		}
	}
}

func TestVectorsOfFiles(t *testing.T) {
	path := filepath.Join("..", "testdata", "vectors", "files.json")
	if *update {
		var made bytes.Buffer
		out := json.NewEncoder(&made)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		if err := out.Encode(generate(t)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, made.Bytes(), 0o644); err != nil { //nolint:gosec // published
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path) //nolint:gosec // the test's own
	if err != nil {
		t.Fatal(err)
	}
	var got fileVectors
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	want := generate(t) // what is read of fresh files is the same, though their bytes differ
	for i, c := range got.Cases {
		data, err := hex.DecodeString(c.File)
		if err != nil {
			t.Fatal(err)
		}
		reader := map[bool]string{true: "authority", false: "tablet"}[c.Seed == want.Cases[1].Seed]
		if c.Seed == want.Cases[2].Seed {
			reader = "stranger"
		}
		all, code := read(data, reader)
		sections := []sectionVector{}
		for _, o := range all {
			sections = append(sections, sectionVector{o.Sealed, o.Code, append([]string{}, o.Frames...)})
		}
		if code != c.Code || !reflect.DeepEqual(sections, c.Sections) || !reflect.DeepEqual(sections, want.Cases[i].Sections) {
			t.Errorf("%s: read %+v, %q", c.Name, sections, code)
		}
	}
}
