package ledger

// Readers returns the public keys of all who may read the ledger by what is held of it: its authority, and every replica that holds a
// grant which was not revoked. Of the authority it is the first incarnation's key and the newest's: a server that was restored may have
// forgotten how one in between was made, never the first.
func (l *Ledger) Readers() [][]byte {
	first, newest := l.genesis.Authority, l.AuthorityKey()
	out := [][]byte{first[:]}
	if newest != first {
		out = append(out, newest[:])
	}
	for _, r := range l.authority.Granted() {
		if len(l.authority.Grants(r)) > 0 {
			out = append(out, l.authority.Key(r))
		}
	}
	return out
}
