package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/internal/badlink"
	"github.com/arpenteur/arpenteur/internal/phrases"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// The places that are looked at a second time, by somebody else, for what then travels without the server.
const (
	firstCellar  = "Les Pommiers, caves"
	secondCellar = "Les Cerisiers, caves"
	binRoom      = "Les Pommiers, local à ordures"
)

// lookAgain lets a tablet capture a place without a network, and returns what it promised.
func (d *Demo) lookAgain(ctx context.Context, t *tablet, name string) ([]clientsdk.Saved, error) {
	before := len(t.saved)
	w := &walker{Demo: d, tablet: t}
	for _, lineage := range schemas.Checklists() {
		if err := w.observe(ctx, d.named(name), lineage); err != nil {
			return nil, fmt.Errorf("%s, %s at %s: %w", t.name, lineage, name, err)
		}
	}
	return t.saved[before:], nil
}

// meet lets two tablets exchange on a local network of their own. One of them then carries the other's changes to the server, and brings back
// the word that they arrived when both meet again.
func (d *Demo) meet(ctx context.Context) error {
	first, second := d.tablets[0], d.tablets[1]
	mine, err := d.lookAgain(ctx, first, secondCellar)
	if err != nil {
		return err
	}
	theirs, err := d.lookAgain(ctx, second, firstCellar)
	if err != nil {
		return err
	}
	link, err := badlink.Open(ctx, d.rand)
	if err != nil {
		return err
	}
	defer link.Close()
	if d.Result.PeerChanges, err = meetOver(ctx, link, first, second); err != nil {
		return err
	}
	if want := len(mine) + len(theirs); d.Result.PeerChanges != want {
		return fmt.Errorf("%w: L2, two tablets that meet gave each other %d changes of %d", ErrBroken, d.Result.PeerChanges, want)
	}
	if err := first.exchange(ctx); err != nil {
		return err
	}
	for _, s := range theirs {
		if err := d.people.Call(ctx, http.MethodGet, "/v1/ledgers/"+s.Ref.Ledger.String()+"/changes/"+s.Change.String(), nil, nil); err != nil {
			return fmt.Errorf("%w: L1, what %s carried for %s: %w", ErrBroken, first.name, second.name, err)
		}
	}
	if _, err := meetOver(ctx, link, first, second); err != nil {
		return err
	}
	for _, s := range theirs {
		if r, err := second.c.Record(ctx, s.Ref); err != nil || r.Safety != clientsdk.Received {
			return fmt.Errorf("%w: L1, %s does not know that what it gave %s has arrived: %w", ErrBroken, second.name, first.name, err)
		}
	}
	d.tell("peer", "n", d.Result.PeerChanges, "cuts", link.Traffic().Cuts, "carried", len(theirs), "first", first.name, "second", second.name)
	return nil
}

// meetOver lets one tablet wait and the other come by its pairing text, over a link. It returns how many changes were new on either side.
func meetOver(ctx context.Context, link *badlink.Link, host, guest *tablet) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	link.Lead(l.Addr().String())
	text := make(chan string, 1)
	var hosted *clientsdk.Report
	ended := make(chan error, 1)
	go func() {
		var err error
		hosted, err = host.c.Host(ctx, l, clientsdk.MeetOptions{Show: func(pairing string, _ []string) { text <- pairing }})
		ended <- err
	}()
	var shown string
	select {
	case shown = <-text:
	case err := <-ended:
		return 0, fmt.Errorf("%s waits for nobody: %w", host.name, err)
	}
	pairing, err := wire.ParsePairing(shown)
	if err != nil {
		return 0, errors.Join(err, l.Close(), <-ended)
	}
	pairing.Addresses = []string{link.Address()}
	joined, err := guest.c.Join(ctx, pairing.String(), clientsdk.MeetOptions{})
	if err != nil {
		cancel()
	}
	if err := errors.Join(err, <-ended); err != nil {
		return 0, fmt.Errorf("%s and %s meet: %w", host.name, guest.name, err)
	}
	return hosted.Received + joined.Received, nil
}

// stick lets a tablet put what the server lacks into a file, and the server take it in, as on its own command line.
func (d *Demo) stick(ctx context.Context) error {
	t := d.tablets[2]
	captured, err := d.lookAgain(ctx, t, binRoom)
	if err != nil {
		return err
	}
	path := filepath.Join(d.o.Folder, t.name+".arp")
	written, err := t.c.ExportFile(ctx, path, clientsdk.ExportOptions{})
	if err != nil {
		return err
	}
	raw, err := d.o.Command(ctx, "admin", "--data", d.server.data, "take", path, "--json").Output()
	if err != nil {
		return fmt.Errorf("the server does not take the file of %s: %w", t.name, err)
	}
	var taken struct {
		Complete bool
		Ledgers  []struct{ Lines int }
	}
	if err := json.Unmarshal(raw, &taken); err != nil {
		return err
	}
	for _, l := range taken.Ledgers {
		d.Result.USBChanges += l.Lines
	}
	if !taken.Complete || d.Result.USBChanges != len(captured) {
		return fmt.Errorf("%w: L2, the server took %d changes of %d from the stick", ErrBroken, d.Result.USBChanges, len(captured))
	}
	d.tell("stick", "tablet", t.name, "n", d.Result.USBChanges, "size", phrases.Bytes(written.Bytes))
	return nil
}
