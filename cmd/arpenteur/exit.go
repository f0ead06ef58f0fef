package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/url"

	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// class is a kind of outcome that a script tells by the exit code.
type class string

// The classes.
const (
	classDone     class = "done"
	classOther    class = "other"        // anything that is not below
	classUsage    class = "usage"        // the command line can't be understood
	classUnknown  class = "unknown"      // what it names is not there
	classRefused  class = "refused"      // the server said no, or rights, or a passphrase
	classNetwork  class = "network"      // the server can't be reached, or the exchange was cut
	classStore    class = "store"        // a store is in use, damaged, full or of a newer version
	classVerified class = "verification" // what is kept is not what was signed
	classPartly   class = "partly"       // what was good was taken, some was not
)

// exit is the one table of exit codes.
func (c class) exit() int {
	switch c {
	case classDone:
		return 0
	case classUsage:
		return 2
	case classUnknown:
		return 3
	case classRefused:
		return 4
	case classNetwork:
		return 5
	case classStore:
		return 6
	case classVerified:
		return 7
	case classPartly:
		return 8
	}
	return 1
}

// classOf returns the class of an error.
func classOf(err error) class {
	var own *problem
	var p *wire.Problem
	switch {
	case err == nil:
		return classDone
	case errors.As(err, &own):
		return own.class
	}
	if e := explanationOf(err); e != nil {
		return e.class
	}
	switch {
	case isStore(err):
		return classStore
	case errors.As(err, &p):
		return classOfCode(p.Code)
	case isNetwork(err):
		return classNetwork
	case errors.Is(err, fs.ErrNotExist):
		return classUnknown
	case errors.Is(err, fs.ErrPermission):
		return classRefused
	}
	return classOther
}

// classOfCode returns the class of a problem that the other side names.
func classOfCode(code wire.Code) class {
	switch code {
	case wire.CodeNotFound, wire.CodeUnknownLedger:
		return classUnknown
	case wire.CodeTruncated, wire.CodeBusy:
		return classNetwork
	case wire.CodeFull:
		return classStore
	case wire.CodeInternal, wire.CodeMalformed, wire.CodeProtocolUnsupported:
		return classOther
	}
	return classRefused
}

func isStore(err error) bool {
	for _, e := range []error{store.ErrLocked, store.ErrFull, store.ErrCorrupt, store.ErrNewer, store.ErrNotOurs, store.ErrClosed} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func isNetwork(err error) bool {
	var dns *net.DNSError
	var op *net.OpError
	var request *url.Error
	return errors.As(err, &dns) || errors.As(err, &op) || errors.As(err, &request) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, http.ErrServerClosed)
}
