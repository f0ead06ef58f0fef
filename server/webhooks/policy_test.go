package webhooks

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestOnlyPublicAddressesAreReached(t *testing.T) {
	for address, public := range map[string]bool{
		"93.184.215.14": true, "8.8.8.8": true, "2606:4700::1111": true, "2a01:e0a::1": true,
		"127.0.0.1": false, "127.8.8.8": false, "::1": false, "0.0.0.0": false, "::": false, "10.1.2.3": false, "172.16.0.1": false,
		"192.168.7.7": false, "100.64.0.1": false, "169.254.169.254": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.9": false,
		"fe80::1%eth0": false, "fd12::7": false, "fec0::1": false, "ff02::1": false, "2001:db8::1": false, "2002:7f00:1::": false,
		"::ffff:127.0.0.1": false, "::ffff:8.8.8.8": true, "64:ff9b::7f00:1": false, "::127.0.0.1": false, "2001:0:4136::1": false,
	} {
		at := netip.MustParseAddr(address)
		if got := (Policy{}).reaches(at); got != public {
			t.Errorf("%s is reached: %v", address, got)
		}
		if !(Policy{AllowPrivate: true}).reaches(at) {
			t.Errorf("%s is not reached where all is allowed", address)
		}
	}
}

func TestAttemptsAreSpacedOutMoreAndMoreUpToALimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		failures := rapid.IntRange(1, 1000).Draw(t, "failures")
		most := defaultFirstRetry
		for i := 1; i < failures && most < lastRetry; i++ {
			most *= 4
		}
		most = min(most, lastRetry)
		if got := (Policy{}).pause(failures); got < most/2 || got > most {
			t.Fatalf("after %d failures %v, not up to %v", failures, got, most)
		}
	})
}

func TestAClockThatWasSetBackHoldsNothingUpForLong(t *testing.T) {
	h := &Hook{}
	then := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	for range leastAttempts - 1 {
		if why := h.failed(outcome{fault: FaultTime}, then, Policy{}); why != "" {
			t.Fatalf("it ends after %d failures: %s", h.Failures, why)
		}
		then = then.Add(GiveUp) // days pass, as where the server was stopped
	}
	if why := h.failed(outcome{fault: FaultTime}, then, Policy{}); why != EndFailing {
		t.Errorf("it does not end after %d failures", h.Failures)
	}
	if due := h.due(then.Add(-20 * 365 * 24 * time.Hour)); due > 0 {
		t.Errorf("it waits for %v", due)
	}
}

func TestTheNameOfARecordIsReadAsItWasWritten(t *testing.T) {
	id := uuid.MustParse("01a1e8bc-0a80-7000-a5e4-c81e42a582db")
	key, err := ParseRecordName("observation/" + id.String())
	if err != nil || key.ID != id || key.Kind != "observation" || RecordName(key) != "observation/"+id.String() {
		t.Errorf("%v, %v", key, err)
	}
	if _, err := ParseRecordName("observation"); err == nil {
		t.Error("a kind alone is taken for a record")
	}
	if got := faultOf(errors.Join(errForbidden)); got != FaultAddress {
		t.Errorf("a refused address is told as %s", got)
	}
}
