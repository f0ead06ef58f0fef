// Package peer makes the channel on which two tablets exchange without a server (protocol, section 9): TLS with a key made for the meeting,
// pairing, and the proof of who is there. What they then say is package clientsdk's; ledgers are unknown here but for their ids.
//
//	host                                              guest
//	h, err := peer.NewHost(rand, addresses)
//	h.Pairing() ──── as QR code or text ────────────▶ s, err := peer.Join(ctx, text, who, confirm)
//	s, err := h.Accept(ctx, conn, who, confirm)
//
// A session speaks in turn, the guest first: Say and Hear carry one message each. Nothing that comes is trusted: until the pairing is proven a
// message is at most 64 KiB, a side that is silent is given up, and every proof is over the TLS exporter value, so it is worth nothing on
// another connection (law L8).
//
// Digits stand in for the text where there is no camera. People compare them; the guest commits itself to its nonce before it knows the
// host's, so that somebody in between has one guess in a million.
package peer
