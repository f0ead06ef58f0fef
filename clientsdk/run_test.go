package clientsdk_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
)

// waitFor waits until done says so, failing after a while.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

func TestRunBringsCommitsToTheOtherTabletsByItself(t *testing.T) {
	w := newWorld(t)
	a, b := w.newTablet("a"), w.newTablet("b")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	for _, p := range []*tablet{a, b} {
		go func() { ended <- p.Run(ctx) }()
	}
	ref := a.observe(map[syncengine.Path]any{"/litter/rating": "2"}).Ref
	waitFor(t, "the receipt", func() bool { return a.record(ref).Safety == clientsdk.Received })
	waitFor(t, "the other tablet", func() bool {
		_, err := b.Record(ctx, ref)
		return err == nil
	})
	cancel()
	for range 2 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run ended with %v", err)
		}
	}
}

func TestAWatcherThatDoesNotReadHoldsUpNobody(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	ctx, cancel := context.WithCancel(context.Background())
	events := a.Watch(ctx)
	for range 200 {
		a.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	}
	if e := <-events; e.Type != clientsdk.Committed {
		t.Errorf("event %+v", e)
	}
	cancel()
	waitFor(t, "the channel's end", func() bool {
		select {
		case _, open := <-events:
			return !open
		default:
			return false
		}
	})
}
