package clientsdk

import (
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// answer is what the server's answer to one exchange told beside what it brought.
type answer struct {
	full         bool // everything was asked for
	more, resend bool
	lost         bool // a head of our own log that we do not hold, or a branch of it
	lacks        bool // a head of any log that we do not hold
	broken       bool // a run did not link: what the server holds is not what we thought
}

// applier returns what keeps the frames of an answer.
func (s *syncer) applier(id *identity, a *answer) *applier {
	return &applier{
		c: s.c, id: id, report: s.report, adopts: true,
		begin: func(t *applying) taker { return &answering{applying: t, whole: a, found: answer{full: a.full}} },
	}
}

// answering is one transaction of an answer.
type answering struct {
	*applying
	whole *answer
	found answer
	read  bool
	base  base
	known base // as it was when the transaction began
}

func (t *answering) take(f wire.Frame) error {
	if err := t.readBase(); err != nil {
		return err
	}
	switch f := f.(type) {
	case *wire.LedgerAccess:
		return t.access(f)
	case *wire.Have:
		return t.have(f)
	case *wire.Remark:
		switch f.Code {
		case wire.CodeForked:
			t.found.lost = t.found.lost || f.Replica == t.c.pens(t.id)[0].Replica()
		case wire.CodeBrokenChain:
			t.found.broken = true
		case wire.CodeUnknownLedger:
			return t.unknown(f.Ledger)
		}
	case *wire.Resend:
		t.found.resend = true
		t.base.Token = ""
	case *wire.Mark:
		if t.base.Token = f.Base; t.spoiled {
			t.base.Token = ""
		}
	case *wire.End:
		t.found.more = f.More
	}
	return nil
}

// readBase reads once where this exchange started from.
func (t *answering) readBase() (err error) {
	if t.read {
		return nil
	}
	t.read = true
	t.base, err = readBase(t.w)
	t.known = t.base
	return err
}

// finish keeps where the next exchange starts from.
func (t *answering) finish() error {
	if err := t.readBase(); err != nil {
		return err
	}
	t.base.Challenge = t.c.lastChallenge()
	if t.base == t.known {
		return nil
	}
	return writeBase(t.w, t.base)
}

func (t *answering) kept() {
	a := t.whole
	a.more, a.resend = a.more || t.found.more, a.resend || t.found.resend
	a.lost, a.broken, a.lacks = a.lost || t.found.lost, a.broken || t.found.broken, a.lacks || t.found.lacks
}
