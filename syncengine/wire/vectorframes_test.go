package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
)

func chainVectors(t testing.TB) vectors[chainVector] {
	out := vectors[chainVector]{Description: "Section 4. Replica, chain and signed head of a log; seed is that of the Ed25519 key (RFC 8032), in hexadecimal."}
	ledger := ledgerOf(t)
	for _, c := range []struct {
		name, key string
		ids       []syncengine.ChangeID
	}{
		{"log of the authority, genesis only", "authority", []syncengine.ChangeID{genesisLine(t).Change.ID}},
		{"log of a tablet", "tablet", []syncengine.ChangeID{changeOf("a"), changeOf("b"), changeOf("c")}},
	} {
		s := seed("key " + c.key)
		chain := ChainStart(ledger, replicaOf(c.key))
		v := chainVector{
			result: accept(c.name, ""), Ledger: ledger.String(), Seed: hex.EncodeToString(s[:]),
			PublicKey: PublicKeyOf(publicOf(c.key)).String(), Replica: replicaOf(c.key).String(), Chains: []string{chain.String()},
		}
		for _, id := range c.ids {
			chain = ChainNext(chain, id)
			v.IDs, v.Chains = append(v.IDs, id.String()), append(v.Chains, chain.String())
		}
		head := syncengine.Head{Seq: uint64(len(c.ids)), Chain: chain}
		v.Message = hex.EncodeToString(HeadMessage(ledger, replicaOf(c.key), head))
		v.Head = SignHead(keyOf(c.key), ledger, head).String()
		out.Cases = append(out.Cases, v)
	}
	return out
}

// shortRuns is a log of a tablet in two runs of two lines.
func shortRuns(t testing.TB) (all []*Run, chains []syncengine.Hash) {
	t.Helper()
	tab, ledger, replica := newTablet(t, "short"), ledgerOf(t), replicaOf("tablet")
	chains = []syncengine.Hash{ChainStart(ledger, replica)}
	for range 2 {
		r := &Run{Ledger: ledger, Replica: replica, First: uint64(len(chains))}
		for range 2 {
			l := tab.observation()
			chains = append(chains, ChainNext(chains[len(chains)-1], l.Change.ID))
			r.Lines = append(r.Lines, AppendLine(nil, l))
		}
		r.Head = SignHead(keyOf("tablet"), ledger, syncengine.Head{Seq: r.Last(), Chain: chains[len(chains)-1]})
		all = append(all, r)
	}
	return all, chains
}

func runVectors(t testing.TB) vectors[runVector] {
	out := vectors[runVector]{Description: "Section 4. A run whose first line follows previous verifies with publickey and leads to chains, or is refused with code."}
	all, chains := shortRuns(t)
	key := PublicKeyOf(publicOf("tablet")).String()
	for i, name := range []string{"from line 1", "from line 3"} {
		out.Cases = append(out.Cases, runVector{
			accept(name, ""), key, chains[2*i].String(), string(AppendFrame(nil, all[i])),
			[]string{chains[2*i+1].String(), chains[2*i+2].String()},
		})
	}
	no := func(name string, code Code, previous syncengine.Hash, key, frame string) {
		out.Cases = append(out.Cases, runVector{result: refuse(name, code), PublicKey: key, Previous: previous.String(), Frame: frame})
	}
	frame := string(AppendFrame(nil, all[1]))
	no("after another chain", CodeBadHead, chains[1], key, frame)
	no("key of another replica", CodeUnknownReplica, chains[2], PublicKeyOf(publicOf("authority")).String(), frame)
	no("value changed", CodeBadHead, chains[2], key, strings.Replace(frame, `"/tags/rating":`, `"/tags/rating":1`, 1))
	no("head of another run", CodeBadHead, chains[2], key, strings.Replace(frame, all[1].Head.String(), all[0].Head.String(), 1))
	no("relabelled to another ledger", CodeBadHead, chains[2], key, strings.ReplaceAll(frame, ledgerOf(t).String(), hashOf("another ledger").String()))
	no("relabelled to another sequence", CodeBadHead, chains[2], key, strings.Replace(frame, `"first":3`, `"first":4`, 1))
	no("a line is malformed", CodeMalformed, chains[2], key, strings.Replace(frame, `"kind":"observation"`, `"kind":"Observation"`, 1))
	stripped := *all[1]
	l, err := all[1].DecodeLine(0)
	if err != nil {
		t.Fatal(err)
	}
	stripped.Lines = [][]byte{AppendLine(nil, l.Strip()), all[1].Lines[1]}
	out.Cases = append(out.Cases, runVector{
		accept("a line is stripped", "the head verifies; what lacks values is the receiver's to see (section 5.3)"), key,
		chains[2].String(), string(AppendFrame(nil, &stripped)),
		[]string{chains[3].String(), chains[4].String()},
	})
	return out
}

func frameVectors(t testing.TB) vectors[frameVector] {
	out := vectors[frameVector]{Description: "Section 5.1. Frames, without the line feed, that are accepted or refused with code. " +
		"The lines inside are judged by themselves (lines.json)."}
	for _, f := range someFrames(t) {
		out.Cases = append(out.Cases, frameVector{accept(f.Type(), ""), text(string(AppendFrame(nil, f))), f.Type()})
	}
	no := func(name string, code Code, in input) {
		out.Cases = append(out.Cases, frameVector{result: refuse(name, code), Frame: in})
	}
	h, r := ledgerOf(t).String(), replicaOf("tablet").String()
	no("nothing", CodeMalformed, text(``))
	no("no object", CodeMalformed, text(`["end"]`))
	no("no type", CodeMalformed, text(`{"more":true}`))
	no("type that is no string", CodeMalformed, text(`{"type":1}`))
	no("type that is empty", CodeMalformed, text(`{"type":""}`))
	no("type twice", CodeMalformed, text(`{"type":"end","type":"end"}`))
	no("unknown member", CodeMalformed, text(`{"less":true,"type":"end"}`))
	no("unknown member after the type", CodeMalformed, text(`{"type":"end","when":1}`))
	no("false written", CodeMalformed, text(`{"more":false,"type":"end"}`))
	no("white space", CodeMalformed, text(`{"type": "end"}`))
	no("members in the wrong order", CodeMalformed, text(`{"protocol":1,"full":true,"type":"hello"}`))
	no("hello with base but no digest", CodeMalformed, text(`{"base":"b","protocol":1,"type":"hello"}`))
	no("hello with base and full", CodeMalformed, text(`{"base":"b","digest":"AAAAAAAAAAAAAAAAAAAAAA","full":true,"protocol":1,"type":"hello"}`))
	no("hello with an empty base", CodeMalformed, text(`{"base":"","digest":"AAAAAAAAAAAAAAAAAAAAAA","protocol":1,"type":"hello"}`))
	no("hello of another protocol", CodeProtocolUnsupported, text(`{"novelty":{},"protocol":2,"type":"hello"}`))
	no("have with an empty list", CodeMalformed, text(`{"ledger":"`+h+`","logs":{"`+r+`":[]},"type":"have"}`))
	no("have at sequence 0", CodeMalformed, text(`{"ledger":"`+h+`","logs":{"`+r+`":[[0,"`+h+`"]]},"type":"have"}`))
	no("have with a replica that is no hash", CodeMalformed, text(`{"ledger":"`+h+`","logs":{"tablet":[[1,"`+h+`"]]},"type":"have"}`))
	no("have with branches twice", CodeMalformed, text(`{"ledger":"`+h+`","logs":{"`+r+`":[[1,"`+h+`"],[1,"`+h+`"]]},"type":"have"}`))
	no("ledger with another access", CodeMalformed, text(`{"access":"some","ledger":"`+h+`","type":"ledger"}`))
	no("ledger that is the zero hash", CodeMalformed, text(`{"access":"full","ledger":"`+strings.Repeat("A", 43)+`","type":"ledger"}`))
	no("ledger that is empty", CodeMalformed, text(`{"access":"full","ledger":"","type":"ledger"}`))
	no("problem whose code is no word", CodeMalformed, text(`{"code":"Unknown ledger","detail":"","type":"problem"}`))
	no("nonce of zeros", CodeMalformed, text(`{"nonce":"`+strings.Repeat("A", 43)+`","type":"nonce"}`))
	no("ledger that holds a carriage return", CodeMalformed, text(`{"access":"full","ledger":"`+strings.Repeat("B", 20)+"\r"+strings.Repeat("B", 21)+`A","type":"ledger"}`))
	no("announced at sequence 0", CodeMalformed, text(`{"ledger":"`+h+`","replica":"`+r+`","seen":1,"seq":0,"type":"announced"}`))
	photo := func(data string, offset, size int) input {
		return text(fmt.Sprintf(`{"data":"%s","hash":"%s","ledger":"%s","offset":%d,"size":%d,"type":"photo"}`, data, h, h, offset, size))
	}
	no("photo without data", CodeMalformed, photo("", 0, 1))
	no("photo whose data is not base64url", CodeMalformed, photo("_9g=", 0, 2))
	no("photo whose data holds a line feed", CodeMalformed, photo(`_9\ng`, 0, 2))
	no("photo whose piece lies outside", CodeMalformed, photo("_9g", 1, 2))
	no("photo of more than 8 MiB", CodeTooLarge, photo("_9g", 0, MaxPhotoBytes+1))
	no("photo in a piece of more than 256 KiB", CodeTooLarge, pieces(text(`{"data":"`), times("AAAA", MaxPhotoPiece/3+1), text(`","hash":"`+h+`","ledger":"`+h+`","offset":0,"size":1000000,"type":"photo"}`)))
	no("pair with proof and commitment", CodeMalformed, text(`{"commitment":"`+h+`","proof":"`+h+`","type":"pair"}`))
	no("pair with neither", CodeMalformed, text(`{"type":"pair"}`))
	no("no replica", CodeMalformed, text(`{"replicas":[],"type":"replicas"}`))
	no("ledgers that are not a multiple of 16", CodeMalformed, text(`{"names":["`+h+`"],"type":"ledgers"}`))
	no("ledgers not ascending", CodeMalformed, text(`{"names":[`+strings.Repeat(`"`+h+`",`, PeerLedgersStep-1)+`"`+h+`"],"type":"ledgers"}`))
	photos := func(list string) input { return text(`{"ledger":"` + h + `","photos":[` + list + `],"type":"photos"}`) }
	no("photos without one", CodeMalformed, photos(""))
	no("photos that hold more than there is", CodeMalformed, photos(`{"hash":"`+h+`","held":3,"size":2}`))
	no("photos of no bytes", CodeMalformed, photos(`{"hash":"`+h+`","held":0,"size":0}`))
	no("photos twice", CodeMalformed, photos(`{"hash":"`+h+`","held":0,"size":2},{"hash":"`+h+`","held":0,"size":2}`))
	no("photos of more than 8 MiB", CodeTooLarge, photos(`{"hash":"`+h+`","held":0,"size":`+fmt.Sprint(MaxPhotoBytes+1)+`}`))
	no("not UTF-8", CodeMalformed, input{Hex: hex.EncodeToString([]byte("{\"base\":\"\xff\",\"type\":\"mark\"}"))})

	all, _ := shortRuns(t)
	frame := string(AppendFrame(nil, all[0]))
	head, lines, _ := strings.Cut(frame, `"lines":[`)
	_, tail, _ := strings.Cut(lines, `],"replica"`)
	run := func(in ...input) input {
		return pieces(append(append([]input{text(head + `"lines":[`)}, in...), text(`],"replica"`+tail))...)
	}
	no("run of no line", CodeMalformed, run())
	no("run whose line is no object", CodeMalformed, run(text(`1`)))
	no("run whose line does not end", CodeMalformed, text(head+`"lines":[{"a":1`))
	no("run from line 0", CodeMalformed, text(strings.Replace(frame, `"first":1`, `"first":0`, 1)))
	no("run beyond the last sequence", CodeMalformed, pieces(text(strings.Replace(head, `"first":1`, `"first":999999999999999`, 1)+`"lines":[{},{}],"replica"`+tail)))
	no("run of 65 lines", CodeTooLarge, run(times(`{},`, 64), text(`{}`)))
	no("run of two lines and more than 16 KiB", CodeTooLarge, run(text(`{"a":"`), times("x", MaxRunBytes), text(`"},{}`)))
	no("run nested deeper than 32", CodeTooDeep, run(nested(`{"a":`, "1", "}", 31)))
	no("unknown type nested deeper than 32", CodeTooDeep, pieces(text(`{"a":`), nested("[", "", "]", 32), text(`,"type":"novelty"}`)))
	long := func(size int) input {
		begin, end := `{"a":["`, `"],"type":"novelty"}`
		rest := size - len(begin) - len(end)
		return pieces(text(begin), times(`x","`, rest/4), times("x", rest%4), text(end))
	}
	out.Cases = append(out.Cases, frameVector{accept("novelty", "2 MiB, the line feed not counted"), long(MaxFrameBytes), "novelty"})
	no("frame of more than 2 MiB", CodeTooLarge, long(MaxFrameBytes+1))
	return out
}

// bodyOf compresses frames, and gives their texts.
func bodyOf(t testing.TB, frames ...Frame) (body []byte, texts []string) {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out)
	for _, f := range frames {
		if err := w.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(AppendFrame(nil, f)))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), texts
}

// zstd by hand (RFC 8878): a frame header with the window of 2^log bytes, and blocks that are stored or repeat one byte.
func zstdHeader(log byte) input {
	return input{Hex: hex.EncodeToString([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3})}
}

func zstdBlock(kind, size int, last bool) []byte {
	v := uint32(size)<<3 | uint32(kind)<<1 //nolint:gosec // small
	if last {
		v |= 1
	}
	return binary.LittleEndian.AppendUint32(nil, v)[:3]
}

func zstdStored(s string, last bool) input {
	return input{Hex: hex.EncodeToString(append(zstdBlock(0, len(s), last), s...))}
}

func zstdRepeat(b byte, n, times int) input {
	return input{Hex: hex.EncodeToString(append(zstdBlock(1, n, false), b)), Times: times}
}

func bodyVectors(t testing.TB) vectors[bodyVector] {
	out := vectors[bodyVector]{Description: "Section 5. Complete bodies: the frames that are read, those that are refused by themselves, and the code with which reading ends where it isn't after an end frame. " +
		"There is more than one way to compress the same frames."}
	add := func(r result, body input, frames []string, refused ...frameError) {
		out.Cases = append(out.Cases, bodyVector{r, body, append([]string{}, frames...), refused})
	}
	hexOf := func(b []byte) input { return input{Hex: hex.EncodeToString(b)} }
	all, chains := shortRuns(t)
	ledger, replica, authority := ledgerOf(t), replicaOf("tablet"), replicaOf("authority")
	var digest Digest
	digest.Toggle(ledger, authority, syncengine.Head{Seq: 1, Chain: hashOf("chain 1")})

	request, texts := bodyOf(t, &Hello{Base: "b1", Digest: digest}, all[0], all[1], &End{})
	add(accept("request that pushes two runs", ""), hexOf(request), texts)
	b, texts2 := bodyOf(t, &Hello{Full: true}, &Have{Ledger: ledger, Logs: map[syncengine.ReplicaID][]syncengine.Head{
		authority: {{Seq: 1, Chain: hashOf("chain 1")}}, replica: {{Seq: 4, Chain: chains[4]}},
	}}, &Want{Ledger: ledger, Changes: []syncengine.ChangeID{changeOf("a")}}, &End{})
	add(accept("request for everything", ""), hexOf(b), texts2)
	b, texts2 = bodyOf(t, &Hello{}, &End{})
	add(accept("answer with nothing new", ""), hexOf(b), texts2)

	receipt := &Receipt{
		Ledger: ledger, Replica: replica, Head: syncengine.Head{Seq: 4, Chain: chains[4]},
		At: syncengine.AuthorityPoint{Replica: authority, Seq: 2}, Backup: 2, PhotosMissing: 1,
	}
	receipt.Sign(keyOf("authority"))
	b, texts2 = bodyOf(t, &Hello{}, &LedgerAccess{Ledger: ledger, Access: AccessFull},
		runs(t, "authority", ledger, []*Line{genesisLine(t), mustLine(t, rulingHeader(t, everyRuling(t)[0]), "grant")})[0],
		&Have{Ledger: ledger, Logs: map[syncengine.ReplicaID][]syncengine.Head{replica: {{Seq: 4, Chain: chains[4]}}}},
		&Remark{Code: CodeUntimed, Detail: "the clock was a day ahead", Ledger: ledger, Replica: replica, First: 3, Change: changeOf("a")},
		receipt, &Mark{Base: "b2"}, &End{})
	add(accept("answer", ""), hexOf(b), texts2)
	b, texts2 = bodyOf(t, &Hello{}, &Resend{}, &End{})
	add(accept("answer to an unknown base", ""), hexOf(b), texts2)
	b, texts2 = bodyOf(t, &Hello{}, &UnknownFrame{Name: "novelty", Data: []byte(`{"novelty":{"a":[1]},"type":"novelty"}`)}, &End{})
	add(accept("frame of an unknown type", "it is skipped"), hexOf(b), texts2)

	add(refuse("nothing", CodeTruncated), input{}, nil)
	add(refuse("cut in the second run", CodeTruncated), hexOf(request[:len(request)*3/4]), texts[:2])
	b, texts2 = bodyOf(t, &Hello{}, &Resend{})
	add(refuse("complete compression without an end frame", CodeTruncated), hexOf(b), texts2)
	end := `{"type":"end"}`
	stored := func(bad string) input { return pieces(zstdHeader(20), zstdStored(bad+"\n"+end+"\n", true)) }
	add(accept("stored without compression", ""), stored(texts2[0]), []string{texts2[0], end})
	add(accept("end frame before the compression ends", "what follows is not read"), pieces(zstdHeader(20), zstdStored(end+"\n", false)), []string{end})
	add(accept("malformed frame between good ones", ""), stored(texts2[0]+"\n{\"type\":\"mark\"}"), []string{texts2[0], end}, frameError{2, CodeMalformed})
	add(accept("empty frame", ""), stored(""), []string{end}, frameError{1, CodeMalformed})
	add(accept("key twice", ""), stored(`{"base":"a","base":"a","type":"mark"}`), []string{end}, frameError{1, CodeMalformed})
	add(accept("invalid UTF-8", ""), stored("{\"base\":\"\xff\",\"type\":\"mark\"}"), []string{end}, frameError{1, CodeMalformed})
	add(accept("not in normalisation form C", ""), stored("{\"base\":\"e\u0301\",\"type\":\"mark\"}"), []string{end}, frameError{1, CodeMalformed})
	add(accept("nested too deeply", ""), stored(`{"a":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`,"type":"novelty"}`), []string{end}, frameError{1, CodeTooDeep})
	add(accept("another protocol", ""), stored(`{"protocol":2,"type":"hello"}`), []string{end}, frameError{1, CodeProtocolUnsupported})
	add(accept("frame over 2 MiB", ""), pieces(zstdHeader(20), zstdRepeat('x', 128<<10, 17), zstdStored("\n"+end+"\n", true)), []string{end}, frameError{1, CodeTooLarge})
	add(refuse("end frame without a line feed", CodeTruncated), pieces(zstdHeader(20), zstdStored(end, true)), nil)
	add(refuse("bomb", CodeBomb), pieces(zstdHeader(20), zstdStored(end[:3], false), zstdRepeat('x', 128<<10, 1025)), nil)
	add(refuse("window of 2 MiB", CodeBomb), pieces(zstdHeader(21), zstdStored(end+"\n", true)), nil)
	add(refuse("no compression", CodeMalformed), text(end+"\n"), nil)
	add(refuse("reserved block", CodeMalformed), pieces(zstdHeader(20), zstdStored(texts2[0]+"\n", false), input{Hex: "ffffff"}), []string{texts2[0]})
	return out
}

func receiptVectors(t testing.TB) vectors[receiptVector] {
	out := vectors[receiptVector]{Description: "Section 5.4. Receipts that verify with the authority's key, or don't (code). Message is what is signed, in hexadecimal."}
	r := &Receipt{
		Ledger: ledgerOf(t), Replica: replicaOf("tablet"), Head: syncengine.Head{Seq: 7, Chain: hashOf("chain 7")},
		At: syncengine.AuthorityPoint{Replica: replicaOf("authority"), Seq: 12},
	}
	key := PublicKeyOf(publicOf("authority")).String()
	for _, c := range []struct {
		name                     string
		backup, missing, unsaved uint64
	}{{"no backup", 0, 0, 0}, {"photos not all there", 0, 1, 3}, {"backup", 5, 0, 2}} {
		r.Backup, r.PhotosMissing, r.PhotosUnsaved = c.backup, c.missing, c.unsaved
		r.Sign(keyOf("authority"))
		out.Cases = append(out.Cases, receiptVector{accept(c.name, ""), key, string(AppendFrame(nil, r)), hex.EncodeToString(r.message())})
	}
	frame := string(AppendFrame(nil, r))
	no := func(name string, code Code, key, frame string) {
		out.Cases = append(out.Cases, receiptVector{result: refuse(name, code), Authority: key, Frame: frame})
	}
	no("more backed up than was signed", CodeUnauthenticated, key, strings.Replace(frame, `"backup":5`, `"backup":7`, 1))
	no("fewer photos unsaved than was signed", CodeUnauthenticated, key, strings.Replace(frame, `"photos_unsaved":2`, `"photos_unsaved":0`, 1))
	no("photos not counted", CodeMalformed, key, strings.Replace(frame, `"photos_missing":0,"photos_unsaved":2,`, "", 1))
	no("key of another", CodeUnauthenticated, PublicKeyOf(publicOf("tablet")).String(), frame)
	no("sequence 0", CodeMalformed, key, strings.Replace(frame, `"seq":7`, `"seq":0`, 1))
	no("another frame", CodeMalformed, key, `{"type":"end"}`)
	return out
}

func photoVectors(t testing.TB) vectors[photoVector] {
	out := vectors[photoVector]{Description: "Section 7.4. Questions about photos, their answers, and receipts of photos that verify with the authority's key, or don't (code). " +
		"Message is what is signed, in hexadecimal."}
	key := PublicKeyOf(publicOf("authority")).String()
	name := PhotoName{Ledger: ledgerOf(t), Hash: hashOf("photo")}
	r := &PhotoReceipt{PhotoName: name, Size: 482113}
	for _, c := range []struct {
		name   string
		backed bool
	}{{"held", false}, {"backed up", true}} {
		r.BackedUp = c.backed
		r.Sign(keyOf("authority"))
		out.Cases = append(out.Cases, photoVector{accept(c.name, ""), "receipt", string(r.Append(nil)), key, hex.EncodeToString(r.message())})
	}
	body := string(r.Append(nil))
	add := func(r result, kind, body string) { out.Cases = append(out.Cases, photoVector{r, kind, body, "", ""}) }
	no := func(name string, code Code, key, body string) {
		out.Cases = append(out.Cases, photoVector{refuse(name, code), "receipt", body, key, ""})
	}
	no("another size than was signed", CodeUnauthenticated, key, strings.Replace(body, `"size":482113`, `"size":482114`, 1))
	no("key of another", CodeUnauthenticated, PublicKeyOf(publicOf("tablet")).String(), body)
	no("backed_up that is no boolean", CodeMalformed, key, strings.Replace(body, `"backed_up":true`, `"backed_up":1`, 1))
	no("size 0", CodeMalformed, key, strings.Replace(body, `"size":482113`, `"size":0`, 1))

	other := PhotoName{Ledger: name.Ledger, Hash: hashOf("another photo")}
	question := string(AppendPhotoQuery(nil, []PhotoName{name, other}))
	add(accept("question", ""), "query", question)
	add(accept("question about none", ""), "query", string(AppendPhotoQuery(nil, nil)))
	add(refuse("question with an unknown member", CodeMalformed), "query", strings.Replace(question, `"photos"`, `"fotos"`, 1))
	add(refuse("question about more than 500", CodeTooLarge), "query", string(AppendPhotoQuery(nil, slices.Repeat([]PhotoName{name}, MaxPhotosAsked+1))))

	answer := string(AppendPhotoAnswer(nil, []PhotoStatus{
		{PhotoName: name, State: PhotoBackedUp, Receipt: r},
		{PhotoName: other, State: PhotoMissing, Offset: 65536},
		{PhotoName: PhotoName{Ledger: name.Ledger, Hash: hashOf("erased photo")}, State: PhotoBarred},
		{PhotoName: PhotoName{Ledger: syncengine.LedgerID{Hash: hashOf("no ledger")}, Hash: name.Hash}, State: PhotoUnknownLedger},
	}))
	add(accept("answer", ""), "answer", answer)
	add(refuse("answer without an offset", CodeMalformed), "answer", strings.Replace(answer, `"offset":65536,`, "", 1))
	add(refuse("answer with an unknown state", CodeMalformed), "answer", strings.Replace(answer, `"barred"`, `"lost"`, 1))
	add(refuse("answer with the receipt of another photo", CodeMalformed), "answer", strings.Replace(answer, name.Hash.String(), other.Hash.String(), 1))
	return out
}

func requestVectors() vectors[requestVector] {
	out := vectors[requestVector]{Description: "Section 7.1. Authorization headers that verify with publickey for method and target, or don't (code)."}
	key := PublicKeyOf(publicOf("tablet")).String()
	sync, query := SignRequest(keyOf("tablet"), "POST", "/v1/sync", "c-1.a_b~c"), SignRequest(keyOf("tablet"), "GET", "/v1/blobs?offset=12", "c")
	add := func(r result, key, method, target, header string) {
		out.Cases = append(out.Cases, requestVector{r, key, method, target, header})
	}
	no := func(name, key, method, target, header string) {
		add(refuse(name, CodeUnauthenticated), key, method, target, header)
	}
	header := sync.String()
	add(accept("sync", ""), key, "POST", "/v1/sync", header)
	add(accept("target with a query", ""), key, "GET", "/v1/blobs?offset=12", query.String())
	no("another query", key, "GET", "/v1/blobs?offset=13", query.String())
	no("another method", key, "PUT", "/v1/sync", header)
	no("another target", key, "POST", "/v1/synch", header)
	no("another challenge", key, "POST", "/v1/sync", strings.Replace(header, "c-1.", "c-2.", 1))
	no("key of another", PublicKeyOf(publicOf("authority")).String(), "POST", "/v1/sync", header)
	no("another scheme", key, "POST", "/v1/sync", strings.Replace(header, "Arpenteur", "Bearer", 1))
	no("signature missing", key, "POST", "/v1/sync", header[:strings.LastIndexByte(header, ' ')])
	no("two spaces", key, "POST", "/v1/sync", strings.Replace(header, " ", "  ", 1))
	no("replica that is no hash", key, "POST", "/v1/sync", strings.Replace(header, "Arpenteur ", "Arpenteur x", 1))
	no("challenge with a comma", key, "POST", "/v1/sync", strings.Replace(header, "c-1.", "c-1,", 1))
	return out
}

func digestVectors(t testing.TB) vectors[digestVector] {
	out := vectors[digestVector]{Description: "Section 5.2. The XOR over the entries of the remote vectors."}
	ledger := ledgerOf(t)
	entry := func(ledger syncengine.LedgerID, replica string, seq uint64, chain string) digestEntry {
		return digestEntry{ledger.String(), replicaOf(replica).String(), seq, hashOf(chain).String()}
	}
	one := entry(ledger, "authority", 12, "chain 12")
	two, three := entry(ledger, "tablet", 7, "chain 7"), entry(syncengine.LedgerID{Hash: hashOf("another ledger")}, "tablet", 1<<40, "chain 1")
	entries := []digestEntry{one, two, three}
	for n, name := range []string{"no entry", "one entry", "two entries", "two ledgers"} {
		var d Digest
		for _, e := range entries[:n] {
			d.Toggle(parseLedger(t, e.Ledger), parseReplica(t, e.Replica), syncengine.Head{Seq: e.Sequence, Chain: parseHash(t, e.Chain)})
		}
		out.Cases = append(out.Cases, digestVector{accept(name, ""), append([]digestEntry{}, entries[:n]...), d.String()})
	}
	return out
}

func ticketVectors() vectors[ticketVector] {
	out := vectors[ticketVector]{Description: "Section 7.2. The text of tickets, or the code with which they are refused."}
	good := &Ticket{Code: "K7QM-2XPD-9RTB", Root: PublicKeyOf(publicOf("root")), Server: "https://arpenteur.example/été"}
	out.Cases = append(out.Cases, ticketVector{accept("ticket", ""), good.String(), good.Code, good.Root.String(), good.Server})
	no := func(name, ticket string) {
		out.Cases = append(out.Cases, ticketVector{result: refuse(name, CodeInvalid), Ticket: ticket})
	}
	of := func(body string) string { return ticketPrefix + textEncoding.EncodeToString([]byte(body)) }
	root := good.Root.String()
	no("another version", strings.Replace(good.String(), ":1:", ":2:", 1))
	no("cut", good.String()[:40])
	no("an address", "https://arpenteur.example/")
	no("member missing", of(`{"code":"K","root":"`+root+`"}`))
	no("unknown member", of(`{"code":"K","root":"`+root+`","server":"s","z":1}`))
	no("white space", of(`{"code":"K", "root":"`+root+`","server":"s"}`))
	no("empty code", of(`{"code":"","root":"`+root+`","server":"s"}`))
	no("root of 31 bytes", of(`{"code":"K","root":"`+root[:42]+`","server":"s"}`))
	return out
}

func proofVectors() vectors[proofVector] {
	out := vectors[proofVector]{Description: "Sections 7.2 and 7.3. Bodies of enrolments and successions whose proof verifies, or not (code)."}
	enrolment := NewEnrolment(keyOf("tablet"), "K7QM-2XPD-9RTB", "Tablette 4")
	succession := NewSuccession(keyOf("successor"), replicaOf("tablet"))
	e, s := string(enrolment.Append(nil)), string(succession.Append(nil))
	old := replicaOf("tablet").String()
	out.Cases = []proofVector{
		{accept("enrolment", ""), "enrolment", e, ""},
		{
			accept("enrolment with white space and members in another order", "HTTP bodies need not be canonical"), "enrolment",
			"{\n  \"proof\": \"" + enrolment.Proof.String() + "\",\n  \"name\": \"Tablette 4\", \"key\": \"" + enrolment.Key.String() +
				"\", \"code\": \"K7QM-2XPD-9RTB\"\n}", "",
		},
		{refuse("enrolment with another code", CodeUnauthenticated), "enrolment", strings.Replace(e, "K7QM", "K7QN", 1), ""},
		{refuse("enrolment with a key twice", CodeMalformed), "enrolment", strings.Replace(e, `{"code"`, `{"code":"K","code"`, 1), ""},
		{refuse("enrolment with an unknown member", CodeMalformed), "enrolment", strings.Replace(e, `"name"`, `"nam":1,"name"`, 1), ""},
		{refuse("enrolment without a name", CodeInvalid), "enrolment", strings.Replace(e, `Tablette 4`, ``, 1), ""},
		{accept("succession", ""), "succession", s, old},
		{refuse("succession of another replica", CodeUnauthenticated), "succession", s, replicaOf("auditor").String()},
		{refuse("succession without a proof", CodeMalformed), "succession", s[:strings.Index(s, `,"proof"`)] + "}", old},
	}
	return out
}

func peerVectors(t testing.TB) vectors[peerVector] {
	out := vectors[peerVector]{Description: "Section 9. What two tablets compute from the exporter value of their session (session) and their nonces: the guest's proof for the secret of a pairing text, " +
		"its commitment, the digits, the name of a ledger on either side, and what a replica signs (hexadecimal) with its proof."}
	session, host, guest := hashOf("session"), hashOf("nonce of the host"), hashOf("nonce of the guest")
	p := &Pairing{Addresses: []string{"192.168.1.7:41234", "[fe80::1%wlan0]:41234"}, Key: hashOf("certificate")}
	copy(p.Secret[:], session[:])
	v := peerVector{
		result: accept("a session", ""), Session: session.String(), Pairing: p.String(), Addresses: p.Addresses, Key: p.Key.String(), Proof: p.Proof(session).String(),
		HostNonce: host.String(), GuestNonce: guest.String(), Commitment: NonceCommitment(session, guest).String(), Digits: PeerDigits(session, host, guest),
		Ledger: ledgerOf(t).String(), HostName: PeerLedgerName(PeerHost, session, ledgerOf(t)).String(), GuestName: PeerLedgerName(PeerGuest, session, ledgerOf(t)).String(),
		ReplicaKey: PublicKeyOf(publicOf("tablet")).String(), Message: hex.EncodeToString(peerReplicaMessage(PeerGuest, session)),
		ReplicaProof: ProveReplica(keyOf("tablet"), PeerGuest, session).Proof.String(),
	}
	out.Cases = append(out.Cases, v)
	no := func(name, pairing string) {
		out.Cases = append(out.Cases, peerVector{result: refuse(name, CodeInvalid), Pairing: pairing})
	}
	of := func(body string) string { return pairingPrefix + textEncoding.EncodeToString([]byte(body)) }
	no("pairing of another version", strings.Replace(p.String(), ":1:", ":2:", 1))
	no("pairing that is cut", p.String()[:60])
	no("an address alone", "192.168.1.7:41234")
	no("pairing without an address", of(`{"addresses":[],"key":"`+p.Key.String()+`","secret":"AAAAAAAAAAAAAAAAAAAAAA"}`))
	no("pairing with an unknown member", of(`{"addresses":["a"],"key":"`+p.Key.String()+`","secret":"AAAAAAAAAAAAAAAAAAAAAA","z":1}`))
	no("secret of 15 bytes", of(`{"addresses":["a"],"key":"`+p.Key.String()+`","secret":"AAAAAAAAAAAAAAAAAAAA"}`))
	return out
}
