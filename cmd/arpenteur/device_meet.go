package main

import (
	"bufio"
	"context"
	"net"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/internal/qrcode"
)

// hostView is how another tablet comes to this one.
type hostView struct {
	Pairing   string   `json:"pairing"`
	Addresses []string `json:"addresses"`
}

// deviceHost is `arpenteur device host`.
func (p *program) deviceHost(o *tabletOptions) *cobra.Command {
	var listen string
	var digits, qr bool
	c := p.onTablet(o, "device.host", 0, func(ctx context.Context, t *tablet, _ []string) error {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
		if err != nil {
			return err
		}
		m := clientsdk.MeetOptions{Show: func(pairing string, addresses []string) {
			if t.json {
				_ = writeJSON(t.out, hostView{pairing, addresses})
				return
			}
			t.tell("device.host.waiting", "pairing", withCode(pairing, qr), "addresses", strings.Join(addresses, ", "))
		}}
		if digits {
			m.Confirm = t.compare
		}
		report, err := t.c.Host(ctx, l, m)
		return t.met(report, err)
	})
	c.Flags().StringVar(&listen, "listen", ":0", p.say.Say("device.host.flag.listen"))
	c.Flags().BoolVar(&digits, "digits", false, p.say.Say("device.host.flag.digits"))
	p.codeFlag(c.Flags(), &qr)
	return c
}

// codeFlag lets a text be shown as a QR code beside it.
func (p *program) codeFlag(f *pflag.FlagSet, qr *bool) {
	f.BoolVar(qr, "qr", false, p.say.Say("flag.qr"))
}

// withCode puts the QR code of a text below it, where that is asked for. A text that is too long for one stands alone.
func withCode(text string, qr bool) string {
	if !qr {
		return text
	}
	code, err := qrcode.Terminal(text)
	if err != nil {
		return text
	}
	return text + "\n\n" + strings.TrimSuffix(code, "\n")
}

// deviceJoin is `arpenteur device join`.
func (p *program) deviceJoin(o *tabletOptions) *cobra.Command {
	return p.onTablet(o, "device.join", 1, func(ctx context.Context, t *tablet, args []string) error {
		report, err := t.c.Join(ctx, args[0], clientsdk.MeetOptions{Confirm: t.compare})
		return t.met(report, err)
	})
}

// met says what two tablets gave each other.
func (t *tablet) met(report *clientsdk.Report, err error) error {
	if report == nil || err != nil && report.RoundTrips == 0 {
		return err
	}
	if err != nil {
		return failed(classOf(err), "device.meet.cut", "arrived", report.Received).because(err)
	}
	return t.tellImported("device.meet.done", report)
}

// compare asks the person whether the other tablet shows the same digits. Anything but a yes is a no.
func (t *tablet) compare(ctx context.Context, digits string) (bool, error) {
	writeLine(t.err, t.say.Say("device.meet.digits", "digits", digits[:3]+" "+digits[3:]))
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(t.in).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case a := <-answer:
		return slices.Contains([]string{"y", "yes", "o", "oui"}, a), nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
