package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Times that the server's process is given.
const (
	startTime = 30 * time.Second
	stopTime  = 40 * time.Second
)

// process is the server's: the same program as this one.
type process struct {
	command func(ctx context.Context, args ...string) *exec.Cmd
	data    string // its folder
	address string // that tickets name: the link's
	listen  string // host and port; kept from one start to the next
	socket  string

	cmd   *exec.Cmd
	end   *ending
	kills int
}

// ending is the end of one process: err is how it ended, once done is closed.
type ending struct {
	done chan struct{}
	err  error
}

// start starts the server and waits until it answers.
func (s *process) start(ctx context.Context) error {
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(s.data, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the process has its own handle
	listen := s.listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	// The process outlives a cancelled ctx: it is for stop to end it in good order.
	s.cmd = s.command(context.WithoutCancel(ctx), "serve", "--data", s.data, "--listen", listen, "--address", s.address, "--json")
	s.cmd.Stderr = log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	ready := make(chan []byte, 1)
	s.end = &ending{done: make(chan struct{})}
	go func(cmd *exec.Cmd, end *ending) {
		lines := bufio.NewScanner(out)
		if lines.Scan() {
			ready <- append([]byte(nil), lines.Bytes()...)
		}
		for lines.Scan() { // nothing more is expected, but a full pipe would hold the server up
		}
		end.err = cmd.Wait()
		close(end.done)
	}(s.cmd, s.end)
	return s.await(ctx, ready)
}

// await reads where the server answers.
func (s *process) await(ctx context.Context, ready <-chan []byte) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	select {
	case line := <-ready:
		var told struct{ Listen, Socket string }
		if err := json.Unmarshal(line, &told); err != nil {
			return fmt.Errorf("what the server says of itself: %w", err)
		}
		s.listen, s.socket = told.Listen, told.Socket
		return nil
	case <-s.end.done:
		s.cmd = nil
		return fmt.Errorf("the server ended before it answered; its log is in %s: %w", s.data, errors.Join(s.end.err, errEnded))
	case <-ctx.Done():
		return fmt.Errorf("the server does not answer: %w", errors.Join(ctx.Err(), s.kill()))
	}
}

var errEnded = errors.New("process ended")

// kill ends the server as a power cut would: it gets no chance to put anything in order.
func (s *process) kill() error {
	if s.cmd == nil {
		return nil
	}
	err := s.cmd.Process.Kill()
	<-s.end.done
	s.cmd = nil
	s.kills++
	return err
}

// stop ends the server in good order.
func (s *process) stop() error {
	if s.cmd == nil {
		return nil
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		_ = s.cmd.Process.Kill() // a system without that signal, or a process that has ended
	}
	cmd := s.cmd
	s.cmd = nil
	select {
	case <-s.end.done:
		var exit *exec.ExitError
		if errors.As(s.end.err, &exit) && !exit.Exited() {
			return nil // by a signal, ours or the person's
		}
		return s.end.err
	case <-time.After(stopTime):
		return errors.Join(errors.New("the server did not stop when it was told to"), cmd.Process.Kill())
	}
}

func (s *process) pid() int {
	if s.cmd == nil {
		return 0
	}
	return s.cmd.Process.Pid
}
