package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnImportWhoseServerIsKilledGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, file := filepath.Join(dir, "d"), filepath.Join(dir, "actors.csv")
	const rows = 6000
	var b strings.Builder
	b.WriteString("code;nom;type\n")
	for i := range rows {
		fmt.Fprintf(&b, "C%d;Acteur %d;bailleur\n", i, i)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, data)
	mustRun(t, "admin", "--data", data, "diagnostics", "create", "--name", "Verger", "--code", "QP066007")
	args := []string{"admin", "--data", data, "imports", "actors", file, "--json"}
	told := importUntil(t, s, args)
	s = startServer(t, data)
	end := importTotalsOf(t, mustRun(t, args...))
	if end.Rows != rows || end.New == 0 || end.Unchanged < told || end.New+end.Unchanged != rows {
		t.Errorf("after %d rows were told as kept, the rest ended with %+v", told, end)
	}
	if again := importTotalsOf(t, mustRun(t, args...)); again.Unchanged != rows {
		t.Errorf("once more: %+v", again)
	}
	s.stop(t)
	mustRun(t, "verify", "--data", data)
}

// importUntil imports a file and kills the server in the middle. It returns how many rows were told as kept.
func importUntil(t *testing.T, s *serverProcess, args []string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), built, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	told := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var l importLine
		decode(t, lines.Bytes(), &l)
		if l.Event != "progress" {
			continue
		}
		if told = l.Done; told >= 1000 {
			s.kill()
			break
		}
	}
	if err := cmd.Wait(); err == nil || told == 0 {
		t.Fatalf("an import whose server was killed after %d rows ended with %v", told, err)
	}
	return told
}

// importTotalsOf returns the totals at the end of an import's output.
func importTotalsOf(t *testing.T, out []byte) *importTotals {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var l importLine
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &l); err != nil || l.Totals == nil {
		t.Fatalf("no totals: %v in %s", err, lines[len(lines)-1])
	}
	return l.Totals
}
