package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
)

// Sizes of the tablet that holds most.
const (
	manyLedgers  = 50
	manyReplicas = 300 // in each ledger
)

// fiftyLedgers measures an exchange with nothing new where the version vectors are long: fifty ledgers, in each of which three hundred
// replicas have written.
func (b *bench) fiftyLedgers(ctx context.Context) (err error) {
	ledgers, replicas := manyLedgers, manyReplicas
	if b.quick {
		ledgers, replicas = 3, 5
	}
	b.say("fifty ledgers: %d ledgers of %d replicas are made", ledgers, replicas)
	folder := filepath.Join(b.folder, "fifty")
	c, err := openCentral(ctx, folder, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	var list []diagnostic
	for i := range ledgers {
		d, err := c.order(ctx, fmt.Sprintf("Quartier %02d", i+1))
		if err != nil {
			return err
		}
		list = append(list, d)
	}
	authors := make([]*author, replicas)
	err = share(replicas, func(i int) (err error) {
		authors[i], err = c.enrolAuthor(ctx, i, list...)
		return err
	})
	if err != nil {
		return err
	}
	keeper, err := newKeeper()
	if err != nil {
		return err
	}
	b.say("fifty ledgers: every replica writes in every ledger")
	var made atomic.Int64
	for _, d := range list {
		f, err := c.fabricationOf(d, keeper, 1)
		if err != nil {
			return err
		}
		if err := share(replicas, func(i int) error { return f.write(ctx, authors[i], 1, &made) }); err != nil {
			return err
		}
	}
	b.say("fifty ledgers: a tablet pulls them")
	t, err := c.newTablet(ctx, filepath.Join(folder, "tablet"), "many", nil, list...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	return b.idle(ctx, c, t, "idle_50_ledgers", ledgers*replicas, detail{"ledgers", ledgers}, detail{"replicas_in_each", replicas})
}
