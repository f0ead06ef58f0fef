package server_test

import (
	"bytes"
	"crypto/sha256"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// picture returns a JPEG that differs from one seed to another. Its noise makes it about as large as half a byte for each pixel.
func picture(t testing.TB, seed uint64, width, height int) []byte {
	t.Helper()
	source := rand.New(rand.NewPCG(seed, 1))
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetRGBA(x, y, color.RGBA{R: uint8(source.Uint32()), G: uint8(x), B: uint8(y), A: 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// named returns the name of a photo in a ledger.
func named(t testing.TB, ledger string, data []byte) wire.PhotoName {
	t.Helper()
	return wire.PhotoName{Ledger: ledgerID(t, ledger), Hash: sha256.Sum256(data)}
}

func photoPath(p wire.PhotoName) string {
	return "/v1/ledgers/" + p.Ledger.String() + "/photos/" + p.Hash.String()
}

// photographed is one capture with a photo.
type photographed struct {
	wire.PhotoName
	change  syncengine.ChangeID
	record  uuid.UUID
	element syncengine.Path
	data    []byte
}

// photograph writes an observation with a photo, and doesn't send the photo.
func (p *tablet) photograph(data []byte) photographed {
	p.t.Helper()
	out := photographed{PhotoName: named(p.t, p.w.ledger, data), record: newUUID(p.t), data: data}
	out.element = syncengine.Path("/photos/" + newUUID(p.t).String() + "/")
	out.change = p.write(note{kind: "observation", lineage: "cleanliness", id: out.record, values: map[syncengine.Path]any{
		"/place": newUUID(p.t).String(), "/visit": newUUID(p.t).String(), "/rater": string(p.account),
		out.element: true, out.element + "hash": out.Hash.String(), out.element + "size": len(data),
	}})
	return out
}

// part is a header and body of an upload.
func uploadHeader(offset, length int, complete string) http.Header {
	return http.Header{
		"Content-Type": {wire.UploadMediaType}, wire.UploadOffsetHeader: {strconv.Itoa(offset)},
		wire.UploadLengthHeader: {strconv.Itoa(length)}, wire.UploadCompleteHeader: {complete},
	}
}

// upload sends a whole photo.
func (p *tablet) upload(name wire.PhotoName, data []byte) *reply {
	p.t.Helper()
	return p.send("PATCH", photoPath(name), data, uploadHeader(0, len(data), wire.UploadComplete))
}

// status asks what there is of photos.
func (p *tablet) status(names ...wire.PhotoName) []wire.PhotoStatus {
	p.t.Helper()
	r := p.send("POST", "/v1/photos/status", wire.AppendPhotoQuery(nil, names), nil)
	r.ok(nil)
	list, err := wire.DecodePhotoAnswer(r.body)
	if err != nil || len(list) != len(names) {
		p.t.Fatalf("%v in %s", err, r.body)
	}
	for i, s := range list {
		if s.PhotoName != names[i] {
			p.t.Fatalf("%s is not in the order of the question", r.body)
		}
		if s.Receipt != nil && !s.Receipt.Verify(p.w.authorityKey(s.Ledger).Ed25519()) {
			p.t.Fatal("a receipt does not verify")
		}
	}
	return list
}

// state returns what there is of one photo.
func (p *tablet) state(name wire.PhotoName) wire.PhotoState {
	p.t.Helper()
	return p.status(name)[0].State
}

// counts syncs and returns what the receipt says of photos.
func (p *tablet) counts() photos.Counts {
	p.t.Helper()
	r := p.sync().receipts[ledgerID(p.t, p.w.ledger)]
	if r == nil {
		p.t.Fatal("no receipt came")
	}
	return photos.Counts{Missing: r.PhotosMissing, Unsaved: r.PhotosUnsaved}
}

// files returns the files below the photos' folder, by their paths.
func (w *world) files() []string {
	w.t.Helper()
	var out []string
	err := filepath.WalkDir(w.photoFolder, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// openPhotos opens the photos' folder, leaving so much of the disk free.
func (w *world) openPhotos(reserve uint64) {
	w.t.Helper()
	var err error
	if w.photos, err = photos.OpenDir(w.photoFolder, reserve); err != nil {
		w.t.Fatal(err)
	}
}
