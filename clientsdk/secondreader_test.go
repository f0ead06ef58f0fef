package clientsdk_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/internal/secondreader"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

const otherName = "Another program"

// otherProgram is a colleague whose tablet runs another program: the second reader.
type otherProgram struct {
	t    *testing.T
	seed string // the file that holds it
	root string
}

// toldFile is what the second reader reads of a file.
type toldFile struct {
	Code    wire.Code
	Ledgers []toldLedger
}

type toldLedger struct {
	Ledger                           syncengine.LedgerID
	Lines, Receipts, Lacking, Photos int
	Refused                          []wire.Code
	Records                          []secondreader.Record
}

// otherProgram enrols a key as any program may.
func (w *world) otherProgram(t *testing.T) *otherProgram {
	t.Helper()
	ticket, err := wire.ParseTicket(w.ticket("c-other", "consultant"))
	if err != nil {
		t.Fatal(err)
	}
	seed := sha256.Sum256([]byte("the other program's key"))
	body := wire.NewEnrolment(ed25519.NewKeyFromSeed(seed[:]), ticket.Code, otherName).Append(nil)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.http.URL+"/v1/enrolments", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode >= 300 {
		t.Fatalf("enrolment: %s, %v", answer.Status, err)
	}
	s := &otherProgram{t: t, seed: filepath.Join(t.TempDir(), "seed"), root: ticket.Root.String()}
	if err := os.WriteFile(s.seed, []byte(hex.EncodeToString(seed[:])), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *otherProgram) reads(path string) toldFile {
	s.t.Helper()
	out, ok := secondreader.Run(s.t, "file", path, s.seed, s.root)
	if !ok {
		s.t.Fatal(out)
	}
	var told toldFile
	if err := json.Unmarshal([]byte(out), &told); err != nil {
		s.t.Fatalf("%v in %s", err, out)
	}
	return told
}

// estateStory lets two tablets walk and the coordinator rule, so that every ruling about a change and a conflict are in the ledgers, and
// returns the tablet that has heard of it all.
func estateStory(t *testing.T, w *world) *tablet {
	t.Helper()
	p, q := w.newTablet("1"), w.newTablet("2")
	rule := func(order map[string]any) {
		t.Helper()
		w.people("POST", "/v1/ledgers/"+w.ledger.String()+"/rulings", order, nil)
	}
	shared := p.observe(map[syncengine.Path]any{"/litter/rating": "2", "/litter/notes/c-1": "Sous l'escalier"})
	p.sync()
	q.sync()
	p.edit(shared.Ref, map[syncengine.Path]any{"/litter/rating": "1", "/pests/seen/rodents/": true})
	w.now = w.now.Add(-time.Hour) // the other tablet's clock is late
	q.edit(shared.Ref, map[syncengine.Path]any{"/litter/rating": "3", "/dumping/count": 4})
	w.now = w.now.Add(2 * time.Hour)
	wrong := q.observe(map[syncengine.Path]any{"/litter/rating": "4"})
	named := q.observe(map[syncengine.Path]any{"/glass/rating": "1", "/glass/notes/c-2": "Chez M. X"})
	doubled := q.edit(named.Ref, map[syncengine.Path]any{"/glass/rating": "2"})
	gone := p.observe(map[syncengine.Path]any{"/litter/rating": "1"})
	p.edit(gone.Ref, map[syncengine.Path]any{"/": false})
	closed, err := p.NewRecord(ctx, w.restricted, "public_security")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.SetAll(map[syncengine.Path]any{"/place": hall, "/visit": visit, "/rater": "c-1"}); err != nil {
		t.Fatal(err)
	}
	p.commit(closed)
	q.sync()
	p.sync()
	rule(map[string]any{"type": "refuse", "target": wrong.Change, "reason": "Autre bâtiment."})
	rule(map[string]any{"type": "redact", "target": named.Change, "paths": []string{"/glass/notes/c-2"}, "reason": "Un nom."})
	rule(map[string]any{"type": "void", "target": doubled.Change, "reason": "Saisie en double."})
	rule(map[string]any{"type": "untimed", "target": gone.Change})
	p.sync()
	p.observe(map[syncengine.Path]any{"/litter/rating": "not_observed"}) // not sent yet
	return p
}

// all tells every record of a ledger as the tablet merges it.
func (p *tablet) all(id syncengine.LedgerID) []secondreader.Record {
	p.t.Helper()
	var out []secondreader.Record
	err := p.Records(ctx, id, ledger.Filter{}, nil, func(r *clientsdk.Record) (bool, error) {
		out = append(out, secondreader.Tell(r.Merged.Record))
		return true, nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

func TestASecondImplementationReadsAStickAndMergesItAlike(t *testing.T) {
	w := newWorld(t)
	s := w.otherProgram(t)
	p := estateStory(t, w)
	path := p.stick(clientsdk.ExportOptions{Everything: true})
	told := s.reads(path)
	if told.Code != "" || len(told.Ledgers) != 2 {
		t.Fatalf("read %s and %d ledgers", told.Code, len(told.Ledgers))
	}
	for _, l := range told.Ledgers {
		if l.Receipts == 0 || l.Lacking != 0 || len(l.Refused) != 0 {
			t.Errorf("of %s: %d receipts, %d heads lacking, refused %v", l.Ledger, l.Receipts, l.Lacking, l.Refused)
		}
		want := p.all(l.Ledger)
		if len(want) != len(l.Records) {
			t.Errorf("of %s: %d records, the tablet has %d", l.Ledger, len(l.Records), len(want))
			continue
		}
		for i := range want {
			if !reflect.DeepEqual(want[i], l.Records[i]) {
				t.Errorf("read\n%+v\nthe tablet has\n%+v", l.Records[i], want[i])
			}
		}
	}
	s.root = wire.PublicKeyOf(ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)).String()
	for _, l := range s.reads(path).Ledgers {
		if l.Lines != 0 || len(l.Refused) == 0 || l.Refused[0] != wire.CodeUnauthenticated {
			t.Errorf("under another root key: %d lines, refused %v", l.Lines, l.Refused)
		}
	}
}

func TestASecondImplementationKeepsOnlyWhatIsItsOwn(t *testing.T) {
	w := newWorld(t)
	s := w.otherProgram(t)
	runs := runFrames(w.runsOf("m"))
	seal := func(frames ...wire.Frame) toldFile { return s.reads(w.sealFor(otherName, frames...)) }
	if told := seal(runs[0]); len(told.Ledgers) != 0 || told.Code != "" {
		t.Errorf("of a ledger in which no grant names it: %+v", told)
	}
	piece := func(name, content string, from, to int) wire.Frame {
		return &wire.PhotoPiece{Ledger: w.ledger, Hash: sha256.Sum256([]byte(name)), Size: uint64(len(content)), Offset: uint64(from), Data: []byte(content[from:to])}
	}
	first, _ := runs[0].(*wire.Run)
	forged := &wire.Receipt{
		Ledger: w.ledger, Replica: w.device("m").Replica, Head: syncengine.Head{Seq: 1, Chain: syncengine.Hash{7}},
		At: syncengine.AuthorityPoint{Replica: first.Replica, Seq: 1}, Backup: 1, Signature: first.Head,
	}
	large := string(picture(t, 3, 500, 500)) // more than two pieces of age's payload
	told := seal(append(runs,
		forged,
		piece(large, large, 0, 100_000), piece(large, large, 100_000, len(large)),
		piece("a photo", "another", 0, 7), piece("half a photo", "half a photo", 0, 6), piece("a late piece", "a late piece", 3, 9),
		&wire.Have{Ledger: syncengine.LedgerID{Hash: syncengine.Hash{9}}, Logs: map[syncengine.ReplicaID][]syncengine.Head{{Hash: syncengine.Hash{8}}: {{Seq: 1, Chain: syncengine.Hash{7}}}}},
		&wire.Have{Ledger: w.ledger, Logs: map[syncengine.ReplicaID][]syncengine.Head{{Hash: syncengine.Hash{6}}: {{Seq: 1, Chain: syncengine.Hash{7}}}}},
	)...)
	if len(told.Ledgers) != 1 || told.Ledgers[0].Photos != 1 || told.Ledgers[0].Lacking != 1 || !slices.Equal(told.Ledgers[0].Refused, []wire.Code{wire.CodeUnauthenticated, wire.CodeBadPhoto, wire.CodeMalformed}) {
		t.Errorf("with photos: %+v", told)
	}
	if told := s.reads(w.sealFor("m", runs...)); told.Code != wire.CodeUnknownLedger || len(told.Ledgers) != 0 {
		t.Errorf("of a file for others: %+v", told)
	}
}

func TestASecondImplementationTakesOfABadStickWhatATabletTakes(t *testing.T) {
	w := newWorld(t)
	s, q := w.otherProgram(t), w.unsynced("3")
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	p := estateStory(t, w)
	whole := mustRead(t, p.stick(clientsdk.ExportOptions{Everything: true}))
	path := filepath.Join(t.TempDir(), "bad.arp")
	found := map[wire.Code]int{}
	for i := range 10 {
		data := bytes.Clone(whole)
		at := 18 + (len(whole)-18)*i/10
		if i%2 == 0 {
			data = data[:at]
		} else {
			data[at] ^= 0x20
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		told, lines := s.reads(path), 0
		for _, l := range told.Ledgers {
			lines += l.Lines
		}
		folder := t.TempDir()
		if err := os.CopyFS(folder, os.DirFS(q.folder)); err != nil {
			t.Fatal(err)
		}
		fresh := w.openTablet(folder, clientsdk.Options{})
		report, err := fresh.ImportFile(ctx, path, nil)
		if code := wire.CodeOf(err); code != told.Code {
			t.Errorf("byte %d of %d: a tablet says %s (%v), the reader %s", at, len(whole), code, err, told.Code)
		}
		if report.Received != lines {
			t.Errorf("byte %d of %d: a tablet takes %d lines, the reader %d", at, len(whole), report.Received, lines)
		}
		found[told.Code]++
	}
	if found[wire.CodeDamaged] == 0 || found[wire.CodeTruncated] == 0 {
		t.Errorf("codes %v", found)
	}
}
