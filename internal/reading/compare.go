package reading

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/dynamoslog/dynamoslog/story"
)

// Errors about the story to compare with.
var (
	ErrSameStory = errors.New("a story does not differ from itself: name another one")
	ErrNoOther   = errors.New("there is no earlier story to compare with")
)

// A NoOtherError is an [ErrNoOther] that says how far was looked for a story.
type NoOtherError struct {
	Of   story.Header // that was to be compared
	Good bool         // whether one like it without an error was looked for
	// Own is how far was looked among the stories of its key, and Kind among those of
	// its kind. Short says that there are older ones.
	Own, Kind story.Found
}

// Error is [NoOtherError.Text] in UTC.
func (e *NoOtherError) Error() string { return e.Text(time.Now().UTC()) }

// Unwrap returns [ErrNoOther].
func (e *NoOtherError) Unwrap() error { return ErrNoOther }

// Text says what was not found, with times in now's zone.
func (e *NoOtherError) Text(now time.Time) string {
	if !e.Good {
		return ErrNoOther.Error() + " of " + e.Of.Key.String()
	}
	var among []string
	if e.Own.Looked > 0 {
		among = append(among, lookedEarlier(e.Own, now)+" of "+e.Of.Key.String())
	}
	if e.Kind.Looked > e.Own.Looked {
		among = append(among, lookedEarlier(e.Kind, now)+" of the kind "+story.Escape(e.Of.Key.Kind))
	}
	text := "no earlier story like it, " + story.Escape(Subject(e.Of)) + ", without an error was found"
	if len(among) == 0 {
		return text + ": there is no earlier one of the kind " + story.Escape(e.Of.Key.Kind)
	}
	return text + " among " + strings.Join(among, ", nor among ")
}

func lookedEarlier(f story.Found, now time.Time) string {
	text := "the " + humanize.Comma(int64(f.Looked)) + " earlier stories"
	if f.Looked == 1 {
		text = "the one earlier story"
	}
	if f.Short && !f.Back.IsZero() {
		text += " back to " + When(f.Back, now)
	}
	return text
}

// A Pair names the two stories to compare. An empty Is means the latest of its key; an
// empty Was means the last before it that is like it, of the same key, or that of any
// key which has no error where Good is set.
type Pair struct {
	Key    story.Key // of the story that is
	Is     string
	WasKey story.Key // of the story that was; Key if zero
	Was    string
	Good   bool
}

// Compare reads the two stories and returns their difference. Where they are not alike
// it looks for a better one: see [Diff].
func Compare(ctx context.Context, store story.Store, p Pair) (*Diff, error) {
	is, err := store.Read(ctx, p.Key, p.Is)
	if err != nil {
		return nil, err
	}
	if p.WasKey.IsZero() {
		p.WasKey = p.Key
	}
	if p.Was == "" && (p.Good || p.WasKey == p.Key) {
		find := lastAlike
		if p.Good {
			find = LastGood
		}
		other, err := find(ctx, store, is.Header)
		if err != nil {
			return nil, err
		}
		p.WasKey, p.Was = other.Key, other.ID
	}
	if p.Was == is.ID && (p.WasKey == is.Key || p.WasKey == p.Key) {
		return nil, ErrSameStory
	}
	was, err := store.Read(ctx, p.WasKey, p.Was)
	if err != nil {
		return nil, err
	}
	d, err := NewDiff(ctx, NewTree(was), NewTree(is))
	if err != nil || d.Alike {
		return d, err
	}
	if better, err := LastGood(ctx, store, is.Header); err == nil {
		d.Better = &better
	} else if !errors.As(err, &d.NoBetter) {
		return nil, err
	}
	return d, nil
}

// Unlike says of two stories that are not alike what each of them is, and "" of others.
func (d *Diff) Unlike() string {
	if d.Alike {
		return ""
	}
	name := func(h story.Header) string {
		return fmt.Sprintf("%s (%s)", story.Escape(Subject(h)), story.Escape(h.Key.Kind))
	}
	was, is := d.Was.Story.Header, d.Is.Story.Header
	if was.Key.Kind == is.Key.Kind {
		name = func(h story.Header) string { return story.Escape(Subject(h)) }
	}
	return strings.Join([]string{"These stories are not alike:", name(was), "and", name(is)}, " ")
}
