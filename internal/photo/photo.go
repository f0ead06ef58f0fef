package photo

import (
	"bytes"
	"image"
	"image/jpeg"
	"io"
	"time"
)

// What is made of a picture.
const (
	// LongEdge is the longest edge of a developed picture, in pixels.
	LongEdge = 2048
	// ThumbnailEdge is the longest edge of a thumbnail, in pixels.
	ThumbnailEdge = 320
	// MaxDeveloped is the limit of a developed picture in bytes, and so of what the protocol carries.
	MaxDeveloped = 8 << 20

	quality = 80 // of JPEG, on the scale of libjpeg
)

// Options are the choices at reading.
type Options struct {
	// Position lets the position out of the metadata.
	Position bool
	// Zone is that of the camera's clock, used where the metadata do not name one; UTC by default.
	Zone *time.Location
}

// Photo is a picture that was checked and not decoded.
type Photo struct {
	Header
	TakenAt  time.Time // zero where the metadata do not say
	Location *Location // nil where they do not say, or Options did not ask

	orientation int
	data        []byte
}

// Read reads a picture and checks it as far as that is possible without decoding. Its errors, beside those of r, are *Error.
func Read(r io.Reader, o Options) (*Photo, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxBytes {
		return nil, refuse(TooManyBytes, "the file is over the limit of %d MiB: take the picture again at a lower resolution", MaxBytes>>20)
	}
	h, err := ReadHeader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if err := checkStructure(h, data); err != nil {
		return nil, err
	}
	m := readMetadata(h, data, o)
	return &Photo{Header: h, TakenAt: m.takenAt, Location: m.location, orientation: m.orientation, data: data}, nil
}

// Bytes returns the file as it was read. It is shared: don't change it.
func (p *Photo) Bytes() []byte { return p.data }

// Develop returns the picture upright as a JPEG of at most LongEdge and MaxDeveloped, with the rectangles filled in (Blur) and without
// metadata. The same picture and rectangles give the same bytes.
func (p *Photo) Develop(blur []Rect) ([]byte, error) {
	picture, err := p.upright(LongEdge)
	if err != nil {
		return nil, err
	}
	if err := Blur(picture, blur); err != nil {
		return nil, err
	}
	return encode(picture)
}

// Thumbnail returns the picture upright as a JPEG of at most ThumbnailEdge, without metadata.
func (p *Photo) Thumbnail() ([]byte, error) {
	picture, err := p.upright(ThumbnailEdge)
	if err != nil {
		return nil, err
	}
	return encode(picture)
}

// upright decodes the picture, scales it down and turns it as it was held.
func (p *Photo) upright(edge int) (picture *image.RGBA, err error) {
	err = guard(func() error {
		decoded, err := codecOf(p.Format).decode(bytes.NewReader(p.data))
		if err != nil {
			return err
		}
		if size := decoded.Bounds().Size(); size.X != p.Width || size.Y != p.Height {
			return refuse(Damaged, "the picture is not of the size that its header says; take it again")
		}
		picture = turn(fit(decoded, edge), p.orientation)
		return nil
	})
	return picture, err
}

func encode(picture *image.RGBA) ([]byte, error) {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: quality}); err != nil {
		return nil, err
	}
	if out.Len() > MaxDeveloped {
		return nil, refuse(TooManyBytes, "the picture stays over %d MiB: it shows noise; take it again", MaxDeveloped>>20)
	}
	return out.Bytes(), nil
}
