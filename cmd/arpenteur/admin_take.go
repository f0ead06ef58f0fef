package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/syncengine/wire"
	"github.com/arpenteur/arpenteur/syncengine/wire/file"
)

// takenFile is what the server took of a file.
type takenFile struct {
	Complete bool      `json:"complete"`
	Code     wire.Code `json:"code"`
	Detail   string    `json:"detail"`
	Ledgers  []struct {
		Lines   int `json:"lines"`
		Remarks []struct {
			Code   wire.Code `json:"code"`
			Detail string    `json:"detail"`
		} `json:"remarks"`
	} `json:"ledgers"`
}

// adminTake is `arpenteur admin take`.
func (p *program) adminTake(o *apiOptions) *cobra.Command {
	return p.onAPI(o, "admin.take", 1, func(ctx context.Context, a *api, args []string) error {
		raw, err := sendFile(ctx, a, args[0])
		if err != nil {
			return stickProblem(err, 0)
		}
		var v takenFile
		if err := json.Unmarshal(raw, &v); err != nil {
			return err
		}
		lines := 0
		var remarks []string
		for _, l := range v.Ledgers {
			lines += l.Lines
			for _, m := range l.Remarks {
				remarks = append(remarks, "\n"+p.say.Say("admin.take.remark", "title", m.Code.Title(p.wireLanguage()), "detail", m.Detail))
			}
		}
		text := p.say.Say("admin.take.done", "n", lines) + strings.Join(remarks, "")
		if err := p.show(json.RawMessage(raw), text); err != nil || v.Complete {
			return err
		}
		return stickProblem(&wire.Problem{Code: v.Code, Detail: v.Detail}, lines)
	})
}

// sendFile sends a file as it is and returns the answer.
func sendFile(ctx context.Context, a *api, path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the path is the user's
	if err != nil {
		return nil, failed(classUnknown, "admin.file", "path", path).because(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	answer, err := a.Send(ctx, http.MethodPost, "/v1/files", file.MediaType, io.NopCloser(f))
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
