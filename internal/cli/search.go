package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

// errSearch is a usage error that is in a search.
var errSearch = fmt.Errorf("%w: search", errUsage)

// A searchFlags holds the flags that select stories, as they were typed. They are terms of
// a search by another name.
type searchFlags struct{ kind, level, title, since, until, slower string }

func (f *searchFlags) add(cmd *cobra.Command, o *options) {
	flags := cmd.Flags()
	flags.StringVar(&f.kind, "kind", "", "only keys of this kind; kind:job as a term")
	flags.StringVarP(&f.level, "level", "l", "", "only stories that reached this level: debug, info, warn, error; level:warn")
	flags.StringVarP(&f.title, "title", "g", "", "only stories whose title contains this; title:orders")
	flags.StringVar(&f.since, "since", "", "only stories from this time on: -3h, -2d, 16:00 (the last), yesterday, 2026-11-22, 2026-11-22T16:00 or with Z, for UTC; since:-3h")
	flags.StringVar(&f.until, "until", "", "only stories before this time; until:16:00")
	completeWords(cmd, "level", story.SearchValues("level")...)
	o.completeKinds(cmd)
}

// search reads the arguments and the flags as one search.
func (f *searchFlags) search(args []string) (story.Search, error) {
	terms := []string{story.JoinSearch(args...)}
	for _, flag := range []struct{ field, value string }{
		{"kind", f.kind}, {"level", f.level}, {"title", f.title}, {"since", f.since}, {"until", f.until},
	} {
		if flag.value == "" {
			continue
		}
		if flag.field == "kind" {
			flag.value = story.NewKey(flag.value, "").Kind // as keys have it
		}
		terms = append(terms, story.SearchTerm(flag.field, flag.value))
	}
	if f.slower != "" {
		terms = append(terms, "took>"+strings.TrimPrefix(story.SearchTerm("took", f.slower), "took:"))
	}
	s, err := story.ParseSearch(strings.Join(terms, " "), time.Now())
	if bad := (*story.SearchError)(nil); errors.As(err, &bad) {
		return s, fmt.Errorf("%w: %s", errSearch, bad.Message())
	}
	return s, err
}

// A walk goes through what a search selects, newest first, and no further than it is told.
type walk struct {
	lookup story.Lookup
	most   int         // headers that are found
	found  story.Found // what was looked at, all in all, without the headers
}

// lookFlag adds a flag for how far a walk looks.
func (w *walk) lookFlag(cmd *cobra.Command) {
	cmd.Flags().IntVar(&w.lookup.Look, "look", 2500, "about the most stories to look at, where no index finds them")
	check := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if w.lookup.Look < 1 {
			return fmt.Errorf("%w: --look is 1 or more, not %d", errUsage, w.lookup.Look)
		}
		return check(cmd, args)
	}
}

// each calls show with every header, until that returns false or an error.
func (w *walk) each(ctx context.Context, store story.Store, show func(story.Header) (more bool, err error)) error {
	next, n := w.lookup, 0
	look := max(w.lookup.Look, w.most)
	next.Look = look
	w.found = story.Found{}
	for {
		next.Limit = min(w.most-n, 1000)
		found, err := next.Find(ctx, store)
		if err != nil {
			return err
		}
		w.found.Looked, w.found.Back = w.found.Looked+found.Looked, found.Back
		for _, h := range found.Headers {
			n++
			if more, err := show(h); !more || err != nil {
				return err
			}
		}
		next.Cursor, next.Look = found.Next, look-w.found.Looked
		if found.Next == "" || n >= w.most {
			return nil
		}
		if w.found.Short = found.Short || next.Look <= 0; w.found.Short {
			return nil
		}
	}
}

// headers returns every header, as each does.
func (w *walk) headers(ctx context.Context, store story.Store) iter.Seq2[story.Header, error] {
	return func(yield func(story.Header, error) bool) {
		err := w.each(ctx, store, func(h story.Header) (bool, error) { return yield(h, nil), nil })
		if err != nil {
			yield(story.Header{}, err)
		}
	}
}

// howFar says how far a walk looked that ended before all was looked at, and how to go on.
func (w *walk) howFar() string {
	q, _ := w.lookup.Search.Query()
	back := w.found.Back.Add(time.Microsecond) // this one included: others may be of the same moment
	return fmt.Sprintf("Looked at %s; until:%s goes on, --look looks at more.", reading.Looked(w.found, q.Until.IsZero(), time.Now()), back.UTC().Format("2006-01-02T15:04:05.000000Z"))
}

// nothing is the error where a walk has found nothing.
func (w *walk) nothing(what string) error {
	text := what
	if w.found.Short {
		text += " " + w.howFar()
	}
	if q, _ := w.lookup.Search.Query(); q.Key.Kind == story.KindTrace {
		text += " " + reading.NoTrace
	} else if key, _, found := w.lookup.Search.CutKey(); found {
		text += fmt.Sprintf(" (%s is looked for as a key, in quotes as a text: 'dynamoslog help search'.)", key)
	}
	return noHit(text)
}
