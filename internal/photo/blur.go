package photo

import (
	"image"
	"image/color"
	"image/draw"
	"math"
)

// Rect is a rectangle of a picture as it is shown, upright, in parts of its width and height: 0 0 is the upper left corner, 1 1 the
// lower right one.
type Rect struct {
	X, Y, W, H float64
}

// MaxRects is how many rectangles of one picture can be blurred.
const MaxRects = 64

// margin is how far around a rectangle the colour is taken, in pixels.
const margin = 4

// Blur makes rectangles of a picture unreadable, for ever: see the package. A rectangle is widened to whole pixels.
func Blur(picture *image.RGBA, rects []Rect) error {
	if len(rects) > MaxRects {
		return refuse(BadRectangle, "%d rectangles are over the limit of %d: mark larger ones", len(rects), MaxRects)
	}
	areas := make([]image.Rectangle, 0, len(rects))
	for _, r := range rects {
		if !r.valid() {
			return refuse(BadRectangle, "the rectangle %g %g %g %g does not lie within the picture: give left, top, width and height from 0 to 1", r.X, r.Y, r.W, r.H)
		}
		areas = append(areas, r.pixels(picture.Rect))
	}
	colours := make([]color.RGBA, len(areas))
	for i, a := range areas {
		colours[i] = around(picture, a, areas)
	}
	for i, a := range areas {
		draw.Draw(picture, a, image.NewUniform(colours[i]), image.Point{}, draw.Src)
	}
	return nil
}

// slack forgives what relative coordinates lose in arithmetic.
const slack = 1e-9

func (r Rect) valid() bool {
	return r.X >= 0 && r.Y >= 0 && r.W > 0 && r.H > 0 && r.X+r.W <= 1+slack && r.Y+r.H <= 1+slack
}

// pixels returns the pixels that r touches.
func (r Rect) pixels(b image.Rectangle) image.Rectangle {
	w, h := float64(b.Dx()), float64(b.Dy())
	return image.Rect(
		int(math.Floor(r.X*w)), int(math.Floor(r.Y*h)), int(math.Ceil((r.X+r.W)*w)), int(math.Ceil((r.Y+r.H)*h)),
	).Intersect(b)
}

// around returns the mean colour of the pixels around an area that lie in none of the areas; grey where there are none.
func around(picture *image.RGBA, area image.Rectangle, areas []image.Rectangle) color.RGBA {
	var sum [3]uint64
	var n uint64
	ring := area.Inset(-margin).Intersect(picture.Rect)
	for y := ring.Min.Y; y < ring.Max.Y; y++ {
		for x := ring.Min.X; x < ring.Max.X; x++ {
			if covered(image.Pt(x, y), areas) {
				if p := image.Pt(x, y); p.In(area) {
					x = area.Max.X - 1 // the rest of the row of the area itself
				}
				continue
			}
			p := picture.Pix[picture.PixOffset(x, y):]
			sum[0], sum[1], sum[2], n = sum[0]+uint64(p[0]), sum[1]+uint64(p[1]), sum[2]+uint64(p[2]), n+1
		}
	}
	if n == 0 {
		return color.RGBA{0x80, 0x80, 0x80, 0xff}
	}
	return color.RGBA{byte(sum[0] / n), byte(sum[1] / n), byte(sum[2] / n), 0xff}
}

func covered(p image.Point, areas []image.Rectangle) bool {
	for _, a := range areas {
		if p.In(a) {
			return true
		}
	}
	return false
}
