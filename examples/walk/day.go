package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/examples/central"
	"github.com/arpenteur/arpenteur/syncengine"
)

// day is the day that is told, scene by scene.
type day struct {
	out    io.Writer
	lang   string
	folder string
	clock  atomic.Int64 // milliseconds since 1970: the clock of everybody

	central    *central.Central
	diagnostic central.Diagnostic
	places     map[string]string // name to id
	visit      string

	amina, bruno, chloe *tablet
	tablets             []*tablet

	hall, lift clientsdk.Ref // the observations that two people correct
}

// names are the people, by account. Accounts are opaque: names stay on the screens of those who know them.
var names = map[syncengine.AccountID]string{"c-1": "Amina", "c-2": "Bruno", "c-3": "Chloé"}

// at sets the clock and begins a scene.
func (d *day) at(hour, minute int, fr, en string) {
	d.clock.Store(time.Date(2026, 11, 17, hour, minute, 0, 0, time.UTC).UnixMilli())
	d.say(fmt.Sprintf("\n%d h %02d — %s", hour, minute, fr), fmt.Sprintf("\n%02d:%02d — %s", hour, minute, en))
}

// now is a look at the clock, each a millisecond later than the one before.
func (d *day) now() time.Time { return time.UnixMilli(d.clock.Add(1)).UTC() }

// say tells a line in the language of the story.
func (d *day) say(fr, en string, args ...any) {
	text := fr
	if d.lang == "en" {
		text = en
	}
	_, _ = fmt.Fprintf(d.out, text+"\n", args...) // whoever left need not be told
}

// end closes what is open.
func (d *day) end() {
	for _, t := range d.tablets {
		_ = t.Close() // what was saved is on the disk
	}
	if d.central != nil {
		_ = d.central.Stop()
	}
}

func (d *day) departure(ctx context.Context) (err error) {
	d.at(8, 30, "au bureau, avec réseau", "at the office, with a network")
	if d.central, err = central.Start(ctx, filepath.Join(d.folder, "server"), d.now); err != nil {
		return err
	}
	if d.diagnostic, err = d.central.Order(ctx, "Le Grand Verger"); err != nil {
		return err
	}
	d.visit = uuid.NewString()
	d.places = map[string]string{}
	var places []central.Place
	for name, kind := range map[string]string{"hall": "hall", "cave": "cellar", "parking": "car_park", "aire de jeux": "playground"} {
		p := central.Place{ID: uuid.New(), Type: kind, Name: name}
		places, d.places[name] = append(places, p), p.ID.String()
	}
	if err := d.central.AddPlaces(ctx, d.diagnostic, places); err != nil {
		return err
	}
	for i, t := range []**tablet{&d.amina, &d.bruno, &d.chloe} {
		if *t, err = d.newTablet(ctx, syncengine.AccountID(fmt.Sprintf("c-%d", i+1)), fmt.Sprintf("T-%02d", i+1)); err != nil {
			return err
		}
	}
	d.say("Amina, Bruno et Chloé ont chacun une tablette, avec le diagnostic, ses lieux et ses grilles.",
		"Amina, Bruno and Chloé have a tablet each, with the diagnostic, its places and its checklists.")
	return nil
}

func (d *day) morning(ctx context.Context) error {
	d.at(9, 30, "dans le hall, sans réseau", "in the hall, without a network")
	saved, err := d.amina.observe(ctx, "cleanliness", "hall", answers{
		"/litter/rating": "3", "/glass/rating": "3", "/dumping/rating": "2", "/pests/rating": "2", "/stains/rating": "3",
		"/remarks/c-1": "Hall lavé ce matin.",
	})
	if err != nil {
		return err
	}
	d.hall = saved.Ref
	if saved, err = d.amina.observe(ctx, "maintenance", "hall", answers{"/lift/rating": "3", "/mailboxes/rating": "4"}); err != nil {
		return err
	}
	d.lift = saved.Ref
	if _, err := d.chloe.observe(ctx, "cleanliness", "hall", answers{"/litter/rating": "2", "/stains/rating": "3"}); err != nil {
		return err
	}
	d.say("Amina et Chloé notent le même hall, chacune pour soi. Ce sont deux relevés, pas un conflit : on pourra les comparer.",
		"Amina and Chloé rate the same hall, each for herself. These are two observations, not a conflict: they can be compared.")
	return nil
}

func (d *day) crash(ctx context.Context) error {
	d.at(10, 5, "au parking, la tablette de Bruno s'éteint", "in the car park, Bruno's tablet goes off")
	draft, err := d.bruno.NewRecord(ctx, d.diagnostic.Ledger, "cleanliness")
	if err != nil {
		return err
	}
	err = draft.SetAll(answers{"/place": d.places["parking"], "/visit": d.visit, "/rater": "c-2"})
	if err != nil {
		return err
	}
	for path, rating := range map[syncengine.Path]string{"/wrecks/rating": "1", "/litter/rating": "2"} {
		if err := draft.Set(path, rating); err != nil {
			return err
		}
	}
	if err := d.bruno.Close(); err != nil { // nothing was saved as an observation yet
		return err
	}
	if err := d.bruno.open(ctx); err != nil {
		return err
	}
	drafts := d.bruno.Drafts()
	if len(drafts) != 1 {
		return fmt.Errorf("%d drafts came back", len(drafts))
	}
	d.say("Il n'avait rien enregistré. Au redémarrage, son brouillon est là, avec ses %d réponses : chaque appui avait été gardé.",
		"He had saved nothing. After the restart his draft is there with its %d answers: every tap had been kept.",
		len(drafts[0].Entered())-3) // less place, visit and rater
	saved, err := d.bruno.save(ctx, drafts[0], answers{"/wrecks/count": 2})
	if err == nil && len(saved.Violations) > 0 {
		err = fmt.Errorf("the observation breaks %v", saved.Violations)
	}
	return err
}

func (d *day) noon(ctx context.Context) error {
	d.at(11, 0, "à l'entrée, avec réseau", "at the entrance, with a network")
	if err := d.exchange(ctx); err != nil {
		return err
	}
	n, err := d.bruno.count(ctx)
	if err != nil {
		return err
	}
	d.say("Chaque tablette échange avec le service central et montre maintenant les %d relevés.",
		"Each tablet exchanges with the server, and shows all %d observations now.", n)
	return d.chloe.copyTo(ctx, filepath.Join(d.folder, "copy of T-03"))
}

func (d *day) afternoon(ctx context.Context) error {
	d.at(14, 0, "Amina et Bruno corrigent les relevés du hall, chacun sans réseau", "Amina and Bruno correct the observations of the hall, both without a network")
	for _, edit := range []struct {
		by     *tablet
		ref    clientsdk.Ref
		values answers
	}{
		{d.amina, d.hall, answers{"/litter/rating": "1", "/dumping/count": 6, "/pests/seen/rodents/": true, "/remarks/c-1": "Encombrants derrière la porte."}},
		{d.bruno, d.hall, answers{"/litter/rating": "2", "/glass/rating": "4", "/dumping/rating": "4", "/pests/seen/cockroaches/": true}},
		{d.amina, d.lift, answers{"/lift/rating": "1"}},
		{d.bruno, d.lift, answers{"/lift/rating": "2"}},
	} {
		if err := edit.by.correct(ctx, edit.ref, edit.values); err != nil {
			return err
		}
	}
	d.say("Ni l'un ni l'autre ne voit ce que l'autre écrit. On le montrera ce soir.", "Neither sees what the other writes. This evening will show it.")
	return nil
}

func (d *day) restored(ctx context.Context) error {
	d.at(14, 30, "la tablette de Chloé tombe", "Chloé's tablet is dropped")
	if _, err := d.chloe.observe(ctx, "cleanliness", "cave", answers{"/litter/rating": "1"}); err != nil {
		return err
	}
	if _, err := d.chloe.Sync(ctx); err != nil {
		return err
	}
	if err := d.chloe.Close(); err != nil {
		return err
	}
	d.say("Juste avant, elle avait noté la cave et échangé. On lui rend une tablette remplie de la copie de 11 h, qui n'a pas la cave.",
		"Just before, she had rated the cellar and exchanged. She gets a tablet with the copy of 11:00, which lacks the cellar.")
	d.chloe.folder = filepath.Join(d.folder, "copy of T-03")
	if err := d.chloe.open(ctx); err != nil {
		return err
	}
	before, err := d.chloe.count(ctx)
	if err != nil {
		return err
	}
	if _, err := d.chloe.observe(ctx, "cleanliness", "aire de jeux", answers{"/glass/rating": "1"}); err != nil {
		return err
	}
	report, err := d.chloe.Sync(ctx)
	if err != nil {
		return err
	}
	after, err := d.chloe.count(ctx)
	if err != nil {
		return err
	}
	d.say("Elle note l'aire de jeux et échange : %d relevés avant, %d après, en %d allers-retours. La cave est revenue, l'aire de jeux est partie",
		"She rates the playground and exchanges: %d observations before, %d after, in %d round trips. The cellar came back, the playground went up",
		before, after, report.RoundTrips)
	d.say("sous un nouvel identifiant de tablette, puisque l'ancien avait déjà servi après la copie.",
		"under a new id of the tablet, since the old one had been used after the copy.")
	return nil
}

func (d *day) outage(ctx context.Context) error {
	d.at(15, 0, "le service central s'arrête une heure", "the server stops for an hour")
	if err := d.central.Stop(); err != nil {
		return err
	}
	if _, err := d.bruno.Sync(ctx); err == nil {
		return errors.New("an exchange with a stopped server went through")
	}
	if _, err := d.bruno.observe(ctx, "maintenance", "parking", answers{"/car_parks/rating": "2", "/potholes/rating": "1"}); err != nil {
		return err
	}
	d.say("L'échange de Bruno échoue, son travail continue : le relevé attend sur la tablette.",
		"Bruno's exchange fails, his work goes on: the observation waits on the tablet.")
	return nil
}

func (d *day) evening(ctx context.Context) error {
	d.at(17, 30, "de retour au bureau", "back at the office")
	if err := d.central.Again(ctx); err != nil {
		return err
	}
	if err := d.exchange(ctx); err != nil {
		return err
	}
	for _, ref := range []clientsdk.Ref{d.hall, d.lift} {
		if err := d.explain(ctx, ref); err != nil {
			return err
		}
	}
	return d.compare(ctx)
}

// exchange lets all tablets sync, twice, so that each hears of what the last one brought.
func (d *day) exchange(ctx context.Context) error {
	for range 2 {
		for _, t := range d.tablets {
			if _, err := t.Sync(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
