package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// TestTheCodesAreThoseOfTheProtocol reads the table of section 8.
func TestTheCodesAreThoseOfTheProtocol(t *testing.T) {
	page, err := os.ReadFile("../../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\n## 8.")
	if !ok {
		t.Fatal("the protocol has no section 8")
	}
	var documented []Code
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([^|]+) \\|").FindAllStringSubmatch(section, -1) {
		code := Code(row[1])
		documented = append(documented, code)
		status, err := strconv.Atoi(strings.Fields(row[2])[0])
		if err != nil {
			status = 0 // "frame", or no answer at all
		}
		if code.Status() != status {
			t.Errorf("%s has status %d, the protocol says %s", code, code.Status(), row[2])
		}
	}
	if !slices.Equal(documented, Codes()) {
		t.Errorf("the codes are\n%v, the protocol lists\n%v", Codes(), documented)
	}
}

func TestEveryCodeSaysWhatItIsAndWhatToDo(t *testing.T) {
	if len(codeTable) != len(Codes()) {
		t.Errorf("the table holds %d codes, there are %d", len(codeTable), len(Codes()))
	}
	for _, c := range Codes() {
		texts := []string{c.Title(English), c.Title(French), c.Action(English), c.Action(French)}
		if !c.Known() || slices.Contains(texts, "") || texts[0] == texts[1] || texts[2] == texts[3] {
			t.Errorf("%s: %q", c, texts)
		}
		for _, s := range texts {
			if strings.HasSuffix(s, ".") || unicode.IsUpper([]rune(s)[0]) || regexp.MustCompile(" [:;!?]").MatchString(s) {
				t.Errorf("%s: %q begins with a capital, ends in a full stop, or has a breaking space before punctuation", c, s)
			}
		}
		if Check(fmt.Appendf(nil, "%q", c.Title(French)), 1) != nil {
			t.Errorf("%s: %q is not in normalisation form C", c, c.Title(French))
		}
	}
	if c := Code("novelty"); c.Known() || c.Title(French) != "novelty" || c.Action(French) != "" || c.Status() != 0 {
		t.Error("a code of a newer peer is not shown as it is")
	}
	if CodeBusy.Title("de") != CodeBusy.Title(English) {
		t.Error("an unknown language is not answered in English")
	}
}

func TestTheCodeOfAnErrorIsFoundInItsChain(t *testing.T) {
	cause := errors.New("disk sda1 failed")
	problem := &Problem{Code: CodeFull, Detail: "no room", Err: cause}
	for _, c := range []struct {
		err  error
		want Code
	}{
		{nil, ""},
		{problem, CodeFull},
		{fmt.Errorf("push: %w", problem), CodeFull},
		{&FrameError{Number: 3, Problem: problem}, CodeFull},
		{fmt.Errorf("push: %w", CodeStale), CodeStale},
		{Problemf(CodeInvalid, "line 3: %w", problem), CodeInvalid},
		{context.Canceled, CodeInternal},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("the code of %v is %q, want %q", c.err, got, c.want)
		}
		if c.want != CodeInternal && c.want != "" && !errors.Is(c.err, c.want) {
			t.Errorf("%v is not %q", c.err, c.want)
		}
	}
	wrapped := Problemf(CodeInvalid, "line 3: %w", problem)
	if !errors.Is(wrapped, CodeFull) || !errors.Is(wrapped, cause) || errors.Is(wrapped, CodeBusy) {
		t.Errorf("%v does not show what it wraps", wrapped)
	}
}

func TestAProblemBodyTellsThePersonAndKeepsTheCause(t *testing.T) {
	err := fmt.Errorf("handler: %w", &Problem{Code: CodeInvalid, Detail: "the name is empt\u0065\u0301", Err: errors.New("secret cause")})
	body := AppendProblem(nil, err, French)
	var members map[string]any
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"type": "urn:arpenteur:problem:invalid", "title": CodeInvalid.Title(French), "status": 422.0, "code": "invalid",
		"detail": "the name is empt\u00e9", "action": CodeInvalid.Action(French),
	}
	if fmt.Sprint(members) != fmt.Sprint(want) {
		t.Errorf("the body says\n%v, want\n%v", members, want)
	}
	if err := Check(body, MaxDepth); err != nil {
		t.Errorf("the body is not canonical: %v", err)
	}
	p, ok := DecodeProblem(body)
	if !ok || p.Code != CodeInvalid || p.Detail != want["detail"] {
		t.Errorf("read back as %v, %v", p, ok)
	}
	if body := string(AppendProblem(nil, errors.New("secret cause"), English)); strings.Contains(body, "secret") || !strings.Contains(body, `"status":500`) {
		t.Errorf("an error without a code is told as %s", body)
	}
	for _, other := range []string{"<html>502 Bad Gateway</html>", `{"title":"Bad Gateway"}`, `[1]`, ``} {
		if p, ok := DecodeProblem([]byte(other)); ok || p.Code != CodeMalformed {
			t.Errorf("%q is read as %v, %v", other, p, ok)
		}
	}
}
