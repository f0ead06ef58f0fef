package photo

import (
	"bytes"
	"math"
	"strings"
	"time"

	"github.com/bep/imagemeta"
)

// Location is where a picture was taken, WGS 84 (EPSG:4326), in degrees.
type Location struct {
	Lat, Lon float64 // rounded to 1e-6 degrees, about a decimetre
	Accuracy float64 // in metres; 0 where the camera did not say
}

// metadata is all that is read of a picture's EXIF.
type metadata struct {
	orientation int // 1 to 8, TIFF 6.0 tag 274
	takenAt     time.Time
	location    *Location
}

// Limits of reading metadata.
const (
	maxTags     = 2000
	maxTagBytes = 4 << 10
)

// readMetadata reads the few tags that are kept. Broken metadata costs no picture: what can't be read is as if it were not there.
func readMetadata(h Header, data []byte, o Options) metadata {
	m := metadata{orientation: 1}
	var tags imagemeta.Tags
	err := guard(func() error {
		_, err := imagemeta.Decode(imagemeta.Options{
			R: bytes.NewReader(data), ImageFormat: metaFormat(h.Format), Sources: imagemeta.EXIF,
			LimitNumTags: maxTags, LimitTagSize: maxTagBytes,
			ShouldHandleTag: func(t imagemeta.TagInfo) bool { return o.wants(t.Tag) && !strings.HasPrefix(t.Namespace, "IFD1") },
			HandleTag:       func(t imagemeta.TagInfo) error { tags.Add(t); return nil },
		})
		return err
	})
	if err != nil && len(tags.EXIF()) == 0 {
		return m
	}
	exif := tags.EXIF()
	if n, ok := number(exif["Orientation"].Value); ok && n >= 1 && n <= 8 {
		m.orientation = int(n)
	}
	m.takenAt = takenAt(exif, o.Zone)
	if o.Position {
		m.location = location(tags)
	}
	return m
}

// wants reports whether a tag is read at all.
func (o Options) wants(tag string) bool {
	switch tag {
	case "Orientation", "DateTimeOriginal", "OffsetTimeOriginal":
		return true
	case "GPSLatitude", "GPSLatitudeRef", "GPSLongitude", "GPSLongitudeRef", "GPSHPositioningError":
		return o.Position
	}
	return false
}

func metaFormat(f Format) imagemeta.ImageFormat {
	switch f {
	case PNG:
		return imagemeta.PNG
	case WebP:
		return imagemeta.WebP
	default:
		return imagemeta.JPEG
	}
}

// takenAt reads when the shutter was released, EXIF 2.32 tags 0x9003 and 0x9011. The camera's clock is in the zone where it names none.
func takenAt(exif map[string]imagemeta.TagInfo, zone *time.Location) time.Time {
	text, _ := exif["DateTimeOriginal"].Value.(string)
	if zone == nil {
		zone = time.UTC
	}
	if offset, _ := exif["OffsetTimeOriginal"].Value.(string); offset != "" {
		if t, err := time.Parse("2006:01:02 15:04:05 -07:00", strings.TrimSpace(text)+" "+strings.TrimSpace(offset)); err == nil {
			return t
		}
	}
	t, err := time.ParseInLocation("2006:01:02 15:04:05", strings.TrimSpace(text), zone)
	if err != nil {
		return time.Time{}
	}
	return t
}

// location reads the position, nil where there is none that can be one. A receiver without a fix often writes 0° 0°.
func location(tags imagemeta.Tags) *Location {
	lat, lon, err := tags.GetLatLong()
	if err != nil || !(math.Abs(lat) <= 90 && math.Abs(lon) <= 180) || lat == 0 && lon == 0 {
		return nil
	}
	l := &Location{Lat: math.Round(lat*1e6) / 1e6, Lon: math.Round(lon*1e6) / 1e6}
	if n, ok := number(tags.EXIF()["GPSHPositioningError"].Value); ok && n > 0 && n < 1e6 {
		l.Accuracy = math.Ceil(n)
	}
	return l
}

// number reads a numeric tag.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case uint8:
		return float64(v), true
	case uint16:
		return float64(v), true
	case uint32:
		return float64(v), true
	case float64:
		return v, !math.IsNaN(v)
	case interface{ Float64() float64 }:
		f := v.Float64()
		return f, !math.IsNaN(f)
	}
	return 0, false
}
