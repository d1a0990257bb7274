package sqlstory_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/sqlstory"
	"github.com/dynamoslog/dynamoslog/story"
)

// A shop is a database whose queries are told in one story.
type shop struct {
	*sql.DB
	t     testing.TB
	h     *dynamoslog.Handler
	store *story.Memory
	key   story.Key
	ctx   context.Context
	scope *dynamoslog.Scope
}

func open(t testing.TB, with dynamoslog.Options, opts sqlstory.Options) *shop {
	t.Helper()
	s := tell(t, with)
	opts.Logger = slog.New(s.h)
	db, err := sqlstory.Open("sqlite", filepath.Join(t.TempDir(), "shop.db"), &opts)
	if err != nil {
		t.Fatal(err)
	}
	return s.of(db)
}

func tell(t testing.TB, with dynamoslog.Options) *shop {
	if with.Level == nil {
		with.Level = slog.LevelDebug
	}
	if with.ReplaceAttr == nil {
		with.ReplaceAttr = withoutTimes
	}
	s := &shop{t: t, store: story.NewMemory(), key: story.NewKey("job", "nightly")}
	s.h = dynamoslog.New(s.store, &with)
	s.ctx, s.scope = dynamoslog.Begin(t.Context(), s.key.Kind, s.key.ID)
	return s
}

// of lets the story tell of a database with a table of items, to which it is silent so far.
func (s *shop) of(db *sql.DB) *shop {
	s.t.Helper()
	s.DB = db
	s.t.Cleanup(func() {
		if err := errors.Join(db.Close(), s.h.Close()); err != nil {
			s.t.Error(err)
		}
	})
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(context.Background(), "CREATE TABLE items (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL UNIQUE)"); err != nil {
		s.t.Fatal(err)
	}
	for i := range 5 {
		if _, err := db.ExecContext(context.Background(), fmt.Sprintf("INSERT INTO items VALUES (%d, 'item %d')", i, i)); err != nil {
			s.t.Fatal(err)
		}
	}
	return s
}

// told ends the story and returns its lines.
func (s *shop) told() string {
	s.t.Helper()
	lines := s.read().Lines
	for i := range lines {
		lines[i].Offset = 0
	}
	return strings.ReplaceAll(story.Format(lines), "+0.000 ", "")
}

func (s *shop) read() story.Story {
	s.t.Helper()
	s.scope.End()
	if err := s.h.Flush(context.Background()); err != nil {
		s.t.Fatal(err)
	}
	told, err := s.store.Read(context.Background(), s.key, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return told
}

func (s *shop) check(want string) {
	s.t.Helper()
	if got := s.told(); got != strings.TrimPrefix(want, "\n") {
		s.t.Errorf("got\n%swant%s", got, want)
	}
}

func withoutTimes(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "took" {
		return slog.Attr{}
	}
	return a
}

//go:noinline
func (s *shop) names(from int) (names []string) {
	slog.New(s.h).InfoContext(s.ctx, "Reading names")
	rows, err := s.QueryContext(s.ctx, "SELECT name\n  FROM items\n WHERE id >= ?", from)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			s.t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return names
}

// A line stands under the caller that logged, with the rows that were read or changed.
func TestLines(t *testing.T) {
	s := open(t, dynamoslog.Options{Indent: dynamoslog.ByCaller}, sqlstory.Options{})
	slog.New(s.h).InfoContext(s.ctx, "Begin")
	if names := s.names(3); len(names) != 2 {
		t.Errorf("read %q", names)
	}
	var name string
	if err := s.QueryRowContext(s.ctx, "SELECT name FROM items WHERE id = ?", 99).Scan(&name); !errors.Is(err, sql.ErrNoRows) {
		t.Error(err)
	}
	if _, err := s.ExecContext(s.ctx, "UPDATE items SET name = 'secret ' || id"); err != nil {
		t.Error(err)
	}
	statement, err := s.PrepareContext(s.ctx, "DELETE FROM items WHERE id = ?")
	if err != nil {
		t.Fatal(err)
	}
	for id := range 2 {
		if _, err := statement.ExecContext(s.ctx, id); err != nil {
			t.Error(err)
		}
	}
	if err := statement.Close(); err != nil {
		t.Error(err)
	}
	s.check(`
I Begin
I   Reading names
D   SELECT name FROM items WHERE id >= ?	rows=2
D SELECT name FROM items WHERE id = ?	rows=0
D UPDATE items SET name = '…' || id	rows=5
D DELETE FROM items WHERE id = ?	rows=1
D DELETE FROM items WHERE id = ?	rows=1
`)
}

func TestTransactions(t *testing.T) {
	s := open(t, dynamoslog.Options{}, sqlstory.Options{})
	for _, finish := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
		tx, err := s.BeginTx(s.ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(s.ctx, "DELETE FROM items WHERE id < 2"); err != nil {
			t.Error(err)
		}
		if err := finish(tx); err != nil {
			t.Error(err)
		}
		_ = tx.Rollback() // as deferred: it was finished, and reaches no database
	}
	s.check(`
D BEGIN
D DELETE FROM items WHERE id < 2	rows=2
D COMMIT
D BEGIN
D DELETE FROM items WHERE id < 2	rows=0
D ROLLBACK
`)
}

// What fails is at Error with its cause, also while rows are read.
func TestErrors(t *testing.T) {
	s := open(t, dynamoslog.Options{}, sqlstory.Options{})
	if _, err := s.ExecContext(s.ctx, "INSERT INTO items VALUES (9, 'item 1')"); err == nil {
		t.Error("no error")
	}
	rows, err := s.QueryContext(s.ctx, "SELECT 1 UNION ALL SELECT abs(-9223372036854775808)")
	if err == nil {
		for rows.Next() {
		}
		if rows.Err() == nil {
			t.Error("no error")
		}
	}
	s.check(`
E INSERT INTO items VALUES (9, '…')	error="constraint failed: UNIQUE constraint failed: items.name (2067)"
E SELECT 1 UNION ALL SELECT abs(-9223372036854775808)	rows=1 error="SQL logic error: integer overflow (1)"
`)
}

const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"

// The end of a context is no error of the database.
func TestContexts(t *testing.T) {
	s := open(t, dynamoslog.Options{}, sqlstory.Options{})
	ctx, cancel := context.WithTimeoutCause(s.ctx, 10*time.Millisecond, errors.New("the page took too long"))
	defer cancel()
	if _, err := s.ExecContext(ctx, endless); err == nil {
		t.Error("no error")
	}
	gone, leave := context.WithCancelCause(s.ctx)
	rows, err := s.QueryContext(gone, "SELECT name FROM items")
	if err != nil || !rows.Next() {
		t.Fatal(err)
	}
	leave(errors.New("the client is gone"))
	if err := s.PingContext(s.ctx); err != nil { // when database/sql has closed the rows, on a goroutine of its own
		t.Fatal(err)
	}
	if rows.Next() || rows.Err() == nil {
		t.Error("there are rows")
	}
	got := s.told()
	first, second, _ := strings.Cut(got, "\n")
	if !strings.HasPrefix(first, "W WITH RECURSIVE") || !strings.Contains(first, `cause="the page took too long"`) {
		t.Errorf("after the deadline: %s", first)
	}
	if second != "D SELECT name FROM items\trows=1\n" {
		t.Errorf("rows whose reader is gone: %q", second)
	}
}

func TestOptions(t *testing.T) {
	s := open(t, dynamoslog.Options{AddSource: true, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if source, ok := a.Value.Any().(*slog.Source); ok {
			_, function, _ := strings.Cut(source.Function, "_test.")
			return slog.String("source", filepath.Base(source.File)+" "+function)
		}
		return withoutTimes(groups, a)
	}}, sqlstory.Options{
		Args:  true,
		Skip:  func(_ context.Context, text string) bool { return strings.HasPrefix(text, "PRAGMA") },
		Level: func(error) slog.Level { return slog.LevelWarn },
	})
	day := time.Date(2026, 11, 27, 7, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		text string
		args []any
	}{
		{"PRAGMA optimize", nil},
		{"DELETE FROM items WHERE name IN (?, ?, 'x')", []any{7, "it's\nhere"}},
		{"SELECT ?, ?, ?, @d", []any{nil, []byte("ab"), strings.Repeat("é", 60), sql.Named("d", day)}},
		{"nonsense", nil},
	} {
		_, _ = s.ExecContext(s.ctx, c.text, c.args...)
	}
	s.check(`
D DELETE FROM items WHERE name IN (?, ?, 'x')	source="sqlstory_test.go TestOptions" args="[7 \"it's\\nhere\"]" rows=0
D SELECT ?, ?, ?, @d	source="sqlstory_test.go TestOptions" args="[NULL 2 bytes \"` + strings.Repeat("é", 50) + `…\" @d=2026-11-27T07:00:00Z]" rows=0
W nonsense	source="sqlstory_test.go TestOptions" error="SQL logic error: near \"nonsense\": syntax error (1)"
`)
}

// A calm story is the same with the queries as without, when they are below QuietLevel.
func TestQuietLevel(t *testing.T) {
	read := func(skip bool) (story.Story, string) {
		s := open(t, dynamoslog.Options{QuietLevel: slog.LevelInfo}, sqlstory.Options{Skip: func(context.Context, string) bool { return skip }})
		for from := range 3 {
			s.names(from)
		}
		told := s.read()
		return told, s.told()
	}
	with, text := read(false)
	_, want := read(true)
	if text != want || len(with.Lines) != 3 {
		t.Errorf("with queries\n%swithout\n%s", text, want)
	}
}

// Once something is at Warn, the queries are there.
func TestQuietLevelOfAStoryThatIsNot(t *testing.T) {
	s := open(t, dynamoslog.Options{QuietLevel: slog.LevelInfo}, sqlstory.Options{})
	s.names(3)
	slog.New(s.h).WarnContext(s.ctx, "Too few")
	if got := s.told(); !strings.Contains(got, "SELECT name FROM items WHERE id >= ?\trows=2\n") {
		t.Errorf("got\n%s", got)
	}
}
