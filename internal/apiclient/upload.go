package apiclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// How long a Patience waits before it tries again: twice as long each time, and how often in a row.
const (
	firstWait = 100 * time.Millisecond
	maxTries  = 7
)

// Patience goes on after cuts for as long as there is progress in between. The zero value is ready.
type Patience struct{ failed int }

// Progress says that something came through.
func (p *Patience) Progress() { p.failed = 0 }

// Again reports whether it is worth trying once more after err, and waits before it says so.
func (p *Patience) Again(ctx context.Context, err error) bool {
	passing := errors.Is(err, ErrUnreachable) || errors.Is(err, ErrCut) || errors.Is(err, wire.CodeBusy) || errors.Is(err, wire.CodeStale)
	if p.failed++; !passing || p.failed > maxTries {
		return false
	}
	wait := time.NewTimer(firstWait << (p.failed - 1))
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wait.C:
		return true
	}
}

// Upload is a file that was sent to the server, which keeps it for a day.
type Upload struct {
	ID     string `json:"id"`
	Offset int64  `json:"offset"` // bytes that are there
	client *Client
}

// Upload sends a file of size bytes, over as many connections as it takes, and calls told with the bytes that have arrived. It gives up when
// nothing more arrives. What the server does with the file is asked for by its id; Drop it in the end.
func (c *Client) Upload(ctx context.Context, file io.ReaderAt, size int64, told func(done int64)) (*Upload, error) {
	u := &Upload{client: c}
	var tries Patience
	for {
		before := u.Offset
		err := u.more(ctx, file, size)
		if err == nil && u.Offset == size {
			return u, nil
		}
		if u.Offset > before {
			tries.Progress()
			told(u.Offset)
		}
		if errors.Is(err, wire.CodeNotFound) && u.ID != "" { // the server was started anew
			u, err = &Upload{client: c}, ErrCut
		}
		if err != nil && !tries.Again(ctx, err) {
			return nil, err
		}
	}
}

// more begins the file, or sends what is missing of it. Where that fails it finds out how much has arrived.
func (u *Upload) more(ctx context.Context, file io.ReaderAt, size int64) error {
	if u.ID == "" {
		return u.client.Call(ctx, http.MethodPost, "/v1/uploads", map[string]int64{"size": size}, u)
	}
	rest := io.NewSectionReader(file, u.Offset, size-u.Offset)
	r, err := http.NewRequestWithContext(ctx, http.MethodPatch, u.client.Base+u.path(), rest)
	if err != nil {
		return err
	}
	r.ContentLength = rest.Size()
	r.Header.Set(wire.UploadOffsetHeader, strconv.FormatInt(u.Offset, 10))
	answer, err := u.client.do(r, wire.UploadMediaType)
	if err == nil {
		u.Offset = size
		return answer.Body.Close()
	}
	if lost := u.client.Call(ctx, http.MethodGet, u.path(), nil, u); lost != nil {
		return lost
	}
	return err
}

func (u *Upload) path() string { return "/v1/uploads/" + u.ID }

// Drop lets the server forget the file. That it could not be told is no harm: it forgets by itself.
func (u *Upload) Drop(ctx context.Context) error {
	return u.client.Call(ctx, http.MethodDelete, u.path(), nil, nil)
}
