package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store/seal"
)

// walkerVariable makes the test program a tablet that captures and syncs in the folder that it names, until it is killed.
const walkerVariable = "ARPENTEUR_TEST_WALKER"

// quickSeal lets a tablet be opened quickly; in tests only.
var quickSeal = seal.Params{Time: 1, Memory: 64, Threads: 1}

func openWalker(ctx context.Context, folder string) (*clientsdk.Client, error) {
	return clientsdk.Open(ctx, folder, clientsdk.Options{Passphrase: []byte("walk on"), Cost: quickSeal})
}

// walkOn captures and syncs for ever. It says "saved <change> <record>" when a commit has returned, and "received <change>" when a
// receipt covers the change: from then on each is a promise.
func walkOn() int {
	ctx := context.Background()
	c, err := openWalker(ctx, os.Getenv(walkerVariable))
	if err != nil {
		fmt.Println("failed", err)
		return 1
	}
	list, err := c.Ledgers(ctx)
	if err != nil || len(list) == 0 {
		fmt.Println("failed", err, len(list))
		return 1
	}
	var open []clientsdk.Saved
	for n := 0; ; n++ {
		d, err := c.NewRecord(ctx, list[0].ID, string(schemas.Finding))
		if err == nil {
			err = d.Set("/title", fmt.Sprintf("finding %d of %d", n, os.Getpid()))
		}
		var saved clientsdk.Saved
		if err == nil {
			saved, err = d.Commit(ctx)
		}
		if err != nil {
			fmt.Println("failed", err)
			return 1
		}
		fmt.Println("saved", saved.Change, saved.Ref.Record.ID)
		open = append(open, saved)
		if n%3 != 0 {
			continue
		}
		if _, err := c.Sync(ctx); err != nil {
			continue // the server was killed; the next one will answer
		}
		open = sayReceived(ctx, c, open)
	}
}

// sayReceived says which changes a receipt covers, and returns the others.
func sayReceived(ctx context.Context, c *clientsdk.Client, open []clientsdk.Saved) (rest []clientsdk.Saved) {
	for _, s := range open {
		if r, err := c.Record(ctx, s.Ref); err == nil && r.Safety != clientsdk.OnTablet {
			fmt.Println("received", s.Change)
			continue
		}
		rest = append(rest, s)
	}
	return rest
}

// serverProcess is a server of the built program.
type serverProcess struct {
	cmd    *exec.Cmd
	ready  started
	exited chan struct{}
	err    error // how it ended, once exited is closed
}

// startServer starts a server on a data folder. It ends with the test at the latest.
func startServer(t *testing.T, data string, args ...string) *serverProcess {
	t.Helper()
	args = append([]string{"serve", "--data", data, "--json", "--log", "error"}, args...)
	if len(args) == 6 {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	s := &serverProcess{cmd: exec.Command(built, args...), exited: make(chan struct{})}
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("the server ended: %v", s.cmd.Wait())
	}
	decode(t, lines.Bytes(), &s.ready)
	go func() {
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	return s
}

func (s *serverProcess) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.exited:
		if s.err != nil {
			t.Errorf("the server ended with %v", s.err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the server does not stop")
	}
}

func (s *serverProcess) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// walkerProcess is a tablet in a process of its own, and what it promised.
type walkerProcess struct {
	folder string
	cmd    *exec.Cmd
	done   chan struct{}

	mu       sync.Mutex
	saved    map[string]string // change -> record
	received map[string]bool
	failed   string
}

func (w *walkerProcess) start(t *testing.T) {
	t.Helper()
	w.cmd = exec.Command(os.Args[0])
	w.cmd.Env = append(os.Environ(), walkerVariable+"="+w.folder)
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.cmd.Process.Kill() })
	done := make(chan struct{})
	w.done = done
	go func() {
		defer close(done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			w.note(lines.Text())
		}
		_ = w.cmd.Wait()
	}()
}

// note keeps one promise. A line that was cut by the kill is none.
func (w *walkerProcess) note(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	words := strings.Fields(line)
	switch {
	case len(words) == 3 && words[0] == "saved" && len(words[2]) == 36:
		w.saved[words[1]] = words[2]
	case len(words) == 2 && words[0] == "received" && len(words[1]) == 43:
		w.received[words[1]] = true
	case strings.HasPrefix(line, "failed"):
		w.failed = line
	}
}

func (w *walkerProcess) kill() {
	_ = w.cmd.Process.Kill()
	<-w.done
}

// killWorld is a server with one diagnostic, and two tablets.
type killWorld struct {
	t       *testing.T
	data    string
	server  *serverProcess
	people  *apiclient.Client
	ledger  string
	walkers []*walkerProcess
}

func newKillWorld(t *testing.T) *killWorld {
	t.Helper()
	dir := t.TempDir()
	w := &killWorld{t: t, data: filepath.Join(dir, "d")}
	w.server = startServer(t, w.data)
	var d diagnosticInfo
	decode(t, mustRun(t, "admin", "--data", w.data, "diagnostics", "create", "--name", "Verger", "--code", "QP066007", "--json"), &d)
	var token tokenInfo
	decode(t, mustRun(t, "admin", "--data", w.data, "tokens", "create", "--account", "coord-1", "--role", "coordinator", "--json"), &token)
	w.ledger = d.Ledger
	w.people = &apiclient.Client{HTTP: apiclient.Network(), Base: w.server.ready.Address, Token: token.Token}
	for _, name := range []string{"T-01", "T-02"} {
		var ticket ticketInfo
		decode(t, mustRun(t, "admin", "--data", w.data, "tablets", "ticket", "--name", name, "--diagnostic", "Verger", "--json"), &ticket)
		p := &walkerProcess{folder: filepath.Join(dir, name), saved: map[string]string{}, received: map[string]bool{}}
		w.walkers = append(w.walkers, p)
		c, err := openWalker(t.Context(), p.folder)
		if err == nil {
			_, err = c.Account(t.Context())
		}
		if err == nil {
			err = c.Enrol(t.Context(), ticket.Ticket, name)
		}
		if err == nil {
			_, err = c.Sync(t.Context())
		}
		if err = errors.Join(err, c.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// holds reports whether the server holds a change, once.
func (w *killWorld) holds(change string) error {
	var v struct{ Envelopes []json.RawMessage }
	if err := w.people.Call(w.t.Context(), http.MethodGet, "/v1/ledgers/"+w.ledger+"/changes/"+change, nil, &v); err != nil {
		return err
	}
	if len(v.Envelopes) != 1 {
		return fmt.Errorf("it lies in %d places", len(v.Envelopes))
	}
	return nil
}

// restart starts the server anew where it was, and asks it for everything that it acknowledged before.
func (w *killWorld) restart(checked map[string]bool) {
	w.t.Helper()
	w.server = startServer(w.t, w.data, "--listen", w.server.ready.Listen)
	for _, p := range w.walkers {
		p.mu.Lock()
		var received []string
		for change := range p.received {
			if !checked[change] {
				received = append(received, change)
			}
		}
		p.mu.Unlock()
		for _, change := range received {
			checked[change] = true
			if err := w.holds(change); err != nil {
				w.t.Errorf("the server acknowledged %s: %v", change, err)
			}
		}
	}
}

// Server and tablets are killed at random moments, twenty times over. Everything that either said is saved is there, and once (L1, L5).
func TestNothingThatWasAcknowledgedIsLostToAKill(t *testing.T) {
	t.Parallel()
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	w := newKillWorld(t)
	for _, p := range w.walkers {
		p.start(t)
	}
	checked := map[string]bool{}
	kills := 0
	for range rounds {
		time.Sleep(time.Duration(50+rand.IntN(400)) * time.Millisecond)
		which := 1 + rand.IntN(7) // a bit for the server and for each tablet
		kills++
		for i, p := range w.walkers {
			if which&(2<<i) != 0 {
				p.kill()
				p.start(t)
			}
		}
		if which&1 != 0 {
			w.server.kill()
			w.restart(checked)
		}
	}
	w.server.kill()
	for _, p := range w.walkers {
		p.kill()
		if p.failed != "" {
			t.Errorf("a tablet gave up: %s", p.failed)
		}
	}
	w.restart(checked)
	w.settle()
	w.server.stop(t)
	mustRun(t, "verify", "--data", w.data)
	t.Logf("%d rounds, %d acknowledged by the server before the end", kills, len(checked))
}

// settle lets the tablets sync to the end, and counts: each promise is kept, and each record of a tablet is on the server.
func (w *killWorld) settle() {
	w.t.Helper()
	ctx := w.t.Context()
	records := map[uuid.UUID]bool{}
	total := 0
	for _, p := range w.walkers {
		c, err := openWalker(ctx, p.folder)
		if err != nil {
			w.t.Fatal(err)
		}
		defer c.Close() //nolint:errcheck // the test is over
		if len(p.saved) == 0 {
			w.t.Error("a tablet saved nothing")
		}
		w.promises(c, p)
		if _, err := c.Sync(ctx); err != nil {
			w.t.Fatal(err)
		}
		total += len(p.saved)
	}
	for _, p := range w.walkers {
		for change := range p.saved {
			if err := w.holds(change); err != nil {
				w.t.Errorf("a tablet saved %s: %v", change, err)
			}
		}
		w.t.Logf("a tablet saved %d findings", len(p.saved))
	}
	err := w.people.List(ctx, "/v1/ledgers/"+w.ledger+"/records?kind=finding&limit=500", "records", func(raw json.RawMessage) error {
		var r struct {
			ID      uuid.UUID
			Changes int
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			return err
		}
		if records[r.ID] || r.Changes != 1 {
			w.t.Errorf("the finding %s is there more than once", r.ID)
		}
		records[r.ID] = true
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(records) < total {
		w.t.Errorf("the server has %d findings of %d", len(records), total)
	}
}

// promises looks for everything that a tablet said is saved in its own store.
func (w *killWorld) promises(c *clientsdk.Client, p *walkerProcess) {
	w.t.Helper()
	list, err := c.Ledgers(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	held := map[string]int{}
	f := ledger.Filter{Kind: schemas.Finding}
	err = c.Records(w.t.Context(), list[0].ID, f, nil, func(r *clientsdk.Record) (bool, error) {
		held[r.Ref.Record.ID.String()] += r.Changes
		return true, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for change, record := range p.saved {
		if held[record] != 1 {
			w.t.Errorf("the tablet said that %s is saved, and holds %d changes of its record", change, held[record])
		}
		steps, err := c.History(w.t.Context(), clientsdk.Ref{Ledger: list[0].ID, Record: syncengine.RecordKey{Kind: schemas.Finding, ID: uuid.MustParse(record)}})
		if err != nil || len(steps) != 1 || steps[0].ID.String() != change {
			w.t.Errorf("the history of %s: %d steps, %v", record, len(steps), err)
		}
	}
}
