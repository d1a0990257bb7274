package viewer_test

import (
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hash is what names of files tell of what is in them.
var hash = regexp.MustCompile(`-[0-9a-f]{10}\.`)

func TestGoldenPages(t *testing.T) {
	at(t, time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC), testGoldenPages)
}

func testGoldenPages(t *testing.T) {
	store := story.NewMemory()
	key := story.NewKey("user", "42")
	tell := func(minute int, level slog.Level, took time.Duration) {
		lines := []story.Line{
			{Message: "Starting workout generation", Attrs: "user=42"},
			{Message: "Recreating exercise filter", Level: slog.LevelDebug, Depth: 3, Offset: time.Millisecond},
			{Message: "Exercises are chosen", Level: level, Depth: 3, Offset: took, Attrs: `component="full body"`},
		}
		for range 4 {
			lines = append(lines, story.Line{Message: "Committing push-ups", Depth: 1, Offset: took})
		}
		lines = append(lines, story.Line{Message: "notify\nby mail", Lane: 1, Offset: took})
		put(t, store, key, minute, story.Sealed, lines...)
	}
	tell(0, slog.LevelInfo, 2*time.Millisecond)
	tell(1, slog.LevelError, 3*time.Second)
	put(t, store, story.NewKey("user", "hostile"), -1, story.Sealed, story.Line{Message: "</title><script>alert(1)</script>\x1b]0;x\a\u202e", Attrs: `<b>="</li>" link="javascript:alert(1)"`})
	put(t, store, story.NewKey("user", "9"), -2, story.Interrupted, story.Line{Message: "Begin"}, story.Line{Message: "Working", Depth: 1, Attrs: `stack="a\n\tb"`})
	putNamed(t, store, map[string]string{"host": "a", "lane_1-2": "mail.(*Sender).run", "lane_3": "</h2>\x1b<b>"}, newsletter()...)
	newest, err := store.List(t.Context(), story.Query{Key: key, Limit: 1})
	if err != nil || len(newest.Headers) != 1 {
		t.Fatal(newest, err)
	}
	problem := newest.Headers[0].Problem
	h := viewer.New(store, &viewer.Options{Zone: time.UTC})
	for _, c := range []struct{ name, target, why string }{
		{"recent", "/", "the newest stories"},
		{"object", "/object?key=user_42", "those of one object, with the picture"},
		{"thread", "/object?key=user_42&view=thread", "the same as a thread"},
		{"problem", "/problem?id=" + problem, "what went wrong alike, and what it has in common"},
		{"wrong", "/?q=kind:user+level:warm", "a wrong term is marked, and the form stays"},
		{"story", "/story?key=user_42", "error first, repeats merged, a slow gap, a lane"},
		{"stored", "/story?key=user_42&indent=stored&fold=none&repeats=each&times=clock", "the other views"},
		{"diff", "/diff?key=user_42", "a changed level and a slower line"},
		{"failure", "/story?key=user_1", "what is wrong and what to do"},
		{"filtered", "/story?key=user_42&q=EXERCISES&level=info", "what is found stands under its callers, and says how much it is"},
		{"none", "/?kind=nobody", "nothing matches"},
		{"tail", "/tail?key=user_42&level=warn", "the live view, and the way around it"},
		{"bytime", "/story?key=job_mail&lanes=time&times=clock", "all lanes in one list, named where they change; a calm branch is folded"},
		{"lanes", "/story?key=job_mail", "lanes have names, and say where they begin"},
		{"hostile", "/story?key=user_hostile", "markup, script, ESC and bidirectional controls are text"},
		{"interrupted", "/story?key=user_9", "a story without its end says so"},
	} {
		status := 200
		if c.name == "failure" {
			status = 404
		}
		if c.name == "wrong" {
			status = 400
		}
		got := hash.ReplaceAllString(body(t, get(h, c.target), status), "-HASH.")
		path := filepath.Join("testdata", c.name+".golden")
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s (%s) differs from %s; -update writes it anew\ngot:\n%s", c.name, c.why, path, got)
		}
	}
}
