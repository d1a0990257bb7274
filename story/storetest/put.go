package storetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

var putCases = []testCase{
	{"PutRaise", "a part that raises changes level, cause, problem and line count of a final header whose level is lower, and nothing else, and is no failure where there is none", checkPutRaise},
	{"PutIdempotent", "Put is idempotent: a part is known by key, id and number, and storing it again changes nothing", checkIdempotent},
	{"PutAnyOrder", "Put stores parts in any order; it returns nil only when every part is stored", checkAnyOrder},
	{"PutHeaderStates", "a header whose state is Open is stored only where the story has no header yet; every other header replaces the one before it", checkHeaderStates},
	{"PutPartTwice", "one call may name one part twice; the same rules hold then, the later one being put last", checkPartTwice},
	{"PutPrepared", "what a Preparer prepared of a part is used where all else is as it was, and ignored otherwise, as by every other store", checkPrepared},
	{"PutLimits", "parts, titles and attributes up to the limits of package story are stored as they are", checkLimits},
	{"Keys", "an object's id holds any bytes; no two keys are taken for each other", checkKeys},
	{"Causes", "cause and problem of a header are given back as they were put, by List over all keys too, and are empty where it has none; a final header's take the place of an open one's", checkCauses},
	{"HeaderFields", "a header is given back as it was put, with times in UTC and nil for no attributes", checkHeaderFields},
}

func checkIdempotent(ctx context.Context, store story.Store) error {
	key := newKey()
	head := bare(sealed(key, recent(), "one"), story.Sealed, 2)
	parts := []story.Part{piece(head, 1, text("one")), piece(head, 2, text("two")), head}
	for range 3 {
		if err := errors.Join(put(ctx, store, parts...), put(ctx, store, parts[1])); err != nil {
			return err
		}
		got, err := wantRead(ctx, store, key, "", text("one", "two"))
		if err != nil {
			return err
		}
		if err := errors.Join(sameHeader(got.Header, *head.Header), wantList(ctx, store, story.Query{Key: key}, head)); err != nil {
			return err
		}
	}
	return put(ctx, store) // nothing to store is all stored
}

func checkAnyOrder(ctx context.Context, store story.Store) error {
	// More parts than DynamoDB takes in one batch (25).
	const parts = 60
	key := newKey()
	for _, single := range []bool{false, true} {
		head := bare(sealed(key, recent(), "many"), story.Sealed, parts)
		all := []story.Part{head}
		var want []string
		for i := 1; i <= parts; i++ {
			message := fmt.Sprint("line of part ", i)
			want = append(want, message)
			all = append(all, piece(head, i, text(message)))
		}
		slices.Reverse(all)
		all[0], all[7] = all[7], all[0]
		calls := [][]story.Part{all}
		if single {
			calls = slices.Collect(slices.Chunk(all, 1))
		}
		for _, call := range calls {
			if err := put(ctx, store, call...); err != nil {
				return err
			}
		}
		got, err := wantRead(ctx, store, key, head.ID, text(want...))
		if err != nil {
			return err
		}
		if err := sameHeader(got.Header, *head.Header); err != nil {
			return err
		}
	}
	return nil
}

func checkHeaderStates(ctx context.Context, store story.Store) error {
	key := newKey()
	first := sealed(key, recent(), "first")
	version := func(state story.State, title string) story.Part {
		return withHeader(bare(first, state, 0), func(h *story.Header) { h.Title = title })
	}
	open, final, later := version(story.Open, "open"), version(story.Sealed, "final"), version(story.Closed, "later")
	for _, step := range []struct {
		reason    string
		put, want story.Part
	}{
		{"an open header is stored where there is none", open, open},
		{"an open header is not stored over another", version(story.Open, "second open"), open},
		{"a final header replaces an open one", final, final},
		{"an open header after the final one changes nothing", open, final},
		{"a final header replaces a final one", later, later},
	} {
		if err := put(ctx, store, step.put); err != nil {
			return fmt.Errorf("%s: %w", step.reason, err)
		}
		if err := wantList(ctx, store, story.Query{Key: key}, step.want); err != nil {
			return fmt.Errorf("%s: %w", step.reason, err)
		}
		if err := wantList(ctx, store, story.Query{Kind: key.Kind}, step.want); err != nil {
			return fmt.Errorf("%s: %w", step.reason, err)
		}
	}
	return nil
}

func checkPartTwice(ctx context.Context, store story.Store) error {
	for _, c := range []struct {
		reason string
		states []story.State // of the versions in one call
		want   int
	}{
		{"the final header stands over the open one before it", []story.State{story.Open, story.Sealed}, 1},
		{"the final header stands over the open one after it", []story.State{story.Sealed, story.Open}, 0},
		{"the first of two open headers stands", []story.State{story.Open, story.Open}, 0},
		{"the last of two final headers stands", []story.State{story.Sealed, story.Closed}, 1},
	} {
		key := newKey()
		first := sealed(key, recent(), "title")
		line := piece(first, 1, text("title"))
		parts := []story.Part{line}
		for i, state := range c.states {
			parts = append(parts, withHeader(bare(first, state, 1), func(h *story.Header) { h.Title = fmt.Sprint("version ", i) }))
		}
		want := parts[1+c.want]
		if err := put(ctx, store, append(parts, line)...); err != nil {
			return fmt.Errorf("%s: %w", c.reason, err)
		}
		if err := wantList(ctx, store, story.Query{Key: key}, want); err != nil {
			return fmt.Errorf("%s: %w", c.reason, err)
		}
		if _, err := wantRead(ctx, store, key, first.ID, line.Text); err != nil {
			return fmt.Errorf("%s: %w", c.reason, err)
		}
	}
	head := bare(sealed(newKey(), recent(), "title"), story.Sealed, 1)
	if err := put(ctx, store, piece(head, 1, text("first")), head, piece(head, 1, text("last"))); err != nil {
		return err
	}
	if _, err := wantRead(ctx, store, head.Key, head.ID, text("last")); err != nil {
		return fmt.Errorf("the last of two differing texts stands: %w", err)
	}
	return nil
}

func checkLimits(ctx context.Context, store story.Store) error {
	// More text than DynamoDB returns at once (1 MB).
	const parts = 20
	key := newKey()
	kib := text(strings.Repeat("é", (1024-len(text("")))/2))
	head := withHeader(sealed(key, recent(), strings.Repeat("é", story.MaxTitle/2)), func(h *story.Header) {
		h.Cause, h.Problem = strings.Repeat("é", story.MaxCause/2), strings.Repeat("p", story.MaxProblem)
		h.Parts, h.LineCount = parts, (story.MaxHeaderText+parts*story.MaxPartText)/len(kib)
		h.Attrs = map[string]string{"name": strings.Repeat("é", (story.MaxAttrs-len("name"))/2)}
	})
	head.Text = strings.Repeat(kib, story.MaxHeaderText/len(kib))
	all, want := []story.Part{head}, head.Text
	for i := 1; i <= parts; i++ {
		part := piece(head, i, strings.Repeat(kib, story.MaxPartText/len(kib)))
		all, want = append(all, part), want+part.Text
	}
	if err := put(ctx, store, all...); err != nil {
		return err
	}
	got, err := wantRead(ctx, store, key, "", want)
	if err != nil {
		return err
	}
	return errors.Join(sameHeader(got.Header, *head.Header), wantList(ctx, store, story.Query{Kind: key.Kind}, head))
}

func checkKeys(ctx context.Context, store story.Store) error {
	kind, start := newKind(), recent()
	long := strings.Repeat("k", 2999)
	var all []story.Part
	for i, id := range []string{
		"", "42", "a_b", "_", "/a/b?c=d#e", " ", "a b ", "a b", "tab\tnew\nline\r\x00\x1b[31m", `back\slash`, `\xff`,
		"\xff", "\xfe", "\uFFFD", "Größe ü 日本", "part#1", "A", "a", "%", "'\"`", "\u2028\u202e", long + "a", long + "b",
	} {
		key := story.NewKey(kind, id)
		head := withHeader(sealed(key, start.Add(time.Duration(i)*time.Microsecond), fmt.Sprintf("story %d", i)), func(h *story.Header) {
			h.Parts, h.LineCount = 1, 2
		})
		if err := put(ctx, store, head, piece(head, 1, text(fmt.Sprintf("line %d", i)))); err != nil {
			return fmt.Errorf("id %.100q: %w", id, err)
		}
		all = append(all, head)
	}
	for i, head := range all {
		id := head.Key.ID
		got, err := wantRead(ctx, store, head.Key, "", head.Text+text(fmt.Sprintf("line %d", i)))
		if err != nil {
			return fmt.Errorf("id %.100q: %w", id, err)
		}
		if err := errors.Join(sameHeader(got.Header, *head.Header), wantList(ctx, store, story.Query{Key: head.Key}, head)); err != nil {
			return fmt.Errorf("id %.100q: %w", id, err)
		}
	}
	slices.Reverse(all)
	if err := wantList(ctx, store, story.Query{Kind: kind, Limit: 4}, all...); err != nil {
		return err
	}
	if err := store.Delete(ctx, all[0].Key, ""); err != nil {
		return fmt.Errorf("store.Delete of a key of 3,000 bytes: %w", err)
	}
	return wantList(ctx, store, story.Query{Kind: kind}, all[1:]...)
}

func checkHeaderFields(ctx context.Context, store story.Store) error {
	states := []story.State{story.Open, story.Sealed, story.Continued, story.Moved, story.Closed, story.Abandoned, story.Interrupted}
	for i, state := range states {
		full := withHeader(sealed(newKey(), recent(), "é\t\x00\x1b[31m %_'\"\\ \u2028"), func(h *story.Header) {
			h.State, h.Duration, h.LineCount = state, 1234567*time.Millisecond, 1+i
			h.Updated = h.Start.Add(h.Duration).Truncate(time.Millisecond)
			h.MaxLevel = []slog.Level{slog.LevelDebug - 4, slog.LevelInfo + 2, slog.LevelError + 4}[i%3]
			h.Cause, h.Problem = "é failed: \t\x00\x1b[31m %_'\"\\ \u2028", "abcdefgh27"
			h.Attrs = map[string]string{story.AttrMovedTo: "user_43", "é \"\n\x00": "ü\\'\n", "id": "", "title": "not it", "#a": ":b"}
		})
		plain := bare(sealed(newKey(), recent(), ""), state, 0)
		for _, want := range []story.Part{full, plain} {
			if err := put(ctx, store, want); err != nil {
				return err
			}
			if err := wantList(ctx, store, story.Query{Key: want.Key}, want); err != nil {
				return err
			}
			if state == story.Open {
				continue // Read counts the lines of an open story
			}
			got, err := wantRead(ctx, store, want.Key, want.ID, want.Text)
			if err != nil {
				return err
			}
			if err := sameHeader(got.Header, *want.Header); err != nil {
				return fmt.Errorf("store.Read: %w", err)
			}
		}
	}
	return nil
}

func checkCauses(ctx context.Context, store story.Store) error {
	of := func(part story.Part, level slog.Level, cause, id string) story.Part {
		return withHeader(part, func(h *story.Header) { h.MaxLevel, h.Cause, h.Problem = level, cause, id })
	}
	kind, start := newKind(), recent()
	bad := of(sealed(story.NewKey(kind, "1"), start, "POST /orders"), slog.LevelError, "Payment failed: no answer", "a2b3c4d5e6")
	calm := sealed(story.NewKey(kind, "2"), start.Add(time.Second), "GET /users")
	open := of(bare(sealed(story.NewKey(kind, "3"), start.Add(2*time.Second), "import"), story.Open, 0), slog.LevelWarn, "slow", "abcdefgh22")
	if err := put(ctx, store, bad, calm, open); err != nil {
		return err
	}
	worse := of(bare(open, story.Sealed, 0), slog.LevelError, "Import failed", "abcdefgh33")
	for _, last := range []story.Part{open, worse} {
		if err := put(ctx, store, last); err != nil {
			return err
		}
		for _, err := range []error{
			wantList(ctx, store, story.Query{Kind: kind}, last, calm, bad),
			wantListOverAll(ctx, store, kind, story.Query{Since: start, Until: start.Add(3 * time.Second)}, last, calm, bad),
			wantList(ctx, store, story.Query{Key: bad.Key}, bad),
		} {
			if err != nil {
				return err
			}
		}
	}
	got, err := store.Read(ctx, bad.Key, bad.ID)
	if err != nil {
		return fmt.Errorf("store.Read: %w", err)
	}
	return sameHeader(got.Header, *bad.Header)
}

func checkPutRaise(ctx context.Context, store story.Store) error {
	raise := func(of story.Part, level slog.Level, lines int, cause, id string) story.Part {
		raised := withHeader(of, func(h *story.Header) {
			h.State, h.MaxLevel, h.LineCount, h.Cause, h.Problem, h.Title, h.Attrs = story.Sealed, level, lines, cause, id, "", nil
		})
		raised.Text, raised.Raise = "", true
		return raised
	}
	head := sealed(newKey(), recent(), "one")
	none := sealed(newKey(), recent(), "one")
	open := bare(sealed(newKey(), recent(), "one"), story.Open, 0)
	want := *head.Header
	for _, step := range []struct {
		reason string
		level  slog.Level // of the header then, as are:
		lines  int
		cause  string
		parts  []story.Part
	}{
		{"it is not raised yet", slog.LevelInfo, 1, "", []story.Part{head, open}},
		{"a higher level", slog.LevelWarn, 2, "slow", []story.Part{raise(head, slog.LevelWarn, 2, "slow", "id of slow")}},
		{"a higher level over a cause", slog.LevelError, 3, "gone", []story.Part{raise(head, slog.LevelError, 3, "gone", "id of gone")}},
		{"an older one, once more", slog.LevelError, 3, "gone", []story.Part{raise(head, slog.LevelWarn, 2, "slow", "id of slow")}},
		{"the same level: the first stays", slog.LevelError, 3, "gone", []story.Part{raise(head, slog.LevelError, 4, "other", "id of other")}},
		{"headers that are not there or open", slog.LevelError, 3, "gone", []story.Part{
			raise(none, slog.LevelError, 3, "gone", "id of gone"), raise(open, slog.LevelError, 3, "gone", "id of gone"),
		}},
		{"a higher level whose cause is not known", slog.LevelError + 4, 5, "", []story.Part{raise(head, slog.LevelError+4, 5, "", "")}},
	} {
		if err := put(ctx, store, step.parts...); err != nil {
			return fmt.Errorf("%s: %w", step.reason, err)
		}
		want.MaxLevel, want.LineCount, want.Cause, want.Problem = step.level, step.lines, step.cause, ""
		if step.cause != "" {
			want.Problem = "id of " + step.cause
		}
		for _, q := range []story.Query{{Key: head.Key, MinLevel: step.level}, {Kind: head.Key.Kind, MinLevel: step.level}} {
			page, err := store.List(ctx, q)
			if err != nil {
				return fmt.Errorf("%s: %w", step.reason, err)
			}
			if len(page.Headers) != 1 {
				return fmt.Errorf("%s: %d headers have the level, want 1", step.reason, len(page.Headers))
			}
			if err := sameHeader(page.Headers[0], want); err != nil {
				return fmt.Errorf("%s: %w", step.reason, err)
			}
		}
	}
	if _, err := wantRead(ctx, store, head.Key, head.ID, head.Text); err != nil {
		return err
	}
	got, err := store.Read(ctx, open.Key, open.ID)
	if err != nil {
		return err
	}
	return errors.Join(sameHeader(got.Header, *open.Header), wantNotFound(ctx, store, none.Key, none.ID))
}
