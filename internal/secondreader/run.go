package secondreader

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// oldest is the first major version of Node.js that the reader runs on, that of Debian 12.
const oldest = 18

// Run runs the reader with a command of its check.mjs and returns what it prints. The second result is false where the reader found
// something that is not as it should be; standard error, which names it, is then part of the output. The test is skipped where there
// is no Node.js, which REQUIRE_ALL=1 counts as failed.
func Run(tb testing.TB, args ...string) (string, bool) {
	tb.Helper()
	reader := filepath.Join(root(tb), "syncengine/wire/testdata/reader")
	touch(tb, reader)
	for _, arg := range args[1:] {
		if filepath.IsLocal(arg) {
			touch(tb, arg)
		}
	}
	cmd := exec.CommandContext(tb.Context(), node(tb), append([]string{filepath.Join(reader, "check.mjs")}, args...)...)
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	err := cmd.Run()
	if err == nil {
		return out.String(), true
	}
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
		tb.Fatalf("the reader did not run: %v\n%s", err, errors.String())
	}
	return out.String() + errors.String(), false
}

// touch reads the files of a folder, or does nothing where it is none, so that go test knows that the result depends on them and doesn't
// take it from its cache when they have changed.
func touch(tb testing.TB, folder string) {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range files {
		if _, err := os.ReadFile(file); err != nil { //nolint:gosec // the test's own
			tb.Fatal(err)
		}
	}
}

// node finds Node.js.
func node(tb testing.TB) string {
	tb.Helper()
	for _, name := range []string{"node", "nodejs"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		version, err := exec.CommandContext(tb.Context(), path, "--version").Output()
		if err != nil {
			tb.Fatalf("%s --version: %v", path, err)
		}
		major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
		if n, err := strconv.Atoi(major); err != nil || n < oldest {
			tb.Skipf("SKIPPED THE SECOND READER: %s is Node.js %s; install version %d or later", path, strings.TrimSpace(string(version)), oldest)
		}
		return path
	}
	tb.Skip("SKIPPED THE SECOND READER: node is not on PATH; install Debian's nodejs")
	return ""
}

// root is the module's folder, which every test runs below.
func root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		tb.Fatal("no go.mod above the test")
	}
}
