package wire

import (
	"encoding/hex"
	"strconv"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
)

// This file and vectorframes_test.go make the published vectors. Keys, salts and ids derive from names (fixture_test.go), so they
// come out the same at every run.

func text(s string) input { return input{Text: s} }

func accept(name, note string) result      { return result{Name: name, Note: note} }
func refuse(name string, code Code) result { return result{Name: name, Code: code} }
func times(s string, n int) input          { return input{Text: s, Times: n} }
func pieces(parts ...input) input          { return input{Pieces: parts} }
func nested(open, inner, end string, n int) input {
	return pieces(times(open, n), text(inner), times(end, n))
}

func canonicalVectors() vectors[canonicalVector] {
	out := vectors[canonicalVector]{Description: "Section 2. The input is one canonical JSON value, or refused with code."}
	ok := func(name string, in input) {
		out.Cases = append(out.Cases, canonicalVector{accept(name, ""), in})
	}
	no := func(name string, code Code, in input) {
		out.Cases = append(out.Cases, canonicalVector{refuse(name, code), in})
	}
	ok("null", text(`null`))
	ok("true", text(`true`))
	ok("empty object", text(`{}`))
	ok("empty array", text(`[]`))
	ok("empty string", text(`""`))
	ok("empty key", text(`{"":1}`))
	ok("keys ascend by bytes of UTF-8", text(`{"A":1,"B":2,"a":3,"aa":4,"é":5,"｡":6,"😀":7}`))
	ok("key that holds escapes", text(`{"\u0001":1,"\"":2,"\\":3}`))
	ok("escapes", text(`"\"\\\b\t\n\f\r\u0000\u000b\u001f"`))
	ok("what stands as itself", text("\"</>&'\x7f\u2028\u2029\ufffe\uffff\ufeff\""))
	ok("normalisation form C", text("\"déjà\""))
	ok("lone combining character", text("\"\u0301\""))
	ok("combining character after an escape", text("\"\\n\u0303\""))
	ok("characters assigned after Unicode 15 stand as they are", text("\"\U000105d2\u0307\""))
	ok("30 combining characters in a row", pieces(text(`"a`), times("\u0305", 30), text(`"`)))
	ok("29 combining characters behind one that holds another", pieces(text(`"é`), times("\u0305", 29), text(`"`)))
	for _, n := range []string{"0", "-1", "0.5", "-0.5", "10", "100", "999999999999999", "-999999999999999", "0.000000000000001", "48.856614", "12345678.1234567"} {
		ok("number "+n, text(n))
	}
	ok("depth 32", nested("[", "", "]", 32))
	ok("string of 512 KiB", pieces(text(`"`), times("x", MaxStringBytes), text(`"`)))

	for _, n := range []string{
		"-0", "01", "1.", "1.0", "1.50", ".5", "0.0", "-", "+1", "1e2", "1E2", "1e-2", "1000000000000000", "0.0000000000000001",
		"123456789.1234567", "NaN", "Infinity", "0x10",
	} {
		no("number "+n, CodeMalformed, text(n))
	}
	no("nothing", CodeMalformed, text(""))
	no("byte order mark", CodeMalformed, text("\ufeff1"))
	no("space before", CodeMalformed, text(" 1"))
	no("space after", CodeMalformed, text("1\n"))
	no("space inside", CodeMalformed, text(`{"a": 1}`))
	no("two values", CodeMalformed, text("1 2"))
	no("key twice", CodeMalformed, text(`{"a":1,"a":1}`))
	no("key twice by an escape", CodeMalformed, text(`{"a":1,"\u0061":1}`))
	no("keys descend", CodeMalformed, text(`{"b":1,"a":1}`))
	no("keys ascend by UTF-16 only", CodeMalformed, text(`{"😀":1,"｡":2}`))
	no("comma at the end", CodeMalformed, text(`[1,]`))
	no("comma at the start", CodeMalformed, text(`[,1]`))
	no("key without quotes", CodeMalformed, text(`{a:1}`))
	no("object cut", CodeMalformed, text(`{"a":1`))
	no("string cut", CodeMalformed, text(`"a`))
	no("string cut in an escape", CodeMalformed, text(`"a\`))
	no("wrong bracket", CodeMalformed, text(`[1}`))
	no("wrong word", CodeMalformed, text(`True`))
	no("escaped letter", CodeMalformed, text(`"\u0061"`))
	no("escaped slash", CodeMalformed, text(`"\/"`))
	no("long escape where a short one exists", CodeMalformed, text(`"\u000a"`))
	no("escape in upper case", CodeMalformed, text(`"\u000B"`))
	no("escaped surrogates", CodeMalformed, text(`"\ud83d\ude00"`))
	no("unpaired surrogate escaped", CodeMalformed, text(`"\ud800"`))
	no("unpaired surrogate", CodeMalformed, input{Hex: "22eda08022"})
	no("control character", CodeMalformed, text("\"\t\""))
	no("invalid UTF-8", CodeMalformed, input{Hex: "22ff22"})
	no("overlong UTF-8", CodeMalformed, input{Hex: "22c08022"})
	no("UTF-8 cut", CodeMalformed, input{Hex: "22c322"})
	no("not in normalisation form C", CodeMalformed, text("\"de\u0301ja\u0300\""))
	no("singleton that form C replaces", CodeMalformed, text("\"\u212b\""))
	no("key not in normalisation form C", CodeMalformed, text("{\"e\u0301\":1}"))
	no("31 combining characters in a row", CodeMalformed, pieces(text(`"a`), times("\u0305", 31), text(`"`)))
	no("30 combining characters behind one that holds another", CodeMalformed, pieces(text(`"é`), times("\u0305", 30), text(`"`)))
	no("31 starters that compose with a character before them", CodeMalformed, pieces(text(`"`), times("\u09be", 31), text(`"`)))
	no("depth 33", CodeTooDeep, nested("[", "", "]", 33))
	no("depth 33 of objects", CodeTooDeep, nested(`{"a":`, "1", "}", 33))
	no("depth 100000", CodeTooDeep, nested("[", "", "]", 100_000))
	no("string over 512 KiB", CodeTooLarge, pieces(text(`"`), times("x", MaxStringBytes+1), text(`"`)))
	return out
}

func leafVectors() vectors[leafVector] {
	out := vectors[leafVector]{Description: "Section 3.3. leafsalt = HMAC(salt, path), leaf = SHA(leafsalt || value). Salts in hexadecimal."}
	for _, c := range []struct{ name, path, value string }{
		{"presence", "/", "true"},
		{"rating", "/litter/rating", "2"},
		{"text", "/note", `"Odeur d’urine près de l’ascenseur"`},
		{"atomic value", "/location", `{"lat":48.856614,"lon":2.352222}`},
		{"element", "/signs/" + uuidOf("sign").String() + "/", "false"},
		{"longest path", strings.Repeat("/"+strings.Repeat("p", 31), 8), "null"},
		{"long value", "/note", `"` + strings.Repeat("long ", 100) + `"`},
	} {
		salt := saltOf(c.name)
		leafSalt := LeafSalt(salt, syncengine.Path(c.path))
		out.Cases = append(out.Cases, leafVector{
			accept(c.name, ""), hex.EncodeToString(salt[:]), c.path, c.value,
			leafSalt.String(), LeafHash(leafSalt, syncengine.Value(c.value)).String(),
		})
	}
	return out
}

// lineCase is the vector of a line that is accepted.
func lineCase(name, note string, ledger syncengine.LedgerID, l *Line) lineVector {
	return lineVector{
		accept(name, note), ledger.String(), text(string(AppendLine(nil, l))), l.Form.name(),
		string(l.AppendHeader(nil)), l.Change.Root.String(), l.Change.ID.String(),
	}
}

// elementHeader is a change of a place, with an element of a repeat group, a set and everything that values may be.
func elementHeader(t testing.TB) syncengine.Header {
	t.Helper()
	sign := syncengine.Path("/signs/" + uuidOf("sign").String() + "/")
	h := observationHeader(t)
	h.Kind, h.Record, h.Author = "place", uuidOf("place"), "u-9"
	h.Writes = []syncengine.Write{
		{Path: "/", Value: syncengine.True, Over: []syncengine.ChangeID{changeOf("a"), changeOf("b"), changeOf("c")}},
		{Path: sign, Value: syncengine.True},
		{Path: sign.Child("text"), Value: encode(t, "Hall B : « accès interdit »\n2e ligne"), Over: []syncengine.ChangeID{changeOf("a")}},
		{Path: "/source/police/", Value: syncengine.False},
		{Path: "/location", Value: encode(t, map[string]any{"lat": 48.856614, "lon": 2.352222})},
		{Path: "/closed", Value: syncengine.Null},
	}
	return h
}

func lineVectors(t testing.TB) vectors[lineVector] {
	ledger := ledgerOf(t)
	out := vectors[lineVector]{Description: "Sections 3.2 to 3.5. A line of ledger has this form, canonical header, root and id, or is refused with code. " +
		"The empty ledger asks for a genesis of any ledger."}
	whole := mustLine(t, observationHeader(t), "observation")
	element := mustLine(t, elementHeader(t), "element")
	note := []syncengine.Path{"/note"}
	ok := func(name, note string, l *Line) { out.Cases = append(out.Cases, lineCase(name, note, ledger, l)) }
	ok("whole", "", whole)
	ok("partial", "the same change", whole.Redact(note))
	ok("bare", "the same change", whole.Strip())
	ok("whole with over, element, set member, atomic value and null", "", element)
	ok("partial with nothing held", "", element.Redact(allPaths(element)))
	ok("partial with all values held, but not the salt", "", withoutSalt(t, element))
	ok("genesis", "", genesisLine(t))
	ok("bare genesis", "", genesisLine(t).Strip())
	out.Cases = append(out.Cases, lineCase("genesis of a ledger not known yet", "", syncengine.LedgerID{}, genesisLine(t)))

	unknown := `{"body":{"anything":["at",{"all":1}]},"format":2,"header":{"format":2,"ledger":"` + ledger.String() + `","new":[true]}}`
	l, err := DecodeLine([]byte(unknown), ledger)
	if err != nil {
		t.Fatal(err)
	}
	ok("unknown format", "kept and relayed as it is", l)
	out.Cases = append(out.Cases, longValues(t), lineCase("2,048 paths", "", ledger, manyPaths(t)))
	out.Cases = append(out.Cases, lineRefusals(t, whole, element, unknown)...)
	return out
}

// longValues is a line whose values have 512 KiB together.
func longValues(t testing.TB) lineVector {
	h := observationHeader(t)
	h.Writes = []syncengine.Write{{Path: "/", Value: syncengine.True}, {Path: "/a", Value: "2"}}
	x := strings.Repeat("x", syncengine.MaxValueBytes-len("true")-len("2")-len(`""`))
	h.Writes = append(h.Writes, syncengine.Write{Path: "/note", Value: encode(t, x)})
	c := lineCase("values of 512 KiB together", "what counts is their canonical forms", h.Ledger, mustLine(t, h, "long"))
	before, after, _ := strings.Cut(c.Line.Text, x)
	c.Line = pieces(text(before), times("x", len(x)), text(after))
	return c
}

// manyPaths is a line that writes as many paths as one may, bare because it is shorter so.
func manyPaths(t testing.TB) *Line {
	h := observationHeader(t)
	h.Writes = []syncengine.Write{{Path: "/", Value: syncengine.True}}
	for i := 1; i < syncengine.MaxWrites; i++ {
		h.Writes = append(h.Writes, syncengine.Write{Path: syncengine.Path("/" + strconv.FormatInt(int64(36*36*36+i), 36)), Value: syncengine.Null})
	}
	return mustLine(t, h, "many").Strip()
}

func allPaths(l *Line) []syncengine.Path {
	var out []syncengine.Path
	for _, w := range l.Change.Writes {
		out = append(out, w.Path)
	}
	return out
}

// withoutSalt returns l as its two halves, joined, leave it: every value, and only leaf salts.
func withoutSalt(t testing.TB, l *Line) *Line {
	t.Helper()
	paths := allPaths(l)
	out, err := l.Redact(paths[:2]).Fill(l.Redact(paths[2:]))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// lineRefusals are lines that differ from good ones in one place.
func lineRefusals(t testing.TB, whole, element *Line, unknown string) []lineVector {
	t.Helper()
	var out []lineVector
	ledger, other := ledgerOf(t).String(), hashOf("another ledger").String()
	no := func(name string, code Code, ledger string, in input) {
		out = append(out, lineVector{result: refuse(name, code), Ledger: ledger, Line: in})
	}
	// edit replaces the first place where old stands.
	edit := func(name string, code Code, line, old, now string) {
		t.Helper()
		if !strings.Contains(line, old) {
			t.Fatalf("%s: %s does not hold %s", name, line, old)
		}
		no(name, code, ledger, text(strings.Replace(line, old, now, 1)))
	}
	good, partial, bare := string(AppendLine(nil, whole)), string(AppendLine(nil, whole.Redact([]syncengine.Path{"/note"}))), string(AppendLine(nil, whole.Strip()))
	over := string(AppendLine(nil, element))
	edit("member twice", CodeMalformed, good, `"author":"u-7f3a",`, `"author":"u-7f3a","author":"u-7f3a",`)
	edit("members in the wrong order", CodeMalformed, good, `"author":"u-7f3a","checklist":"`+hashOf("cleanliness 1").String()+`"`,
		`"checklist":"`+hashOf("cleanliness 1").String()+`","author":"u-7f3a"`)
	edit("unknown member", CodeMalformed, good, `"format":1,`, `"format":1,"forms":1,`)
	edit("white space", CodeMalformed, good, `"format":1,`, `"format": 1,`)
	edit("line feed at the end", CodeMalformed, good, `}}`, "}}\n")
	edit("cut", CodeMalformed, good, `}}`, `}`)
	edit("no author", CodeMalformed, good, `"author":"u-7f3a",`, ``)
	edit("author that is no account id", CodeMalformed, good, `"u-7f3a"`, `"Jeanne Martin"`)
	edit("record in upper case", CodeMalformed, good, `"record":"019a`, `"record":"019A`)
	edit("kind that is no word", CodeMalformed, good, `"kind":"observation"`, `"kind":"Observation"`)
	edit("format 0", CodeMalformed, good, `"format":1`, `"format":0`)
	edit("format 2 without a body", CodeMalformed, good, `"format":1`, `"format":2`)
	edit("negative time", CodeMalformed, good, `"time":1`, `"time":-1`)
	edit("time with a fraction", CodeMalformed, good, `"time":1795000005000`, `"time":1795000005000.5`)
	edit("no authority point", CodeMalformed, good, good[1:strings.Index(good, `"author"`)], ``)
	edit("authority point at sequence 0", CodeMalformed, good, `",12],"author"`, `",0],"author"`)
	edit("no checklist", CodeMalformed, good, `"checklist":"`+hashOf("cleanliness 1").String()+`",`, ``)
	edit("checklist that is the zero hash", CodeMalformed, good, hashOf("cleanliness 1").String(), strings.Repeat("A", 43))
	edit("salt of 15 bytes", CodeMalformed, good, `"salt":"`+textEncoding.EncodeToString(whole.Salt[:]), `"salt":"`+textEncoding.EncodeToString(whole.Salt[:15]))
	edit("salt with unused bits set", CodeMalformed, good, textEncoding.EncodeToString(whole.Salt[:]), looseBits(whole.Salt[:]))
	edit("root that holds a line feed", CodeMalformed, bare, whole.Change.Root.String(), strings.Repeat("B", 20)+"\n"+strings.Repeat("B", 21)+"A")
	edit("salt with padding", CodeMalformed, good, textEncoding.EncodeToString(whole.Salt[:]), textEncoding.EncodeToString(whole.Salt[:])+"==")
	edit("paths descend", CodeMalformed, good, `"/bins/rating":"non_observe","/glass/rating":3`, `"/glass/rating":3,"/bins/rating":"non_observe"`)
	edit("path twice", CodeMalformed, good, `"/bins/rating":"non_observe"`, `"/bins/rating":"non_observe","/bins/rating":2`)
	edit("path with free text", CodeMalformed, good, `"/bins/rating"`, `"/bins et autres"`)
	edit("path without a slash", CodeMalformed, good, `"/bins/rating"`, `"!bins/rating"`)
	edit("value not canonical", CodeMalformed, good, `"/litter/rating":2`, `"/litter/rating":2.0`)
	edit("value not in normalisation form C", CodeMalformed, good, "près", "pre\u0300s")
	no("value that is not UTF-8", CodeMalformed, ledger, input{Hex: hex.EncodeToString([]byte(strings.Replace(good, "près", "pr\xe8s", 1)))})
	edit("stripped: no salt", CodeMalformed, good, `"salt":"`+textEncoding.EncodeToString(whole.Salt[:])+`",`, ``)
	edit("stripped: no value", CodeMalformed, good, good[strings.Index(good, `,"values"`):], `}`)
	edit("stripped: paths without a root", CodeMalformed, bare, `"root":"`+whole.Change.Root.String()+`",`, ``)
	edit("stripped: leaf hash without a leaf salt for the others", CodeMalformed, partial, partial[strings.Index(partial, `"/bins/rating":"`):strings.Index(partial, `"/glass`)], ``)
	edit("root given beside the values", CodeMalformed, good, `"salt"`, `"root":"`+whole.Change.Root.String()+`","salt"`)
	edit("path with both value and leaf hash", CodeMalformed, partial, `"leaves":{"/note"`, `"leaves":{"/place"`)
	edit("empty over", CodeMalformed, good, `"record"`, `"over":{},"record"`)
	edit("empty list in over", CodeMalformed, good, `"record"`, `"over":{"/":[]},"record"`)
	edit("over of a path that is not written", CodeMalformed, good, `"record"`, `"over":{"/other":["`+changeOf("a").String()+`"]},"record"`)
	edit("over not ascending", CodeMalformed, over, overOf(element), reversed(overOf(element)))
	edit("id twice in over", CodeMalformed, over, `"over":{"/":[`, `"over":{"/":["`+element.Change.Writes[0].Over[0].String()+`",`)
	edit("ruling in a record's change", CodeMalformed, good, `"salt"`, `"ruling":{"target":"`+changeOf("a").String()+`","type":"void"},"salt"`)
	genesis := string(AppendLine(nil, genesisLine(t)))
	begin := strings.Index(genesis, `"genesis":{`)
	edit("genesis in a record's change", CodeMalformed, good, `"kind"`, genesis[begin:strings.Index(genesis, `"kind"`)]+`"kind"`)
	edit("no path", CodeMalformed, good, good[strings.Index(good, `"values"`):], `"values":{}}`)
	certificate := genesis[strings.Index(genesis, `"certificate":"`)+len(`"certificate":"`):][:86]
	edit("genesis without a certificate", CodeMalformed, genesis, `"certificate":"`+certificate+`",`, ``)
	edit("genesis with a certificate of 63 bytes", CodeMalformed, genesis, certificate, certificate[:84])
	edit("genesis with a certificate of 66 bytes", CodeMalformed, genesis, certificate, certificate+"AA")
	edit("genesis that writes a value", CodeMalformed, genesis, `"values":{}`, `"values":{"/":true}`)
	no("genesis of another ledger", CodeWrongLedger, other, text(genesis))
	no("change of no ledger", CodeWrongLedger, "", text(good))
	no("unknown format of another ledger", CodeWrongLedger, other, text(unknown))
	edit("unknown format named differently in line and header", CodeMalformed, unknown, `"format":2,"header"`, `"format":3,"header"`)
	edit("format 1 with a body", CodeMalformed, strings.ReplaceAll(unknown, `"format":2`, `"format":1`), `{"body"`, `{"body"`)
	edit("unknown format without a ledger", CodeMalformed, unknown, `"ledger"`, `"ledges"`)

	before, after, _ := strings.Cut(good, `"/litter/rating":2`)
	deep := func(n int) input {
		return pieces(text(before+`"/litter/rating":`), nested("[", "", "]", n), text(after))
	}
	no("value of depth 29", CodeTooDeep, ledger, deep(MaxValueDepth+1))
	long := longValues(t)
	long.Line.Pieces[1].Times++
	no("values of more than 512 KiB together", CodeTooLarge, ledger, long.Line)
	many := string(AppendLine(nil, manyPaths(t)))
	no("2,049 paths", CodeTooLarge, ledger, text(strings.Replace(many, `"/",`, `"/","/0",`, 1)))
	no("line of more than 1.5 MiB", CodeTooLarge, ledger, pieces(text(`{"body":[0`), times(",0", 768<<10), text(strings.TrimPrefix(unknown, `{"body":{"anything":["at",{"all":1}]}`))))
	return out
}

// looseBits encodes 16 bytes with one of the unused bits of the last character set.
func looseBits(b []byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	s := textEncoding.EncodeToString(b)
	return s[:len(s)-1] + string(alphabet[strings.IndexByte(alphabet, s[len(s)-1])+1])
}

// overOf returns the ids that the first write of l replaces, as its line has them.
func overOf(l *Line) string {
	var ids []string
	for _, id := range l.Change.Writes[0].Over {
		ids = append(ids, `"`+id.String()+`"`)
	}
	return strings.Join(ids, ",")
}

func reversed(list string) string {
	parts := strings.Split(list, ",")
	parts[0], parts[len(parts)-1] = parts[len(parts)-1], parts[0]
	return strings.Join(parts, ",")
}

// rulingHeader is a ruling of the authority, with a reason.
func rulingHeader(t testing.TB, r syncengine.Ruling) syncengine.Header {
	t.Helper()
	h := syncengine.Header{
		Ledger: ledgerOf(t), Kind: syncengine.KindRuling, Record: uuidOf("ruling " + string(r.Type)), Author: "u-prefect",
		Time: fixtureTime + 9000, At: syncengine.AuthorityPoint{Replica: replicaOf("authority"), Seq: 20}, Ruling: &r,
	}
	if r.Type == syncengine.Refuse {
		h.Writes = []syncengine.Write{{Path: syncengine.ReasonPath, Value: encode(t, "Relevé hors du périmètre")}}
	}
	return h
}

// everyRuling is one ruling of each type, some types with two.
func everyRuling(t testing.TB) []syncengine.Ruling {
	t.Helper()
	target := changeOf("target")
	return []syncengine.Ruling{
		{
			Type: syncengine.Grant, Replica: replicaOf("tablet"), Key: publicOf("tablet"), Account: "u-7f3a",
			Role: syncengine.RoleConsultant, Kinds: []syncengine.Kind{"finding", "observation", "place", "visit"},
		},
		{
			Type: syncengine.Grant, Replica: replicaOf("auditor"), Key: publicOf("auditor"), Account: "u-a", Role: syncengine.RoleAuditor,
			Predecessor: replicaOf("tablet"),
		},
		{Type: syncengine.Revoke, Target: target, Cut: syncengine.Head{Seq: 7, Chain: hashOf("chain 7")}},
		{Type: syncengine.Revoke, Target: target},
		{Type: syncengine.Refuse, Target: target},
		{Type: syncengine.Void, Target: target},
		{Type: syncengine.Release, Target: target},
		{Type: syncengine.Redact, Target: target, Paths: []syncengine.Path{"/note", "/notes/u-7f3a"}},
		{Type: syncengine.Publish, Version: syncengine.VersionID{Hash: hashOf("cleanliness 1")}, Lineage: "cleanliness"},
		{Type: syncengine.Untimed, Target: target},
		*Certify(keyOf("root"), ledgerOf(t), PublicKeyOf(publicOf("authority 2")), 2, replicaOf("authority"), syncengine.Head{Seq: 20, Chain: hashOf("chain 20")}),
	}
}

// genesisVectors are certificates of first authority keys, and some that do not verify.
func genesisVectors() vectors[genesisVector] {
	out := vectors[genesisVector]{Description: "Section 3.5. What geneses fix, for a reader who is enrolled with a root key: certified by it, or not."}
	certify := func(root, authority string) *syncengine.Genesis {
		return CertifyGenesis(keyOf(root), PublicKeyOf(publicOf(authority)))
	}
	add := func(r result, g *syncengine.Genesis) {
		out.Cases = append(out.Cases, genesisVector{r, PublicKeyOf(publicOf("root")).String(), string(appendGenesis(nil, g)), hex.EncodeToString(genesisMessage(g))})
	}
	forged := func(name string, certificate [64]byte) {
		add(refuse(name, CodeUnauthenticated), &syncengine.Genesis{Root: publicOf("root"), Authority: publicOf("thief"), Certificate: certificate})
	}
	add(accept("certified by the root", ""), certify("root", "authority"))
	add(refuse("another root", CodeUnauthenticated), certify("another root", "authority"))
	forged("not certified", [64]byte{})
	forged("certified by its own key", certify("thief", "thief").Certificate)
	forged("certified for another authority key", certify("root", "authority").Certificate)
	forged("certified as an incarnation", Certify(keyOf("root"), syncengine.LedgerID{Hash: hashOf("ledger")}, PublicKeyOf(publicOf("thief")), 2, replicaOf("authority"), syncengine.Head{}).Certificate)
	return out
}

// incarnationVectors are certificates of incarnations, and some that do not verify.
func incarnationVectors(t testing.TB) vectors[incarnationVector] {
	ledger, head := ledgerOf(t), syncengine.Head{Seq: 20, Chain: hashOf("chain 20")}
	out := vectors[incarnationVector]{Description: "Section 3.6. Rulings that open an incarnation of the authority, whose certificate the root key signed, or not."}
	add := func(r result, ruling *syncengine.Ruling) {
		out.Cases = append(out.Cases, incarnationVector{
			r, ledger.String(), PublicKeyOf(publicOf("root")).String(), string(appendRuling(nil, ruling, "")), hex.EncodeToString(incarnationMessage(ledger, ruling)),
		})
	}
	certify := func(root string, ledger syncengine.LedgerID) *syncengine.Ruling {
		return Certify(keyOf(root), ledger, PublicKeyOf(publicOf("authority 2")), 2, replicaOf("authority"), head)
	}
	add(accept("second incarnation", ""), certify("root", ledger))
	add(refuse("certified by another root", CodeUnknownReplica), certify("authority", ledger))
	add(refuse("certified for another ledger", CodeUnknownReplica), certify("root", syncengine.LedgerID{Hash: hashOf("elsewhere")}))
	other := certify("root", ledger)
	other.Incarnation = 3
	add(refuse("another number than the certified one", CodeUnknownReplica), other)
	other = certify("root", ledger)
	other.Head.Seq++
	add(refuse("another head than the certified one", CodeUnknownReplica), other)
	return out
}

func rulingVectors(t testing.TB) vectors[lineVector] {
	ledger := ledgerOf(t)
	out := vectors[lineVector]{Description: "Section 3.6. Lines as in lines.json: every type of ruling."}
	names := map[int]string{1: " of a successor, who may write nothing", 3: " that lets nothing stand"}
	for i, r := range everyRuling(t) {
		h := rulingHeader(t, r)
		if r.Type == syncengine.Publish {
			h.Writes = []syncengine.Write{{Path: syncengine.ContentPath, Value: `{"title":"Propreté","type":"object"}`}}
		}
		name := string(r.Type) + names[i]
		out.Cases = append(out.Cases, lineCase(name, "", ledger, mustLine(t, h, name)))
	}
	void := string(AppendLine(nil, mustLine(t, rulingHeader(t, syncengine.Ruling{Type: syncengine.Void, Target: changeOf("target")}), "void")))
	unknown := strings.Replace(void, `"type":"void"`, `"type":"transfer","when":[1,2]`, 1)
	l, err := DecodeLine([]byte(unknown), ledger)
	if err != nil {
		t.Fatal(err)
	}
	out.Cases = append(out.Cases, lineCase("unknown type", "kept without effect", ledger, l))

	no := func(name, line string) {
		if line == void {
			t.Fatalf("%s: the line is not changed", name)
		}
		out.Cases = append(out.Cases, lineVector{result: refuse(name, CodeMalformed), Ledger: ledger.String(), Line: text(line)})
	}
	target := `"target":"` + changeOf("target").String() + `"`
	swap := func(old, now string) string { return strings.Replace(void, old, now, 1) }
	no("no target", swap(target+`,`, ``))
	no("no type", swap(target+`,"type":"void"`, target))
	no("unknown member of a known type", swap(`"type":"void"`, `"type":"void","when":1`))
	no("redact of no path", swap(`{`+target+`,"type":"void"`, `{"paths":[],`+target+`,"type":"redact"`))
	no("redact with paths descending", swap(`{`+target+`,"type":"void"`, `{"paths":["/b","/a"],`+target+`,"type":"redact"`))
	no("cut at sequence 0 with a chain", swap(`{`+target+`,"type":"void"`, `{"cut":[0,"`+hashOf("chain 7").String()+`"],`+target+`,"type":"revoke"`))
	no("ruling with a checklist", swap(`"format"`, `"checklist":"`+hashOf("cleanliness 1").String()+`","format"`))
	no("publish of a lineage with a slash", swap(target+`,"type":"void"`, `"lineage":"a/b","type":"publish","version":"`+hashOf("v").String()+`"`))
	succeed := string(AppendLine(nil, mustLine(t, rulingHeader(t, *Certify(
		keyOf("root"), ledger, PublicKeyOf(publicOf("authority 2")), 2, replicaOf("authority"), syncengine.Head{Seq: 20, Chain: hashOf("chain 20")})), "succeed")))
	no("incarnation 1 opened anew", strings.Replace(succeed, `"incarnation":2`, `"incarnation":1`, 1))
	no("incarnation that follows nothing", strings.Replace(succeed, `",20,"`, `",0,"`, 1))
	grant := string(AppendLine(nil, mustLine(t, rulingHeader(t, everyRuling(t)[0]), "grant")))
	no("grant of a replica that is not the hash of its key", strings.Replace(grant, replicaOf("tablet").String(), replicaOf("auditor").String(), 1))
	no("grant with kinds descending", strings.Replace(grant, `"finding","observation"`, `"observation","finding"`, 1))
	return out
}

func formVectors(t testing.TB) vectors[formVector] {
	ledger := ledgerOf(t)
	out := vectors[formVector]{Description: "Section 3.3 and 3.4. A line without the values at redact, or without any (strip), or completed from another (fill), " +
		"is want; the id stays."}
	whole := mustLine(t, elementHeader(t), "element")
	paths := allPaths(whole)
	first, rest := whole.Redact(paths[:2]), whole.Redact(paths[2:])
	line := func(l *Line) string { return string(AppendLine(nil, l)) }
	id := whole.Change.ID.String()
	redact := func(name string, l *Line, paths ...syncengine.Path) {
		var names []string
		for _, p := range paths {
			names = append(names, string(p))
		}
		out.Cases = append(out.Cases, formVector{
			result: accept(name, ""), Ledger: ledger.String(), Line: line(l), Redact: names, Want: line(l.Redact(paths)), ID: id,
		})
	}
	fill := func(name string, l, other *Line) {
		want, err := l.Fill(other)
		if err != nil {
			t.Fatal(err)
		}
		out.Cases = append(out.Cases, formVector{
			result: accept(name, ""), Ledger: ledger.String(), Line: line(l), Fill: line(other), Want: line(want), ID: id,
		})
	}
	redact("redact one value of a whole line", whole, "/location")
	redact("redact two of a partial line", first, "/location", "/source/police/")
	redact("redact what is not held", first, paths[0])
	redact("redact a path that is not written", whole, "/other")
	redact("redact in a bare line", whole.Strip(), "/location")
	for _, l := range []*Line{whole, first, whole.Strip()} {
		out.Cases = append(out.Cases, formVector{
			result: accept("strip a "+l.Form.name()+" line", ""), Ledger: ledger.String(), Line: line(l), Strip: true, Want: line(l.Strip()), ID: id,
		})
	}
	fill("fill a bare line from a whole one", whole.Strip(), whole)
	fill("fill a bare line from a partial one", whole.Strip(), first)
	fill("fill a partial line from a whole one", rest, whole)
	fill("fill a partial line from a bare one", rest, whole.Strip())
	fill("fill a partial line from one that holds the others", rest, first)
	out.Cases = append(out.Cases, formVector{
		result: refuse("fill from a line of another change", CodeInvalid), Ledger: ledger.String(), Line: line(whole.Strip()),
		Fill: line(mustLine(t, observationHeader(t), "observation")), ID: id,
	})
	return out
}
