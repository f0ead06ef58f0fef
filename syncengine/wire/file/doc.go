// Package file is the container in which ledgers travel on a USB stick (protocol, section 10): the frames of the exchange, sealed so that
// a lost stick shows nobody anything, and no passphrase is needed.
//
//	"arpenteur/1 file\n"  section  section …  an empty section
//
// A section is a file of the age format (age-encryption.org/v1), cut into blocks, whose content is one compressed body of frames. It is
// sealed to the keys of all who may read it: each Ed25519 key of a replica or authority, taken to X25519, is a recipient of age's native
// kind, which does not say whose it is. Names of ledgers and people stand nowhere in clear. Recipients are filled up with random ones to a
// multiple of sixteen and sections with sections to nobody, so that neither count tells much (law L10).
//
//	w := file.NewWriter(out)                r := file.NewReader(in)
//	s, err := w.Section(recipients)         for {
//	... wire.NewWriter(s) ...                   s, err := r.Next() // io.EOF at the end
//	err = s.Close()                             body, err := s.Open(keys...) // ErrNotForUs
//	err = w.Close()                             ... wire.NewReader(body, file.Limits()) ...
//	                                        }
//
// A file that is cut or damaged gives every complete frame before the place. Damage within a section spoils no other (law L6), as long as the
// lengths of its blocks can be read. Neither side holds more than some hundred kilobytes in memory, whatever the file's size.
package file
