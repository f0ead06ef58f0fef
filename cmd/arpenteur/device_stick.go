package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/internal/phrases"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// exportView is what was written into a file.
type exportView struct {
	File    string `json:"file"`
	Ledgers int    `json:"ledgers"`
	Lines   int    `json:"lines"`
	Photos  int    `json:"photos"`
	Bytes   int64  `json:"bytes"`
}

// importView is what was taken from a file or another tablet.
type importView struct {
	Sent     int          `json:"sent,omitempty"`
	Received int          `json:"arrived"`
	Photos   int          `json:"photos,omitempty"` // that arrived
	Remarks  []remarkView `json:"remarks,omitempty"`
}

// deviceExport is `arpenteur device export`.
func (p *program) deviceExport(o *tabletOptions) *cobra.Command {
	var everything bool
	c := p.onTablet(o, "device.export", 1, func(ctx context.Context, t *tablet, args []string) error {
		line := t.progress()
		report, err := t.c.ExportFile(ctx, args[0], clientsdk.ExportOptions{Everything: everything, Progress: func(at clientsdk.FileProgress) {
			line.at(t.say.Say("device.export.progress", "lines", at.Lines, "size", phrases.Bytes(at.Bytes)))
		}})
		line.end()
		if errors.Is(err, clientsdk.ErrCarried) {
			return failed(classUsage, "device.export.nothing")
		}
		if err != nil {
			return err
		}
		v := exportView{args[0], report.Ledgers, report.Lines, report.Photos, report.Bytes}
		return p.show(v, t.say.Say("device.export.done", "lines", v.Lines, "photos", v.Photos, "size", phrases.Bytes(v.Bytes), "file", v.File))
	})
	c.Flags().BoolVar(&everything, "everything", false, p.say.Say("device.export.flag.everything"))
	return c
}

// deviceImport is `arpenteur device import`.
func (p *program) deviceImport(o *tabletOptions) *cobra.Command {
	return p.onTablet(o, "device.import", 1, func(ctx context.Context, t *tablet, args []string) error {
		line := t.progress()
		report, err := t.c.ImportFile(ctx, args[0], func(at clientsdk.FileProgress) {
			line.at(t.say.Say("device.import.progress", "lines", at.Lines, "size", phrases.Bytes(at.Bytes)))
		})
		line.end()
		if report == nil {
			return err
		}
		return errors.Join(t.tellImported("device.import.done", report), stickProblem(err, report.Received))
	})
}

// tellImported says what came from a file or another tablet.
func (t *tablet) tellImported(phrase string, report *clientsdk.Report) error {
	v := importView{Sent: report.Sent, Received: report.Received, Photos: report.PhotosArrived, Remarks: remarksOf(report)}
	if t.json {
		return writeJSON(t.out, v)
	}
	t.tell(phrase, "sent", v.Sent, "arrived", v.Received, "photos", v.Photos)
	t.tellRemarks(report.Remarks)
	return nil
}

// stickProblem says in a person's words what is wrong with a file.
func stickProblem(err error, arrived int) error {
	switch {
	case errors.Is(err, wire.CodeTruncated):
		return failed(classOther, "stick.cut", "n", arrived).because(err)
	case errors.Is(err, wire.CodeDamaged):
		return failed(classOther, "stick.damaged", "n", arrived).because(err)
	case errors.Is(err, wire.CodeUnknownLedger):
		return failed(classRefused, "stick.for_others").because(err)
	case errors.Is(err, wire.CodeMalformed):
		return failed(classUsage, "stick.none").because(err)
	}
	return err
}
