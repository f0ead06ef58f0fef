package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// built is the program that the tests run: the one that people run, as a process of its own.
var built string

func TestMain(m *testing.M) {
	if os.Getenv(walkerVariable) != "" {
		os.Exit(walkOn())
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "arp")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is temporary
	built = filepath.Join(dir, "arpenteur")
	out, err := exec.Command("go", "build", "-ldflags", "-X main.version=test", "-o", built, ".").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func TestTheCommandLineDoesWhatItsTranscriptsSay(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(built)+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("ARPENTEUR_LANG", "en")
			e.Setenv("ARPENTEUR_PASSPHRASE", "a phrase for trials")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "field": field, "answers": awaitServer, "picture": takePicture, "shown": awaitPairing,
		},
	})
}

// picture FILE WIDTH HEIGHT writes a JPEG, as a camera would.
func takePicture(ts *testscript.TestScript, _ bool, args []string) {
	w, err := strconv.Atoi(args[1])
	ts.Check(err)
	h, err := strconv.Atoi(args[2])
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(errors.Join(jpeg.Encode(f, image.NewGray(image.Rect(0, 0, w, h)), nil), f.Close()))
}

// exits CODE program args… runs a program that must end with that code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	got := 0
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

// field NAME path… sets a variable to a member of the JSON document on the last output; numbers in the path are indices. Of a list
// with a document on each line the first counts.
func field(ts *testscript.TestScript, _ bool, args []string) {
	line, _, _ := strings.Cut(ts.ReadFile("stdout"), "\n")
	var v any
	ts.Check(json.Unmarshal([]byte(line), &v))
	for _, name := range args[1:] {
		switch at := v.(type) {
		case map[string]any:
			v = at[name]
		case []any:
			i, err := strconv.Atoi(name)
			ts.Check(err)
			v = at[i]
		}
	}
	ts.Setenv(args[0], fmt.Sprint(v))
}

// answers DIR waits until the server of a data folder answers.
func awaitServer(ts *testscript.TestScript, _ bool, args []string) {
	if err := untilAnswers(ts.MkAbs(filepath.Join(args[0], socketFile))); err != nil {
		ts.Fatalf("%v", err)
	}
}

func untilAnswers(socket string) error {
	var err error
	for range 1000 {
		var conn net.Conn
		if conn, err = new(net.Dialer).DialContext(context.Background(), "unix", socket); err == nil {
			return conn.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

// awaitPairing FILE waits until a host has written its pairing text into a file, and sets PAIRING to it.
func awaitPairing(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var v struct{ Pairing string }
		raw, err := os.ReadFile(path) //nolint:gosec // the test's own
		if err == nil && json.Unmarshal(raw, &v) == nil && v.Pairing != "" {
			ts.Setenv("PAIRING", v.Pairing)
			return
		}
	}
	ts.Fatalf("no pairing text in %s", args[0])
}
