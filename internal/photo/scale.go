package photo

import (
	"image"
	"image/color"
	"image/draw"
)

// fit returns the picture on white, scaled down so that its longer edge is at most edge; a smaller one keeps its size. Each pixel is the
// exact mean of the area that it covers (in whole numbers, so that every machine makes the same bytes). One row of the source is converted at a time: the
// kernel scalers of x/image/draw would keep 32 bytes for each source row and result column, 340 MB for the largest picture.
func fit(src image.Image, edge int) *image.RGBA {
	b := src.Bounds()
	w, h := within(b.Dx(), b.Dy(), edge)
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	s := &shrink{out: out, sums: make([]uint64, 3*w), row: make([]uint64, 3*w), sw: b.Dx(), sh: b.Dy()}
	line := image.NewRGBA(image.Rect(0, 0, b.Dx(), 1))
	white := image.NewUniform(color.White)
	for y := range s.sh {
		draw.Draw(line, line.Rect, white, image.Point{}, draw.Src)
		draw.Draw(line, line.Rect, src, image.Pt(b.Min.X, b.Min.Y+y), draw.Over)
		s.take(y, line.Pix)
	}
	return out
}

// within returns the size of a picture that is scaled down to a longest edge, each side at least 1.
func within(w, h, edge int) (int, int) {
	long := max(w, h)
	if long <= edge {
		return w, h
	}
	return max(1, (w*edge+long/2)/long), max(1, (h*edge+long/2)/long)
}

// shrink adds up the rows of a picture into a smaller one. A source pixel is out.Dx units wide and a result pixel sw units, so that
// what a source pixel gives to each of the two result pixels that it touches is a whole number; likewise in height.
type shrink struct {
	out    *image.RGBA
	sw, sh int
	row    []uint64 // the source row, added up across
	sums   []uint64 // the result row that is being filled
}

// take adds source row y.
func (s *shrink) take(y int, pix []byte) {
	s.across(pix)
	dh := s.out.Rect.Dy()
	from, to := y*dh, (y+1)*dh
	row := from / s.sh
	end := (row + 1) * s.sh
	if to < end {
		s.add(to - from)
		return
	}
	s.add(end - from)
	s.emit(row)
	if to > end {
		s.add(to - end)
	}
}

// across adds up one source row into s.row.
func (s *shrink) across(pix []byte) {
	clear(s.row)
	dw := s.out.Rect.Dx()
	column, end := 0, s.sw
	for x := range s.sw {
		from, to := x*dw, (x+1)*dw
		p := pix[4*x : 4*x+3 : 4*x+3]
		if to <= end {
			s.weigh(column, p, dw)
		} else {
			s.weigh(column, p, end-from)
			s.weigh(column+1, p, to-end)
		}
		if to >= end {
			column, end = column+1, end+s.sw
		}
	}
}

func (s *shrink) weigh(column int, p []byte, weight int) {
	r := s.row[3*column : 3*column+3 : 3*column+3]
	w := uint64(weight) //nolint:gosec // an overlap, never negative
	r[0] += uint64(p[0]) * w
	r[1] += uint64(p[1]) * w
	r[2] += uint64(p[2]) * w
}

// add adds s.row to the result row.
func (s *shrink) add(weight int) {
	w := uint64(weight) //nolint:gosec // an overlap, never negative
	for i, v := range s.row {
		s.sums[i] += v * w
	}
}

// emit writes the result row and begins the next.
func (s *shrink) emit(row int) {
	area := uint64(s.sw) * uint64(s.sh) //nolint:gosec // sizes are positive
	pix := s.out.Pix[row*s.out.Stride:]
	for x := range s.out.Rect.Dx() {
		for c := range 3 {
			pix[4*x+c] = byte((s.sums[3*x+c] + area/2) / area)
		}
		pix[4*x+3] = 0xff
	}
	clear(s.sums)
}
