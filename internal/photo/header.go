package photo

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// Limits of what is taken.
const (
	// MaxBytes is the limit of a file.
	MaxBytes = 32 << 20
	// MaxPixels is the limit of width times height: what the main cameras of phones and tablets take by default. A 40-megapixel picture is over it.
	MaxPixels = 36_000_000
	// MaxEdge is the limit of width and of height.
	MaxEdge = 1 << 15
	// MaxDecodeBytes is the limit of what decoding may take of memory, as far as a header tells.
	MaxDecodeBytes = 320 << 20
)

// Header is what the first bytes of a picture say.
type Header struct {
	Format        Format
	Width, Height int // in pixels, as they are stored; a camera that was held upright may mean them turned
}

// ReadHeader reads the header of a picture and checks its format and size, in pixels. It reads little of r, and never more than MaxBytes.
func ReadHeader(r io.Reader) (Header, error) {
	head := make([]byte, sniffBytes)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return Header{}, err
	}
	format, err := formatOf(head[:n])
	if err != nil {
		return Header{}, err
	}
	rest := io.LimitReader(io.MultiReader(bytes.NewReader(head[:n]), r), MaxBytes)
	var config image.Config
	err = guard(func() (err error) {
		config, err = codecOf(format).config(rest)
		return err
	})
	if err != nil {
		return Header{}, err
	}
	h := Header{format, config.Width, config.Height}
	return h, h.check()
}

func (h Header) check() error {
	switch {
	case h.Width < 1 || h.Height < 1:
		return refuse(Damaged, "the picture has no pixels; take it again")
	case h.Width > MaxEdge || h.Height > MaxEdge:
		return refuse(TooManyPixels, "the picture is %d × %d pixels, over the limit of %d: take it again at a lower resolution", h.Width, h.Height, MaxEdge)
	case h.Width*h.Height > MaxPixels:
		return refuse(TooManyPixels, "the picture has %.0f megapixels, over the limit of %d: take it again at a lower resolution",
			float64(h.Width)*float64(h.Height)/1e6, MaxPixels/1_000_000)
	}
	return nil
}

// codec is how one format is decoded.
type codec struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

func codecOf(f Format) codec {
	switch f {
	case PNG:
		return codec{png.DecodeConfig, png.Decode}
	case WebP:
		return codec{webp.DecodeConfig, webp.Decode}
	default:
		return codec{jpeg.DecodeConfig, jpeg.Decode}
	}
}

// guard runs a decoder: what it refuses, and what makes it panic, is a truncated or a damaged picture.
func guard(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = damaged(fmt.Errorf("the decoder gave up: %v", p))
		}
	}()
	err = fn()
	var own *Error
	switch {
	case err == nil, errors.As(err, &own):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return truncated(err)
	}
	return damaged(err)
}
