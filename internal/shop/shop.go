// Package shop makes up a week of a shop, for tests and for looking at pages: the requests
// of sixty users, their orders, and jobs. On the third day the warehouse does not answer for
// a while; a day before the end comes a release, v2.8.1, which is slower and has a new
// fault; and in the last hour payments fail. The same end gives the same week.
package shop

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

const (
	users   = 60
	span    = 7 * 24 * time.Hour
	outage  = 55 * time.Minute // before the end: payments fail from then on
	release = 26 * time.Hour   // before the end: v2.8.1
)

// Week yields the stories of a week that ends at a time, by their beginning.
func Week(end time.Time) iter.Seq[story.Story] {
	return func(yield func(story.Story) bool) {
		w := &week{end: end.UTC().Truncate(time.Second), random: rand.New(rand.NewPCG(7, 8)), order: 400}
		for at := w.end.Add(-span); at.Before(w.end); at = at.Add(w.pause(at)) {
			for _, s := range w.visit(at) {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// Fill puts a week into a store, and lists what failed under its problem, as a handler does.
func Fill(ctx context.Context, store story.Store, end time.Time) error {
	var parts []story.Part
	for s := range Week(end) {
		if s.MaxLevel >= slog.LevelError {
			problem := story.NewKey(story.KindProblem, s.Problem)
			s.Also = []story.Key{problem}
			alias := s.Alias(problem)
			parts = append(parts, story.Part{Key: problem, ID: s.ID, Header: &alias})
		}
		parts = append(parts, story.Part{Key: s.Key, ID: s.ID, Header: &s.Header})
		number := 1
		for text := range story.Pieces(story.Format(s.Lines)) {
			parts = append(parts, story.Part{Key: s.Key, ID: s.ID, Number: number, Text: text})
			number++
		}
		parts[len(parts)-number].Header.Parts = number - 1
	}
	for some := range slices.Chunk(parts, 200) {
		if err := store.Put(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// A week is what is known while it is made up.
type week struct {
	end    time.Time
	random *rand.Rand
	order  int       // number of the last one
	job    time.Time // when the next job is due
}

// pause returns how long nobody comes after a time: longer by night.
func (w *week) pause(at time.Time) time.Duration {
	mean := 7 * time.Minute
	if hour := at.Hour(); hour < 7 {
		mean = 25 * time.Minute
	}
	if w.end.Sub(at) < time.Hour {
		mean = 50 * time.Second
	}
	pause := time.Second + time.Duration(w.random.ExpFloat64()*float64(mean))
	if left := w.end.Sub(at); left > time.Hour {
		pause = min(pause, left-time.Hour+time.Second) // the last hour is a busy one, by night as well
	}
	return pause
}

func (w *week) payFails(at time.Time) bool {
	left := w.end.Sub(at)
	return left < outage && left > 4*time.Minute && w.random.IntN(100) < 60
}

func (w *week) warehouseSilent(at time.Time) bool {
	left := w.end.Sub(at)
	return left > 100*time.Hour && left < 100*time.Hour+40*time.Minute
}

func (w *week) released(at time.Time) bool { return w.end.Sub(at) < release }

// visit returns what happens when somebody comes, or a job is due.
func (w *week) visit(at time.Time) (all []story.Story) {
	if !at.Before(w.job) {
		w.job = at.Add(2 * time.Hour)
		all = append(all, w.reindex(at))
	}
	user := 1 + w.random.IntN(users)
	switch n := w.random.IntN(100); {
	case n < 45:
		all = append(all, w.product(at, user))
	case n < 70:
		all = append(all, w.profile(at, user))
	default:
		all = append(all, w.buy(at, user)...)
	}
	return all
}

func (w *week) millis(from, to int) time.Duration {
	return time.Duration(from+w.random.IntN(to-from+1)) * time.Millisecond
}

// begin begins a story of a request.
func (w *week) begin(at time.Time, kind, id, title string) *teller {
	at = at.Add(time.Duration(w.random.IntN(1_000_000)) * time.Microsecond)
	t := &teller{week: w, depth: 0}
	t.Start = at
	t.Key, t.ID, t.Title = story.NewKey(kind, id), story.IDPrefix(at)+"-"+w.letters(6), title
	build := "v2.8.0"
	if w.released(at) {
		build = "v2.8.1"
	}
	t.Attrs = map[string]string{"build": build, "host": fmt.Sprintf("shop-%d", 1+w.random.IntN(3))}
	return t
}

func (w *week) letters(n int) string {
	const of = "abcdefghijklmnopqrstuvwxyz234567"
	text := make([]byte, n)
	for i := range text {
		text[i] = of[w.random.IntN(len(of))]
	}
	return string(text)
}

// request begins a story of a request of a user.
func (w *week) request(at time.Time, user int, method, route, path string) *teller {
	t := w.begin(at, "user", fmt.Sprint(user), method+" "+route)
	t.Attrs["method"], t.Attrs["route"], t.Attrs["path"] = method, method+" "+route, path
	t.Attrs["request_id"] = w.letters(12)
	return t
}

// A teller makes up the lines of one story.
type teller struct {
	story.Story
	week  *week
	depth int
	now   time.Duration
}

func (t *teller) say(level slog.Level, message string, attrs ...string) {
	line := story.Line{Offset: t.now.Truncate(time.Millisecond), Level: level, Depth: t.depth, Message: message}
	for i := 0; i+1 < len(attrs); i += 2 {
		if line.Attrs != "" {
			line.Attrs += " "
		}
		line.Attrs += attrs[i] + "=" + quoted(attrs[i+1])
	}
	t.Lines = append(t.Lines, line)
}

func (t *teller) debug(message string, attrs ...string) { t.say(slog.LevelDebug, message, attrs...) }
func (t *teller) info(message string, attrs ...string)  { t.say(slog.LevelInfo, message, attrs...) }

// in makes what it tells stand under the line before.
func (t *teller) in(tell func()) {
	t.depth += 2
	tell()
	t.depth -= 2
}

func (t *teller) wait(from, to int) { t.now += t.week.millis(from, to) }

// end ends the story with a status, which the closing line tells.
func (t *teller) end(status int, text string) story.Story {
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	t.depth = 0
	t.Attrs["status"] = fmt.Sprint(status)
	t.say(level, fmt.Sprintf("%d %s", status, text), "status", fmt.Sprint(status), "took", t.now.String())
	return t.seal()
}

func (t *teller) seal() story.Story {
	t.State, t.LineCount, t.Duration = story.Sealed, len(t.Lines), t.now.Truncate(time.Millisecond)
	t.Updated = t.Start.Add(t.Duration).Truncate(time.Millisecond)
	for _, line := range t.Lines {
		t.MaxLevel = max(t.MaxLevel, line.Level)
	}
	t.Cause, t.Problem = story.CauseOf(t.Key.Kind, t.Lines)
	return t.Story
}
