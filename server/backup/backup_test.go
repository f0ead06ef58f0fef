package backup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/server/backup"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// office is a server's data with one diagnostic in it.
type office struct {
	t      *testing.T
	data   string
	folder string // of its backups
	file   *boltstore.Store
	secret *server.Secret
	photos *photos.Dir
	clock  time.Time
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, data: t.TempDir(), folder: t.TempDir(), clock: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	var err error
	if o.secret, err = server.OpenSecret(filepath.Join(o.data, "authority.key"), true, rand.Reader); err != nil {
		t.Fatal(err)
	}
	if o.photos, err = photos.OpenDir(filepath.Join(o.data, "photos"), 0); err != nil {
		t.Fatal(err)
	}
	o.open()
	o.order("Le Grand Verger")
	return o
}

func (o *office) store() string { return filepath.Join(o.data, "central.db") }

func (o *office) open() {
	o.t.Helper()
	var err error
	if o.file, err = boltstore.Open(o.store(), boltstore.Options{}); err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { _ = o.file.Close() })
}

// order orders a diagnostic, which makes two ledgers.
func (o *office) order(name string) {
	o.t.Helper()
	s, err := server.New(server.Options{
		Store: o.file, StoreID: o.file.ID(), Secret: o.secret, Photos: o.photos, Log: zerolog.Nop(), Now: o.now, Address: "https://arpenteur.test",
	})
	if err != nil {
		o.t.Fatal(err)
	}
	defer s.Close()
	raw, err := json.Marshal(map[string]any{
		"name": name, "neighbourhood": "QP066007", "neighbourhood_version": "qp_2015", "neighbourhood_name": name, "commune": "66136", "public_security": true,
	})
	if err != nil {
		o.t.Fatal(err)
	}
	out := httptest.NewRecorder()
	s.Local().ServeHTTP(out, httptest.NewRequestWithContext(context.Background(), "POST", "/v1/diagnostics", bytes.NewReader(raw)))
	if out.Code != 201 {
		o.t.Fatal(out.Body)
	}
}

func (o *office) now() time.Time { return o.clock }

func (o *office) options() backup.Options {
	return backup.Options{
		Store: o.file, Photos: o.photos, Folder: o.folder, Root: o.secret.RootKey(), Program: "test", Retention: backup.Retention{Keep: 3}, Now: o.now,
		Redacted: func(store.Reader) (int64, error) { return 0, nil },
	}
}

func (o *office) backUp() *backup.Result {
	o.t.Helper()
	o.clock = o.clock.Add(time.Hour)
	out, err := backup.Run(o.t.Context(), o.options())
	if err != nil {
		o.t.Fatal(err)
	}
	return out
}

func (o *office) restore(from string, replace bool) (*backup.Restored, error) {
	return backup.Restore(o.t.Context(), backup.RestoreOptions{
		From: from, Store: o.store(), Photos: o.photos, Replace: replace, Now: o.now,
		Mark: func(ctx context.Context, s *boltstore.Store, from string) error {
			return server.MarkRestored(ctx, s, from, o.now())
		},
	})
}

// versions returns the watermark and what it says of every ledger.
func (o *office) newest() (w backup.Watermark) {
	o.t.Helper()
	err := o.file.View(o.t.Context(), func(r store.Reader) (err error) {
		w, err = backup.Newest(r)
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return w
}

func nothing(backup.Progress) {}

func (o *office) files() (names []string) {
	o.t.Helper()
	entries, err := os.ReadDir(o.folder)
	if err != nil {
		o.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestABackupThatDiesAtAnyMomentNeverCountsAndIsSwept(t *testing.T) {
	o := newOffice(t)
	kept := o.backUp()
	if err := os.WriteFile(filepath.Join(o.folder, "somebody.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, stage := range []backup.Stage{backup.Copying, backup.Verifying, backup.Hashing} {
		o.clock = o.clock.Add(time.Hour)
		options := o.options()
		options.Progress = func(p backup.Progress) {
			if p.Stage == stage {
				panic("the machine dies")
			}
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("nothing was told of the stage %s", stage)
				}
			}()
			_, _ = backup.Run(t.Context(), options)
		}()
		if len(o.files()) == 5 {
			t.Errorf("at %s nothing was left: the test tells nothing", stage)
		}
		if path, err := backup.Find(o.folder); err != nil || filepath.Base(path) != kept.Name || o.newest().Name != kept.Name {
			t.Errorf("after dying at %s: %s, %v, %+v", stage, path, err, o.newest())
		}
		kept = o.backUp()
		for _, name := range o.files() {
			if strings.Contains(name, ".part") {
				t.Errorf("%s was not swept", name)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(o.folder, "somebody.txt")); err != nil {
		t.Error("what is not a backup's was removed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	options := o.options()
	options.Progress = func(backup.Progress) { cancel() }
	before := len(o.files())
	if _, err := backup.Run(ctx, options); !errors.Is(err, context.Canceled) || len(o.files()) != before {
		t.Errorf("cancelled: %v, %v", err, o.files())
	}
}

func TestRetentionKeepsTheNewestWhateverElseItSays(t *testing.T) {
	o := newOffice(t)
	redacted := int64(0)
	run := func(keep backup.Retention) []string {
		options := o.options()
		options.Retention = keep
		options.Redacted = func(store.Reader) (int64, error) { return redacted, nil }
		out, err := backup.Run(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		list, _, err := backup.List(o.folder)
		if err != nil || list[0].Name != out.Name {
			t.Fatalf("%v, the newest is %s", err, list[0].Name)
		}
		var names []string
		for _, m := range list {
			names = append(names, m.Name)
		}
		return names
	}
	if n := len(run(backup.Retention{})); n != 1 {
		t.Errorf("%d", n)
	}
	if n := len(run(backup.Retention{})); n != 1 {
		t.Errorf("keeping none leaves %d", n)
	}
	for range 4 {
		run(backup.Retention{Keep: 3, PurgeRedacted: true})
	}
	if n := len(run(backup.Retention{Keep: 3, PurgeRedacted: true})); n != 3 {
		t.Errorf("keeping 3 leaves %d", n)
	}
	redacted = 1
	if n := len(run(backup.Retention{Keep: 3})); n != 3 {
		t.Errorf("after a redaction, without being asked to purge, %d are left", n)
	}
	if n := len(run(backup.Retention{Keep: 3, PurgeRedacted: true})); n != 2 {
		t.Errorf("two know the redaction, %d are left", n)
	}
	redacted = 2
	o.clock = o.clock.Add(-24 * time.Hour)
	if n := len(run(backup.Retention{Keep: 3, PurgeRedacted: true})); n != 1 {
		t.Errorf("with a clock set back, %d are left", n)
	}
}

func TestADamagedBackupIsRefusedWhateverIsDamaged(t *testing.T) {
	o := newOffice(t)
	name := o.backUp().Name
	for _, suffix := range []string{".db", ".photos", ".json"} {
		path := filepath.Join(o.folder, name+suffix)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for what, content := range map[string][]byte{
			"flipped": flip(whole), "cut": whole[:len(whole)/2], "longer": append(bytes.Clone(whole), "x"...), "gone": nil,
		} {
			if what == "cut" && len(whole) == 0 {
				continue
			}
			err := os.Remove(path)
			if content != nil {
				err = os.WriteFile(path, content, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			_, err = backup.Verify(t.Context(), filepath.Join(o.folder, name+".db"), nothing)
			if !errors.Is(err, backup.ErrDamaged) && !errors.Is(err, backup.ErrNone) && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s %s: %v", suffix, what, err)
			}
			target := newOffice(t)
			if err := target.file.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := target.restore(filepath.Join(o.folder, name+".db"), true); err == nil {
				t.Errorf("%s %s: it was restored", suffix, what)
			}
			target.open() // as it was
			target.order("Another")
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := backup.Verify(t.Context(), o.folder, nothing); err != nil {
		t.Errorf("the whole one: %v", err)
	}
}

// flip changes a byte in the middle of data.
func flip(data []byte) []byte {
	if len(data) == 0 {
		return []byte("x")
	}
	out := bytes.Clone(data)
	out[len(out)/2] ^= 1
	return out
}

func TestADamagedStoreGivesNoBackup(t *testing.T) {
	o := newOffice(t)
	if err := o.file.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(o.store())
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(raw, []byte(`"format":1`)) // within a line: no page shows it
	raw[at+len(`"format":`)] = '2'
	if err := os.WriteFile(o.store(), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	o.open()
	out, err := backup.Run(t.Context(), o.options())
	if !errors.Is(err, backup.ErrDamaged) || out != nil || o.newest().Number != 0 || len(o.files()) != 1 {
		t.Errorf("%+v, %v, %v", out, err, o.files())
	}
}

func TestARestoreRefusesAnOccupiedFolderAndLosesNothingInIt(t *testing.T) {
	o := newOffice(t)
	o.backUp()
	o.order("After the backup")
	if _, err := o.restore(o.folder, false); !errors.Is(err, backup.ErrOccupied) {
		t.Errorf("occupied: %v", err)
	}
	if _, err := o.restore(o.folder, true); !errors.Is(err, store.ErrLocked) {
		t.Errorf("in use: %v", err)
	}
	if err := o.file.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(o.store())
	if err != nil {
		t.Fatal(err)
	}
	out, err := o.restore(o.folder, true)
	if err != nil {
		t.Fatal(err)
	}
	if aside, err := os.ReadFile(out.Aside); err != nil || !bytes.Equal(aside, before) {
		t.Errorf("the store that was there is lost: %v", err)
	}
	o.open()
	if o.file.ID() == out.Store || len(out.Ledgers) != 2 {
		t.Errorf("the restored store has the id of the lost one, or %d ledgers", len(out.Ledgers))
	}
	o.order("It works")
	if entries, err := os.ReadDir(o.data); err != nil || len(entries) != 4 { // store, aside, key, photos
		t.Errorf("%v %v", entries, err)
	}
}

func TestNothingWholeIsNoBackup(t *testing.T) {
	folder := t.TempDir()
	if _, err := backup.Find(folder); !errors.Is(err, backup.ErrNone) {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "arpenteur-x.json"), []byte(`{"format":2,"name":"arpenteur-x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := backup.List(folder); !errors.Is(err, backup.ErrNewer) {
		t.Error(err)
	}
	if _, err := backup.Find(filepath.Join(folder, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := backup.Find(filepath.Join(folder, "arpenteur-x.txt")); err == nil {
		t.Error("any file was taken for a backup's")
	}
}
