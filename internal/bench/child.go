package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Some figures are of a fresh process: this program runs itself again with one of these as its first argument, then a folder.
const (
	childPrefix = "-child-"
	childOpen   = childPrefix + "open"
	childServe  = childPrefix + "serve"
)

// runChild does a child's task and returns the exit code. What it measured goes to the standard output as JSON.
func runChild(task string, args []string) int {
	err := errors.New("this is a task of the program's own children")
	if len(args) == 1 {
		switch task {
		case childOpen:
			var o opened
			if o, err = openTablet(context.Background(), args[0]); err == nil {
				err = json.NewEncoder(os.Stdout).Encode(o)
			}
		case childServe:
			err = serveChild(context.Background(), args[0])
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench, child:", err)
		return 1
	}
	return 0
}

// child runs a task to its end and returns what it printed.
func child(ctx context.Context, task, folder string) ([]byte, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, task, folder)
	cmd.Stderr = os.Stderr
	return cmd.Output()
}

// served is what a server in a process of its own tells: at first where it is, then its memory each time it is asked.
type served struct {
	URL, Local string
	Memory     float64 // RssAnon in MiB
}

// serveChild serves a folder until its standard input ends. Each line there asks for a line about its memory.
func serveChild(ctx context.Context, folder string) (err error) {
	c, err := openCentral(ctx, folder, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	out := json.NewEncoder(os.Stdout)
	tell := func() error {
		memory, err := anonymousMemory()
		if err != nil {
			return err
		}
		return out.Encode(served{c.url, c.local, memory})
	}
	if err := tell(); err != nil {
		return err
	}
	for asked := bufio.NewScanner(os.Stdin); asked.Scan(); {
		if err := tell(); err != nil {
			return err
		}
	}
	return nil
}

// remote is a server in a process of its own.
type remote struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
	served
}

// startRemote starts a server over a folder and returns when it has said where it is.
func startRemote(ctx context.Context, folder string) (r *remote, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r = &remote{cmd: exec.CommandContext(ctx, program, childServe, folder)}
	r.cmd.Stderr = os.Stderr
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	r.out = json.NewDecoder(out)
	if err := r.out.Decode(&r.served); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

// memory asks the server how much memory it uses.
func (r *remote) memory() (float64, error) {
	if _, err := fmt.Fprintln(r.in); err != nil {
		return 0, err
	}
	err := r.out.Decode(&r.served)
	return r.Memory, err
}

// stop ends the server.
func (r *remote) stop() error { return errors.Join(r.in.Close(), r.cmd.Wait()) }
