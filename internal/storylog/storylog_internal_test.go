package storylog

import (
	"encoding/binary"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/budget"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/internal/record"
	"github.com/dynamoslog/dynamoslog/story"
)

func someHeader(state story.State) story.Header {
	start := time.UnixMicro(1764000000123456).UTC()
	return story.Header{
		Key: story.Key{Kind: "user", ID: "\xff42"}, ID: "2025-11-24T16:00:00.123456Z-7f3k2m", Start: start, Updated: start.Add(time.Second),
		Duration: time.Second, State: state, MaxLevel: slog.LevelWarn, LineCount: 7, Title: "Starting\x00",
		Attrs: map[string]string{"plan": "free", "host": "a"}, Also: []story.Key{{Kind: "order", ID: "93"}, {Kind: "trace", ID: "\xff"}},
	}
}

func newBudget() *budget.Budget { return budget.New(1<<20, func() {}) }

func open(t *testing.T, dir string) *Log {
	t.Helper()
	l := New(Options{Dir: dir, Limit: 64 << 10, Budget: newBudget(), OnError: func(err error, _ bool) { t.Error(err) }})
	l.Open()
	return l
}

// A teller writes one story to a journal.
type teller struct {
	*testing.T
	log      *Log
	entry    Entry
	progress Progress
}

func (w *teller) line(messages ...string) {
	w.Helper()
	for _, message := range messages {
		if w.log.Stale(&w.entry, 1) {
			w.log.Story(&w.entry, 1, someHeader(story.Open), false, &w.progress)
		}
		if !w.log.Line(&w.entry, &linebuf.Meta{Message: uint32(len(message))}, message, nil) {
			w.Errorf("%s is in memory only", message)
		}
	}
}

func (w *teller) chunk(state story.State, lines int) Mark {
	return w.log.Chunk(&w.entry, &Handed{Header: someHeader(state), Lines: lines})
}

func messages(l *linebuf.Lines) (all []string) {
	l.Each(func(_ linebuf.Meta, message, _ string) { all = append(all, string([]byte(message))) })
	return all
}

// hasEnded is what tells of a resume in these tests.
func hasEnded(resume []byte) bool { return string(resume) == "ended" }

func TestOrphanHasWhatIsNotDone(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir)
	done, left, ended := &teller{T: t, log: log}, &teller{T: t, log: log}, &teller{T: t, log: log}
	done.line("a", "b")
	mark := done.chunk(story.Sealed, 2)
	log.Done(&mark, &done.progress, []byte("ended"))
	if mark.Owed() || !mark.Complete() {
		t.Errorf("after Done: %+v", mark)
	}
	left.line("c")
	mark = left.chunk(story.Open, 1)
	log.Done(&mark, &left.progress, []byte("as far as c"))
	left.line("d", "e")
	mark = left.chunk(story.Open, 2)
	var read linebuf.Lines
	if lost := log.Lines(&mark, 2, &read, &linebuf.Pool{}); lost != 0 || !slices.Equal(messages(&read), []string{"d", "e"}) {
		t.Errorf("read back: %q, %d lost", messages(&read), lost)
	}
	if h, err := log.Handed(&mark); err != nil || !reflect.DeepEqual(h, Handed{Header: someHeader(story.Open), Lines: 2}) {
		t.Errorf("the chunk reads back as %+v, %v", h, err)
	}
	left.line("f")
	ended.line("g")
	ended.chunk(story.Sealed, 1)
	ended.line("late")
	if got := log.Lasting(&mark, 2); got != 2 {
		t.Errorf("%d of 2 lines last", got)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}

	b := newBudget()
	orphans, err := Claim(dir, b, hasEnded)
	if err != nil || len(orphans) != 1 {
		t.Fatalf("got %d orphans, %v", len(orphans), err)
	}
	type got struct {
		lines  []string
		state  story.State
		resume string
		first  bool
		late   bool
		doubt  bool
	}
	var all []got
	for r, more := orphans[0].Next(&linebuf.Pool{}); more; r, more = orphans[0].Next(&linebuf.Pool{}) {
		all = append(all, got{messages(&r.Stored), r.Header.State, string(r.Resume), r.First, r.Late, r.Doubt})
	}
	want := []got{
		{[]string{"d", "e"}, story.Open, "as far as c", true, false, false},
		{[]string{"f"}, story.Interrupted, "", false, false, false},
		{[]string{"g"}, story.Sealed, "", true, false, false},
		{[]string{"late"}, story.Open, "", false, true, false},
	}
	if !reflect.DeepEqual(all, want) {
		t.Errorf("got\n%+v, want\n%+v", all, want)
	}
	if records, err := orphans[0].Damage(); records != 0 || err != nil {
		t.Errorf("damage: %d, %v", records, err)
	}
	if err := orphans[0].Remove(); err != nil || b.Held() != 0 {
		t.Errorf("Remove: %v, %d bytes are held", err, b.Held())
	}
	if again, err := Claim(dir, b, hasEnded); err != nil || len(again) != 0 {
		t.Errorf("after Remove: %d orphans, %v", len(again), err)
	}
}

// Where there was no room for records, what is left is in doubt.
func TestChunkWithoutRoomIsInDoubt(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir)
	w := &teller{T: t, log: log}
	w.line("a", "b")
	w.entry.last, w.entry.missing = 0, true // as if there had been no room for further lines
	mark := w.chunk(story.Open, 3)
	if mark.Complete() {
		t.Error("the chunk is complete without a line of it")
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	orphans, err := Claim(dir, newBudget(), hasEnded)
	if err != nil || len(orphans) != 1 {
		t.Fatalf("got %d orphans, %v", len(orphans), err)
	}
	defer orphans[0].Close()
	if r, _ := orphans[0].Next(&linebuf.Pool{}); !r.Doubt || r.Stored.Count() != 2 {
		t.Errorf("got %+v", r)
	}
}

// FuzzRecover reads arbitrary records: none makes it panic, and no line comes twice.
func FuzzRecover(f *testing.F) {
	h := Handed{Header: someHeader(story.Sealed), Whole: true}
	line := (&linebuf.Meta{Message: 2}).AppendTo(beginLine(nil, 1, 1, 0))
	first := begin(nil, kindStory, 1)
	first.Uint(0)
	first.Uint(flagResume)
	first.Header(someHeader(story.Open))
	first.Uint(5)
	first = append(first, "resume"...)
	done := begin(nil, kindDone, 1)
	done.Uint(0)
	done = append(done, "ended"...)
	var seed []byte
	for _, text := range [][]byte{first, append(line, "hi"...), chunkRecord(nil, &Mark{number: 1}, &h), append(line, "ho"...), done} {
		seed = append(binary.AppendUvarint(seed, uint64(len(text))), text...)
	}
	f.Add(seed)
	for _, forged := range forgedLengths() {
		text := append(beginLine(nil, 1, 1, 0), forged...)
		f.Add(append(binary.AppendUvarint(slices.Clone(seed), uint64(len(text))), text...))
	}
	for _, n := range []uint64{math.MaxInt32 + 1, math.MaxUint32, math.MaxInt64, math.MaxUint64} {
		text := begin(nil, kindChunk, 1)
		for _, field := range []uint64{1, 0, n, n, n} { // ordinal, flags, lines refused, lines, the last one's place
			text.Uint(field)
		}
		text.Header(someHeader(story.Open))
		f.Add(append(binary.AppendUvarint(slices.Clone(seed), uint64(len(text))), text...))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := record.Reader{Left: text}
		var records [][]byte
		for len(r.Left) > 0 && !r.Failed {
			records = append(records, r.Take(r.Count()))
		}
		seen := make(map[Position]bool)
		o := &Orphan{ended: hasEnded}
		for _, s := range o.orphanedOf(func(yield func(Position, []byte) bool) {
			for i, text := range records {
				if !yield(Position(i+1), text) {
					return
				}
			}
		}, 0, math.MaxUint64) {
			for _, k := range s.chunks {
				var lines linebuf.Lines
				for _, at := range k.lines {
					if seen[at] || records[at-1][0] != kindLine {
						t.Fatalf("record %d comes twice, or is no line", at)
					}
					seen[at] = true
					addLine(&lines, &linebuf.Pool{}, records[at-1])
				}
				lines.Each(func(linebuf.Meta, string, string) {})
			}
		}
	})
}

// forgedLengths returns lines that say that they are longer than they are, which an int
// of 32 bits cannot hold, alone or in all.
func forgedLengths() (lines [][]byte) {
	for _, m := range []linebuf.Meta{
		{Message: math.MaxInt32, Attrs: 1}, {Message: 1 << 31}, {Attrs: 1 << 31}, {Message: 1 << 31, Attrs: 1 << 31},
		{Message: math.MaxUint32, Attrs: 1}, {Message: math.MaxUint32, Attrs: math.MaxUint32}, {Message: math.MaxUint32 - 10, Attrs: 20},
	} {
		lines = append(lines, append(m.AppendTo(nil), "some text"...))
	}
	return lines
}
