package story_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/story"
)

func TestCauseOf(t *testing.T) {
	calm := "+0.000 I POST /orders\n+0.001 D   validated\n"
	for name, test := range map[string]struct{ text, want string }{
		"none":                         {"", ""},
		"calm":                         {calm, ""},
		"a warning":                    {calm + "+0.002 W   slow answer\ttook=2s\n", "slow answer"},
		"the first of equals":          {calm + "+0.002 E   first\n+0.003 E   second\n", "first"},
		"the highest":                  {calm + "+0.002 W   slow\n+0.003 E   gone\terr=EOF\n+0.004 W   slow\n", "gone: EOF"},
		"higher than Error":            {calm + "+0.002 E   gone\n+0.003 E+4 fatal\n", "fatal"},
		"between Warn and Error":       {calm + "+0.002 W   slow\n+0.003 W+2   slower\n", "slower"},
		"below Warn":                   {calm + "+0.002 I+3   notice\n", ""},
		"quoted":                       {calm + "+0.002 E   gone\terr=\"no \\\"answer\\\"\"\n", `gone: no "answer"`},
		"a panic":                      {calm + "+0.002 E   panic: boom\n           | goroutine 1\n", "panic: boom"},
		"a warning that says nothing ": {"+0.002 W \n", ""},
	} {
		cause, id := story.CauseOf("user", story.Parse(test.text))
		if cause != test.want || (id == "") != (cause == "") {
			t.Errorf("%s: got the cause %q and the problem %q, want %q", name, cause, id, test.want)
		}
	}
}

func TestCauseIsBounded(t *testing.T) {
	for _, message := range []string{strings.Repeat("é", 500), strings.Repeat("\xffa", 500), strings.Repeat("日", 67), strings.Repeat("x", story.MaxCause)} {
		got := story.Line{Message: message}.Cause()
		if len(got) > story.MaxCause || len(got) < story.MaxCause-5 || !utf8.ValidString(got) || strings.HasSuffix(got, "…") != (len(message) > story.MaxCause) {
			t.Errorf("%.20q…: got %d bytes, %q", message, len(got), got)
		}
	}
}

// Equal problems are equal whoever they happened to, at whatever place of the story, and
// with quieter lines or without.
func TestProblemIsOfCauseAndCallers(t *testing.T) {
	id := func(text string) string {
		_, id := story.CauseOf("user", story.Parse(text))
		return id
	}
	want := id("+0.000 I POST /orders/93\n+0.001 I   paying\torder=93\n+0.002 E     Payment failed\terr=\"order 93: Post \\\"https://a\\\": EOF\"\n")
	for _, same := range []string{
		"+0.000 I POST /orders/100042\n+0.000 I   reading\n+0.500 I   paying\torder=7\n+9.002 E     Payment failed\terr=\"order 7: Post \\\"https://b\\\": EOF\"\n+9.003 E     again\n",
		"+0.000 I POST /orders/1\n+0.000 D   debug\n+0.001 I     paying\n+0.001 D       debug\n+0.002 E         Payment failed\terror=\"order 93: Post \\\"\\\": EOF\"\n",
		"+0.000 I&1 other lane\n+0.000 I POST /orders/1\n+0.001 I   paying\n+0.001 I&1   other lane\n+0.002 E     Payment failed: order 93: Post \"x\": EOF\n",
	} {
		if got := id(same); got != want {
			t.Errorf("got the problem %s, want %s, of\n%s", got, want, same)
		}
	}
	for _, other := range []string{
		"+0.000 I POST /orders/93\n+0.002 E   Payment failed\terr=\"order 93: Post \\\"https://a\\\": EOF\"\n",
		"+0.000 I POST /orders/93\n+0.001 I   paying\n+0.002 E   Payment failed\terr=\"order 93: Post \\\"https://a\\\": EOF\"\n",
		"+0.000 I POST /orders/93\n+0.001 I   paying\n+0.002 E     Payment failed\terr=\"order 93: Post \\\"https://a\\\": refused\"\n",
	} {
		if id(other) == want {
			t.Errorf("it is the same problem:\n%s", other)
		}
	}
	if _, other := story.CauseOf("http", story.Parse("+0.000 E x\n")); other == id("+0.000 E x\n") {
		t.Error("it is the same problem of another kind")
	}
}

// A story without a header says why it is bad, and one with lines that came late.
func TestAssembledCause(t *testing.T) {
	key, id := story.NewKey("user", "42"), story.NewID(time.Now())
	late := story.Part{Number: 1, Text: "+1.000 E late\terr=EOF\n"}
	for name, parts := range map[string][]story.Part{
		"no header": {late},
		"late lines": {{Text: "+0.000 W early\n", Header: &story.Header{
			Key: key, ID: id, State: story.Sealed, MaxLevel: slog.LevelWarn, LineCount: 1, Cause: "early", Problem: "x",
		}}, late},
	} {
		if s := story.Assemble(key, id, parts); s.Cause != "late: EOF" || len(s.Problem) != 10 || s.MaxLevel != slog.LevelError {
			t.Errorf("%s: got %+v", name, s.Header)
		}
	}
	kept := story.Header{Key: key, ID: id, State: story.Sealed, MaxLevel: slog.LevelError, LineCount: 1, Cause: "kept", Problem: "as it was"}
	if s := story.Assemble(key, id, []story.Part{{Header: &kept, Text: "+0.000 E other\n"}}); s.Cause != "kept" || s.Problem != "as it was" {
		t.Errorf("got %+v, want what is stored", s.Header)
	}
}
