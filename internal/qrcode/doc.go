// Package qrcode shows texts as QR codes (ISO/IEC 18004) on a terminal: the ticket of an enrolment, the pairing text of a tablet that waits.
// The code itself is a library's; what is ours is how it stands in lines of text.
package qrcode
