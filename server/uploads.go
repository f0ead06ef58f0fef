package server

import (
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

const (
	// maxUploadBytes bounds a file that is sent piece by piece.
	maxUploadBytes = 2 << 30
	// maxUploads is how many files there may be, of all people, and maxUploadsEach of one. Where one more is begun, the one of the same
	// person that was not used for longest makes room.
	maxUploads     = 16
	maxUploadsEach = 4
	// uploadLife is how long a file is kept that nobody uses.
	uploadLife = 24 * time.Hour
)

// upload is a file that a person sends piece by piece, over as many connections as it takes, before anything is done with it. It lies on the
// disk without a name where the system allows that, and is gone with the process: whoever sends it begins again.
type upload struct {
	id    uuid.UUID
	owner syncengine.AccountID
	size  int64
	used  time.Time // guarded by uploads.mu

	file *os.File

	turn  sync.Mutex // held by who writes or reads the file
	taken *fileView  // what was taken of it; guarded by turn
	mu    sync.Mutex // guards what follows
	have  int64      // bytes that arrived
	stop  func()     // makes a request that writes end soon; nil where none does
}

// uploads are the files of people.
type uploads struct {
	mu  sync.Mutex
	all map[uuid.UUID]*upload
}

// uploadOrder begins a file.
type uploadOrder struct {
	Size int64 `json:"size"` // bytes
}

// uploadView says how far a file is.
type uploadView struct {
	ID     uuid.UUID `json:"id"`
	Size   int64     `json:"size"`
	Offset int64     `json:"offset"` // bytes that are here: go on from there
}

func (u *upload) view() uploadView { return uploadView{u.id, u.size, u.offset()} }

func (u *upload) offset() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.have
}

// take gives the file to the caller alone, who calls release in the end. A request that still writes is one whose connection died unseen:
// it is made to end, and who asks is told to try again.
func (u *upload) take(stop func()) error {
	if !u.turn.TryLock() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.stop != nil {
			u.stop()
		}
		return wire.Problemf(wire.CodeBusy, "another request uses this file; try again")
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stop = stop
	return nil
}

func (u *upload) release() {
	u.mu.Lock()
	u.stop = nil
	u.mu.Unlock()
	u.turn.Unlock()
}

// begin makes room for a file and makes it.
func (q *uploads) begin(owner syncengine.AccountID, id uuid.UUID, size int64, now time.Time) (*upload, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	own := 0
	var oldest *upload
	for _, u := range q.all {
		if now.Sub(u.used) > uploadLife && q.drop(u) {
			continue
		}
		if u.owner == owner {
			own++
			if oldest == nil || u.used.Before(oldest.used) {
				oldest = u
			}
		}
	}
	if own >= maxUploadsEach && !q.drop(oldest) || len(q.all) >= maxUploads {
		return nil, wire.Problemf(wire.CodeBusy, "%d files are being sent already", len(q.all))
	}
	f, err := os.CreateTemp("", "arpenteur-upload-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name()) // where an open file can't be removed, drop does it
	u := &upload{id: id, owner: owner, size: size, used: now, file: f}
	q.all[id] = u
	return u, nil
}

// find returns a person's file. That of another is as unknown as none.
func (q *uploads) find(owner syncengine.AccountID, id uuid.UUID, now time.Time) (*upload, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.all[id]
	if u == nil || u.owner != owner {
		return nil, wire.Problemf(wire.CodeNotFound, "this file is not here any more; send it again from its beginning")
	}
	u.used = now
	return u, nil
}

// drop forgets a file unless somebody uses it. The caller holds the lock.
func (q *uploads) drop(u *upload) bool {
	if !u.turn.TryLock() {
		return false
	}
	delete(q.all, u.id)
	_ = u.file.Close() // it was a copy
	_ = os.Remove(u.file.Name())
	return true
}

// close forgets all files; those in use end with their requests.
func (q *uploads) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, u := range q.all {
		q.drop(u)
	}
}

// uploadOf returns the file that a request names in its address.
func (s *Server) uploadOf(c *call) (*upload, error) {
	id, _ := parseUUID(mux.Vars(c.Request)["id"])
	return s.uploads.find(c.who.Account, id, s.Now())
}

// beginUpload is POST /v1/uploads.
func (s *Server) beginUpload(c *call) error {
	var o uploadOrder
	if err := c.body(&o); err != nil {
		return err
	}
	switch {
	case o.Size < 1:
		return wire.Problemf(wire.CodeInvalid, "say the size of the file in bytes")
	case o.Size > maxUploadBytes:
		return wire.Problemf(wire.CodeTooLarge, "the file is over %d bytes", int64(maxUploadBytes))
	}
	id, err := s.newID()
	if err != nil {
		return err
	}
	u, err := s.uploads.begin(c.who.Account, id, o.Size, s.Now())
	if err != nil {
		return err
	}
	return c.answer(http.StatusCreated, u.view())
}

// showUpload is GET /v1/uploads/{id}.
func (s *Server) showUpload(c *call) error {
	u, err := s.uploadOf(c)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, u.view())
}

// dropUpload is DELETE /v1/uploads/{id}.
func (s *Server) dropUpload(c *call) error {
	u, err := s.uploadOf(c)
	if err != nil {
		return err
	}
	s.uploads.mu.Lock()
	defer s.uploads.mu.Unlock()
	if s.uploads.all[u.id] == u && !s.uploads.drop(u) {
		return wire.Problemf(wire.CodeBusy, "another request uses this file; try again")
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// receiveUpload is PATCH /v1/uploads/{id}: bytes of a file, from an offset on. What arrives before the connection is cut stays.
func (s *Server) receiveUpload(c *call) error {
	if media, _, err := mime.ParseMediaType(c.Header.Get("Content-Type")); err != nil || media != wire.UploadMediaType {
		return wire.Problemf(wire.CodeMalformed, "the content type must be %s", wire.UploadMediaType)
	}
	offset, err := header(c.Request, wire.UploadOffsetHeader)
	if err != nil {
		return err
	}
	u, err := s.uploadOf(c)
	if err != nil {
		return err
	}
	control := http.NewResponseController(c.w)
	stop := func() { _ = control.SetReadDeadline(time.Unix(1, 0)) } // not every kind of connection has deadlines
	if err := u.take(stop); err != nil {
		return err
	}
	defer u.release()
	have, err := u.append(offset, c.Body)
	c.w.Header().Set(wire.UploadOffsetHeader, strconv.FormatInt(have, 10))
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// append adds a body to what is here, and returns how much is here then, also with an error.
func (u *upload) append(offset int64, body io.Reader) (int64, error) {
	have := u.offset()
	if offset != have {
		return have, wire.Problemf(wire.CodeStale, "%d bytes of the file are here: go on from there", have)
	}
	n, err := io.Copy(io.NewOffsetWriter(u.file, have), io.LimitReader(body, u.size-have))
	u.mu.Lock()
	u.have += n
	have = u.have
	u.mu.Unlock()
	if err != nil {
		return have, bodyProblem(err)
	}
	if more, _ := io.CopyN(io.Discard, body, 1); more > 0 {
		return have, wire.Problemf(wire.CodeMalformed, "more came than the %d bytes that the file was said to have", u.size)
	}
	return have, nil
}

// useUpload gives a file that is whole to the caller alone, who calls release in the end.
func (s *Server) useUpload(owner syncengine.AccountID, id uuid.UUID) (*upload, error) {
	u, err := s.uploads.find(owner, id, s.Now())
	if err != nil {
		return nil, err
	}
	if err := u.take(nil); err != nil {
		return nil, err
	}
	if have := u.offset(); have < u.size {
		u.release()
		return nil, wire.Problemf(wire.CodeStale, "%d of %d bytes of the file are here: send the rest first", have, u.size)
	}
	return u, nil
}

// uploadParameter reads the parameter "upload" of an address; the zero UUID where there is none.
func uploadParameter(r *http.Request) (uuid.UUID, error) {
	values := r.URL.Query()["upload"]
	if len(values) == 0 {
		return uuid.Nil, nil
	}
	id, ok := parseUUID(values[0])
	if !ok || len(values) > 1 {
		return id, wire.Problemf(wire.CodeInvalid, "upload must be the id of one file")
	}
	return id, nil
}

// body returns the whole file, from its beginning.
func (u *upload) body() io.Reader { return io.NewSectionReader(u.file, 0, u.size) }
