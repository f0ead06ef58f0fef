package clientsdk_test

import (
	"context"
	"fmt"
	"log"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
)

// A tablet captures an observation without a network, and hands it over when there is one.
func Example() {
	estate := newEstate()
	defer estate.close()
	ctx := context.Background()
	c, err := clientsdk.Open(ctx, estate.folder("T-04"), clientsdk.Options{Passphrase: []byte("une longue phrase"), Cost: cheap})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // what was saved is durable
	if err := c.Enrol(ctx, estate.ticket("consultante-1"), "T-04"); err != nil {
		log.Fatal(err)
	}
	if _, err := c.Sync(ctx); err != nil { // the ledgers and their checklists
		log.Fatal(err)
	}

	d, err := c.NewRecord(ctx, estate.ledger, "cleanliness")
	if err != nil {
		log.Fatal(err)
	}
	err = d.SetAll(map[syncengine.Path]any{"/place": hall, "/visit": visit, "/rater": "consultante-1", "/litter/rating": "2"})
	if err != nil {
		log.Fatal(err)
	}
	saved, err := d.Commit(ctx)
	if err != nil {
		log.Fatal(err)
	}
	r, err := c.Record(ctx, saved.Ref)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Field("/litter/rating").Shown, r.Safety)

	if _, err := c.Sync(ctx); err != nil {
		log.Fatal(err)
	}
	if r, err = c.Record(ctx, saved.Ref); err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Field("/litter/rating").Shown, r.Safety)
	// Output:
	// "2" on_tablet
	// "2" received
}

// Two tablets rate one hall without seeing each other. Both values are kept, and both tablets show the same.
func ExampleDraft_Unfold() {
	estate := newEstate()
	defer estate.close()
	ctx := context.Background()
	a, b := estate.tablet("consultante-1"), estate.tablet("consultant-2")
	ref := a.rate(estate, nil, "3")
	estate.syncAll(a, b)
	a.rate(estate, &ref, "1")
	b.rate(estate, &ref, "2")
	estate.syncAll(a, b)

	d, err := a.Edit(ctx, ref)
	if err != nil {
		log.Fatal(err)
	}
	values, err := d.Unfold(ctx, "/litter/rating") // from here on the other value counts as seen
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range values {
		fmt.Println(v.Author, v.Value)
	}
	// Output:
	// consultante-1 "1"
	// consultant-2 "2"
}

// The records of one place, in a stable order.
func ExampleClient_Records() {
	estate := newEstate()
	defer estate.close()
	a := estate.tablet("consultante-1")
	a.rate(estate, nil, "3")
	a.rate(estate, nil, "4")
	filter := ledger.Filter{Kind: "observation", Where: map[string]string{"place": hall}}
	err := a.Records(context.Background(), estate.ledger, filter, nil, func(r *clientsdk.Record) (bool, error) {
		fmt.Println(r.Field("/litter/rating").Shown)
		return true, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Unordered output:
	// "3"
	// "4"
}
