package wire

import (
	"bytes"
	"crypto/ed25519"

	"github.com/arpenteur/arpenteur/syncengine"
)

const genesisPrefix = "arpenteur/1 genesis\n"

// CertifyGenesis makes what the first line of a ledger fixes (protocol, section 3.5): root signs that the holder of the authority key may begin
// ledgers in its name. The public half of root is known to every tablet, so that naming it alone would prove nothing (law L8).
func CertifyGenesis(root ed25519.PrivateKey, authority PublicKey) *syncengine.Genesis {
	public, _ := root.Public().(ed25519.PublicKey)
	g := &syncengine.Genesis{Root: public, Authority: authority[:]}
	g.Certificate = sign(root, genesisMessage(g))
	return g
}

// VerifyGenesis reports whether g names root, and root certified the authority key that it names.
func VerifyGenesis(root ed25519.PublicKey, g *syncengine.Genesis) bool {
	return bytes.Equal(g.Root, root) && verify(root, genesisMessage(g), g.Certificate)
}

func genesisMessage(g *syncengine.Genesis) []byte {
	return append([]byte(genesisPrefix), g.Authority...)
}

func appendGenesis(dst []byte, g *syncengine.Genesis) []byte {
	dst = append(dst, '{')
	dst = appendBinary(appendMember(dst, "authority"), g.Authority)
	dst = appendBinary(appendMember(dst, "certificate"), g.Certificate[:])
	dst = appendBinary(appendMember(dst, "root"), g.Root)
	return append(dst, '}')
}

func (s *scanner) genesis() *syncengine.Genesis {
	g := new(syncengine.Genesis)
	m := s.members()
	m.required("authority")
	g.Authority = s.key()
	m.required("certificate")
	s.binary(g.Certificate[:])
	m.required("root")
	g.Root = s.key()
	m.end()
	return g
}
