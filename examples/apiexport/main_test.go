package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/examples/central"
	"github.com/arpenteur/arpenteur/internal/badlink"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store/seal"
)

// open makes an enrolled tablet.
func open(t *testing.T, c *central.Central, d central.Diagnostic, account string) *clientsdk.Client {
	t.Helper()
	tablet, err := clientsdk.Open(t.Context(), filepath.Join(t.TempDir(), account), clientsdk.Options{
		Passphrase: []byte("une longue phrase"), Cost: seal.Params{Time: 1, Memory: 64, Threads: 1},
	})
	if err == nil {
		err = c.Enrol(t.Context(), tablet, syncengine.AccountID(account), "T-"+account, d)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tablet.Close() })
	return tablet
}

// correct writes a rating into records that a tablet has, apart from everybody else.
func correct(t *testing.T, tablet *clientsdk.Client, records []clientsdk.Ref, rating string) {
	t.Helper()
	for _, ref := range records {
		draft, err := tablet.Edit(t.Context(), ref)
		if err == nil {
			err = draft.Set("/litter/rating", rating)
		}
		if err == nil {
			_, err = draft.Commit(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func sync(t *testing.T, tablets ...*clientsdk.Client) {
	t.Helper()
	for _, tablet := range tablets {
		if _, err := tablet.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryValueOnWhichPeopleDifferIsPrintedOverAnyLink(t *testing.T) {
	c, err := central.Start(t.Context(), filepath.Join(t.TempDir(), "central"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop() })
	d, err := c.Order(t.Context(), "=Le Grand Verger")
	if err != nil {
		t.Fatal(err)
	}
	hall := uuid.MustParse("01a1e8bc-0a80-7000-a5e4-c81e42a582db")
	if err := c.AddPlaces(t.Context(), d, []central.Place{{ID: hall, Type: "hall", Name: "Hall A"}}); err != nil {
		t.Fatal(err)
	}
	one, two := open(t, c, d, "c-1"), open(t, c, d, "c-2")
	var records []clientsdk.Ref
	for range 60 {
		draft, err := one.NewRecord(t.Context(), d.Ledger, "cleanliness")
		if err == nil {
			err = draft.SetAll(map[syncengine.Path]any{
				"/place": hall.String(), "/visit": hall.String(), "/rater": "c-1", "/litter/rating": "1", "/litter/notes/c-1": strings.Repeat("sale ", 60),
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		saved, err := draft.Commit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, saved.Ref)
	}
	sync(t, one, two)
	correct(t, one, records[1:], "2")
	correct(t, two, records[1:], "3")
	sync(t, one, two)

	link, err := badlink.Open(t.Context(), rand.New(rand.NewPCG(3, 3)))
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	link.Lead(strings.TrimPrefix(c.URL(), "http://"))
	printed := map[string][]byte{}
	for _, server := range []string{c.URL(), "http://" + link.Address()} {
		var out bytes.Buffer
		if err := run(t.Context(), &out, api{server, c.People().Token}); err != nil {
			t.Fatalf("%v, after:\n%s", err, out.Bytes())
		}
		printed[server] = out.Bytes()
	}
	if !bytes.Equal(printed[c.URL()], printed["http://"+link.Address()]) || link.Traffic().Cuts < 2 {
		t.Errorf("over a link with %d cuts comes\n%s\nnot\n%s", link.Traffic().Cuts, printed["http://"+link.Address()], printed[c.URL()])
	}
	rows, err := csv.NewReader(bytes.NewReader(printed[c.URL()])).ReadAll()
	if err != nil || len(rows) != 1+2*(len(records)-1) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	values := map[string]int{}
	for _, row := range rows[1:] {
		if row[0] != "'=Le Grand Verger" || row[1] != "observation" || row[2] == records[0].Record.ID.String() || row[3] != "/litter/rating" {
			t.Errorf("%v", row)
		}
		values[fmt.Sprint(row[4:6], row[7])]++
	}
	if len(values) != 2 || values["[2 c-1]T-c-1"] != 59 || values["[3 c-2]T-c-2"] != 59 {
		t.Errorf("%v", values)
	}
}

func TestARefusalIsSaidInTheServersWords(t *testing.T) {
	c, err := central.Start(t.Context(), filepath.Join(t.TempDir(), "central"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop() })
	var refused refusal
	if err := run(t.Context(), &bytes.Buffer{}, api{c.URL(), "arp_nobody"}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "jeton") && !strings.Contains(err.Error(), "token") {
		t.Errorf("%v", err)
	}
}
