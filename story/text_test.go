package story_test

import (
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

var exampleLines = []story.Line{
	{Message: "POST /order"},
	{Level: slog.LevelDebug, Depth: 5, Message: "token accepted", Attrs: "kid=abc"},
	{Depth: 7, Up: 7, Message: "creating order", Attrs: "user=42"},
	{Level: slog.LevelDebug, Depth: 9, Message: "age ok", Attrs: "age=31"},
	{Level: slog.LevelDebug, Depth: 12, Up: 5, Message: "INSERT INTO orders\n  (id, user)", Attrs: "args=[A-1]"},
	{Offset: time.Millisecond, Lane: 1, Message: "notify", Attrs: "channel=mail"},
	{Offset: 4 * time.Millisecond, Level: slog.LevelWarn, Depth: 7, Message: "audit: disk full", Attrs: "retry=true"},
}

const exampleText = `+0.000 I POST /order
+0.000 D           token accepted	kid=abc
+0.000 I<0             creating order	user=42
+0.000 D                   age ok	age=31
+0.000 D<7                       INSERT INTO orders	args=[A-1]
                                 |   (id, user)
+0.001 I&1 notify	channel=mail
+0.004 W               audit: disk full	retry=true
`

func TestFormat(t *testing.T) {
	if got := story.Format(exampleLines); got != exampleText {
		t.Errorf("got:\n%s\nwant:\n%s", got, exampleText)
	}
	if got := story.Parse(exampleText); !slices.Equal(got, exampleLines) {
		t.Errorf("got %+v\nwant %+v", got, exampleLines)
	}
}

func TestHostileMessages(t *testing.T) {
	for reason, message := range map[string]string{
		"an empty message":             "",
		"newlines stay":                "a\n\nb\n",
		"a forged line":                "a\n+0.000 E forged",
		"a forged further line":        "| a\n| b",
		"leading spaces":               "   a\n   b",
		"a backslash before a space":   `\ a`,
		"tabs in both kinds of line":   "a\tb\nc\td",
		"CRLF":                         "a\r\nb\r",
		"terminal sequences":           "\x1b[31mred\x1b[0m \x9b31m",
		"line and direction controls":  "a\u2028b\u2029c\u202ed\u2066e\ufeff\u0085",
		"invalid UTF-8":                "\xff\xfe \xe2\x80",
		"what looks like an escape":    `\x1b \u2028 \t \r \q \`,
		"megabytes":                    strings.Repeat("long \x00 line\n", 100_000),
		"a message of separators only": " \t\n \t",
	} {
		t.Run(reason, func(t *testing.T) {
			want := []story.Line{{Depth: 3, Message: message, Attrs: "k=v"}, {Message: "after"}}
			text := story.Format(want)
			for i, r := range text {
				if r == '\uFFFD' || r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x202e {
					t.Fatalf("byte %d: %q stands raw in the text", i, r)
				}
			}
			if got := story.Parse(text); !slices.Equal(got, want) {
				t.Errorf("got %.300q\nwant %.300q", got[0].Message, want[0].Message)
			}
		})
	}
}

func TestParseForeignText(t *testing.T) {
	got := story.Parse("+1.500 W slow\nhello world\n\n+x.000 I no\n+0.000 I<9 bad parent\n")
	want := []story.Line{
		{Offset: 1500 * time.Millisecond, Level: slog.LevelWarn, Message: "slow"},
		{Offset: 1500 * time.Millisecond, Message: "hello world"},
		{Offset: 1500 * time.Millisecond, Message: ""},
		{Offset: 1500 * time.Millisecond, Message: "+x.000 I no"},
		{Offset: 1500 * time.Millisecond, Message: "+0.000 I<9 bad parent"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestLevels(t *testing.T) {
	for level, want := range map[slog.Level]string{
		-8: "+0.000 D-4 x\n", -4: "+0.000 D x\n", -3: "+0.000 D+1 x\n", 0: "+0.000 I x\n", 2: "+0.000 I+2 x\n",
		4: "+0.000 W x\n", 8: "+0.000 E x\n", 12: "+0.000 E+4 x\n",
	} {
		line := story.Line{Level: level, Message: "x"}
		if got := story.Format([]story.Line{line}); got != want {
			t.Errorf("level %d: got %q, want %q", level, got, want)
		}
		if got := story.Parse(want); !slices.Equal(got, []story.Line{line}) {
			t.Errorf("level %d: got %+v", level, got)
		}
	}
}

func TestAttr(t *testing.T) {
	line := story.Line{Attrs: `a=1 "b c"="x \"y\"" g.d=two word e=`}
	for name, want := range map[string]string{"a": "1", "b c": `x "y"`, "g.d": "two", "e": ""} {
		if got, ok := line.Attr(name); !ok || got != want {
			t.Errorf("%s: got %q %v, want %q", name, got, ok, want)
		}
	}
	if got, ok := line.Attr("word"); ok {
		t.Errorf("a word without '=' is no attribute, got %q", got)
	}
}

func TestNest(t *testing.T) {
	var got []int
	for _, line := range story.Nest(exampleLines) {
		got = append(got, line.Depth)
	}
	if want := []int{0, 1, 1, 2, 2, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("got depths %v, want %v", got, want)
	}
}

func FuzzFormat(f *testing.F) {
	f.Add("message", "a=1", int64(5), 0, 0, 3, 0)
	f.Add(" two\n| lines\r", "\tx", int64(-5000), 7, 3, 40, 41)
	f.Fuzz(func(t *testing.T, message, attrs string, ms int64, level, lane, depth, up int) {
		const most = int64(1<<63-1) / int64(time.Millisecond) / 2
		line := story.Line{
			Offset: time.Duration(ms%most) * time.Millisecond, Level: slog.Level(level),
			Lane: max(lane, 0), Depth: max(depth, 0) % (1 << 30), Message: message, Attrs: attrs,
		}
		line.Up = max(up, 0) % (line.Depth + 2)
		want := []story.Line{line, {Message: "next"}}
		text := story.Format(want)
		if most := story.LineBound(message, attrs) + story.LineBound("next", ""); len(text) > most {
			t.Fatalf("%d bytes of text, want at most %d: %q", len(text), most, text)
		}
		if got := story.Parse(text); !slices.Equal(got, want) {
			t.Fatalf("got %+v\nwant %+v\ntext %q", got, want, text)
		}
	})
}

// The bound is met by the longest lines that there are, and exceeded by none.
func TestLineBound(t *testing.T) {
	longest := story.Line{Offset: math.MinInt64, Level: math.MinInt, Lane: math.MaxInt, Depth: 24, Up: 25, Attrs: "\xff"}
	for _, message := range []string{"", "m", " \xff\\", "\x00\x01", "\n", "\n\n\n", "m\nx\nx", "\n\x00\n\xff\t"} {
		line := longest
		line.Message = message
		text, most := story.Format([]story.Line{line}), story.LineBound(message, line.Attrs)
		if len(text) > most {
			t.Errorf("%q: got %d bytes, want at most %d: %q", message, len(text), most, text)
		}
	}
	line := longest
	line.Message = " \x00" // which makes an escape of its own, for the blank
	if text, most := story.Format([]story.Line{line}), story.LineBound(line.Message, line.Attrs); math.MaxInt == math.MaxInt64 && len(text) != most {
		t.Errorf("the longest line has %d bytes, and the bound is %d: it could be lower: %q", len(text), most, text)
	}
	for _, line := range []story.Line{
		{Level: math.MaxInt, Depth: math.MaxInt, Up: 1, Offset: math.MaxInt64, Lane: math.MaxInt},
		{Level: math.MaxInt, Depth: math.MaxInt, Up: math.MaxInt, Offset: math.MinInt64, Lane: math.MaxInt},
		{Message: strings.Repeat("\u0085\u200e\ufeff", 100), Attrs: strings.Repeat("\u2028\r\t\n\\", 100)},
		{Message: strings.Repeat("\n\u200e", 100)},
	} {
		if text, most := story.Format([]story.Line{line}), story.LineBound(line.Message, line.Attrs); len(text) > most {
			t.Errorf("got %d bytes, want at most %d: %q", len(text), most, text)
		}
	}
}

func TestFitsHeader(t *testing.T) {
	if !story.FitsHeader(story.MaxHeaderText) || story.FitsHeader(story.MaxHeaderText+1) {
		t.Error("the most that fits is not MaxHeaderText")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(exampleText)
	f.Add("x\n  |y\n+0.000 I>30<4 z\n| q")
	f.Fuzz(func(t *testing.T, text string) {
		want := story.Parse(text)
		if got := story.Parse(story.Format(want)); !slices.Equal(got, want) {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
		story.Parents(want)
		for _, line := range want {
			for range line.AllAttrs() {
			}
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Add("User", "a_b\\c\xff")
	f.Fuzz(func(t *testing.T, kind, id string) {
		want := story.NewKey(kind, id)
		if got, err := story.ParseKey(want.String()); err != nil || got != want {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
		if key, err := story.ParseKey(kind); err == nil && key.Kind != story.NewKey(key.Kind, "").Kind {
			t.Fatalf("ParseKey(%q) let a bad kind in: %+v", kind, key)
		}
	})
}

// Wherever in a text a byte stands, it is escaped if it has to be.
func TestEveryByteIsLookedAt(t *testing.T) {
	for size := 1; size <= 20; size++ {
		for at := range size {
			for c := range 256 {
				message := strings.Repeat("x", at) + string([]byte{byte(c)}) + strings.Repeat("x", size-at-1)
				line := story.Line{Message: message, Attrs: "a=" + message}
				text := story.Format([]story.Line{line})
				raw := strings.Trim(text, "\n")
				if c != '\n' && strings.ContainsFunc(strings.ReplaceAll(raw, "\t", ""), func(r rune) bool { return r < 0x20 || r >= 0x7f }) {
					t.Fatalf("byte %#x at %d of %d is raw in %q", c, at, size, text)
				}
				if c > ' ' && c < 0x7f && c != '\\' && raw != "+0.000 I "+message+"\ta="+message {
					t.Fatalf("byte %#x at %d of %d is escaped in %q", c, at, size, text)
				}
				if got := story.Parse(text); len(got) != 1 || got[0] != line {
					t.Fatalf("byte %#x at %d of %d: %q reads back as %+v", c, at, size, text, got)
				}
			}
		}
	}
}
