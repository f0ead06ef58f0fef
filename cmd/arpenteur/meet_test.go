package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/internal/badlink"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// onTabletOf opens the tablet of a folder for one thing.
func onTabletOf(t *testing.T, folder string, do func(c *clientsdk.Client) error) {
	t.Helper()
	c, err := openWalker(t.Context(), folder)
	if err == nil {
		err = do(c)
	}
	if err = errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
}

// roughWall is a picture that compresses badly.
func roughWall() []byte {
	m := image.NewGray(image.Rect(0, 0, 800, 600))
	for i := range m.Pix {
		m.Pix[i] = byte(rand.Uint32())
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, m, nil) // to memory
	return b.Bytes()
}

// photograph gives a draft a photo that was looked over.
func photograph(ctx context.Context, c *clientsdk.Client, d *clientsdk.Draft) error {
	waiting, err := d.TakePhoto(ctx, "/photos", bytes.NewReader(roughWall()), clientsdk.PhotoOptions{})
	if err == nil {
		_, err = c.ReviewPhoto(ctx, waiting.ID, clientsdk.Review{NothingToBlur: true})
	}
	return err
}

// writeFindings captures findings whose text compresses badly, the first with a photo, and returns their changes.
func (w *killWorld) writeFindings(folder string, n int) (changes []string) {
	w.t.Helper()
	onTabletOf(w.t, folder, func(c *clientsdk.Client) error {
		list, err := c.Ledgers(w.t.Context())
		if err != nil {
			return err
		}
		for i := range n {
			d, err := c.NewRecord(w.t.Context(), list[0].ID, string(schemas.Finding))
			if err == nil {
				err = d.Set("/title", strings.Repeat(uuid.NewString(), 3))
			}
			if err == nil && i == 0 {
				err = photograph(w.t.Context(), c, d)
			}
			var saved clientsdk.Saved
			if err == nil {
				saved, err = d.Commit(w.t.Context())
			}
			if err != nil {
				return err
			}
			changes = append(changes, saved.Change.String())
		}
		return nil
	})
	return changes
}

// merged returns every record of a tablet, as it shows them.
func merged(t *testing.T, folder string) []byte {
	t.Helper()
	var b bytes.Buffer
	onTabletOf(t, folder, func(c *clientsdk.Client) error {
		list, err := c.Ledgers(t.Context())
		if err != nil {
			return err
		}
		return c.Records(t.Context(), list[0].ID, ledger.Filter{}, nil, func(r *clientsdk.Record) (bool, error) {
			fmt.Fprintf(&b, "%s %s %s\n", r.Ref.Record.Kind, r.Ref.Record.ID, r.Document())
			return true, nil
		})
	})
	return b.Bytes()
}

// device is a command on the tablet of a folder.
func device(ctx context.Context, folder string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, built, append([]string{"device", "--dir", folder, "--json"}, args...)...)
	cmd.Env = append(os.Environ(), "ARPENTEUR_LANG=en", "ARPENTEUR_PASSPHRASE=walk on")
	cmd.Stderr = os.Stderr
	return cmd
}

func runDevice(t *testing.T, folder string, args ...string) (v importView) {
	t.Helper()
	out, err := device(t.Context(), folder, args...).Output()
	if err != nil {
		t.Fatalf("device %s: %v", strings.Join(args, " "), err)
	}
	decode(t, out, &v)
	return v
}

// meetOver lets one tablet wait and the other come, over a link that cuts every 20 KB, each in its own process. It returns what both
// say in the end, and how often the link was cut.
func meetOver(t *testing.T, host, guest string) (h, g importView, cuts int64) {
	t.Helper()
	link, err := badlink.Open(t.Context(), rand.New(rand.NewPCG(3, 1)))
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	waiting := device(t.Context(), host, "host", "--listen", "127.0.0.1:0")
	out, err := waiting.StdoutPipe()
	if err == nil {
		err = waiting.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	said := json.NewDecoder(out)
	var shown hostView
	if err := said.Decode(&shown); err != nil {
		t.Fatal(err)
	}
	pairing, err := wire.ParsePairing(shown.Pairing)
	if err != nil {
		t.Fatal(err)
	}
	link.Lead(pairing.Addresses[0])
	pairing.Addresses = []string{link.Address()}
	g = runDevice(t, guest, "join", pairing.String())
	if err := errors.Join(said.Decode(&h), waiting.Wait()); err != nil {
		t.Fatal(err)
	}
	return h, g, link.Traffic().Cuts
}

func TestTabletsAndServerEndWithTheSameBytesByWayOfPeerAndStick(t *testing.T) {
	t.Parallel()
	const each = 500
	w := newKillWorld(t)
	one, two := w.walkers[0].folder, w.walkers[1].folder
	onTabletOf(t, one, func(c *clientsdk.Client) error { _, err := c.Sync(t.Context()); return err }) // learns of the other's grant
	w.server.kill()
	changes := append(w.writeFindings(one, each), w.writeFindings(two, each)...)

	h, g, cuts := meetOver(t, one, two)
	if h.Received != each || g.Received != each || h.Photos != 1 || g.Photos != 1 || cuts < 10 {
		t.Errorf("%d cuts, host %+v, guest %+v", cuts, h, g)
	}
	if a, b := merged(t, one), merged(t, two); !bytes.Equal(a, b) || bytes.Count(a, []byte("\n")) < 2*each {
		t.Errorf("after the meeting %d and %d bytes", len(a), len(b))
	}

	// The stick is cut in the middle, then damaged, then whole: nothing that was whole is lost, and in the end nothing is missing.
	w.server = startServer(t, w.data)
	stick := filepath.Join(t.TempDir(), "stick.arp")
	if out, err := device(t.Context(), two, "export", stick).Output(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	whole, err := os.ReadFile(stick)
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad.arp")
	damaged := bytes.Clone(whole)
	for at := 600; at < len(damaged); at += 1000 { // the decoys' share as well: nobody can tell
		damaged[at] ^= 1
	}
	for _, data := range [][]byte{whole[:len(whole)/2], damaged} {
		if err := os.WriteFile(bad, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := arpenteur(t, "admin", "--data", w.data, "take", bad, "--json"); err == nil {
			t.Error("a bad stick is taken without a word")
		}
	}
	var took takenFile
	decode(t, mustRun(t, "admin", "--data", w.data, "take", stick, "--json"), &took)
	if len(took.Ledgers) != 1 || took.Ledgers[0].Photos > 2 { // what was whole on the bad ones is taken already, and where a cut falls is left to chance
		t.Errorf("taken %+v", took)
	}
	w.people.Base = w.server.ready.Address
	for _, change := range changes {
		if err := w.holds(change); err != nil {
			t.Fatalf("change %s: %v", change, err)
		}
	}
	w.server.stop(t)
	var sound verdict
	decode(t, mustRun(t, "verify", "--data", w.data, "--json"), &sound)
	if sound.Photos == nil || sound.Photos.Checked != 2 {
		t.Errorf("of two photos the server has %+v", sound.Photos)
	}
}
