package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/internal/phrases"
	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

func catalogueOf(t *testing.T, lang phrases.Language) *phrases.Catalogue {
	t.Helper()
	c, err := readCatalogue(lang)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBothLanguagesSayTheSameThings(t *testing.T) {
	for _, d := range phrases.Differences(catalogueOf(t, phrases.French), catalogueOf(t, phrases.English)) {
		t.Error(d)
	}
}

// keyOf finds the phrases that the code names outright, and the beginnings of those that it puts together.
var keyOf = regexp.MustCompile(`"([a-z]+(?:\.[a-z_]+)+\.?)"`)

func TestEveryPhraseThatTheCodeNamesIsSaid(t *testing.T) {
	say := catalogueOf(t, phrases.English)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range keyOf.FindAllStringSubmatch(string(source), -1) {
			if !saysAny(say, m[1]) && !isFileName(m[1]) {
				t.Errorf("%s: nothing is said for %s", file, m[1])
			}
		}
	}
}

func saysAny(say *phrases.Catalogue, key string) bool {
	for _, k := range say.Keys() {
		if k == key || strings.HasPrefix(k, strings.TrimSuffix(key, ".")+".") {
			return true
		}
	}
	return false
}

// Phrases that the code puts together from a beginning and a code, besides those of commands.
var composed = regexp.MustCompile(`^(access|state|status|notice|photo|device\.get\.safety|error|admin\.rulings|admin\.imports\.outcome|webhook\.(fault|ended)|backup\.stage)\.`)

func TestNothingIsSaidThatTheCodeNeverNames(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"([a-z][a-z_.]*)"`).FindAllStringSubmatch(string(source), -1) {
			named[m[1]] = true
		}
	}
	for _, key := range catalogueOf(t, phrases.French).Keys() {
		command := regexp.MustCompile(`\.(use|short|long|examples)$`).ReplaceAllString(key, "")
		if !named[key] && !named[command] && !composed.MatchString(key) {
			t.Errorf("nobody says %s", key)
		}
	}
}

func isFileName(s string) bool {
	return slices.Contains([]string{".db", ".sock", ".key", ".json", ".jsonl"}, filepath.Ext(s))
}

func TestAMessageOfAnErrorBeginsWithoutACapitalAndEndsWithoutAFullStop(t *testing.T) {
	failures := regexp.MustCompile(`(?:failed\(class\w+|class\w+), "([a-z_.]+)"`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range failures.FindAllStringSubmatch(string(source), -1) {
			for _, lang := range []phrases.Language{phrases.French, phrases.English} {
				say := catalogueOf(t, lang)
				for _, key := range saidUnder(say, m[1]) {
					checked++
					text := say.Say(key)
					if first, _ := utf8.DecodeRuneInString(text); unicode.IsUpper(first) || strings.HasSuffix(text, ".") || strings.Contains(text, "!") {
						t.Errorf("%s %s: %q", lang, key, text)
					}
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d messages were found", checked)
	}
}

// saidUnder returns the phrases that a key stands for: itself, or all that begin with it where the code puts them together.
func saidUnder(say *phrases.Catalogue, key string) []string {
	if !strings.HasSuffix(key, ".") {
		return []string{key}
	}
	return slices.DeleteFunc(say.Keys(), func(k string) bool { return !strings.HasPrefix(k, key) })
}

func TestEachKindOfErrorHasItsExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("anything"), 1},
		{wire.Problemf(wire.CodeInternal, "x"), 1},
		{fmt.Errorf("x: %w", apiclient.ErrNotOurs), 1},
		{failed(classUsage, "usage.lang"), 2},
		{clientsdk.ErrNothing, 2},
		{wire.Problemf(wire.CodeNotFound, "x"), 3},
		{wire.Problemf(wire.CodeUnknownLedger, "x"), 3},
		{clientsdk.ErrNoRecord, 3},
		{fmt.Errorf("x: %w", fs.ErrNotExist), 3},
		{wire.Problemf(wire.CodeForbidden, "x"), 4},
		{wire.Problemf(wire.CodeStale, "x"), 4},
		{wire.Problemf(wire.CodeInvalid, "x"), 4},
		{clientsdk.ErrNotEnrolled, 4},
		{fmt.Errorf("x: %w", store.ErrSealed), 4},
		{wire.Problemf(wire.CodeBusy, "x"), 5},
		{fmt.Errorf("x: %w", wire.Problemf(wire.CodeTruncated, "x")), 5},
		{&net.OpError{Op: "dial", Err: errors.New("x")}, 5},
		{fmt.Errorf("x: %w", apiclient.ErrUnreachable), 5},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), 5},
		{wire.Problemf(wire.CodeFull, "x"), 6},
		{fmt.Errorf("x: %w", store.ErrLocked), 6},
		{&store.DamagedError{}, 6},
		{fmt.Errorf("%w: x", server.ErrSecret), 6},
		{failed(classVerified, "verify.failed"), 7},
		{failed(classPartly, "admin.imports.partly"), 8},
	} {
		if got := classOf(c.err).exit(); got != c.want {
			t.Errorf("%v: exit code %d, not %d", c.err, got, c.want)
		}
	}
}

// arpenteur runs the built program and returns its standard output.
func arpenteur(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), built, args...)
	cmd.Env = append(os.Environ(), "ARPENTEUR_LANG=en", "ARPENTEUR_PASSPHRASE=a phrase for trials")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, complaint.String())
	}
	return out, err
}

func mustRun(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := arpenteur(t, args...)
	if err != nil {
		t.Fatalf("arpenteur %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func TestAFlippedByteIsFoundAndItsLineNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "d")
	s := startServer(t, data)
	mustRun(t, "admin", "--data", data, "diagnostics", "create", "--name", "Verger", "--code", "QP066007")
	var ticket struct{ Ticket string }
	decode(t, mustRun(t, "admin", "--data", data, "tablets", "ticket", "--name", "T-01", "--diagnostic", "Verger", "--json"), &ticket)
	tablet := filepath.Join(dir, "t")
	mustRun(t, "device", "--dir", tablet, "enrol", ticket.Ticket)
	mustRun(t, "device", "--dir", tablet, "sync")
	for _, title := range []string{"first", "the needle in the haystack", "third"} {
		mustRun(t, "device", "--dir", tablet, "capture", "--checklist", "finding", "--set", "/title="+title)
	}
	mustRun(t, "device", "--dir", tablet, "sync")
	s.stop(t)
	path := filepath.Join(data, storeFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := bytes.Count(raw, []byte("needle"))
	if n == 0 {
		t.Fatal("the title is not in the store")
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(raw, []byte("needle"), []byte("noodle")), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := arpenteur(t, "verify", "--data", data, "--json")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Fatalf("verify ended with %v", err)
	}
	var found verdict
	decode(t, out, &found)
	var lines []uint64
	for _, f := range found.Faults {
		if f.Replica != "" {
			lines = append(lines, f.Line)
		}
	}
	if len(lines) != 1 || lines[0] != 2 {
		t.Errorf("named lines %v of tablets' logs, in %s", lines, out)
	}
}

func decode(t *testing.T, raw []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
}

func TestTheDemonstrationEndsInOneLineOfCounts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	t.Parallel()
	out := mustRun(t, "demo", "--once", "--seed", "7")
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var counts map[string]float64
	decode(t, []byte(lines[len(lines)-1]), &counts)
	for _, name := range []string{
		"tablets", "captured", "merged", "conflicts", "invalid_merges", "settled", "bytes_up", "bytes_down", "round_trips", "kills", "cuts",
		"photos_sent", "photos_resumed", "peer_changes", "usb_changes",
	} {
		if counts[name] <= 0 {
			t.Errorf("%s is %v", name, counts[name])
		}
	}
	for _, name := range []string{"lost", "differing", "faults"} {
		if v, there := counts[name]; !there || v != 0 {
			t.Errorf("%s is %v", name, v)
		}
	}
	if len(lines) < 20 {
		t.Errorf("the story is %d lines long", len(lines))
	}
}
