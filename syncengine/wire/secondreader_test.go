package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/arpenteur/arpenteur/internal/secondreader"
)

func TestASecondImplementationAgreesWithEveryVector(t *testing.T) {
	out, ok := secondreader.Run(t, "vectors", filepath.Join("testdata", "vectors"))
	if !ok {
		t.Fatal(out)
	}
	t.Log(strings.TrimSpace(out))
}

// Every member of every case is altered, one case at a time: a check that doesn't see it checks nothing.
func TestTheSecondImplementationSeesEveryAlteredVector(t *testing.T) {
	out, ok := secondreader.Run(t, "doubt", filepath.Join("testdata", "vectors"))
	if !ok {
		t.Fatal(out)
	}
	t.Log(strings.TrimSpace(out))
}

// What both make of lines and values that were altered at random must be the same: taken or refused, and what came out.
func TestASecondImplementationJudgesAlteredBytesAlike(t *testing.T) {
	cases := 4000
	if testing.Short() {
		cases = 400
	}
	r := rand.New(rand.NewPCG(18, uint64(cases)))
	folder := t.TempDir()
	writeCases(t, folder, "canonical", alteredValues(t, r, cases))
	writeCases(t, folder, "lines", alteredLines(t, r, cases))
	writeCases(t, folder, "frames", alteredFrames(t, r, cases))
	out, ok := secondreader.Run(t, "vectors", folder, "canonical.json", "lines.json", "frames.json")
	if !ok {
		t.Fatal(out)
	}
	t.Log(strings.TrimSpace(out))
}

func writeCases[T any](t *testing.T, folder, name string, cases []T) {
	t.Helper()
	data, err := json.Marshal(vectors[T]{Description: "altered at random", Cases: cases})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// judged says what we make of bytes. With which code they are refused is not compared: of several defects, each reader may name another.
func judged(data []byte, err error) result {
	r := result{Name: fmt.Sprintf("%.200q", data)}
	if err != nil {
		r.Code = anyCode
	}
	return r
}

// anyCode stands for every code.
const anyCode Code = "any"

func alteredValues(t *testing.T, r *rand.Rand, n int) []canonicalVector {
	t.Helper()
	var seeds [][]byte
	for _, c := range canonicalVectors().Cases {
		if data := c.Input.bytes(t); len(data) < 4096 {
			seeds = append(seeds, data)
		}
	}
	seeds = append(seeds, []byte(`{"a":[1,2.5,{"b":"é"}],"c":"ở́","d":"각"}`))
	cases := make([]canonicalVector, 0, n)
	for range n {
		data := alter(r, seeds[r.IntN(len(seeds))])
		cases = append(cases, canonicalVector{result: judged(data, Check(data, MaxDepth)), Input: input{Hex: hex.EncodeToString(data)}})
	}
	return cases
}

func alteredLines(t *testing.T, r *rand.Rand, n int) []lineVector {
	t.Helper()
	var seeds [][]byte
	for _, c := range append(lineVectors(t).Cases, rulingVectors(t).Cases...) {
		if data := c.Line.bytes(t); len(data) < 4096 {
			seeds = append(seeds, data)
		}
	}
	ledger := ledgerOf(t)
	cases := make([]lineVector, 0, n)
	for i := range n {
		data := seeds[r.IntN(len(seeds))]
		if i%4 == 0 {
			data = alter(r, data)
		} else {
			data = alterMember(t, r, data)
		}
		l, err := DecodeLine(data, ledger)
		c := lineVector{result: judged(data, err), Ledger: ledger.String(), Line: input{Hex: hex.EncodeToString(data)}}
		if err == nil {
			c.Form, c.Header, c.ID = l.Form.name(), string(l.AppendHeader(nil)), l.Change.ID.String()
			c.Root = l.Change.Root.String()
		}
		cases = append(cases, c)
	}
	return cases
}

func alteredFrames(t *testing.T, r *rand.Rand, n int) []frameVector {
	t.Helper()
	var seeds [][]byte
	for _, c := range frameVectors(t).Cases {
		if data := c.Frame.bytes(t); len(data) < 4096 {
			seeds = append(seeds, data)
		}
	}
	cases := make([]frameVector, 0, n)
	for i := range n {
		data := seeds[r.IntN(len(seeds))]
		if i%4 == 0 {
			data = alter(r, data)
		} else {
			data = alterMember(t, r, data)
		}
		f, err := DecodeFrame(data)
		if err == nil {
			err = checkLines(f)
		}
		c := frameVector{result: judged(data, err), Frame: input{Hex: hex.EncodeToString(data)}}
		if err == nil {
			c.Type = f.Type()
		}
		cases = append(cases, c)
	}
	return cases
}

// checkLines checks the form of the lines in a frame, which ours leaves to those who read them.
func checkLines(f Frame) error {
	var lines [][]byte
	switch f := f.(type) {
	case *Run:
		lines = f.Lines
	case *Values:
		lines = [][]byte{f.Line}
	}
	for _, line := range lines {
		if err := Check(line, MaxDepth); err != nil {
			return err
		}
	}
	return nil
}

// alter changes a few bytes: cuts, repeats, puts in what JSON and Unicode have to trip over.
func alter(r *rand.Rand, data []byte) []byte {
	tokens := []string{
		"", " ", "\n", "0", "-", ".", "1", "e5", "15", `"`, `\`, "{", "}", "[", "]", ",", ":", "null", "true", `\u0000`, `\u001f`, `\u007f`, `\/`,
		"\u0301", "\u0345", "\u0323", "\u0334", "é", "e", "\u1100", "\u1161", "\u11a8", "\ufb1d", "\u2126", "\U000105d2\u0307", "\U000105c9",
		"\u0897", "\U00011131", "\U00011127", "\uffff", "\xff", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "\ufeff", "\u2028", "\U0001d15e",
		strings.Repeat("\u0308\u0301", 15), strings.Repeat("\u0344", 15), strings.Repeat("\u0f71", 30), "\u0390", "\uff9e", "\u3099",
	}
	out := bytes.Clone(data)
	for range 1 + r.IntN(3) {
		from := r.IntN(len(out) + 1)
		to := min(len(out), from+r.IntN(3))
		out = append(append(bytes.Clone(out[:from]), tokens[r.IntN(len(tokens))]...), out[to:]...)
	}
	return out
}

// alterMember puts another value, or another name, for one thing in a JSON text, and gives its canonical form, so that it is judged by
// what it says.
func alterMember(t *testing.T, r *rand.Rand, data []byte) []byte {
	t.Helper()
	in := json.NewDecoder(bytes.NewReader(data))
	in.UseNumber()
	var tree any
	if in.Decode(&tree) != nil {
		return alter(r, data)
	}
	tree = alterTree(r, tree, 1+r.IntN(4))
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(tree); err != nil {
		t.Fatal(err)
	}
	canonical, err := Canonical(out.Bytes())
	if err != nil {
		return out.Bytes()
	}
	return canonical
}

func alterTree(r *rand.Rand, tree any, depth int) any {
	other := []any{
		nil, true, false, json.Number("0"), json.Number("1"), json.Number("2"), json.Number("-1"), json.Number("1.5"), json.Number("999999999999999"),
		"", "a", "A b", "/", "/a", "/a/", "a/b", "x1-y", strings.Repeat("a", 41), strings.Repeat("z", 33), "019aa500-c66a-7297-9c92-02e7bb912f12",
		strings.Repeat("A", 43), strings.Repeat("B", 42) + "A", strings.Repeat("B", 43), strings.Repeat("A", 22), strings.Repeat("A", 86),
		[]any{},
		[]any{"/a"},
		[]any{"observation"},
		map[string]any{},
		map[string]any{"/": true},
		[]any{strings.Repeat("C", 42) + "A", json.Number("1")},
		[]any{json.Number("0"), ""},
		"grant", "void", "genesis", "ruling", "observation", "full", "hello", "end", "mark", "have", "photo",
	}
	switch node := tree.(type) {
	case map[string]any:
		names := slices.Sorted(maps.Keys(node))
		if depth > 0 && len(names) > 0 {
			name := names[r.IntN(len(names))]
			switch r.IntN(6) {
			case 0:
				delete(node, name)
			case 1:
				node[[]string{"at", "checklist", "extra", "over", "genesis", "ruling", "salt", "/b", "/c/", "more", "base", "ledger"}[r.IntN(12)]] = other[r.IntN(len(other))]
			default:
				node[name] = alterTree(r, node[name], depth-1)
			}
			return node
		}
	case []any:
		if depth > 0 && len(node) > 0 {
			i := r.IntN(len(node))
			if r.IntN(4) == 0 {
				return append(node, node[i])
			}
			node[i] = alterTree(r, node[i], depth-1)
			return node
		}
	}
	return other[r.IntN(len(other))]
}

func TestASecondImplementationDecompressesWhatOursCompresses(t *testing.T) {
	folder := t.TempDir()
	r := rand.New(rand.NewPCG(8878, 1))
	count := 0
	for name, content := range compressible(t, r) {
		for level := zstd.SpeedFastest; level <= zstd.SpeedBestCompression; level++ {
			count++
			file := filepath.Join(folder, fmt.Sprintf("%s-%d", name, level))
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file+".zst", compressed(t, r, content, level), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	out, ok := secondreader.Run(t, "zstd", folder)
	if !ok || !strings.Contains(out, fmt.Sprintf("%d files", count)) {
		t.Fatal(out)
	}
	t.Log(strings.TrimSpace(out))
}

// compressed compresses with flushes at random places, as bodies have them.
func compressed(t *testing.T, r *rand.Rand, content []byte, level zstd.EncoderLevel) []byte {
	t.Helper()
	var out bytes.Buffer
	enc, err := zstd.NewWriter(&out, zstd.WithEncoderLevel(level), zstd.WithWindowSize(1<<(10+r.IntN(11))), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	for len(content) > 0 {
		n := min(len(content), 1+r.IntN(200_000))
		if _, err := enc.Write(content[:n]); err != nil {
			t.Fatal(err)
		}
		if content = content[n:]; r.IntN(2) == 0 {
			if err := enc.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// compressible makes contents that ask for each way in which zstd can say something.
func compressible(t *testing.T, r *rand.Rand) map[string][]byte {
	t.Helper()
	random := func(n int, of string) []byte {
		out := make([]byte, n)
		for i := range out {
			out[i] = of[r.IntN(len(of))]
		}
		return out
	}
	every := make([]byte, 300_000)
	for i := range every {
		every[i] = byte(r.Uint32())
	}
	var frames bytes.Buffer
	b := newTablet(t, "second reader")
	var lines []*Line
	for range 400 {
		lines = append(lines, b.observation())
	}
	for _, run := range runs(t, "second reader", b.ledger, lines) {
		frames.Write(append(AppendFrame(nil, run), '\n'))
	}
	skewed := func(n int) []byte {
		out := make([]byte, n)
		for i := range out {
			out[i] = byte(r.ExpFloat64() * 12)
		}
		return out
	}
	return map[string][]byte{
		"empty": {}, "one": []byte("x"), "same": bytes.Repeat([]byte("x"), 400_000), "random": every, "frames": frames.Bytes(),
		"digits": random(200_000, "0123456789abcdef"), "two": random(100_000, "ab"), "short": random(300, "abcdefgh"), "skewed": skewed(150_000),
		"tiny": skewed(90), "words": bytes.Join([][]byte{skewed(2000), random(2000, "xyz"), skewed(2000), skewed(2000)}, every[:50]),
		"far": append(append(bytes.Clone(every[:150_000]), random(600_000, "abc")...), every[:150_000]...),
	}
}
