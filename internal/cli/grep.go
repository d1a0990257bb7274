package cli

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

func (o *options) grepCommand() *cobra.Command {
	var flags searchFlags
	var g grep
	cmd := &cobra.Command{
		Use:   "grep [TEXT [TERM...]]",
		Short: "Find lines in the stories, each with its callers in a row",
		Long: "Finds lines that contain a text in the stories, or in those that a search selects: each in a\n" +
			"row with its callers before it, and ID:LINE behind, which 'show ID --line LINE' shows. A text is\n" +
			"found as it is stored and as it is shown, and in a header's attributes too. With -l it finds lines\n" +
			"of that level or above, and the text may be left out: the terms user_42 and since:-1h may come first. " + seeSearch,
		ValidArgsFunction: o.completeSearch(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) > 0 && (flags.level == "" || !isTerm(args[0])) {
				g.filter.Text, args = args[0], args[1:]
			}
			if g.walk.lookup.Search, err = flags.search(args); err != nil {
				return err
			}
			switch {
			case g.read < 1:
				return fmt.Errorf("%w: --read is 1 or more, not %d", errUsage, g.read)
			case g.context < 0:
				return fmt.Errorf("%w: -C is 0 or more, not %d", errUsage, g.context)
			case g.filter.Text == "" && flags.level == "":
				return fmt.Errorf("%w: %s: a text is wanted, or -l with a level", errUsage, cmd.UseLine())
			}
			if g.filter.Level, err = reading.ParseLevel(flags.level); err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			g.walk.most = g.read + 1
			return o.withStories(func(store story.Store) error {
				if o.json {
					return o.grep(cmd, reading.While(cmd.Context(), cmd.OutOrStdout()), store, &g)
				}
				return paged(cmd, func(out io.Writer) error { return o.grep(cmd, out, store, &g) })
			})
		},
	}
	flags.add(cmd, o)
	cmd.Flags().Lookup("level").Usage = "only lines of this level or above: debug, info, warn, error"
	limit(cmd, &g.most, 50, "the most lines to show")
	cmd.Flags().IntVarP(&g.context, "context", "C", 0, "lines of the story to show before and after each")
	cmd.Flags().IntVar(&g.read, "read", 200, "the most stories to read")
	g.walk.lookFlag(cmd)
	return cmd
}

// isTerm reports whether an argument names a key or a field of a search, and so is no text.
func isTerm(arg string) bool {
	if _, err := story.ParseKey(arg); err == nil {
		return true
	}
	field, _, valued := strings.Cut(strings.TrimPrefix(arg, "-"), ":")
	return valued && slices.Contains(story.SearchFields(), field)
}

// A grep is what is looked for, and how far.
type grep struct {
	filter  reading.Filter
	walk    walk
	most    int // lines
	context int
	read    int       // stories
	next    time.Time // before which it goes on, set where more stories are there than are read
}

func (o *options) grep(cmd *cobra.Command, out io.Writer, store story.Store, g *grep) error {
	found := 0
	text := strings.ToLower(g.filter.Text)
	w := &hits{rows: o.rows(cmd.OutOrStdout(), out), text: text, context: g.context}
	look := func(s story.Story) match { return g.match(s, text) }
	for match, err := range reading.ReadAhead(cmd.Context(), store, g.headers, look) {
		if err != nil {
			return err
		}
		n := 0
		switch {
		case match.tree == nil:
			continue
		case o.json:
			n, err = printHits(out, match.tree, match.header, g.most-found)
		default:
			n, err = w.story(match.tree, match.header, g.most-found)
		}
		if found += n; err != nil {
			return err
		}
		if found >= g.most {
			break
		}
	}
	if !g.next.IsZero() && found < g.most {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s read; --until %s goes on, --read reads more.\n", stories(g.read), g.next.UTC().Format("2006-01-02T15:04:05.000000Z"))
	}
	switch {
	case found == 0:
		return g.walk.nothing("No line was found.")
	case found >= g.most:
		fmt.Fprintf(cmd.ErrOrStderr(), "No more than %s shown; -n shows more.\n", reading.Plural(found, "line"))
	case g.walk.found.Short:
		fmt.Fprintln(cmd.ErrOrStderr(), g.walk.howFar())
	}
	return nil
}

// headers returns the headers of the stories that are read, and sets how it goes on where
// there are more.
func (g *grep) headers(ctx context.Context, store story.Store) iter.Seq2[story.Header, error] {
	return func(yield func(story.Header, error) bool) {
		read := 0
		for h, err := range g.walk.headers(ctx, store) {
			if read++; read > g.read && err == nil {
				g.next = h.Start.Add(time.Microsecond) // this story included
				return
			}
			if !yield(h, err) {
				return
			}
		}
	}
}

// A match is what was found in a story; its tree is nil where that is nothing.
type match struct {
	tree   *reading.Tree
	header []reading.Attr
}

// match looks for what is looked for in a story; text is the filter's in small letters.
func (g *grep) match(s story.Story, text string) (m match) {
	if g.filter.Level == nil { // attributes have none
		m.header = inHeader(s.Header, text)
	}
	if len(m.header) > 0 || g.filter.SelectsAny(s.Lines) {
		m.tree = reading.NewTree(s)
		g.filter.Apply(m.tree)
	}
	return m
}

// printHits prints what was found, an object each: lines, and attributes of the header.
func printHits(out io.Writer, t *reading.Tree, header []reading.Attr, most int) (found int, err error) {
	type place struct {
		Key string `json:"key"`
		ID  string `json:"id"`
	}
	of := place{t.Story.Key.String(), t.Story.ID}
	for _, a := range header {
		if found == most {
			return found, nil
		}
		found++
		hit := struct {
			place
			Header reading.Attr `json:"header"`
		}{of, a}
		if err := printJSON(out, hit); err != nil {
			return found, err
		}
	}
	for i := range t.Nodes {
		if !t.Nodes[i].Match || found == most {
			continue
		}
		found++
		hit := struct {
			place
			reading.Line
		}{of, t.LineJSON(&t.Nodes[i])}
		if err := printJSON(out, hit); err != nil {
			return found, err
		}
	}
	return found, nil
}
