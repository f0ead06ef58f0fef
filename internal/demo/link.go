package demo

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

// link is the tablets' way to the server: a proxy that drops every connection after some kilobytes, as the network of a tower block
// does. It counts what passes.
type link struct {
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

// openLink opens the proxy's own port. It leads nowhere yet.
func openLink(ctx context.Context, r *rand.Rand) (*link, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &link{listener: listener, rand: rand.New(rand.NewPCG(r.Uint64(), r.Uint64()))} //nolint:gosec // where to cut
	l.ctx, l.hang = context.WithCancel(context.WithoutCancel(ctx))
	l.all.Go(l.accept)
	return l, nil
}

func (l *link) address() string { return l.listener.Addr().String() }

// lead points the link at a server.
func (l *link) lead(target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.target = target
}

// at calls fn once, when that many more bytes have gone up. What follows them waits until fn returns.
func (l *link) at(bytes int64, fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.after, l.then = l.up.Load()+bytes, fn
}

func (l *link) close() {
	l.hang()
	_ = l.listener.Close()
	l.all.Wait()
}

func (l *link) accept() {
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
func (l *link) carry(near net.Conn, target string, budget int64) {
	defer near.Close() //nolint:errcheck // it is dropped
	dialer := net.Dialer{Timeout: time.Second}
	far, err := dialer.DialContext(l.ctx, "tcp", target)
	if err != nil {
		return // nobody is there: the tablet sees a dropped connection
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
func (l *link) copy(to, from net.Conn, count, left *atomic.Int64) {
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
func (l *link) passed() {
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
