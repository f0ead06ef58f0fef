// Package clientsdk is a tablet: it holds the ledgers of its user, takes captures without a network, and exchanges them with the
// server when there is one.
//
//	c, err := clientsdk.Open(ctx, folder, clientsdk.Options{Passphrase: passphrase})
//	err = c.Enrol(ctx, ticket, "T-04")      // once, with a network
//	_, err = c.Sync(ctx)                    // brings the diagnostic and its checklists
//
//	d, err := c.NewRecord(ctx, ledger, "cleanliness")
//	err = d.Set("/litter/rating", 2)        // durable: it survives a crash
//	saved, err := d.Commit(ctx)             // one change, durable, not sent yet
//	_, err = c.Sync(ctx)                    // one round trip for all ledgers
//
// # What is durable when
//
// A value is in the draft journal, synced, when Set returns. A change is in the store, synced, when Commit returns. The server has it
// when Record says Received, which rests on a signed receipt, and a backup has it when Record says BackedUp. Nothing is forgotten before that.
// Store and journal are sealed under the user's passphrase.
//
// # What is seen
//
// Edit draws a form of a record as it is held at that moment. What that form shows is what a commit may replace, and nothing else (law L3):
// values that a sync brings meanwhile, that another draft commits, or that stand folded behind the shown one stay. Unfold shows
// the others of one field. There is no way to say by hand what is replaced.
//
// # Photos
//
// A photo is sealed and durable when TakePhoto returns, and stays on the tablet, whole, until a person has looked it over: PhotosToReview,
// PreviewPhoto, and ReviewPhoto or DiscardPhoto. Only what ReviewPhoto made of it, small, blurred where marked and without metadata, is ever sent or carried.
//
//	taken, err := d.TakePhoto(ctx, "/photos", camera, clientsdk.PhotoOptions{})
//	saved, err := d.Commit(ctx)                 // the record need not wait for the photo
//	_, err = c.ReviewPhoto(ctx, taken.ID, clientsdk.Review{Blur: faces})
//
// Photos says where each one of a record is. FetchPhoto brings those of others, when they are asked for; FreePhotos drops the bytes of
// those that a backup holds.
//
// # What a bad link does
//
// An exchange that is cut keeps every complete run on both sides. The next one asks what arrived, then sends less at once. A change that
// the server refuses is reported and stays here with its reason; the others go on. Where another copy of this store wrote under the same
// id, because a tablet was restored or cloned, Sync takes a successor id and goes on; nothing is lost or counted twice.
//
// # Without a server
//
// Host and Join let two tablets exchange what both lack on a local network; ExportFile and ImportFile do the same by a file. Server, tablet
// and file bring the same frames, which are kept by the same code: apply.go. What others relay is verified as what the server sends is;
// the authority's log says who may be given what (laws L8, L10), and receipts travel back the way that the lines came. Photos that the server
// is not known to hold come behind the lines, piece by piece, and go on where a link or a file was cut.
package clientsdk
