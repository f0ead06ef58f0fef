package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"image"
	"image/jpeg"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// camera is a replica that only sends photos, in the protocol's own words.
type camera struct {
	t         *testing.T
	key       ed25519.PrivateKey
	base      string
	challenge string
	name      wire.PhotoName
	data      []byte
}

// newCamera enrols a replica and gives it a photo of noise.
func newCamera(t *testing.T, data string, s *serverProcess) *camera {
	t.Helper()
	var d diagnosticInfo
	decode(t, mustRun(t, "admin", "--data", data, "diagnostics", "create", "--name", "Verger", "--code", "QP066007", "--json"), &d)
	var info ticketInfo
	decode(t, mustRun(t, "admin", "--data", data, "tablets", "ticket", "--name", "T-01", "--diagnostic", "Verger", "--json"), &info)
	ticket, err := wire.ParseTicket(info.Ticket)
	if err != nil {
		t.Fatal(err)
	}
	c := &camera{t: t, base: s.ready.Address}
	if _, c.key, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(c.base+"/v1/enrolments", "application/json", bytes.NewReader(wire.NewEnrolment(c.key, ticket.Code, "T-01").Append(nil)))
	if err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatalf("%v %v", answer, err)
	}
	_ = answer.Body.Close()
	picture := image.NewGray(image.Rect(0, 0, 1200, 900))
	for i := range picture.Pix {
		picture.Pix[i] = byte(mathrand.Uint32())
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, nil); err != nil {
		t.Fatal(err)
	}
	ledger, err := syncengine.ParseHash(d.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	c.data, c.name = b.Bytes(), wire.PhotoName{Ledger: syncengine.LedgerID{Hash: ledger}, Hash: sha256.Sum256(b.Bytes())}
	return c
}

// ask makes a signed request, and repeats it where it is to be signed anew. It returns an error where the server died.
func (c *camera) ask(method, target string, header http.Header, body func() io.Reader) (int, []byte, error) {
	c.t.Helper()
	for range 3 {
		r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+target, body())
		if err != nil {
			c.t.Fatal(err)
		}
		r.Header = header.Clone()
		auth := wire.SignRequest(c.key, method, target, c.challenge)
		if c.challenge != "" {
			r.Header.Set("Authorization", auth.String())
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, nil, err
		}
		raw, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if next := answer.Header.Get(wire.ChallengeHeader); next != "" {
			c.challenge = next
		}
		if err != nil || answer.StatusCode != http.StatusUnauthorized {
			return answer.StatusCode, raw, err
		}
	}
	c.t.Fatal("the server asks for a signature again and again")
	return 0, nil, nil
}

func (c *camera) status() wire.PhotoStatus {
	c.t.Helper()
	question := wire.AppendPhotoQuery(nil, []wire.PhotoName{c.name})
	code, raw, err := c.ask(http.MethodPost, "/v1/photos/status", http.Header{}, func() io.Reader { return bytes.NewReader(question) })
	if err != nil || code != http.StatusOK {
		c.t.Fatalf("%d %s %v", code, raw, err)
	}
	list, err := wire.DecodePhotoAnswer(raw)
	if err != nil || len(list) != 1 {
		c.t.Fatalf("%s %v", raw, err)
	}
	return list[0]
}

// sibling is the same replica, for a request beside another.
func (c *camera) sibling() *camera {
	other := *c
	return &other
}

func (c *camera) target() string {
	return "/v1/ledgers/" + c.name.Ledger.String() + "/photos/" + c.name.Hash.String()
}

// stalled gives some bytes, and then nothing more until the link is gone.
type stalled struct {
	io.Reader
	gone <-chan struct{}
}

func (s stalled) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if errors.Is(err, io.EOF) {
		<-s.gone
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// send sends the photo from an offset on; where gone is not nil only a part of it, and then nothing until gone is closed.
func (c *camera) send(from uint64, gone <-chan struct{}) (int, error) {
	c.t.Helper()
	header := http.Header{
		"Content-Type": {wire.UploadMediaType}, wire.UploadOffsetHeader: {strconv.FormatUint(from, 10)},
		wire.UploadLengthHeader: {strconv.Itoa(len(c.data))}, wire.UploadCompleteHeader: {wire.UploadComplete},
	}
	code, _, err := c.ask(http.MethodPatch, c.target(), header, func() io.Reader {
		if gone == nil {
			return bytes.NewReader(c.data[from:])
		}
		return stalled{bytes.NewReader(c.data[from : from+150_000]), gone}
	})
	return code, err
}

// TestAPhotoGoesOnAfterTheServerWasKilled kills the server in the middle of uploads. What it said to hold is there, the photo comes whole, and
// once its arrival was acknowledged another kill takes nothing.
func TestAPhotoGoesOnAfterTheServerWasKilled(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "d")
	s := startServer(t, data)
	c := newCamera(t, data, s)
	restart := func() {
		s.kill()
		s = startServer(t, data, "--listen", s.ready.Listen)
	}
	held := c.status().Offset
	for range 3 {
		gone, ended := make(chan struct{}), make(chan struct{})
		sender := c.sibling()
		go func() {
			defer close(ended)
			if code, err := sender.send(held, gone); err == nil {
				t.Errorf("a server that was killed answers %d", code)
			}
		}()
		reached := held
		for reached == held { // until what was sent shows
			time.Sleep(time.Millisecond)
			reached = c.status().Offset
		}
		restart()
		close(gone)
		<-ended
		if held = c.status().Offset; held < reached {
			t.Fatalf("%d bytes were there, now %d", reached, held)
		}
	}
	if code, err := c.send(held, nil); err != nil || code != http.StatusCreated {
		t.Fatalf("%d %v", code, err)
	}
	restart()
	if at := c.status(); at.State != wire.PhotoHeld || at.Receipt.Size != uint64(len(c.data)) {
		t.Fatalf("%+v", at)
	}
	code, raw, err := c.ask(http.MethodGet, c.target(), http.Header{}, func() io.Reader { return http.NoBody })
	if err != nil || code != http.StatusOK || !bytes.Equal(raw, c.data) {
		t.Fatalf("%d, %d bytes, %v", code, len(raw), err)
	}
	s.stop(t)
	var sound verdict
	decode(t, mustRun(t, "verify", "--data", data, "--json"), &sound)
	if sound.Photos == nil || sound.Photos.Checked != 1 || sound.Photos.Unreferred != 1 || sound.Photos.Strays != 0 {
		t.Fatalf("%+v", sound.Photos)
	}
	file := filepath.Join(data, photoFolder, filepath.FromSlash(photos.Key(c.name)))
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := arpenteur(t, "verify", "--data", data, "--json")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Fatalf("verify ended with %v", err)
	}
	var found verdict
	decode(t, out, &found)
	if len(found.Faults) != 1 || found.Faults[0].Photo != c.name.Hash.String() {
		t.Fatalf("%s", out)
	}
}
