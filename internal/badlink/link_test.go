package badlink

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// sink listens, and counts what arrives.
func sink(t *testing.T) (address string, got *atomic.Int64) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	got = new(atomic.Int64)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				buf := make([]byte, 1<<10)
				for {
					n, err := conn.Read(buf)
					got.Add(int64(n))
					if err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String(), got
}

func TestALinkDropsAConnectionAfterSomeKilobytes(t *testing.T) {
	l, err := Open(context.Background(), rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	target, got := sink(t)
	l.Lead(target)
	called := make(chan int64, 1)
	l.At(5_000, func() { called <- l.Traffic().Up })
	conn, err := net.Dial("tcp", l.Address())
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = conn.Write(make([]byte, 1_000))
	}
	_ = conn.Close()
	for end := time.Now().Add(5 * time.Second); l.Traffic().Cuts == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if n := l.Traffic().Up; n < carries-giveTake || n > carries+giveTake || l.Traffic().Cuts != 1 {
		t.Errorf("%d bytes went up, %d cuts", n, l.Traffic().Cuts)
	}
	if n := <-called; n < 5_000 || n > 5_000+pieceSize {
		t.Errorf("called after %d bytes", n)
	}
	if n := got.Load(); n > carries+giveTake {
		t.Errorf("%d bytes arrived", n)
	}
}

func TestALinkToNobodyDropsTheConnection(t *testing.T) {
	l, err := Open(context.Background(), rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Lead("127.0.0.1:1")
	conn, err := net.Dial("tcp", l.Address())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.ReadAll(conn); len(n) > 0 {
		t.Errorf("read %d bytes, %v", len(n), err)
	}
}
