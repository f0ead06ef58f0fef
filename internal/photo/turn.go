package photo

import "image"

// turn returns a picture as it was held, by its orientation: TIFF 6.0 tag 274, 1 to 8.
func turn(src *image.RGBA, orientation int) *image.RGBA {
	if orientation <= 1 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	swap := orientation >= 5
	size := image.Rect(0, 0, w, h)
	if swap {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(size)
	mirrorX := orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8
	mirrorY := orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7
	for y := range size.Dy() {
		for x := range size.Dx() {
			sx, sy := x, y
			if swap {
				sx, sy = y, x
			}
			if mirrorX {
				sx = w - 1 - sx
			}
			if mirrorY {
				sy = h - 1 - sy
			}
			copy(out.Pix[out.PixOffset(x, y):][:4], src.Pix[src.PixOffset(sx, sy):][:4])
		}
	}
	return out
}
