package storetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

var readCases = []testCase{
	{"ReadWhich", "the empty id means the key's latest story; where the key or the id has no story the error wraps ErrNotFound", checkReadWhich},
	{"ReadText", "Read joins the text of the header and of the parts; a line may begin in one part and end in the next", checkReadText},
	{"ReadLateParts", "the lines of late parts come last, and the header counts them", checkReadLateParts},
	{"ReadOpen", "an open story is read as far as its parts are there without a gap", checkReadOpen},
	{"ReadOpenOld", "a story that is open for more than a day, which is not being written any more, is read with its gaps", checkReadOpenOld},
	{"ReadParts", "a PartReader returns the parts that are there, by number, those behind a gap included", checkReadParts},
	{"ReadMissing", "in a story that is not open, a missing part is said in its place by a line at level Warn", checkReadMissing},
	{"ReadWithoutHeader", "parts without a header are read by id, the header made up from the lines", checkReadWithoutHeader},
	{"ReadBounds", "nothing that a header says is believed: List and Read show it as Header.Bounded gives it, and parts that are missing are one line, however many", checkReadBounds},
}

func checkReadWhich(ctx context.Context, store story.Store) error {
	kind := newKind()
	key, start := story.NewKey(kind, "42"), recent()
	stories := series(key, start, 3)
	other := sealed(story.NewKey(kind, "4"), start.Add(time.Minute), "of another key")
	for _, part := range []story.Part{stories[1], stories[0], stories[2], other} { // the latest is not the last put
		if err := put(ctx, store, part); err != nil {
			return err
		}
	}
	for _, part := range stories {
		if _, err := wantRead(ctx, store, key, part.ID, part.Text); err != nil {
			return err
		}
	}
	_, err := wantRead(ctx, store, key, "", stories[0].Text)
	return errors.Join(err,
		wantNotFound(ctx, store, key, other.ID),
		wantNotFound(ctx, store, key, story.NewID(start)),
		wantNotFound(ctx, store, key, stories[0].ID[:len(stories[0].ID)-1]),
		wantNotFound(ctx, store, story.NewKey(kind, "none"), ""),
	)
}

func checkReadText(ctx context.Context, store story.Store) error {
	want := text("first", "zweite Größe", "third\nof two lines\n\ttab \x1b", "")
	cut := strings.Index(want, "te Gr") + 1 // within a line, not within a character
	for reason, pieces := range map[string][]string{
		"in the header":                  {want},
		"in one part":                    {"", want},
		"in header and parts, cut":       {want[:cut], want[cut : cut+30], want[cut+30:]},
		"in parts, cut":                  {"", want[:cut], want[cut:]},
		"in parts of which one is empty": {"", want[:cut], "", want[cut:]},
	} {
		head := withHeader(sealed(newKey(), recent(), "first"), func(h *story.Header) { h.Parts, h.LineCount = len(pieces)-1, 4 })
		head.Text = pieces[0]
		parts := []story.Part{head}
		for i, text := range pieces[1:] {
			parts = append(parts, piece(head, i+1, text))
		}
		if err := put(ctx, store, parts...); err != nil {
			return fmt.Errorf("text %s: %w", reason, err)
		}
		got, err := wantRead(ctx, store, head.Key, head.ID, want)
		if err != nil {
			return fmt.Errorf("text %s: %w", reason, err)
		}
		if err := sameHeader(got.Header, *head.Header); err != nil {
			return fmt.Errorf("text %s: %w", reason, err)
		}
	}
	return nil
}

func checkReadLateParts(ctx context.Context, store story.Store) error {
	late := story.Format([]story.Line{{Offset: time.Minute, Level: slog.LevelError, Message: "late"}})
	for _, known := range []int{0, 1} {
		head := withHeader(sealed(newKey(), recent(), "first"), func(h *story.Header) { h.Parts, h.LineCount = known, 1+known })
		parts := []story.Part{head}
		want := head.Text + late
		if known == 1 {
			parts = append(parts, piece(head, 1, text("second")))
			want = head.Text + text("second") + late
		}
		if err := errors.Join(put(ctx, store, parts...), put(ctx, store, piece(head, known+1, late))); err != nil {
			return err
		}
		got, err := wantRead(ctx, store, head.Key, "", want)
		if err != nil {
			return err
		}
		if got.LineCount != 2+known || got.MaxLevel != slog.LevelError || got.Duration != time.Minute || got.State != story.Sealed {
			return fmt.Errorf("got %d lines, level %v, duration %v, state %s; want %d, ERROR, 1m0s, sealed",
				got.LineCount, got.MaxLevel, got.Duration, got.State, 2+known)
		}
		if cause, id := story.CauseOf(head.Key.Kind, got.Lines); got.Cause != cause || got.Problem != id || cause != "late" {
			return fmt.Errorf("got the cause %q and the problem %q, want %q and %q of the lines", got.Cause, got.Problem, cause, id)
		}
	}
	return nil
}

func checkReadOpen(ctx context.Context, store story.Store) error {
	head := bare(sealed(newKey(), recent(), "one"), story.Open, 0)
	if err := put(ctx, store, head, piece(head, 1, text("one")), piece(head, 2, text("two")), piece(head, 4, text("four"))); err != nil {
		return err
	}
	got, err := wantRead(ctx, store, head.Key, "", text("one", "two"))
	if err != nil {
		return err
	}
	if got.State != story.Open || got.LineCount != 2 {
		return fmt.Errorf("got state %s and %d lines counted, want open and 2", got.State, got.LineCount)
	}
	if err := put(ctx, store, piece(head, 3, text("three"))); err != nil {
		return err
	}
	_, err = wantRead(ctx, store, head.Key, head.ID, text("one", "two", "three", "four"))
	return err
}

func checkReadOpenOld(ctx context.Context, store story.Store) error {
	head := bare(sealed(newKey(), recent().Add(-26*time.Hour), "one"), story.Open, 0)
	if err := put(ctx, store, head, piece(head, 1, text("one")), piece(head, 3, text("three"))); err != nil {
		return err
	}
	_, err := wantRead(ctx, store, head.Key, head.ID, text("one", "three"))
	return err
}

func checkReadParts(ctx context.Context, store story.Store) error {
	reader, ok := store.(story.PartReader)
	if !ok {
		return nil
	}
	head := bare(sealed(newKey(), recent(), "one"), story.Open, 0)
	want := []story.Part{head, piece(head, 1, text("one")), piece(head, 3, text("three"))}
	if err := put(ctx, store, want[2], want[0], want[1]); err != nil {
		return err
	}
	got, err := reader.ReadParts(ctx, head.Key, head.ID)
	if err != nil {
		return err
	}
	if len(got) != len(want) {
		return fmt.Errorf("got %d parts, want %d", len(got), len(want))
	}
	for i, part := range got {
		if part.Prepared != nil || part.Number != want[i].Number || part.Text != want[i].Text || (part.Header != nil) != (i == 0) {
			return fmt.Errorf("got %+v, want %+v", part, want[i])
		}
	}
	if err := sameHeader(*got[0].Header, *head.Header); err != nil {
		return err
	}
	for _, id := range []string{"", story.NewID(time.Now())} {
		if _, err := reader.ReadParts(ctx, head.Key, id); !errors.Is(err, story.ErrNotFound) {
			return fmt.Errorf("the parts of %q: got %v, want ErrNotFound", id, err)
		}
	}
	return nil
}

func checkReadMissing(ctx context.Context, store story.Store) error {
	for missing := 1; missing <= 3; missing++ {
		head := bare(sealed(newKey(), recent(), "title"), story.Sealed, 3)
		if err := put(ctx, store, head); err != nil {
			return err
		}
		for n := 1; n <= 3; n++ {
			if n == missing {
				continue
			}
			if err := put(ctx, store, piece(head, n, text(fmt.Sprint("line ", n)))); err != nil {
				return err
			}
		}
		got, err := store.Read(ctx, head.Key, head.ID)
		if err != nil {
			return fmt.Errorf("store.Read: %w", err)
		}
		if len(got.Lines) != 3 {
			return fmt.Errorf("part %d missing: got the lines %+v, want 3 of them", missing, got.Lines)
		}
		for i, line := range got.Lines {
			if i+1 == missing && line.Level != slog.LevelWarn || i+1 != missing && line.Message != fmt.Sprint("line ", i+1) {
				return fmt.Errorf("part %d missing: got line %d as %+v", missing, i+1, line)
			}
		}
	}
	return nil
}

func checkReadWithoutHeader(ctx context.Context, store story.Store) error {
	start := recent()
	of := sealed(newKey(), start, "one")
	if err := put(ctx, store, piece(of, 2, text("two")), piece(of, 1, text("one"))); err != nil {
		return err
	}
	got, err := wantRead(ctx, store, of.Key, of.ID, text("one", "two"))
	if err != nil {
		return err
	}
	if got.Key != of.Key || got.ID != of.ID || got.State != story.Open || got.LineCount != 2 || got.Title != "one" || !got.Start.Equal(start) {
		return fmt.Errorf("got header %+v, want one of this key, id and start, open, of 2 lines with the title one", got.Header)
	}
	return wantList(ctx, store, story.Query{Key: of.Key})
}

func checkReadBounds(ctx context.Context, store story.Store) error {
	head := withHeader(sealed(newKey(), recent(), "one"), func(h *story.Header) {
		h.Parts, h.LineCount, h.Duration, h.MaxLevel = 1<<31-1, -1, -time.Hour, 1<<31-1
		h.Title, h.Cause, h.Problem = strings.Repeat("ä", story.MaxTitle), strings.Repeat("ö", story.MaxCause), strings.Repeat("ü", story.MaxProblem)
		h.State = story.State(strings.Repeat("s", 1000))
		h.Attrs = map[string]string{"a": "b", "long": strings.Repeat("x", 32*story.MaxAttrs)}
	})
	err := store.Put(ctx, []story.Part{head})
	if err := CheckPutError(1, err); err != nil {
		return err
	}
	if failed := (*story.PutError)(nil); errors.As(err, &failed) && len(failed.Failures) == 1 && failed.Failures[0].Outcome == story.Reject {
		return nil // it holds no such thing
	}
	if err != nil {
		return fmt.Errorf("store.Put: %w", err)
	}
	want := head.Header.Bounded()
	head.Header = &want
	if err := wantList(ctx, store, story.Query{Key: head.Key}, head); err != nil {
		return err
	}
	got, err := store.Read(ctx, head.Key, head.ID)
	if err != nil {
		return fmt.Errorf("store.Read: %w", err)
	}
	if len(got.Lines) != 2 || got.Lines[1].Level != slog.LevelWarn {
		return fmt.Errorf("got %d lines, want the one that is there and one at level Warn for %d parts: %.500q", len(got.Lines), want.Parts, fmt.Sprint(got.Lines))
	}
	return sameHeader(got.Header, want)
}
