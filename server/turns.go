package server

import (
	"context"
	"runtime"
	"sync"
)

// turns lets as many pushes be prepared at a time as there are processors, in the order in which they come. More at a time would all take
// longer and hold more memory, and would come to the store's write lock together, with nobody left to prepare while one of them writes.
type turns chan struct{}

func newTurns() turns { return make(turns, runtime.GOMAXPROCS(0)) }

// begin waits for a turn, or for ctx to be done. The turn ends when end is called, for the first time.
func (t turns) begin(ctx context.Context) (end func(), err error) {
	select {
	case t <- struct{}{}:
		return sync.OnceFunc(func() { <-t }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
