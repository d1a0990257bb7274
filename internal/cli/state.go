package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

// What the command shows where it is asked nothing, and what that may cost.
const (
	stateSpan     = time.Hour
	stateLook     = 1000 // headers of the hour, and of the one before
	stateProblems = 5
	stateSlow     = 3
)

// state shows how things are: the last hour, what fails and what is slow. Where there are
// no stories to look at it shows the help.
func (o *options) state(cmd *cobra.Command, _ []string) error {
	if s, err := o.source(); err != nil || s.exists() != nil {
		return cmd.Help()
	}
	return o.withStories(func(store story.Store) error {
		now := time.Now()
		span := reading.Span{From: now.Add(-stateSpan), To: now, Bars: overviewBars}
		overview, err := reading.ReadOverview(cmd.Context(), store, story.Search{}, span, stateLook)
		if err != nil {
			return err
		}
		if o.json {
			return printJSON(cmd.OutOrStdout(), reading.OverviewJSON(overview))
		}
		return paged(cmd, func(out io.Writer) error {
			w := &overviewRows{rows: o.rows(cmd.OutOrStdout(), out), Overview: overview}
			return w.state(cmd.Context(), store)
		})
	})
}

func (w *overviewRows) state(ctx context.Context, store story.Store) error {
	err := w.print(w.summary())
	if err == nil && w.Stories == 0 {
		err = w.latest(ctx, store)
	}
	for _, p := range w.Problems[:min(stateProblems, len(w.Problems))] {
		if err == nil {
			err = w.problem(p)
		}
	}
	if more := len(w.Problems) - stateProblems; more > 0 && err == nil {
		err = w.print(w.colours.dim(fmt.Sprintf("            and %s: dynamoslog errors -l warn since:-1h", reading.Plural(more, "more problem"))))
	}
	if len(w.Slow) > 0 && err == nil {
		err = w.slowHead()
	}
	for _, s := range w.Slow[:min(stateSlow, len(w.Slow))] {
		if err == nil {
			err = w.slow(s)
		}
	}
	if short := howShort(w.Overview, w.now); short != "" && err == nil {
		err = w.print(w.colours.dim(w.cut(strings.Replace(short, "; --look looks at more", "", 1), 0)))
	}
	if err == nil {
		err = w.print(w.colours.dim("'dynamoslog ls' lists stories, 'dynamoslog --help' shows all commands."))
	}
	return err
}

// summary says how many stories there were, how many of them went wrong, and when.
func (w *overviewRows) summary() string {
	if w.Stories == 0 {
		return "Last hour: no stories, and " + stories(w.Was.Stories) + " the hour before."
	}
	text := "Last hour: " + stories(w.Stories)
	used := text
	add := func(code string, n int, what string) {
		if n > 0 {
			text += ", " + w.colours.paint(code, fmt.Sprint(n, " ", what))
			used += fmt.Sprint(", ", n, " ", what)
		}
	}
	add(codeOf(slog.LevelError), w.Failed, "failed")
	add(codeOf(slog.LevelWarn), w.Warned, "warned")
	add(plain, w.Open, "open")
	before := fmt.Sprintf(" (before: %d, %d failed)", w.Was.Stories, w.Was.Failed)
	text += w.colours.dim(before)
	if used += before; w.width > 0 && reading.Width(used)+2+len(w.Minutes) > w.width {
		return text
	}
	return text + "  " + w.bars()
}

// bars draws how many stories began when, in the colour of the worst.
func (w *overviewRows) bars() string {
	counts := make([]int, len(w.Minutes))
	for i, m := range w.Minutes {
		counts[i] = m.Stories
	}
	var text strings.Builder
	for i, bar := range []rune(reading.Spark(counts)) {
		level := slog.LevelInfo
		switch m := w.Minutes[i]; {
		case m.Failed > 0:
			level = slog.LevelError
		case m.Warned > 0:
			level = slog.LevelWarn
		}
		text.WriteString(w.colours.paint(codeOf(level), string(bar)))
	}
	return text.String()
}

// latest writes the newest story, where none is of the last hour.
func (w *overviewRows) latest(ctx context.Context, store story.Store) error {
	page, err := store.List(ctx, story.Query{Limit: 1})
	if err != nil || len(page.Headers) == 0 {
		return err
	}
	if err := w.print("The newest is of " + reading.When(page.Headers[0].Start, w.now) + ":"); err != nil {
		return err
	}
	w.fit(page.Headers[0])
	w.day = page.Headers[0].Start.In(w.now.Location()).Format(time.DateOnly) // it was named
	return w.row(page.Headers[0])
}
