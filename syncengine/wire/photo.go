package wire

import (
	"crypto/ed25519"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Limits of photos.
const (
	// MaxPhotoBytes is the limit of one photo on the wire.
	MaxPhotoBytes = 8 << 20
	// MaxPhotoPixels is the limit of a photo's width times its height: room for 4,096 x 3,072.
	MaxPhotoPixels = 12 << 20
	// MaxPhotosAsked is how many photos one question may be about.
	MaxPhotosAsked = 500
)

// How a photo is sent: the header fields and media type of draft-ietf-httpbis-resumable-upload, and its values of a boolean.
const (
	UploadOffsetHeader   = "Upload-Offset"   // bytes that lie before this body
	UploadLengthHeader   = "Upload-Length"   // bytes of the whole photo
	UploadCompleteHeader = "Upload-Complete" // whether the photo ends with this body
	UploadComplete       = "?1"
	UploadIncomplete     = "?0"
	UploadMediaType      = "application/partial-upload"
	PhotoMediaType       = "image/jpeg"
)

// PhotoName names a photo: the ledger that it belongs to and the SHA-256 of its bytes. The same bytes in two ledgers are two photos,
// so that nobody learns from one ledger what another one holds (law L10).
type PhotoName struct {
	Ledger syncengine.LedgerID
	Hash   syncengine.Hash
}

// HashIn returns the hash that the value of a leaf is, as its text, if it has that form.
func HashIn(v syncengine.Value) (syncengine.Hash, bool) {
	const length = 45 // 43 characters in quotes
	if len(v) != length || v[0] != '"' {
		return syncengine.Hash{}, false
	}
	h, err := syncengine.ParseHash(string(v[1 : length-1]))
	return h, err == nil && !h.IsZero()
}

// PhotoState says what the authority has of a photo.
type PhotoState string

// The states.
const (
	PhotoMissing       PhotoState = "missing"        // not, or only in part
	PhotoHeld          PhotoState = "held"           // whole and durable
	PhotoBackedUp      PhotoState = "backed_up"      // held, and in a verified backup
	PhotoBarred        PhotoState = "barred"         // erased for ever by a redaction
	PhotoUnknownLedger PhotoState = "unknown_ledger" // no such ledger for the asker
)

// PhotoReceipt is the authority's signed word that it holds a photo durably (protocol, section 7.4). A tablet may say of a photo that it
// was received only under a receipt that verifies, and forget its bytes only under one that says BackedUp (law L1).
type PhotoReceipt struct {
	PhotoName
	Size      uint64 // bytes
	BackedUp  bool   // a verified backup holds it too
	Signature Signature
}

const photoPrefix = "arpenteur/1 photo\n"

// Sign signs r with the authority's key.
func (r *PhotoReceipt) Sign(key ed25519.PrivateKey) { r.Signature = sign(key, r.message()) }

// Verify reports whether r is signed by the authority's key.
func (r *PhotoReceipt) Verify(key ed25519.PublicKey) bool {
	return verify(key, r.message(), r.Signature)
}

func (r *PhotoReceipt) message() []byte {
	return append(appendUint(appendMember(r.appendNamed([]byte(photoPrefix)), "size"), r.Size), '}')
}

// appendNamed appends the members that come before the signature.
func (r *PhotoReceipt) appendNamed(dst []byte) []byte {
	backed := "false"
	if r.BackedUp {
		backed = "true"
	}
	dst = append(appendMember(append(dst, '{'), "backed_up"), backed...)
	dst = appendHash(appendMember(dst, "hash"), r.Hash)
	return appendHash(appendMember(dst, "ledger"), r.Ledger.Hash)
}

// Append appends the canonical encoding of r.
func (r *PhotoReceipt) Append(dst []byte) []byte {
	dst = appendBinary(appendMember(r.appendNamed(dst), "signature"), r.Signature[:])
	return append(appendUint(appendMember(dst, "size"), r.Size), '}')
}

// DecodePhotoReceipt reads a receipt. It doesn't verify the signature.
func DecodePhotoReceipt(data []byte) (*PhotoReceipt, error) {
	r := new(PhotoReceipt)
	err := decodeBody(data, func(s *scanner, m *members) { s.photoReceipt(m, r) })
	return r, err
}

// photoReceipt takes the members of a receipt.
func (s *scanner) photoReceipt(m *members, r *PhotoReceipt) {
	m.required("backed_up")
	if r.BackedUp = s.peek() == 't'; r.BackedUp {
		s.literal("true")
	} else {
		s.literal("false")
	}
	m.required("hash")
	r.Hash = s.hash()
	m.required("ledger")
	r.Ledger.Hash = s.hash()
	m.required("signature")
	s.binary(r.Signature[:])
	m.required("size")
	r.Size = s.sequence()
}

// AppendPhotoQuery appends the body that asks what the authority has of photos, MaxPhotosAsked at most.
func AppendPhotoQuery(dst []byte, photos []PhotoName) []byte {
	dst = append(appendMember(append(dst, '{'), "photos"), '[')
	for _, p := range photos {
		dst = appendHash(appendMember(append(appendComma(dst), '{'), "hash"), p.Hash)
		dst = append(appendHash(appendMember(dst, "ledger"), p.Ledger.Hash), '}')
	}
	return append(dst, "]}"...)
}

// DecodePhotoQuery reads the body. About more than MaxPhotosAsked photos it is refused with CodeTooLarge.
func DecodePhotoQuery(data []byte) ([]PhotoName, error) {
	var photos []PhotoName
	err := decodePhotos(data, func(s *scanner, m *members) {
		var p PhotoName
		m.required("hash")
		p.Hash = s.hash()
		m.required("ledger")
		p.Ledger.Hash = s.hash()
		photos = append(photos, p)
	})
	return photos, err
}

// PhotoStatus is what the authority has of one photo.
type PhotoStatus struct {
	PhotoName
	State   PhotoState
	Offset  uint64        // bytes that are durable already; only with PhotoMissing
	Receipt *PhotoReceipt // of the same photo; only with PhotoHeld and PhotoBackedUp
}

// AppendPhotoAnswer appends the answer to AppendPhotoQuery: one status for each photo asked about, in the same order.
func AppendPhotoAnswer(dst []byte, photos []PhotoStatus) []byte {
	dst = append(appendMember(append(dst, '{'), "photos"), '[')
	for i := range photos {
		p := &photos[i]
		dst = appendHash(appendMember(append(appendComma(dst), '{'), "hash"), p.Hash)
		dst = appendHash(appendMember(dst, "ledger"), p.Ledger.Hash)
		if p.State == PhotoMissing {
			dst = appendUint(appendMember(dst, "offset"), p.Offset)
		}
		if p.Receipt != nil {
			dst = p.Receipt.Append(appendMember(dst, "receipt"))
		}
		dst = append(AppendString(appendMember(dst, "state"), string(p.State)), '}')
	}
	return append(dst, "]}"...)
}

// DecodePhotoAnswer reads the answer. It doesn't verify the signatures of receipts, but a receipt of another photo is malformed.
func DecodePhotoAnswer(data []byte) ([]PhotoStatus, error) {
	var photos []PhotoStatus
	err := decodePhotos(data, func(s *scanner, m *members) { photos = append(photos, s.photoStatus(m)) })
	return photos, err
}

// photoStatus takes the members of one status.
func (s *scanner) photoStatus(m *members) PhotoStatus {
	var p PhotoStatus
	m.required("hash")
	p.Hash = s.hash()
	m.required("ledger")
	p.Ledger.Hash = s.hash()
	offset := m.optional("offset")
	if offset {
		p.Offset = s.integer()
	}
	if m.optional("receipt") {
		p.Receipt = new(PhotoReceipt)
		inner := s.members()
		s.photoReceipt(&inner, p.Receipt)
		inner.end()
	}
	m.required("state")
	p.State = PhotoState(s.word())
	held := false
	switch p.State {
	case PhotoHeld, PhotoBackedUp:
		held = true
	case PhotoMissing, PhotoBarred, PhotoUnknownLedger:
	default:
		s.malformed("expected the state of a photo")
	}
	if s.err == nil && (offset != (p.State == PhotoMissing) || held != (p.Receipt != nil)) {
		s.malformed("a missing photo has an offset, one that is held has a receipt")
	}
	if s.err == nil && held && (p.Receipt.PhotoName != p.PhotoName || p.Receipt.BackedUp != (p.State == PhotoBackedUp)) {
		s.malformed("the receipt says something else than the state")
	}
	return p
}

// decodePhotos reads the list that both a question and its answer are; read takes the members of each element.
func decodePhotos(data []byte, read func(s *scanner, m *members)) error {
	return decodeBody(data, func(s *scanner, m *members) {
		m.required("photos")
		n := 0
		for e := s.elements(); e.next(); n++ {
			if n == MaxPhotosAsked {
				s.fail(CodeTooLarge, "more than 500 photos; ask in parts")
				return
			}
			one := s.members()
			read(s, &one)
			one.end()
		}
	})
}
