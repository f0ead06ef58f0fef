package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/server/backup"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// onFile is a world whose store is a file, and where that lies.
func onFile(t *testing.T) (w *world, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "central.db")
	return newWorldOn(t, openBolt(t, path)), path
}

// backUp makes a backup by way of the machine's own command line.
func (w *world) backUp(folder string, more map[string]any) backup.Result {
	w.t.Helper()
	order := map[string]any{"folder": folder}
	for name, v := range more {
		order[name] = v
	}
	r := w.askLocal("POST", "/v1/backups", order)
	r.ok(nil)
	lines := bytes.Split(bytes.TrimSpace(r.body), []byte("\n"))
	var last struct {
		Event  string
		Backup backup.Result
	}
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil || last.Event != "end" {
		w.t.Fatalf("the backup ended with %s", lines[len(lines)-1])
	}
	return last.Backup
}

// again syncs with the mark of answers that said everything so far.
func (p *tablet) again(mark string, answers ...*heard) *heard {
	p.t.Helper()
	return p.exchange([]wire.Frame{&wire.Hello{Base: mark, Digest: digestOf(answers...)}, &wire.End{}})
}

func TestReceiptsSayOnceHowMuchAVerifiedBackupHolds(t *testing.T) {
	w, _ := onFile(t)
	id := ledgerID(t, w.ledger)
	p, silent := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
	p.observe(newUUID(t), nil)
	p.observe(newUUID(t), nil)
	first, idle := p.sync(), silent.sync()
	if r := first.receipts[id]; r == nil || r.Head.Seq != 2 || r.Backup != 0 {
		t.Fatalf("before any backup: %+v", r)
	}
	if made := w.backUp(t.TempDir(), nil); made.Number != 1 || len(made.Ledgers) != 2 {
		t.Fatalf("made %+v", made)
	}
	second := p.again(first.mark, first)
	if r := second.receipts[id]; r == nil || r.Backup != 2 || second.resend {
		t.Fatalf("after it: %+v", r)
	}
	third := p.again(second.mark, first, second)
	if len(third.receipts) != 0 || third.mark != "" || third.resend {
		t.Errorf("the same was told twice: %+v", third.order)
	}
	if h := silent.again(idle.mark, idle); len(h.receipts) != 0 || h.mark == "" {
		t.Errorf("a tablet that wrote nothing got %d receipts, mark %q", len(h.receipts), h.mark)
	}
	p.observe(newUUID(t), nil)
	if r := p.sync().receipts[id]; r == nil || r.Head.Seq != 3 || r.Backup != 2 {
		t.Errorf("what came after the backup: %+v", r)
	}
	fourth := p.sync()
	w.backUp(t.TempDir(), nil)
	if r := p.again(fourth.mark, fourth).receipts[id]; r == nil || r.Backup != 3 {
		t.Errorf("after the next one: %+v", r)
	}
}

func TestABackupThatChangesNothingForATabletIsNotToldToIt(t *testing.T) {
	w, _ := onFile(t)
	p := w.newTablet("c-1", "consultant", false)
	p.observe(newUUID(t), nil)
	p.sync()
	w.backUp(t.TempDir(), nil)
	told := p.sync()
	w.newTablet("c-2", "consultant", false)
	for range 12 { // more than versions are kept of
		w.backUp(t.TempDir(), nil)
	}
	if h := p.again(told.mark, told); len(h.receipts) != 1 {
		t.Errorf("of a backup long ago it must be told anew, got %d receipts", len(h.receipts))
	}
	told = p.sync()
	w.backUp(t.TempDir(), nil)
	if h := p.again(told.mark, told); len(h.receipts) != 0 || h.mark == "" {
		t.Errorf("got %d receipts, mark %q", len(h.receipts), h.mark)
	}
}

func TestPhotosInABackupAreToldAndShared(t *testing.T) {
	w, _ := onFile(t)
	folder := t.TempDir()
	p := w.newTablet("c-1", "consultant", false)
	kept, erasedOne := p.photograph(picture(t, 1, 40, 30)), p.photograph(picture(t, 2, 40, 30))
	p.sync()
	p.upload(kept.PhotoName, kept.data).created(nil)
	p.upload(erasedOne.PhotoName, erasedOne.data).created(nil)
	if n := p.counts(); n.Missing != 0 || n.Unsaved != 2 {
		t.Fatalf("before: %+v", n)
	}
	first := w.backUp(folder, nil)
	if first.Photos.Count != 2 || first.NewPhotos != 2 || p.state(kept.PhotoName) != wire.PhotoBackedUp || p.counts().Unsaved != 0 {
		t.Fatalf("%+v %v", first.Photos, p.state(kept.PhotoName))
	}
	w.rule(map[string]any{
		"type": "redact", "target": erasedOne.change, "paths": []syncengine.Path{erasedOne.element + "hash"}, "reason": "Shows a face.",
	}).created(nil)
	second := w.backUp(folder, map[string]any{"purge_redacted": true})
	if second.Photos.Count != 1 || second.NewPhotos != 0 || len(second.Removed) != 1 {
		t.Fatalf("%+v", second)
	}
	raw := readAll(t, folder)
	if bytes.Contains(raw, erasedOne.data) || !bytes.Contains(raw, kept.data) {
		t.Error("the folder holds the erased photo, or lost the other")
	}
	if _, err := backup.Verify(t.Context(), folder, func(backup.Progress) {}); err != nil {
		t.Error(err)
	}
}

// readAll returns all bytes below a folder.
func readAll(t *testing.T, folder string) (all []byte) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all = append(all, raw...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatWasRedactedLeavesTheFileAndTheBackupsByItself(t *testing.T) {
	w, path := onFile(t)
	folder := t.TempDir()
	_, c := w.told(w.newTablet("c-1", "consultant", false))
	w.backUp(folder, nil)
	holds := func(where string) bool {
		if where == path {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return bytes.Contains(raw, []byte("Durand"))
		}
		return bytes.Contains(readAll(t, where), []byte("Durand"))
	}
	if !holds(path) || !holds(folder) {
		t.Fatal("the words are not there to begin with: the test tells nothing")
	}
	w.rule(map[string]any{"type": "redact", "target": c, "paths": []string{"/litter/notes/c-1"}, "reason": "Erasure asked for."}).created(nil)
	w.sleep(30 * time.Minute)
	if err := w.s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !holds(path) {
		t.Fatal("it did not wait for further redactions: the test tells nothing of the delay")
	}
	kept := w.backUp(folder, nil) // made before the compaction, and clean all the same
	if _, err := os.Stat(filepath.Join(folder, kept.Name+".db")); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(filepath.Join(folder, kept.Name+".db")); err != nil || bytes.Contains(raw, []byte("Durand")) {
		t.Errorf("a backup made since holds the words: %v", err)
	}
	w.sleep(30 * time.Minute)
	if err := w.s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if holds(path) {
		t.Error("an hour later the file still holds the words")
	}
	if !holds(folder) {
		t.Fatal("the old backup was removed without being asked for")
	}
	w.backUp(folder, map[string]any{"purge_redacted": true})
	if holds(folder) {
		t.Error("a backup still holds the words")
	}
}

func TestACompactionCanBeAskedFor(t *testing.T) {
	w, path := onFile(t)
	_, c := w.told(w.newTablet("c-1", "consultant", false))
	w.rule(map[string]any{"type": "redact", "target": c, "paths": []string{"/litter/notes/c-1"}, "reason": "Erasure asked for."}).created(nil)
	w.ask(w.administrator, "POST", "/v1/compactions", nil).ok(nil)
	if raw, err := os.ReadFile(path); err != nil || bytes.Contains(raw, []byte("Durand")) {
		t.Errorf("the file still holds the words: %v", err)
	}
}

func TestThePlanMakesABackupWhenOneIsDueAlsoAfterARestart(t *testing.T) {
	w, _ := onFile(t)
	folder := filepath.Join(t.TempDir(), "made", "here")
	w.plan.Folder, w.plan.Every, w.plan.Keep = folder, 24*time.Hour, 2
	w.start()
	count := func() int {
		if err := w.s.Maintain(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, _, err := backup.List(folder)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if n := count(); n != 1 {
		t.Fatalf("%d backups after the first start", n)
	}
	w.sleep(23 * time.Hour)
	if n := count(); n != 1 {
		t.Errorf("%d backups before the next was due", n)
	}
	w.sleep(50 * time.Hour)
	w.start()
	if n := count(); n != 2 {
		t.Errorf("%d backups after a time without a server", n)
	}
	w.sleep(25 * time.Hour)
	if n := count(); n != 2 {
		t.Errorf("%d backups where two are to be kept", n)
	}
	body := string(w.askLocal("GET", "/metrics", nil).body)
	w.sleep(time.Minute)
	for _, want := range []string{"arpenteur_backup_age_seconds 0", "arpenteur_backup_bytes ", "arpenteur_backup_seconds "} {
		if !strings.Contains(body, want) {
			t.Errorf("no figure %s", want)
		}
	}
	// A folder that can't be written is tried again, and says so.
	if err := os.WriteFile(filepath.Join(folder, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.plan.Folder = filepath.Join(folder, "file", "below")
	w.start()
	w.sleep(25 * time.Hour)
	if err := w.s.Maintain(t.Context()); err != nil || !strings.Contains(w.log.String(), "no backup could be made") {
		t.Errorf("%v; the log says %s", err, w.log.String())
	}
	w.askLocal("GET", "/readyz", nil).ok(nil)
}

// slowCopy is a store that can be copied, which takes until it is let go.
type slowCopy struct {
	*boltstore.Store
	begun, free chan struct{}
}

func (s *slowCopy) Copy(ctx context.Context, path string, progress func(done, total int64)) error {
	close(s.begun)
	<-s.free
	return s.Store.Copy(ctx, path, progress)
}

func TestASecondBackupAtATimeIsRefused(t *testing.T) {
	slow := &slowCopy{Store: openBolt(t, filepath.Join(t.TempDir(), "central.db")), begun: make(chan struct{}), free: make(chan struct{})}
	w := newWorldOn(t, slow)
	folder := t.TempDir()
	var all sync.WaitGroup
	all.Go(func() { w.backUp(folder, nil) })
	<-slow.begun
	w.askLocal("POST", "/v1/backups", map[string]any{"folder": folder}).refused(wire.CodeBusy)
	close(slow.free)
	all.Wait()
}

func TestABackupOrderThatCanNotBeFollowedIsRefused(t *testing.T) {
	w, _ := onFile(t)
	for _, order := range []map[string]any{{}, {"folder": "here"}, {"folder": "/tmp", "keep": -1}} {
		w.askLocal("POST", "/v1/backups", order).refused(wire.CodeInvalid)
	}
	newWorld(t).askLocal("POST", "/v1/backups", map[string]any{"folder": t.TempDir()}).refused(wire.CodeInvalid)
	folder := t.TempDir()
	w.backUp(folder, nil)
	other, _ := onFile(t)
	other.askLocal("POST", "/v1/backups", map[string]any{"folder": folder}).refused(wire.CodeInvalid)
}

// In the server's own folder backups would share the folder of its photos, and with an old backup photos would go that nobody else has.
func TestABackupIntoTheServersOwnFolderIsRefused(t *testing.T) {
	w, _ := onFile(t)
	p := w.newTablet("c-1", "consultant", false)
	shot := p.photograph(picture(t, 1, 40, 30))
	p.sync()
	p.upload(shot.PhotoName, shot.data).created(nil)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Dir(w.photoFolder), link); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{filepath.Dir(w.photoFolder), link} {
		w.askLocal("POST", "/v1/backups", map[string]any{"folder": folder}).refused(wire.CodeInvalid)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(w.photoFolder), "arpenteur-*")); err != nil || len(left) != 0 || len(w.files()) != 1 {
		t.Errorf("%v and %d photos are in the folder, %v", left, len(w.files()), err)
	}
}
