package demo

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/arpenteur/arpenteur/internal/phrases"
)

// headingWidth is how wide the story's left column is.
const headingWidth = 22

// title begins the story.
func (d *Demo) title(folder string) {
	if d.o.Story == nil {
		return
	}
	_, _ = fmt.Fprintf(d.o.Story, "\n%s\n\n", d.say.Say("title", "folder", folder))
}

// tell tells one part: its heading, then what happened.
func (d *Demo) tell(part string, values ...any) {
	d.line(d.say.Say(part+".heading"), d.say.Say(part+".text", values...))
}

// line writes one line of two columns. A text of several lines stays in its column, and a heading is not said twice in a row.
func (d *Demo) line(heading, text string) {
	if d.o.Story == nil {
		return
	}
	if heading == d.heading {
		heading = ""
	} else if heading != "" {
		d.heading = heading
	}
	for i, t := range strings.Split(text, "\n") {
		if i > 0 {
			heading = ""
		}
		pad := max(headingWidth-utf8.RuneCountInString(heading), 0)
		_, _ = io.WriteString(d.o.Story, strings.TrimRight("  "+heading+strings.Repeat(" ", pad)+"  "+t, " ")+"\n")
	}
}

// conclude ends the story with what was counted.
func (d *Demo) conclude() {
	r := &d.Result
	d.tell("tally",
		"captured", r.Captured, "lost", r.Lost, "observations", r.Observations, "findings", r.Findings, "merged", r.Merged,
		"photos", r.Photos, "sent", r.PhotosSent, "resumed", r.PhotosResumed, "conflicts", r.Conflicts, "settled", r.Settled, "invalid", r.InvalidMerges, "compared", r.Compared, "differing", r.Differing,
		"lines", r.Verified, "faults", r.Faults)
	d.tell("link", "up", phrases.Bytes(r.BytesUp), "down", phrases.Bytes(r.BytesDown), "trips", r.RoundTrips, "cuts", r.Cuts, "kills", r.Kills, "seconds", r.Seconds)
	d.line("", "")
}
