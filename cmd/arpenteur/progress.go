package main

import (
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// progress shows how far a long work is, on one line of a person's screen. Where nobody watches it writes nothing.
type progress struct {
	mu    sync.Mutex
	to    io.Writer // nil where nobody watches
	last  time.Time
	width int
}

// progressEvery is how often the line is drawn anew.
const progressEvery = 100 * time.Millisecond

func (p *program) progress() *progress {
	if p.json || !terminal(p.err) {
		return &progress{}
	}
	return &progress{to: p.err}
}

// at draws the line, unless it was drawn just now.
func (g *progress) at(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.to == nil || time.Since(g.last) < progressEvery {
		return
	}
	g.last = time.Now()
	g.draw(text)
}

// end takes the line away.
func (g *progress) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.to != nil && g.width > 0 {
		g.draw("")
		_, _ = io.WriteString(g.to, "\r")
	}
}

func (g *progress) draw(text string) {
	n := utf8.RuneCountInString(text)
	_, _ = io.WriteString(g.to, "\r"+text+strings.Repeat(" ", max(g.width-n, 0)))
	g.width = n
}
