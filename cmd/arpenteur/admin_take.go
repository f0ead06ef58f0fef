package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// takenFile is what the server took of a file.
type takenFile struct {
	Complete bool      `json:"complete"`
	Code     wire.Code `json:"code"`
	Detail   string    `json:"detail"`
	Ledgers  []struct {
		Lines   int `json:"lines"`
		Photos  int `json:"photos"`
		Remarks []struct {
			Code   wire.Code `json:"code"`
			Detail string    `json:"detail"`
		} `json:"remarks"`
	} `json:"ledgers"`
}

// adminTake is `arpenteur admin take`.
func (p *program) adminTake(o *apiOptions) *cobra.Command {
	return p.onAPI(o, "admin.take", 1, func(ctx context.Context, a *api, args []string) error {
		var raw []byte
		err := p.withFile(ctx, a, args[0], func(u *apiclient.Upload) (err error) {
			raw, err = takeSent(ctx, a, u)
			return err
		})
		if err != nil {
			return stickProblem(err, 0)
		}
		var v takenFile
		if err := json.Unmarshal(raw, &v); err != nil {
			return err
		}
		lines, photos := 0, 0
		var remarks []string
		for _, l := range v.Ledgers {
			lines, photos = lines+l.Lines, photos+l.Photos
			for _, m := range l.Remarks {
				remarks = append(remarks, "\n"+p.say.Say("admin.take.remark", "title", m.Code.Title(p.wireLanguage()), "detail", m.Detail))
			}
		}
		text := p.say.Say("admin.take.done", "n", lines, "photos", photos) + strings.Join(remarks, "")
		if err := p.show(json.RawMessage(raw), text); err != nil || v.Complete {
			return err
		}
		return stickProblem(&wire.Problem{Code: v.Code, Detail: v.Detail}, lines)
	})
}

// takeSent lets the server take in a file that it was sent, and returns what it says. Asked once more after a cut it finds nothing new.
func takeSent(ctx context.Context, a *api, u *apiclient.Upload) ([]byte, error) {
	var tries apiclient.Patience
	for {
		raw, err := takeOnce(ctx, a, u)
		if err == nil || !tries.Again(ctx, err) {
			return raw, err
		}
	}
}

func takeOnce(ctx context.Context, a *api, u *apiclient.Upload) ([]byte, error) {
	answer, err := a.Send(ctx, http.MethodPost, "/v1/files?upload="+u.ID, "", nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxTaken))
	if err != nil {
		return nil, errors.Join(apiclient.ErrCut, err)
	}
	return raw, nil
}

// maxTaken bounds what the server may say of a file.
const maxTaken = 16 << 20
