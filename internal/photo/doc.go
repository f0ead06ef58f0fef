// Package photo turns what a camera wrote into what may leave a tablet: an upright JPEG of a bounded size, without metadata, with the
// rectangles that a person marked made unreadable. It is pure work on bounded input, the same on tablet and server.
//
//	p, err := photo.Read(file, photo.Options{Position: true}) // checks; no pixel is decoded yet
//	p.TakenAt, p.Location                                     // all that is kept of the metadata
//	jpeg, err := p.Develop(faces)                             // decoded, scaled, turned upright, blurred, encoded
//	small, err := p.Thumbnail()
//
// # What is taken
//
// JPEG, PNG and WebP, told by their bytes and never by a name or a declared type. The header is read before anything is decoded: at most
// 32 MiB, 36 megapixels and MaxDecodeBytes of memory for decoding, so that a picture fits beside everything else on a tablet of
// 4 GB. Every refusal is an *Error with one of a closed set of codes; its text says what to do next. A decoder that panics is a
// damaged picture.
//
// # What is given away
//
// The result holds pixels only: time and position are handed back as data for the record, and everything else in the file (camera,
// serial number, embedded preview of the unblurred picture) ends here.
//
// # Why blurring fills
//
// A weak Gaussian blur is a convolution, and can be undone closely; a mosaic keeps enough of a face for a trained model, and of a number
// plate for trying all plates. So Blur fills a rectangle with one colour that is taken from the pixels around it: nothing that was inside
// takes part in the result, which a property test holds it to. There is nothing left to undo.
package photo
