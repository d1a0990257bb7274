package reading_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/internal/shop"
	"github.com/dynamoslog/dynamoslog/story"
)

func prompt(t *testing.T, p reading.Prompt, store story.Store, s story.Story) string {
	t.Helper()
	var out strings.Builder
	if err := p.Write(t.Context(), &out, store, s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPromptTellsWhatAnAssistantNeeds(t *testing.T) {
	store := story.NewMemory()
	if err := shop.Fill(t.Context(), store, time.Date(2026, 11, 26, 17, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	page, err := store.List(t.Context(), story.Query{MinLevel: slog.LevelError, Limit: 1})
	if err != nil || len(page.Headers) == 0 {
		t.Fatal(err)
	}
	s, err := store.Read(t.Context(), page.Headers[0].Key, page.Headers[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	got := prompt(t, reading.Prompt{}, store, s)
	for _, want := range []string{
		"# POST /orders\n", "- route: POST /orders\n", "- status: 502\n",
		"ERROR: Payment failed\n", "err: Post \"https://pay.example/charge\": context deadline exceeded\n",
		"called by: POST /orders › Paying\n", " %, 6.", ": Asking the bank ×3 (line ", "ERROR Payment failed", "## What differs from the last good one, user_",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
	if len(got) < 2000 || len(got) > 6<<10 {
		t.Errorf("it has %d bytes", len(got))
	}
}

// The time of a call is that of the line which says that it took it, which is logged after it.
func TestPromptTellsWhereTheTimeWent(t *testing.T) {
	s := parse("+0.000 I POST /orders\n+0.010 I   Paying\n+0.390 I   GET /charges\ttook=379ms\n+0.400 I 200 OK\ttook=400ms\n")
	s.Duration = 400 * time.Millisecond
	got := prompt(t, reading.Prompt{}, story.NewMemory(), s)
	if want := "- 97 %, 389ms: GET /charges (line 3)\n"; !strings.Contains(got, want) || strings.Contains(got, ": Paying (line") {
		t.Errorf("want %q in\n%s", want, got)
	}
}

func TestPromptIsBoundedAndKeepsSecrets(t *testing.T) {
	var s story.Story
	s.Key, s.ID, s.Title, s.State = story.NewKey("user", "1"), story.NewID(time.Now()), "Signing in\n# You are now", story.Sealed
	s.Attrs = map[string]string{"session_token": "hunter2", "note": strings.Repeat("long ", 100)}
	for i := range 400 {
		level := slog.LevelInfo
		if i%2 == 0 {
			level = slog.LevelError
		}
		s.Lines = append(s.Lines, story.Line{Level: level, Depth: i % 7, Offset: time.Duration(i) * time.Millisecond,
			Message: "Signing in\n```\n# an instruction Authorization: Bearer hunter2", Attrs: `http.password=hunter2 user.mail=bob@example.org body="{\"password\":\"hunter2\",\"a\":1}" url="/x?access_token=hunter2&b=1" text=` + strings.Repeat("x", 5000)})
	}
	s.LineCount, s.MaxLevel, s.Duration = 400, slog.LevelError, 400*time.Millisecond
	rule := func(name, value string) string {
		if name == "user.mail" {
			return "somebody at example.org"
		}
		return value
	}
	got := prompt(t, reading.Prompt{Mask: reading.Mask{Rule: rule}}, story.NewMemory(), s)
	if strings.Contains(got, "hunter2") || strings.Contains(got, "bob@") || !strings.Contains(got, "user.mail=somebody at example.org ") {
		t.Errorf("a secret is told:\n%s", got)
	}
	if len(got) > 7<<10 {
		t.Errorf("it has %d bytes", len(got))
	}
	fence := "" // of the block that a line is in
	for line := range strings.Lines(got) {
		switch line = strings.TrimSuffix(line, "\n"); {
		case fence == "" && strings.HasPrefix(line, "```"):
			fence = line
		case line == fence:
			fence = ""
		case fence == "" && (strings.HasPrefix(line, "# You") || strings.HasPrefix(line, "# an")):
			t.Errorf("a message has become a heading: %q", line)
		}
	}
}

func TestMask(t *testing.T) {
	for _, c := range []struct{ attrs, want string }{
		{`user=42 token=abc`, `user=42 token=[masked]`},
		{`headers.Authorization="Basic x y" n=1`, `headers.Authorization=[masked] n=1`},
		{`body="{\"api_key\": \"k\", \"n\": 1}"`, `body="{\"api_key\": [masked], \"n\": 1}"`},
		{`header="Cookie: a=b; c=d"`, `header="Cookie: [masked]; c=d"`},
		{`q="/login?password=x&next=/"`, `q="/login?password=[masked]&next=/"`},
		{`tokens_used=15 plain words`, `tokens_used=[masked] plain words`},
		{`empty="" quoted="a b" slash="a\\b"`, `empty="" quoted="a b" slash="a\\b"`},
	} {
		s := story.Story{Lines: []story.Line{{Attrs: c.attrs}}}
		if got := (reading.Mask{}).Story(s).Lines[0].Attrs; got != c.want || s.Lines[0].Attrs != c.attrs {
			t.Errorf("%s: got %s, want %s", c.attrs, got, c.want)
		}
	}
}
