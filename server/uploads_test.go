package server_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// sentFile is what the server says of a file that is sent piece by piece.
type sentFile struct {
	ID           string
	Size, Offset int64
}

func (w *world) beginFile(token string, size int64) *reply {
	w.t.Helper()
	return w.ask(token, "POST", "/v1/uploads", map[string]int64{"size": size})
}

// piece sends bytes of a file.
func (w *world) piece(token, id string, offset int64, body io.Reader) *reply {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), "PATCH", "/v1/uploads/"+id, body)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", wire.UploadMediaType)
	r.Header.Set(wire.UploadOffsetHeader, strconv.FormatInt(offset, 10))
	return w.answer(w.network, r)
}

func TestAFileIsSentPieceByPieceAndUsedAsOne(t *testing.T) {
	w := newWorld(t)
	body := "code;nom;type\nC1;Office;bailleur\nC2;Régie;bailleur\n"
	var f sentFile
	w.beginFile(w.coordinator, int64(len(body))).created(&f)
	w.piece(w.coordinator, f.ID, 0, strings.NewReader(body[:10])).noContent()
	w.piece(w.coordinator, f.ID, 0, strings.NewReader(body)).refused(wire.CodeStale)
	w.ask(w.coordinator, "POST", "/v1/imports/actors?diagnostic="+w.diagnostic.String()+"&upload="+f.ID, "").refused(wire.CodeStale)
	// A piece that is cut leaves what came of it.
	w.piece(w.coordinator, f.ID, 10, io.MultiReader(strings.NewReader(body[10:25]), &cutAfter{})).refused(wire.CodeMalformed)
	if w.ask(w.coordinator, "GET", "/v1/uploads/"+f.ID, nil).ok(&f); f.Offset != 25 {
		t.Fatalf("%+v", f)
	}
	w.piece(w.coordinator, f.ID, 25, strings.NewReader(body[25:])).noContent()
	w.piece(w.coordinator, f.ID, int64(len(body)), strings.NewReader("more")).refused(wire.CodeMalformed)
	for n, want := range []string{`"new":2`, `"unchanged":2`} {
		r := w.ask(w.coordinator, "POST", "/v1/imports/actors?diagnostic="+w.diagnostic.String()+"&upload="+f.ID, "")
		if !strings.Contains(string(r.body), want) {
			t.Errorf("import %d: %s", n, r.body)
		}
	}
	w.ask(w.coordinator, "DELETE", "/v1/uploads/"+f.ID, nil).noContent()
	w.ask(w.coordinator, "GET", "/v1/uploads/"+f.ID, nil).refused(wire.CodeNotFound)
}

func TestAFileIsItsSendersAlone(t *testing.T) {
	w := newWorld(t)
	var f sentFile
	w.beginFile(w.coordinator, 4).created(&f)
	w.piece(w.unrestricted, f.ID, 0, strings.NewReader("code")).refused(wire.CodeNotFound)
	w.ask(w.unrestricted, "GET", "/v1/uploads/"+f.ID, nil).refused(wire.CodeNotFound)
	w.ask(w.unrestricted, "DELETE", "/v1/uploads/"+f.ID, nil).refused(wire.CodeNotFound)
	w.ask(w.administrator, "POST", "/v1/files?upload="+f.ID, "").refused(wire.CodeNotFound)
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	w := newWorld(t)
	w.beginFile(w.coordinator, 0).refused(wire.CodeInvalid)
	w.beginFile(w.coordinator, 3<<30).refused(wire.CodeTooLarge)
	w.ask(w.coordinator, "GET", "/v1/uploads/nothing", nil).refused(wire.CodeNotFound)
	w.ask(w.coordinator, "POST", "/v1/files?upload=nothing", "").refused(wire.CodeInvalid)
	var f sentFile
	w.beginFile(w.coordinator, 300<<20).created(&f)
	w.ask(w.coordinator, "PATCH", "/v1/uploads/"+f.ID, "x").refused(wire.CodeMalformed)
}

func TestTheFileThatWasNotUsedForLongestMakesRoom(t *testing.T) {
	w := newWorld(t)
	var files [5]sentFile
	for i := range files {
		w.clock.Add(1000)
		w.beginFile(w.coordinator, 1).created(&files[i])
		if i == 3 {
			w.clock.Add(1000)
			w.ask(w.coordinator, "GET", "/v1/uploads/"+files[0].ID, nil).ok(nil)
		}
	}
	w.ask(w.coordinator, "GET", "/v1/uploads/"+files[1].ID, nil).refused(wire.CodeNotFound)
	for _, i := range []int{0, 2, 3, 4} {
		w.ask(w.coordinator, "GET", "/v1/uploads/"+files[i].ID, nil).ok(nil)
	}
	w.clock.Add((25 * time.Hour).Milliseconds())
	w.beginFile(w.coordinator, 1).created(nil)
	w.ask(w.coordinator, "GET", "/v1/uploads/"+files[4].ID, nil).refused(wire.CodeNotFound)
}

// waiting gives its bytes, and then nothing until it is released: a connection that died unseen.
type waiting struct {
	io.Reader
	empty, release chan struct{}
}

func (b *waiting) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if n == 0 {
		close(b.empty)
		<-b.release
		err = errLink
	}
	return n, err
}

func TestANewerRequestEndsOneWhoseLinkDiedUnseen(t *testing.T) {
	w := newWorld(t)
	live := httptest.NewServer(w.network)
	defer live.Close()
	data := bytes.Repeat([]byte("0123456789"), 1000)
	var f sentFile
	w.beginFile(w.coordinator, int64(len(data))).created(&f)
	dead := &waiting{bytes.NewReader(data[:5000]), make(chan struct{}), make(chan struct{})}
	r, err := http.NewRequestWithContext(context.Background(), "PATCH", live.URL+"/v1/uploads/"+f.ID, dead)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = int64(len(data))
	r.Header.Set("Authorization", "Bearer "+w.coordinator)
	r.Header.Set("Content-Type", wire.UploadMediaType)
	r.Header.Set(wire.UploadOffsetHeader, "0")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if answer, err := http.DefaultClient.Do(r); err == nil {
			_ = answer.Body.Close()
		}
	}()
	<-dead.empty
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		w.ask(w.coordinator, "GET", "/v1/uploads/"+f.ID, nil).ok(&f)
		got := w.piece(w.coordinator, f.ID, f.Offset, bytes.NewReader(data[f.Offset:]))
		if got.status == http.StatusNoContent {
			break
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("%d: %s", got.status, got.body)
		}
	}
	close(dead.release)
	<-ended
}

func TestAFileIsSentAgainWhenTheServerWasStartedAnew(t *testing.T) {
	w := newWorld(t)
	restarted := false
	live := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch && !restarted {
			restarted = true
			w.start()
		}
		w.network.ServeHTTP(out, r)
	}))
	defer live.Close()
	c := &apiclient.Client{HTTP: apiclient.Network(), Base: live.URL, Token: w.coordinator}
	u, err := c.Upload(t.Context(), strings.NewReader("content"), 7, func(int64) {})
	if err != nil || !restarted {
		t.Fatal(err)
	}
	var f sentFile
	if w.ask(w.coordinator, "GET", "/v1/uploads/"+u.ID, nil).ok(&f); f.Offset != 7 {
		t.Errorf("%+v", f)
	}
	if err := u.Drop(t.Context()); err != nil {
		t.Error(err)
	}
}
