package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"time"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Sizes of the exchange: the morning's captures of twenty consultants.
const (
	pushTablets  = 20
	pushCaptures = 500 // of each
)

// exchange measures the push of captures by many tablets at once, their pull by one, and what both cost in bytes.
func (b *bench) exchange(ctx context.Context) error {
	folder := filepath.Join(b.folder, "exchange")
	return survey(ctx, folder, true, func(c *central, d diagnostic) (err error) {
		b.say("exchange: %d tablets capture %d observations each", pushTablets, b.size(pushCaptures))
		g := &gate{inner: http.DefaultTransport}
		tablets, err := c.fleet(ctx, filepath.Join(folder, "tablets"), pushTablets, &http.Client{Transport: g}, d)
		defer func() { err = errors.Join(err, closeAll(tablets)) }()
		if err != nil {
			return err
		}
		err = together(len(tablets), func(i int) error {
			w := newWriter(uint64(i), tablets[i].account) //nolint:gosec // a small number
			for range b.size(pushCaptures) {
				if _, err := tablets[i].capture(ctx, d.Ledger, w.observation()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := b.push(ctx, c, d, tablets, g); err != nil {
			return err
		}
		return b.pull(ctx, c, d, folder)
	})
}

// push lets all tablets push at once. It is timed from the first call to the last acknowledgement: the moment when the last tablet has
// its answer, which the server sends when all of the push is durable and the answer, with the receipt in it, is complete. What the
// tablets then do with the answers is not the push's, and they don't: see the pull.
func (b *bench) push(ctx context.Context, c *central, d diagnostic, tablets []*tablet, g *gate) error {
	before, err := contentOf(ctx, c.file, d.Ledger)
	if err != nil {
		return err
	}
	stats := c.file.Stats()
	c.meter.settle()
	b.say("push")
	stop, err := b.startProfile("push")
	if err != nil {
		return err
	}
	reports := make([]*clientsdk.Report, len(tablets))
	g.shut = true
	cpu, start := processorTime(), time.Now()
	err = together(len(tablets), func(i int) (err error) {
		if reports[i], err = tablets[i].Sync(ctx); errors.Is(err, errAcknowledged) {
			return nil
		}
		return err
	})
	took, busy := time.Since(start), processorTime()-cpu
	g.shut = false
	stop()
	if err != nil {
		return err
	}
	n := len(tablets) * b.size(pushCaptures)
	up, _ := c.meter.settle()
	after := c.file.Stats()
	sent, bodies := 0, int64(0)
	for _, r := range reports {
		sent, bodies = sent+r.Sent, bodies+r.BytesUp
	}
	received, err := g.received()
	if err != nil {
		return err
	}
	if sent != n || received != uint64(n) { //nolint:gosec // a small number
		return fmt.Errorf("of %d observations %d were sent and %d acknowledged", n, sent, received)
	}
	l := &load{commits: int(after.Commits - stats.Commits)} //nolint:gosec // a small number
	if err := l.fill(ctx, c, d, before); err != nil {
		return err
	}
	least, err := l.least(b.folder)
	if err != nil {
		return err
	}
	return errors.Join(
		b.report(figure{"push", perSecond(n, took), "observations/s", perSecond(n, least.took), append([]detail{
			{"n", n},
			{"tablets", len(tablets)},
			{"seconds", took.Seconds()},
			{"processor_seconds", busy.Seconds()},
			{"limit_processor_seconds", least.busy.Seconds()},
			{"ratio_of_processor_time", least.busy.Seconds() / busy.Seconds()},
		}, l.details(n)...)}),
		b.report(figure{"bytes_up", float64(bodies) / float64(n), "bytes/observation", 0, []detail{
			{"tcp", float64(up) / float64(n)}, {"n", n}, {"exchanges", len(tablets)},
		}}),
	)
}

// startProfile begins the processor profile, if one was asked for of this figure.
func (b *bench) startProfile(figure string) (stop func(), err error) {
	if b.profile == "" || b.only != figure {
		return func() {}, nil
	}
	f, err := os.Create(b.profile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		if err := f.Close(); err != nil {
			b.say("the profile could not be written: %v", err)
		}
	}, nil
}

// pull lets a fresh tablet pull everything, then measures an exchange that has nothing to say.
func (b *bench) pull(ctx context.Context, c *central, d diagnostic, folder string) (err error) {
	n := pushTablets * b.size(pushCaptures)
	b.say("pull")
	folder = filepath.Join(folder, "fresh")
	fresh, err := c.enrol(ctx, folder, "fresh", quickSeal, nil, d)
	if err == nil {
		err = fresh.Close()
	}
	if err != nil {
		return err
	}
	before, commits, err := tabletContent(folder)
	if err != nil {
		return err
	}
	if err := fresh.reopen(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fresh.Close()) }()
	c.meter.settle()
	stop, err := b.startProfile("pull")
	if err != nil {
		return err
	}
	cpu, start := processorTime(), time.Now()
	r, err := fresh.Sync(ctx)
	took, busy := time.Since(start), processorTime()-cpu
	stop()
	if err != nil {
		return err
	}
	_, down := c.meter.settle()
	if r.Received < n {
		return fmt.Errorf("%d of %d observations came", r.Received, n)
	}
	if err := b.idle(ctx, c, fresh, "idle_10000", n); err != nil {
		return err
	}
	if err := fresh.Close(); err != nil {
		return err
	}
	held, now, err := tabletContent(folder)
	if err != nil {
		return err
	}
	l := &load{entries: held.since(before), commits: now - commits}
	if l.documents, l.runs, err = observations(ctx, c.file, d.Ledger); err != nil {
		return err
	}
	least, err := l.least(b.folder)
	if err != nil {
		return err
	}
	return errors.Join(
		b.report(figure{"pull", perSecond(n, took), "observations/s", perSecond(n, least.took), append([]detail{
			{"n", n},
			{"seconds", took.Seconds()},
			{"processor_seconds", busy.Seconds()},
			{"limit_processor_seconds", least.busy.Seconds()},
			{"ratio_of_processor_time", least.busy.Seconds() / busy.Seconds()},
			{"exchanges", r.RoundTrips},
		}, l.details(n)...)}),
		b.report(figure{"bytes_down", float64(r.BytesDown) / float64(n), "bytes/observation", 0, []detail{
			{"tcp", float64(down) / float64(n)}, {"n", n},
		}}),
	)
}

// gate is a transport of tablets that can end exchanges at their acknowledgement.
type gate struct {
	inner http.RoundTripper
	shut  bool // set while no exchange is under way

	mu      sync.Mutex
	answers [][]byte // that came while the gate was shut
}

var errAcknowledged = errors.New("the exchange is ended at its acknowledgement, for measuring")

// RoundTrip passes a request on. While the gate is shut it keeps the answers to exchanges from the tablets.
func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := g.inner.RoundTrip(r)
	if err != nil || !g.shut || answer.StatusCode != http.StatusOK || !strings.HasSuffix(r.URL.Path, "/v1/sync") {
		return answer, err
	}
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answers = append(g.answers, body)
	return nil, errAcknowledged
}

// received adds up what the receipts in the answers tell.
func (g *gate) received() (uint64, error) {
	var sum uint64
	for _, body := range g.answers {
		seq, err := receiptIn(body)
		if err != nil {
			return 0, err
		}
		sum += seq
	}
	return sum, nil
}

// receiptIn returns how much of the asking replica's log the last receipt in an answer tells of.
func receiptIn(body []byte) (seq uint64, err error) {
	frames := wire.NewReader(bytes.NewReader(body), wire.Limits{})
	defer frames.Close()
	for {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			return seq, nil
		}
		if err != nil {
			return 0, err
		}
		if receipt, ok := f.(*wire.Receipt); ok {
			seq = receipt.Head.Seq
		}
	}
}
