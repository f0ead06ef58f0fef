package main

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/internal/photo"
	"github.com/arpenteur/arpenteur/internal/phrases"
	"github.com/arpenteur/arpenteur/syncengine"
)

// photoView is one photo, waiting or of a record.
type photoView struct {
	Photo   string               `json:"photo"`
	Ledger  string               `json:"ledger"`
	Kind    string               `json:"kind"`
	ID      string               `json:"id"` // of the record
	State   clientsdk.PhotoState `json:"state"`
	Hash    string               `json:"hash,omitempty"` // once it was looked over
	TakenAt *time.Time           `json:"taken_at,omitempty"`
	Draft   string               `json:"draft,omitempty"`
	Here    bool                 `json:"here"`
	Reason  string               `json:"reason,omitempty"` // why it was set aside
}

// devicePhoto is `arpenteur device photo`.
func (p *program) devicePhoto(o *tabletOptions) *cobra.Command {
	return p.group("device.photo", p.photoTake(o), p.photoList(o), p.photoReview(o), p.photoGet(o), p.photoDiscard(o), p.photoFree(o))
}

// photoTake is `arpenteur device photo take`.
func (p *program) photoTake(o *tabletOptions) *cobra.Command {
	var record, draft, list, caption string
	var position bool
	c := p.onTablet(o, "device.photo.take", 1, func(ctx context.Context, t *tablet, args []string) error {
		if (record == "") == (draft == "") {
			return failed(classUsage, "device.photo.take.which")
		}
		file, err := os.Open(args[0])
		if err != nil {
			return failed(classUnknown, "device.photo.no_file", "path", args[0]).because(err)
		}
		defer func() { _ = file.Close() }()
		d, err := t.photoDraft(ctx, record, draft)
		if err != nil {
			return err
		}
		taken, err := d.TakePhoto(ctx, syncengine.Path(list), file, clientsdk.PhotoOptions{Position: position, Caption: caption})
		if err == nil && record != "" {
			_, err = d.Commit(ctx)
		}
		if err != nil && record != "" {
			err = errors.Join(err, d.Discard())
		}
		if err != nil {
			return err
		}
		return t.show(viewOfWaiting(taken), t.say.Say("device.photo.taken", "id", taken.ID.String()))
	})
	f := c.Flags()
	f.StringVar(&record, "record", "", p.say.Say("device.photo.flag.record"))
	f.StringVar(&draft, "draft", "", p.say.Say("device.photo.take.flag.draft"))
	f.StringVar(&list, "list", "/photos", p.say.Say("device.photo.take.flag.list"))
	f.StringVar(&caption, "caption", "", p.say.Say("device.photo.take.flag.caption"))
	f.BoolVar(&position, "position", false, p.say.Say("device.photo.take.flag.position"))
	return c
}

// photoDraft returns the draft that a photo is taken in: one that is open, or a new one of a record.
func (t *tablet) photoDraft(ctx context.Context, record, draft string) (*clientsdk.Draft, error) {
	if draft != "" {
		return t.draft(draft)
	}
	ref, err := t.find(ctx, record)
	if err != nil {
		return nil, err
	}
	return t.c.Edit(ctx, ref)
}

// photoList is `arpenteur device photo list`.
func (p *program) photoList(o *tabletOptions) *cobra.Command {
	var record string
	c := p.onTablet(o, "device.photo.list", 0, func(ctx context.Context, t *tablet, _ []string) error {
		views, err := t.photos(ctx, record)
		if err != nil {
			return err
		}
		rows := t.table("device.photo.headings", "device.photo.none")
		for _, v := range views {
			if err := rows.row(v, v.Photo, v.Kind, v.ID, t.say.Say("photo."+string(v.State)), v.Hash); err != nil {
				return err
			}
		}
		return rows.end()
	})
	c.Flags().StringVar(&record, "record", "", p.say.Say("device.photo.flag.record"))
	return c
}

// photos returns the photos of a record, or those that wait to be looked over where no record is named.
func (t *tablet) photos(ctx context.Context, record string) ([]photoView, error) {
	var out []photoView
	if record == "" {
		for _, w := range t.c.PhotosToReview() {
			out = append(out, viewOfWaiting(w))
		}
		return out, nil
	}
	ref, err := t.find(ctx, record)
	if err != nil {
		return nil, err
	}
	list, err := t.c.Photos(ctx, ref)
	for i := range list {
		out = append(out, viewOfPhoto(ref, &list[i]))
	}
	return out, err
}

func viewOfWaiting(w clientsdk.WaitingPhoto) photoView {
	v := photoView{Photo: w.ID.String(), State: clientsdk.PhotoToReview, Here: true}
	if w.Damaged {
		v.Reason = "damaged"
		return v
	}
	v.Ledger, v.Kind, v.ID = w.Ref.Ledger.String(), string(w.Ref.Record.Kind), w.Ref.Record.ID.String()
	v.TakenAt, v.Draft = &w.TakenAt, w.Draft.String()
	return v
}

func viewOfPhoto(ref clientsdk.Ref, p *clientsdk.Photo) photoView {
	v := photoView{
		Photo: p.ID.String(), Ledger: ref.Ledger.String(), Kind: string(ref.Record.Kind), ID: ref.Record.ID.String(),
		State: p.State, Here: p.Here, Reason: string(p.Refused),
	}
	if !p.Name.Hash.IsZero() {
		v.Hash = p.Name.Hash.String()
	}
	return v
}

// photoReview is `arpenteur device photo review`.
func (p *program) photoReview(o *tabletOptions) *cobra.Command {
	var blur []string
	var nothing bool
	c := p.onTablet(o, "device.photo.review", 1, func(ctx context.Context, t *tablet, args []string) error {
		if nothing == (len(blur) > 0) {
			return failed(classUsage, "device.photo.review.which")
		}
		review := clientsdk.Review{NothingToBlur: nothing}
		for _, text := range blur {
			r, err := rectOf(text)
			if err != nil {
				return err
			}
			review.Blur = append(review.Blur, r)
		}
		waiting, err := t.waitingPhoto(args[0])
		if err != nil {
			return err
		}
		name, err := t.c.ReviewPhoto(ctx, waiting.ID, review)
		if err != nil {
			return err
		}
		v := viewOfWaiting(waiting)
		v.State, v.Hash = clientsdk.PhotoToSend, name.Hash.String()
		return t.show(v, t.say.Say("device.photo.reviewed", "n", len(review.Blur)))
	})
	f := c.Flags()
	f.StringArrayVar(&blur, "blur", nil, p.say.Say("device.photo.review.flag.blur"))
	f.BoolVar(&nothing, "nothing-to-blur", false, p.say.Say("device.photo.review.flag.nothing"))
	return c
}

// rectOf reads a rectangle: left, top, width and height in parts of the picture, from 0 to 1.
func rectOf(text string) (clientsdk.Rect, error) {
	var n [4]float64
	parts := strings.Split(text, ",")
	for i, part := range parts {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || len(parts) != len(n) {
			return clientsdk.Rect{}, failed(classUsage, "device.photo.review.rect", "given", text)
		}
		n[i] = v
	}
	if len(parts) != len(n) {
		return clientsdk.Rect{}, failed(classUsage, "device.photo.review.rect", "given", text)
	}
	return clientsdk.Rect{X: n[0], Y: n[1], W: n[2], H: n[3]}, nil
}

// waitingPhoto returns the photo whose id ends as given, of those that wait to be looked over.
func (t *tablet) waitingPhoto(name string) (clientsdk.WaitingPhoto, error) {
	for _, w := range t.c.PhotosToReview() {
		if len(name) >= minNamePart && strings.HasSuffix(w.ID.String(), strings.ToLower(name)) {
			return w, nil
		}
	}
	return clientsdk.WaitingPhoto{}, failed(classUnknown, "device.photo.unknown", "given", name)
}

// photoGet is `arpenteur device photo get`.
func (p *program) photoGet(o *tabletOptions) *cobra.Command {
	var record, out string
	var thumbnail bool
	c := p.onTablet(o, "device.photo.get", 1, func(ctx context.Context, t *tablet, args []string) error {
		if out == "" {
			return failed(classUsage, "device.photo.get.where")
		}
		size := clientsdk.PhotoWhole
		if thumbnail {
			size = clientsdk.PhotoThumbnail
		}
		raw, err := t.picture(ctx, record, args[0], size)
		if err != nil {
			return err
		}
		if err := os.WriteFile(out, raw, 0o600); err != nil {
			return err
		}
		return t.show(map[string]any{"path": out, "bytes": len(raw)}, t.say.Say("device.photo.got", "path", out, "size", phrases.Bytes(len(raw))))
	})
	f := c.Flags()
	f.StringVar(&record, "record", "", p.say.Say("device.photo.flag.record"))
	f.StringVar(&out, "out", "", p.say.Say("device.photo.get.flag.out"))
	f.BoolVar(&thumbnail, "thumbnail", false, p.say.Say("device.photo.get.flag.thumbnail"))
	return c
}

// picture returns a photo of a record, or the preview of one that waits to be looked over.
func (t *tablet) picture(ctx context.Context, record, name string, size clientsdk.PhotoSize) ([]byte, error) {
	if record == "" {
		w, err := t.waitingPhoto(name)
		if err != nil {
			return nil, err
		}
		return t.c.PreviewPhoto(ctx, w.ID)
	}
	ref, err := t.find(ctx, record)
	if err != nil {
		return nil, err
	}
	list, err := t.c.Photos(ctx, ref)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		switch {
		case len(name) < minNamePart || !strings.HasSuffix(p.ID.String(), strings.ToLower(name)):
		case p.Name.Hash.IsZero():
			return nil, failed(classUnknown, "device.photo.not_yet", "state", t.say.Say("photo."+string(p.State)))
		default:
			return t.c.FetchPhoto(ctx, p.Name, size)
		}
	}
	return nil, failed(classUnknown, "device.photo.unknown", "given", name)
}

// photoDiscard is `arpenteur device photo discard`.
func (p *program) photoDiscard(o *tabletOptions) *cobra.Command {
	return p.onTablet(o, "device.photo.discard", 1, func(ctx context.Context, t *tablet, args []string) error {
		w, err := t.waitingPhoto(args[0])
		if err == nil {
			err = t.c.DiscardPhoto(ctx, w.ID)
		}
		if err != nil {
			return err
		}
		return t.show(map[string]string{"discarded": w.ID.String()}, t.say.Say("device.photo.discarded"))
	})
}

// photoFree is `arpenteur device photo free`.
func (p *program) photoFree(o *tabletOptions) *cobra.Command {
	return p.onTablet(o, "device.photo.free", 0, func(ctx context.Context, t *tablet, _ []string) error {
		n, size, err := t.c.FreePhotos(ctx)
		if err != nil {
			return err
		}
		return t.show(map[string]any{"photos": n, "bytes": size}, t.say.Say("device.photo.freed", "n", n, "size", phrases.Bytes(size)))
	})
}

// photoProblem says in a person's words why a picture was not taken, nil for any other error.
func photoProblem(err error) *problem {
	var own *photo.Error
	if !errors.As(err, &own) {
		return nil
	}
	return failed(classUsage, "photo.error."+string(own.Code)).because(err)
}

// tellPhotos says where the photos are, in counts.
func (t *tablet) tellPhotos(n *photoCountsView) {
	if n.Total == 0 {
		return
	}
	t.tell("device.safe.photos", "received", n.Received, "n", n.Total, "backed", n.BackedUp)
	if n.ToReview > 0 {
		t.tell("device.safe.photos_to_review", "n", n.ToReview)
	}
	if n.ToSend > 0 {
		t.tell("device.safe.photos_to_send", "n", n.ToSend)
	}
	if n.Refused > 0 {
		t.tell("device.safe.photos_refused", "n", n.Refused)
	}
}

// photoCountsView counts photos by where they are.
type photoCountsView struct {
	Total    int `json:"total"`
	ToReview int `json:"to_review"`
	ToSend   int `json:"to_send"`
	Refused  int `json:"refused"`
	Received int `json:"received"`
	BackedUp int `json:"backed_up"`
}
