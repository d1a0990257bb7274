package sqlitestore_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// stranger returns a connection on a store's file, for what others write to it.
func stranger(t *testing.T, path string) func(statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Exec(statement, args...); err != nil {
			t.Fatal(err)
		}
	}
}

const foreignHeader = `INSERT INTO headers (object, id, kind, start, updated, duration, state, level, lines, parts, title, attrs)
	VALUES (?, ?, 'user', ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// Rows that somebody else has written are shown as far as they can be, and keep
// nobody from reading the others.
func TestForeignRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store := open(t, path)
	ours := header(story.NewKey("user", "1"), time.Now())
	if err := store.Put(t.Context(), []story.Part{ours}); err != nil {
		t.Fatal(err)
	}
	write := stranger(t, path)
	big := strings.Repeat("x", 1<<20)
	for i, row := range [][]any{
		{"user_42", int64(math.MaxInt64), int64(math.MaxInt64), int64(math.MaxInt64), "sealed", int64(math.MaxInt64), int64(math.MinInt64), int64(1 << 40), "numbers", nil},
		{"user_42", int64(math.MinInt64), int64(math.MinInt64), int64(math.MinInt64), "sealed", int64(math.MinInt64), int64(math.MaxInt64), int64(math.MinInt64), "numbers", nil},
		{"user_42", "soon", 1e300, []byte("x"), 7, "high", "many", "some", 3.5, "{"},
		{"user_42", 0, 0, 0, big, 0, 0, 0, big, `{"a":"` + big + `"}`},
		{"user_42", 0, 0, 0, "sealed", 0, 0, 0, "list", `["\"a\"", "b"]`},
		{"no key", 0, 0, 0, "sealed", 0, 0, 0, "of nothing", nil},
		{"USER_42", 0, 0, 0, "sealed", 0, 0, 0, "of nothing", nil},
	} {
		id := story.IDPrefix(time.Now()) + fmt.Sprint("-foreign", i)
		write(foreignHeader, append([]any{row[0], id}, row[1:]...)...)
		write(`INSERT INTO texts (object, id, number, text) VALUES (?, ?, 0, ?)`, row[0], id, "+0.000 I one\n")
		write(`INSERT INTO texts (object, id, number, text) VALUES (?, ?, 'x', 7)`, row[0], id)
	}
	for _, q := range []story.Query{{}, {Limit: 1}, {OldestFirst: true, Limit: 2}} {
		n := 0
		for h, err := range story.All(t.Context(), store, q) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			if _, err := json.Marshal(h); err != nil || fmt.Sprint(h) != fmt.Sprint(h.Bounded()) {
				t.Errorf("%v: the header is out of bounds: %.300s", err, fmt.Sprint(h))
			}
			got, err := store.Read(t.Context(), h.Key, h.ID)
			if err != nil || len(got.Lines) < 1 || len(got.Lines) > 3 {
				t.Errorf("%s: got the lines %.300s, %v", h.ID, fmt.Sprint(got.Lines), err)
			}
		}
		if n != 6 {
			t.Errorf("%+v: got %d headers, want ours and 5 others", q, n)
		}
	}
}

// Text that is too large is not loaded: neither one part of it nor very many.
func TestForeignText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store := open(t, path)
	write := stranger(t, path)
	key := story.NewKey("user", "42")
	for name, c := range map[string]struct {
		parts string // number and text of each
		want  string // in the last line
	}{
		"one huge part":   {`SELECT 1, CAST(zeroblob(200000000) AS TEXT)`, "part 1 of this story cannot be read: its text is of 200000000 bytes"},
		"many parts":      {`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT i, CAST(zeroblob(1000000) AS TEXT) FROM n`, "what follows is left out"},
		"very many parts": {`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100100) SELECT i, '' FROM n`, "what follows is left out"},
		"a gap of many":   {`SELECT 5000000000000000000, ''`, "parts 1 to 2147483646 of this story are missing"},
	} {
		id := story.IDPrefix(time.Now()) + "-" + name
		write(foreignHeader, key.String(), id, 0, 0, 0, "sealed", 0, 0, int64(math.MaxInt64), "x", nil)
		write(`INSERT INTO texts (object, id, number, text) VALUES (?, ?, 0, '')`, key.String(), id)
		write(`INSERT INTO texts (object, id, number, text) SELECT ?, ?, * FROM (`+c.parts+`)`, key.String(), id)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := store.Read(t.Context(), key, id)
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		said := false
		for _, line := range got.Lines {
			said = said || strings.Contains(line.Message, c.want) && line.Level >= slog.LevelWarn
		}
		if !said {
			t.Errorf("%s: no line says %q: %.300s", name, c.want, fmt.Sprint(got.Lines))
		}
		if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 400 {
			t.Errorf("%s: %d MB were allocated", name, took)
		}
	}
}

// A file whose tables are programs of somebody else's is none of ours.
func TestForeignSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	write := stranger(t, path)
	write(`DROP TABLE texts`)
	write(`CREATE VIEW texts AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'user_1' object, 'x' id, i number, 'x' text FROM n`)
	if store, err := sqlitestore.Open(path); !errors.Is(err, sqlitestore.ErrNotStore) {
		t.Errorf("got %v, %v, want ErrNotStore", store, err)
	}
}
