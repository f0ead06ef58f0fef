package boltstore

import (
	"slices"
	"sync"
)

// queue holds the updates that nobody has started yet, in the order of their calls.
type queue struct {
	mu      sync.Mutex
	waiting []*update
}

// push adds an update.
func (q *queue) push(u *update) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, u)
}

// pop takes and starts the first update whose context is not done. One whose context is done is left to its caller, who takes it
// out.
func (q *queue) pop() *update {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, u := range q.waiting {
		if u.started || u.ctx.Err() == nil {
			u.started = true
			q.waiting = slices.Delete(q.waiting, i, i+1)
			return u
		}
	}
	return nil
}

// take takes and starts u, and reports whether it was waiting.
func (q *queue) take(u *update) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, u)
	if i < 0 || !u.started && u.ctx.Err() != nil {
		return false
	}
	u.started = true
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

// withdraw takes u out, unless it was started.
func (q *queue) withdraw(u *update) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, u)
	if i < 0 || u.started {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

// putBack puts updates that were started at the head of the queue.
func (q *queue) putBack(updates []*update) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.Insert(q.waiting, 0, updates...)
}
