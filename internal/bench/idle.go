package main

import (
	"context"
	"fmt"
	"time"
)

// idleTries is how many exchanges with nothing to say are measured.
const idleTries = 20

// idle measures an exchange with nothing new on either side (law L11): every byte that passes the connection, HTTP headers included,
// and the time. n is how many records the tablet holds.
func (b *bench) idle(ctx context.Context, c *central, t *tablet, name string, n int, with ...detail) error {
	for range 2 { // what was left to say, then the exchange that says that nothing is
		if _, err := t.Sync(ctx); err != nil {
			return err
		}
	}
	c.meter.settle()
	times := make([]time.Duration, 0, idleTries)
	rounds := 0
	for range idleTries {
		start := time.Now()
		r, err := t.Sync(ctx)
		if err != nil {
			return err
		}
		times = append(times, time.Since(start))
		if rounds += r.RoundTrips; r.Sent+r.Received > 0 {
			return fmt.Errorf("an exchange that should have nothing to say sent %d lines and received %d", r.Sent, r.Received)
		}
	}
	up, down := c.meter.settle()
	return b.report(figure{name, float64(up+down) / idleTries, "bytes", 0, append([]detail{
		{"up", float64(up) / idleTries},
		{"down", float64(down) / idleTries},
		{"round_trips", float64(rounds) / idleTries},
		{"ms", milliseconds(median(times))},
		{"records", n},
	}, with...)})
}
