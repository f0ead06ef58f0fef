package wire

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
)

// seed derives 32 bytes from a name, so that fixtures and published vectors are the same at every run.
func seed(name string) [32]byte { return sha256.Sum256([]byte("arpenteur test vector\n" + name)) }

func keyOf(name string) ed25519.PrivateKey {
	s := seed("key " + name)
	return ed25519.NewKeyFromSeed(s[:])
}

func publicOf(name string) ed25519.PublicKey {
	public, _ := keyOf(name).Public().(ed25519.PublicKey)
	return public
}

func replicaOf(name string) syncengine.ReplicaID { return ReplicaOf(publicOf(name)) }

func hashOf(name string) syncengine.Hash { return seed("hash " + name) }

func changeOf(name string) syncengine.ChangeID { return syncengine.ChangeID{Hash: hashOf(name)} }

func saltOf(name string) Salt {
	s := seed("salt " + name)
	return Salt(s[:16])
}

// uuidOf returns a UUID of version 7 with a fixed time.
func uuidOf(name string) uuid.UUID {
	s := seed("uuid " + name)
	id := uuid.UUID(s[:16])
	copy(id[:], []byte{0x01, 0x9a, 0xa5, 0x00})
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

const fixtureTime = 1_795_000_000_000

// genesisLine is line 1 of the authority's log of the fixtures' ledger.
func genesisLine(t testing.TB) *Line {
	t.Helper()
	return mustLine(t, syncengine.Header{
		Kind: syncengine.KindGenesis, Record: uuidOf("ledger"), Author: "u-prefect", Time: fixtureTime,
		Genesis: CertifyGenesis(keyOf("root"), PublicKeyOf(publicOf("authority"))),
	}, "genesis")
}

func ledgerOf(t testing.TB) syncengine.LedgerID {
	t.Helper()
	return syncengine.LedgerID{Hash: genesisLine(t).Change.ID.Hash}
}

func mustLine(t testing.TB, h syncengine.Header, salt string) *Line {
	t.Helper()
	l, err := NewLine(h, saltOf(salt))
	if err != nil {
		t.Fatalf("new line %s: %v", salt, err)
	}
	return l
}

func encode(t testing.TB, v any) syncengine.Value {
	t.Helper()
	out, err := EncodeValue(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// observationHeader is a filled-in cleanliness checklist of eight answers, whose line takes about 600 bytes.
func observationHeader(t testing.TB) syncengine.Header {
	t.Helper()
	return syncengine.Header{
		Ledger: ledgerOf(t), Kind: "observation", Record: uuidOf("observation"), Author: "u-7f3a",
		Checklist: syncengine.VersionID{Hash: hashOf("cleanliness 1")}, Time: fixtureTime + 5000,
		At: syncengine.AuthorityPoint{Replica: replicaOf("authority"), Seq: 12},
		Writes: []syncengine.Write{
			{Path: "/", Value: syncengine.True},
			{Path: "/place", Value: encode(t, uuidOf("place").String())},
			{Path: "/litter/rating", Value: "2"},
			{Path: "/glass/rating", Value: "3"},
			{Path: "/tags/rating", Value: "1"},
			{Path: "/bins/rating", Value: `"non_observe"`},
			{Path: "/smell/rating", Value: "4"},
			{Path: "/note", Value: encode(t, "Encombrants devant la cave, odeur d’urine près de l’ascenseur.")},
		},
	}
}

// vocabulary is a word list from which notes of realistic entropy are made.
var vocabulary = strings.Fields(`
le la les un une des du de au aux en dans sur sous devant derrière près vers avec sans pour par entre depuis très peu assez trop
plus moins encore toujours jamais souvent parfois hier matin soir nuit semaine mois gardien locataire riverain enfant habitant
agent société bailleur mairie ville immeuble bâtiment tour barre hall entrée porte interphone sonnette serrure vitre carreau
fenêtre volet façade mur plafond sol carrelage peinture tache trace graffiti tag affiche autocollant boîte lettre courrier prospectus
papier emballage sac poubelle bac conteneur local ordures déchet encombrant meuble matelas canapé frigo chariot caddie pneu
verre bouteille canette débris mégot cendre seringue urine odeur déjection chien pigeon rat cafard nid ascenseur cabine bouton
miroir lumière lampe ampoule néon minuterie palier escalier marche rampe rambarde cave parking garage voiture scooter épave
trottoir allée chemin pelouse herbe arbre buisson haie branche feuille banc jeu toboggan balançoire clôture grillage portail
barrière borne panneau lampadaire éclairage fil coffret armoire gaine trappe grille égout avaloir flaque eau fuite infiltration
humidité moisissure fissure trou éclat béton ferraille cassé cassée abîmé dégradé sale propre neuf ancien ouvert fermé bloqué
manquant absent présent visible dangereux instable rouillé brûlé arraché tordu éteint allumé clignote coule déborde traîne
reste manque gêne empêche attire signale demande attend passage régulier nettoyage balayage lavage ramassage intervention
réparation remplacement contrôle visite constat photo côté gauche droite nord sud est ouest étage rez chaussée premier deuxième
troisième dernier milieu fond bord angle pied sommet grand petit long large haut bas rue avenue place square école commerce
pharmacie boulangerie arrêt bus tramway gare pont passerelle tunnel talus butte mare canal quai rive chantier palissade benne
travaux échafaudage nacelle bruit musique rassemblement groupe jeune ancien famille poussette fauteuil canne`)

// tablet writes distinct observations of one consultant into one log, with randomness of its own.
type tablet struct {
	t      testing.TB
	rnd    *rand.Rand
	ledger syncengine.LedgerID
	places []uuid.UUID
	clock  int64
}

func newTablet(t testing.TB, name string) *tablet {
	s := seed("tablet " + name)
	b := &tablet{t: t, rnd: rand.New(rand.NewChaCha8(s)), ledger: ledgerOf(t), clock: fixtureTime}
	for range 50 {
		b.places = append(b.places, b.uuid(b.clock-90*86_400_000))
	}
	return b
}

// uuid returns a random UUID of version 7.
func (b *tablet) uuid(milliseconds int64) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], uint64(milliseconds)<<16)
	binary.BigEndian.PutUint16(id[6:], uint16(b.rnd.Uint32())&0x0fff|0x7000)
	binary.BigEndian.PutUint64(id[8:], b.rnd.Uint64()&^(3<<62)|1<<63)
	return id
}

func (b *tablet) note() string {
	words := make([]string, 17+b.rnd.IntN(7))
	for i := range words {
		words[i] = vocabulary[b.rnd.IntN(len(vocabulary))]
	}
	return strings.Join(words, " ") + "."
}

func (b *tablet) observation() *Line {
	b.clock += 60_000 + b.rnd.Int64N(240_000)
	answers := []string{"1", "2", "3", "4", `"sans_objet"`, `"non_observe"`}
	answer := func() syncengine.Value { return syncengine.Value(answers[b.rnd.IntN(len(answers))]) }
	h := syncengine.Header{
		Ledger: b.ledger, Kind: "observation", Record: b.uuid(b.clock - 50_000), Author: "u-7f3a", Time: b.clock,
		Checklist: syncengine.VersionID{Hash: hashOf("cleanliness 1")},
		At:        syncengine.AuthorityPoint{Replica: replicaOf("authority"), Seq: 12},
		Writes: []syncengine.Write{
			{Path: "/", Value: syncengine.True},
			{Path: "/place", Value: encode(b.t, b.places[b.rnd.IntN(len(b.places))].String())},
			{Path: "/litter/rating", Value: answer()},
			{Path: "/glass/rating", Value: answer()},
			{Path: "/tags/rating", Value: answer()},
			{Path: "/bins/rating", Value: answer()},
			{Path: "/smell/rating", Value: answer()},
			{Path: "/note", Value: encode(b.t, b.note())},
		},
	}
	var salt Salt
	binary.BigEndian.PutUint64(salt[:], b.rnd.Uint64())
	binary.BigEndian.PutUint64(salt[8:], b.rnd.Uint64())
	l, err := NewLine(h, salt)
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

// runs cuts the log of a replica, whose lines these are from line 1, into runs.
func runs(t testing.TB, replica string, ledger syncengine.LedgerID, lines []*Line) []*Run {
	t.Helper()
	key, chain := keyOf(replica), ChainStart(ledger, replicaOf(replica))
	var (
		out  []*Run
		run  *Run
		size RunSize
	)
	for i, l := range lines {
		data := AppendLine(nil, l)
		if run == nil || !size.Add(len(data)) {
			run, size = &Run{Ledger: ledger, Replica: replicaOf(replica), First: uint64(i) + 1}, RunSize{}
			size.Add(len(data))
			out = append(out, run)
		}
		chain = ChainNext(chain, l.Change.ID)
		run.Lines = append(run.Lines, data)
		run.Head = SignHead(key, ledger, syncengine.Head{Seq: run.Last(), Chain: chain})
	}
	return out
}
