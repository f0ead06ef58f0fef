package boltstore_test

import (
	"os"
	"os/exec"
	"testing"
)

// Some tests need a process of their own, to kill it or to set its limits: they run this test binary again with these variables.
const (
	childTask = "BOLTSTORE_TEST_TASK"
	childPath = "BOLTSTORE_TEST_PATH"
)

// TestMain runs a child's task, or the tests.
func TestMain(m *testing.M) {
	switch os.Getenv(childTask) {
	case "":
		os.Exit(m.Run())
	case "commit":
		commitForEver(os.Getenv(childPath), false)
	case "compact":
		commitForEver(os.Getenv(childPath), true)
	case "fill":
		fillUp(os.Getenv(childPath))
	}
}

// child returns a command that runs a task.
func child(t *testing.T, task, path string) *exec.Cmd {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), childTask+"="+task, childPath+"="+path)
	cmd.Stderr = os.Stderr
	return cmd
}
