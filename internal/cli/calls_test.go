package cli_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

const trace = "0af7651916cd43dd8448eb211c80319c"

// calls writes a file with a story of a user, whose second line has called a charge.
func calls(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "stories.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, under := time.Now().UTC().Truncate(time.Hour).Add(-3*time.Hour), story.NewKey(story.KindTrace, trace)
	put := func(key story.Key, after time.Duration, parent, text string) {
		h := story.Header{
			Key: key, ID: story.NewID(begin.Add(after)), Start: begin.Add(after), Duration: 6 * time.Millisecond, State: story.Sealed, LineCount: 3,
			Title: "of " + key.String(), Also: []story.Key{under}, Attrs: map[string]string{"trace_id": trace, "parent_span": parent},
		}
		alias := h.Alias(under)
		err = errors.Join(err, store.Put(t.Context(), []story.Part{{Key: key, ID: h.ID, Header: &h, Text: text}, {Key: under, ID: h.ID, Header: &alias}}))
	}
	put(story.NewKey("user", "42"), 0, "1111111111111111",
		"+0.000 I ordering\n+0.007 I   POST pay/charges/{id}\ttook=7ms span_id=b7ad6b7169203331\n+0.008 I done\n")
	put(story.NewKey("charge", "93"), time.Millisecond, "b7ad6b7169203331", "+0.000 I charging\n")
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// A story is shown and exported with those that it has called, and its text as it is stored
// has none of them.
func TestShowCalls(t *testing.T) {
	path := calls(t)
	const row = "\n             → charge_93  of charge_93  6 ms of 7 ms, 3 lines: show "
	for _, args := range [][]string{{"show", "user_42"}, {"show", "user_42", "--line", "2"}, {"show", "user_42", "--flat"}} {
		if out, _ := run(t, 0, append([]string{"--file", path}, args...)...); strings.Count(out, row) != 1 || !strings.HasSuffix(out, "all of the trace: ls trace_"+trace+"\n") {
			t.Errorf("%q: got\n%s", args, out)
		}
	}
	for _, args := range [][]string{{"show", "user_42", "--json"}, {"show", "user_42", "--json", "--raw"}, {"export", "user_42"}} {
		out, _ := run(t, 0, append([]string{"--file", path}, args...)...)
		var s struct {
			Lines []struct {
				Calls []struct {
					Key        string
					DurationMS int `json:"duration_ms"`
				}
			}
		}
		if err := json.Unmarshal([]byte(out), &s); err != nil || len(s.Lines) != 3 || len(s.Lines[1].Calls) != 1 || s.Lines[1].Calls[0].Key != "charge_93" || s.Lines[1].Calls[0].DurationMS != 6 {
			t.Errorf("%q: got %v, %v", args, s, err)
		}
	}
	for _, args := range [][]string{{"show", "user_42", "--raw"}, {"show", "user_42", "--line", "3"}, {"show", "charge_93"}} {
		if out, _ := run(t, 0, append([]string{"--file", path}, args...)...); strings.Contains(out, "→") {
			t.Errorf("%q: got\n%s", args, out)
		}
	}
}

// A trace is listed, and where it has no stories that is explained.
func TestListOfTrace(t *testing.T) {
	path := calls(t)
	out, _ := run(t, 0, "--file", path, "ls", "trace_"+trace)
	if !strings.Contains(out, "of user_42") || !strings.Contains(out, "of charge_93") {
		t.Errorf("got\n%s", out)
	}
	_, problems := run(t, 3, "--file", path, "ls", "trace_1")
	if !strings.Contains(problems, "A story is listed under its trace where") {
		t.Errorf("got\n%s", problems)
	}
}

// Nothing of a story that says it was called reaches a terminal but text.
func TestHostileCalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, under := time.Now().UTC().Truncate(time.Hour).Add(-3*time.Hour), story.NewKey(story.KindTrace, hostile)
	for i, key := range []story.Key{story.NewKey("user", "42"), story.NewKey("charge", hostile)} {
		h := story.Header{
			Key: key, ID: story.IDPrefix(begin) + "-" + hostile, Start: begin, State: story.Sealed, LineCount: 1, Title: hostile, Cause: hostile, Also: []story.Key{under},
			Attrs: map[string]string{"trace_id": hostile, "parent_span": "1"},
		}
		if i == 1 {
			h.State, h.MaxLevel = hostile, 1<<20
		} else {
			h.ID = story.NewID(begin)
		}
		alias := h.Alias(under)
		alias.Attrs = h.Attrs
		err = errors.Join(err, store.Put(t.Context(), []story.Part{
			{Key: key, ID: h.ID, Header: &h, Text: story.Format([]story.Line{{Message: "calling", Attrs: "span_id=1 took=" + hostile}})}, {Key: under, ID: h.ID, Header: &alias},
		}))
	}
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"show", "user_42"}, {"show", "user_42", "--flat"}, {"show", "user_42", "--json"}, {"export", "user_42"}, {"ls", under.String()}} {
		out, _ := run(t, 0, append([]string{"--file", path, "--color", "never"}, args...)...)
		if !strings.Contains(out, "charge_") {
			t.Errorf("%q: the story that was called is not there:\n%s", args, out)
		}
		if bad := strings.IndexFunc(out, func(r rune) bool {
			return r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar)
		}); bad >= 0 {
			t.Errorf("%q: %q gets through", args, out[max(bad-20, 0):min(bad+20, len(out))])
		}
	}
}
