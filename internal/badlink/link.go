package badlink

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// How much a connection carries before the link drops it: 20 KB, give or take a fifth.
const (
	carries   = 20_000
	giveTake  = 4_000
	pieceSize = 2 << 10
)

// Link is a way to one address over TCP. Its methods may be called at any time, by any goroutine.
type Link struct {
	listener net.Listener
	ctx      context.Context // of all connections, which no call waits for
	hang     context.CancelFunc
	all      sync.WaitGroup

	mu     sync.Mutex // guards what follows
	rand   *rand.Rand
	target string
	after  int64  // bytes up, after which then is called; 0: never
	then   func() // called once

	up, down, cuts atomic.Int64
}

// Traffic is what a link has carried so far, in bytes from who dialled and to them, and how many connections it has dropped.
type Traffic struct{ Up, Down, Cuts int64 }

// Open opens a link on a loopback port of its own. It leads nowhere yet. What r gives decides where connections are cut. Close it in the end;
// that ctx ends does not close it.
func Open(ctx context.Context, r *rand.Rand) (*Link, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Link{listener: listener, rand: rand.New(rand.NewPCG(r.Uint64(), r.Uint64()))} //nolint:gosec // where to cut
	l.ctx, l.hang = context.WithCancel(context.WithoutCancel(ctx))
	l.all.Go(l.accept)
	return l, nil
}

// Address is where the link is dialled, as host:port.
func (l *Link) Address() string { return l.listener.Addr().String() }

// Traffic returns what has passed.
func (l *Link) Traffic() Traffic {
	return Traffic{Up: l.up.Load(), Down: l.down.Load(), Cuts: l.cuts.Load()}
}

// Lead points the link at an address, for the connections that come. One that is dialled while nobody is there is dropped.
func (l *Link) Lead(target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.target = target
}

// At calls fn once, when that many more bytes have gone up. What follows them waits until fn returns.
func (l *Link) At(bytes int64, fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.after, l.then = l.up.Load()+bytes, fn
}

// Close drops all connections and waits until nothing of the link is left.
func (l *Link) Close() {
	l.hang()
	_ = l.listener.Close()
	l.all.Wait()
}

func (l *Link) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.mu.Lock()
		target, budget := l.target, int64(carries-giveTake+l.rand.IntN(2*giveTake))
		l.mu.Unlock()
		l.all.Go(func() { l.carry(near, target, budget) })
	}
}

// carry joins one connection to the server until its budget is used up, or either side ends it.
func (l *Link) carry(near net.Conn, target string, budget int64) {
	defer near.Close() //nolint:errcheck // it is dropped
	dialer := net.Dialer{Timeout: time.Second}
	far, err := dialer.DialContext(l.ctx, "tcp", target)
	if err != nil {
		return // nobody is there: who dialled sees a dropped connection
	}
	defer far.Close() //nolint:errcheck // it is dropped
	stop := context.AfterFunc(l.ctx, func() { drop(near, far) })
	defer stop()
	left := &atomic.Int64{}
	left.Store(budget)
	var both sync.WaitGroup
	both.Go(func() { l.copy(far, near, &l.up, left) })
	both.Go(func() { l.copy(near, far, &l.down, left) })
	both.Wait()
}

// copy carries one direction. What is over the budget is not delivered.
func (l *Link) copy(to, from net.Conn, count, left *atomic.Int64) {
	defer drop(to, from)
	buf := make([]byte, pieceSize)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			rest := left.Add(-int64(n))
			if rest < 0 {
				n = max(n+int(rest), 0)
			}
			if _, failed := to.Write(buf[:n]); failed != nil {
				return
			}
			count.Add(int64(n))
			l.passed()
			if rest < 0 {
				l.cuts.Add(1)
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// passed calls what was asked to be called at this point.
func (l *Link) passed() {
	l.mu.Lock()
	fn := l.then
	if l.then == nil || l.up.Load() < l.after {
		fn = nil
	} else {
		l.then = nil
	}
	l.mu.Unlock()
	if fn != nil {
		fn()
	}
}

// drop ends connections as a network that goes away does, without a word.
func drop(conns ...net.Conn) {
	for _, c := range conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}
