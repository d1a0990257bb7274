package story_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/story"
)

// Every byte is escaped or not wherever it stands: text is looked at in pieces.
func TestEscapeEveryByteEverywhere(t *testing.T) {
	const around = "printable ASCII, more"
	for b := range 256 {
		want := string(rune(b))
		switch {
		case b < 0x20 || b >= 0x7f: // bytes from 0x80 on are invalid alone
			want = fmt.Sprintf(`\x%02x`, b)
			if name, ok := map[int]string{'\t': `\t`, '\r': `\r`}[b]; ok {
				want = name
			}
		}
		for at := range len(around) {
			text := around[:at] + string([]byte{byte(b)}) + around[at:]
			if got, want := story.Escape(text), around[:at]+want+around[at:]; got != want {
				t.Fatalf("byte %#x at %d: got %q, want %q", b, at, got, want)
			}
			line := story.Line{Message: "m", Attrs: text}
			formatted := story.Format([]story.Line{line})
			if b != '\n' && strings.ContainsAny(strings.TrimPrefix(formatted, "+0.000 I m\t"), "\x1b\x00\x7f\r") {
				t.Fatalf("byte %#x at %d stands raw in %q", b, at, formatted)
			}
			if again := story.Parse(formatted); len(again) != 1 || again[0] != line {
				t.Fatalf("byte %#x at %d: %q reads back as %+v", b, at, formatted, again)
			}
		}
	}
}
