package imports

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
)

// features reads the features of a GeoJSON FeatureCollection (RFC 7946) one by one, each bounded.
type features struct {
	file    File
	skip    int64 // the byte order mark
	limit   *limitedReader
	decoder *json.Decoder
	counted int64 // up to where line ends were counted
	line    int   // there
	within  bool  // the array of features
	read    int
}

// errFeatureLarge is what a limitedReader says beyond its limit.
var errFeatureLarge = errors.New("a feature is over its limit")

// limitedReader gives so many bytes, and then fails, until it is given more.
type limitedReader struct {
	io.Reader
	left int
}

func (l *limitedReader) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, errFeatureLarge
	}
	n, err := l.Reader.Read(b[:min(len(b), l.left)])
	l.left -= n
	return n, err
}

// wgs84 finds the names of longitude and latitude in WGS 84. RFC 7946 has no other coordinate reference system; the GeoJSON of 2008 did, and
// named it.
var wgs84 = regexp.MustCompile(`(?:CRS:?84|EPSG:{1,2}(?:[0-9.]*:)?4326)$`)

func newFeatures(f File, skip int64) (*features, error) {
	limit := &limitedReader{Reader: io.NewSectionReader(f, skip, f.Size-skip)}
	r := &features{file: f, skip: skip, limit: limit, decoder: json.NewDecoder(limit), line: 1}
	return r, r.check()
}

// check reads the collection once, as far as it can be read, for what its members say beside the features: they may come behind them.
// JSON that is broken is told where it breaks, when the features are read.
func (r *features) check() error {
	limit := &limitedReader{Reader: io.NewSectionReader(r.file, r.skip, r.file.Size-r.skip), left: maxFeatureBytes}
	d := json.NewDecoder(limit)
	if start, err := d.Token(); errors.Is(err, io.EOF) {
		return refusal(CodeEmpty, 1, "", "")
	} else if err != nil || start != json.Delim('{') {
		return refusal(CodeNotFeatures, 1, "", "")
	}
	typed, listed := false, false
	for {
		limit.left = maxFeatureBytes
		key, err := d.Token()
		if err != nil || key == json.Delim('}') {
			break
		}
		var member json.RawMessage
		if key == "features" {
			listed = true
			if !passArray(d, limit) {
				break
			}
		} else if d.Decode(&member) != nil {
			break
		}
		typed = typed || key == "type" && string(member) == `"FeatureCollection"`
		if name := crsName(member); key == "crs" && name != "" && !wgs84.MatchString(name) {
			return refusal(CodeCRS, 1, "crs", shortened(name))
		}
	}
	if !typed || !listed {
		return refusal(CodeNotFeatures, 1, "", "")
	}
	return nil
}

// passArray reads over an array of bounded elements.
func passArray(d *json.Decoder, limit *limitedReader) bool {
	if start, err := d.Token(); err != nil || start != json.Delim('[') {
		return false
	}
	for d.More() {
		limit.left = maxFeatureBytes
		var element json.RawMessage
		if d.Decode(&element) != nil {
			return false
		}
	}
	_, err := d.Token()
	return err == nil
}

// crsName returns the name of a coordinate reference system; "?" for a member that can't be understood, empty for null.
func crsName(member json.RawMessage) string {
	var crs *struct {
		Properties struct {
			Name string `json:"name"`
		} `json:"properties"`
	}
	if json.Unmarshal(member, &crs) != nil {
		return "?"
	}
	if crs == nil {
		return ""
	}
	if crs.Properties.Name == "" {
		return "?"
	}
	return crs.Properties.Name
}

// next returns the bytes of the next feature and the line where it begins; io.EOF after the last, a *stop where the rest can't be read.
func (r *features) next() (json.RawMessage, int, error) {
	r.limit.left = maxFeatureBytes
	if !r.within {
		if err := r.enter(); err != nil {
			return nil, 0, err
		}
	}
	if !r.decoder.More() {
		if end, err := r.decoder.Token(); err != nil || end != json.Delim(']') {
			return nil, 0, r.broken(err)
		}
		return nil, 0, io.EOF
	}
	if r.read++; r.read > MaxRows {
		return nil, 0, &stop{Remark{Line: r.lineAt(r.decoder.InputOffset()), Outcome: Refused, Code: CodeTooManyRows, With: strconv.Itoa(MaxRows)}}
	}
	var feature json.RawMessage
	if err := r.decoder.Decode(&feature); err != nil {
		return nil, 0, r.broken(err)
	}
	return feature, r.lineAt(r.decoder.InputOffset() - int64(len(feature))), nil
}

// enter reads up to the first feature.
func (r *features) enter() error {
	if _, err := r.decoder.Token(); err != nil {
		return r.broken(err)
	}
	for {
		r.limit.left = maxFeatureBytes
		key, err := r.decoder.Token()
		if err != nil {
			return r.broken(err)
		}
		if key == "features" {
			start, err := r.decoder.Token()
			if err != nil || start != json.Delim('[') {
				return r.broken(err)
			}
			r.within = true
			return nil
		}
		var member json.RawMessage
		if err := r.decoder.Decode(&member); err != nil {
			return r.broken(err)
		}
	}
}

// broken says where and why the rest of the file can't be read. Reading itself that fails is passed on.
func (r *features) broken(err error) error {
	at := r.decoder.InputOffset()
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, errFeatureLarge):
		return &stop{Remark{Line: r.lineAt(at), Outcome: Refused, Code: CodeFeatureLarge, With: strconv.Itoa(maxFeatureBytes)}}
	case errors.As(err, &syntax), err == nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &stop{Remark{Line: r.lineAt(at), Outcome: Refused, Code: CodeJSON}}
	}
	return err
}

// lineAt returns the line that a byte of what is decoded lies on. Bytes are asked for in ascending order.
func (r *features) lineAt(offset int64) int {
	section := io.NewSectionReader(r.file, r.skip+r.counted, offset-r.counted)
	var buf [32 << 10]byte
	for {
		n, err := section.Read(buf[:])
		r.line += bytes.Count(buf[:n], []byte("\n"))
		if err != nil {
			break
		}
	}
	r.counted = max(r.counted, offset)
	return r.line
}

// offset is how much of the file was read.
func (r *features) offset() int64 { return r.skip + r.decoder.InputOffset() }
