package cli_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/cli"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

//go:noinline
func sendBatch(ctx context.Context, logger *slog.Logger, done chan<- bool) {
	logger.InfoContext(ctx, "batch")
	done <- true
}

// untimed removes the times of lines, which differ.
func untimed(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "+0.") {
			line = line[len("+0.000   "):]
		}
		out.WriteString(line)
	}
	return out.String()
}

// What a handler tells of goroutines is shown by lane, with names, and by time.
func TestShowLanes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	h := dynamoslog.New(store, &dynamoslog.Options{Attrs: []slog.Attr{slog.String("host", "a")}})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	logger, done := slog.New(h), make(chan bool)
	logger.InfoContext(ctx, "begin")
	go sendBatch(ctx, logger, done)
	<-done
	logger.InfoContext(ctx, "between")
	go sendBatch(dynamoslog.Lane(ctx, "the second"), logger, done)
	<-done
	logger.InfoContext(ctx, "end")
	scope.End()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"show job_1": `  host=a

begin
between
end

── cli_test.sendBatch, lane 1: 1 line, begins after line 1: begin
batch

── the second, lane 2: 1 line, begins after line 3: between
batch
`,
		"show job_1 --flat": `  host=a

0                     begin
1 cli_test.sendBatch  batch
0                     between
2 the second          batch
0                     end
`,
		"show job_1 --flat -g batch": `  host=a

2 of 5 lines, and their callers

1 cli_test.sendBatch  batch
2 the second          batch
`,
	} {
		var out, errs bytes.Buffer
		if code := cli.Run(append([]string{"--file", path}, strings.Split(args, " ")...), &out, &errs); code != 0 {
			t.Fatalf("%s: exit code %d, %s", args, code, &errs)
		}
		_, lines, _ := strings.Cut(out.String(), "\n")
		if got := untimed(lines); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", args, got, want)
		}
	}
	for _, args := range []string{"ls job_1", "ls job_1 --json", "export job_1"} {
		var out, errs bytes.Buffer
		cli.Run(append([]string{"--file", path}, strings.Split(args, " ")...), &out, &errs)
		if text := out.String(); strings.Contains(text, story.AttrLane+"1") || !strings.Contains(text, "begin") ||
			strings.Contains(text, `"lane_name":"the second"`) != (args == "export job_1") {
			t.Errorf("%s: got %s", args, text)
		}
	}
}
