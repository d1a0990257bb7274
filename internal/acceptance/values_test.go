package acceptance_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
)

func TestNothingOfTheCallersMemoryIsKept(t *testing.T) {
	h, store := handlertest.Open(t, dynamoslog.Options{})
	logger := slog.New(h)
	of, overwrite := reused()
	ctx, scope := dynamoslog.Begin(t.Context(), of("user"), of("alice"))
	scope.Set(slog.String(of("plan"), of("free")), slog.Group(of("g"), slog.Any(of("k"), []byte(of("bytes")))))
	logger.InfoContext(dynamoslog.Lane(ctx, of("worker")), of("hello"), of("name"), of("value"))
	logger.With(dynamoslog.Key(of("job"), of("nightly"))).Info("line 0")
	renamed, other := dynamoslog.Begin(t.Context(), "user", "x")
	other.Rekey(of("user"), of("bob"))
	logger.InfoContext(renamed, "line 0")
	overwrite()
	scope.End()
	other.End()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := store.Read(t.Context(), story.NewKey("user", "alice"), "")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"plan": "free", "g.k": "bytes", "lane_0": "worker"}
	if s.Title != "hello" || s.Lines[0].Message != "hello" || s.Lines[0].Attrs != "name=value" || fmt.Sprint(s.Attrs) != fmt.Sprint(want) {
		t.Errorf("got %+v", s)
	}
	for _, key := range []string{"job_nightly", "user_bob"} {
		if handlertest.State(t, store, key, "") == "" {
			t.Errorf("%s is not there", key)
		}
	}
}

type secret string

// mask redacts by key, by path and by type.
func mask(groups []string, a slog.Attr) slog.Attr {
	_, typed := a.Value.Any().(secret)
	if a.Key == "password" && strings.Join(groups, "/") == "user" || a.Key == "token" || typed {
		return slog.String(a.Key, "***")
	}
	return a
}

func TestHeadersAreRedactedAsLinesAre(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	var fallback output
	store := &faulty{Memory: story.NewMemory(), fault: failing(story.Reject, func(p story.Part) bool { return p.Key.ID == "rejected" })}
	h := dynamoslog.New(store, &dynamoslog.Options{
		ReplaceAttr: mask, Journal: dir, Fallback: &fallback, OnError: func(error) {},
		Attrs: []slog.Attr{slog.String("token", "hunter2"), slog.Int("build", 7)},
	})
	attrs := []slog.Attr{
		slog.Group("user", slog.String("password", "hunter2"), slog.String("name", "x")), slog.Any("card", secret("hunter2")),
		slog.String("token", strings.Repeat("hunter2", 200)),
	}
	for _, id := range []string{"kept", "rejected"} {
		ctx, scope := dynamoslog.Begin(t.Context(), "job", id)
		scope.Set(attrs...)
		slog.New(h).InfoContext(ctx, "hello")
		scope.Set(slog.Any("late", secret("hunter2")))
		scope.End()
	}
	_ = h.Flush(t.Context()) // one is rejected
	s, err := store.Read(t.Context(), story.NewKey("job", "kept"), "")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"build": "7", "token": "***", "user.password": "***", "user.name": "x", "card": "***", "late": "***"}
	if fmt.Sprint(s.Attrs) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", s.Attrs, want)
	}
	_, data := (&trial{T: t, opts: dynamoslog.Options{Journal: dir}}).segments()
	for what, text := range map[string]string{"story": story.Format(s.Lines), "fallback": fallback.String(), "journal": strings.Join(data, "")} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("the %s tells", what)
		}
	}
	_ = h.Close()
}

func TestBytesAreText(t *testing.T) {
	type named []byte
	h, store := handlertest.Open(t, dynamoslog.Options{ReplaceAttr: handlertest.NoTime})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
	scope.Set(slog.Any("body", json.RawMessage(`{"a":1}`)))
	slog.New(h).InfoContext(ctx, "line 0", "raw", json.RawMessage(`{"a":1}`), "named", named("x"), "nil", named(nil))
	scope.End()
	_ = h.Flush(t.Context())
	s, err := store.Read(t.Context(), story.NewKey("job", "1"), "")
	if err != nil || s.Lines[0].Attrs != `raw="{\"a\":1}" named=x nil=""` || s.Attrs["body"] != `{"a":1}` {
		t.Errorf("got %q, %v, %v", s.Lines[0].Attrs, s.Attrs, err)
	}
}

// Scope.Attr in a record's own attributes joins the scope, as Key does there.
func TestScopeAttrInARecord(t *testing.T) {
	h, store := handlertest.Open(t, dynamoslog.Options{})
	_, scope := dynamoslog.Begin(t.Context(), "job", "1")
	slog.New(h).Info("line 0", scope.Attr())
	scope.End()
	_ = h.Flush(t.Context())
	wantLines(t, store, "1", 1, story.Sealed)
}

// In a scope, of the context or of the logger, it is an attribute like others, as Key's is.
func TestScopeAttrInARecordOfAScope(t *testing.T) {
	h, store := handlertest.Open(t, dynamoslog.Options{ReplaceAttr: handlertest.NoTime})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
	_, other := dynamoslog.Begin(t.Context(), "order", 93)
	slog.New(h).InfoContext(ctx, "line 0", other.Attr(), dynamoslog.Key("user", 7))
	slog.New(h).With(scope.Attr()).Info("line 1", other.Attr(), dynamoslog.Key("user", 7))
	other.End()
	scope.End()
	_ = h.Flush(t.Context())
	wantLines(t, store, "1", 2, story.Sealed)
	s, _ := store.Read(t.Context(), story.NewKey("job", "1"), "")
	for _, line := range s.Lines {
		if line.Attrs != "order=93 user=7" {
			t.Errorf("got %q", line.Attrs)
		}
	}
}

// The time of a record may be anything.
func TestTimesFarAway(t *testing.T) {
	h, store := handlertest.Open(t, dynamoslog.Options{})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
	for i, year := range []int{1, 1600, 2026, 2400, 9999} {
		r := slog.NewRecord(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), slog.LevelWarn, fmt.Sprintf("line %d", i), 0)
		if err := h.Handle(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	scope.End()
	_ = h.Flush(t.Context())
	wantLines(t, store, "1", 5, story.Sealed)
	s, _ := store.Read(t.Context(), story.NewKey("job", "1"), "")
	for _, line := range s.Lines {
		if line.Level != slog.LevelWarn {
			t.Errorf("got %+v", line)
		}
	}
}

// valueStore is a store that cannot be compared.
type valueStore struct {
	story.Store
	any
}

func TestStoresThatAreValues(t *testing.T) {
	store := story.NewMemory()
	ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
	for range 2 {
		h := dynamoslog.New(valueStore{store, []int{1}}, nil)
		slog.New(h).InfoContext(ctx, "hello")
		defer func() { _ = h.Close() }()
	}
	scope.End()
}
