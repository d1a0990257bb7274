package sqlitestore

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dynamoslog/dynamoslog/story"
)

// Hurry makes a writer give up at once where another one has the file.
func Hurry(t *testing.T, s *Store) {
	t.Helper()
	s.file.patience = 0
}

// LimitLength sets the most bytes that SQLite takes in a value.
func LimitLength(t *testing.T, s *Store, length int) {
	t.Helper()
	conn, err := s.file.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = sqlite.Limit(conn, sqlite3.SQLITE_LIMIT_LENGTH, length); err != nil {
		t.Error(err)
	}
	if err := conn.Close(); err != nil { // gives it back to the writer
		t.Fatal(err)
	}
}

// Waiting returns how many calls wait for the writer's connection, until now.
func (s *Store) Waiting() int64 { return s.file.db.Stats().WaitCount }

// KnowsLayout reports whether the file is not asked any more what it has.
func (s *Store) KnowsLayout() bool { return s.file.isLatest.Load() }

// Writing says whether a call has the writer's connection.
func (s *Store) Writing() bool { return s.file.db.Stats().InUse > 0 }

// LimitPages makes the file unable to grow, as on a full disk, until the function
// that it returns is called.
func LimitPages(t *testing.T, s *Store) (restore func()) {
	t.Helper()
	limit := func(pages string) {
		// The writer has one connection, so that its settings stay.
		if _, err := s.file.db.Exec("PRAGMA max_page_count = " + pages); err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // SQLite raises it to the size that the file has
	return func() { limit("1000000000") }
}

// ListPlan returns how SQLite goes about a list.
func ListPlan(t *testing.T, s *Store, q story.Query) string {
	t.Helper()
	w, err := s.walkOf(q)
	if err != nil {
		t.Fatal(err)
	}
	statement, args := w.sql(latest, examinedFor(q)+1)
	return plan(t, s, statement, args)
}

// CleanPlans returns how SQLite goes about removing expired stories.
func CleanPlans(t *testing.T, s *Store) (plans []string) {
	t.Helper()
	for _, statement := range cleanings {
		plans = append(plans, plan(t, s, statement, []any{"2026", 1000}))
	}
	return plans
}

func plan(t *testing.T, s *Store, statement string, args []any) string {
	t.Helper()
	rows, err := s.file.reader.Query("EXPLAIN QUERY PLAN "+statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "; ")
}

// Fill stores a number of stories of a thousand users and some jobs, a short text
// each, evenly over the last 25 days, in a file that is otherwise empty.
func Fill(s *Store, stories int) error {
	for _, statement := range []string{
		`DROP INDEX recent`, `DROP INDEX recent_kind`, `DROP INDEX moved`, `DROP INDEX texts_id`, `PRAGMA synchronous = OFF`,
		fmt.Sprintf(fillSQL, stories, (25*24*time.Hour).Microseconds()/int64(stories), time.Now().Add(-25*24*time.Hour).UnixMicro()),
		`INSERT INTO texts (object, id, number, text) SELECT object, id, 0,
			'+0.000 I ' || title || char(10) || '+0.003 D   loading the plan' || char(10) || '+0.120 I   three rows' || char(10) FROM headers`,
		fmt.Sprintf(schemaSQL, application, version),
		`PRAGMA wal_checkpoint(TRUNCATE)`,
	} {
		if _, err := s.file.db.Exec(statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

const fillSQL = `
INSERT INTO headers (object, id, kind, start, updated, duration, state, level, lines, parts, title, attrs)
WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < %d),
facts AS (SELECT n, %d * n + %d AS start, CASE n %% 10 WHEN 0 THEN 'job' WHEN 1 THEN 'http' ELSE 'user' END AS kind FROM number)
SELECT kind || '_' || (n * 7919 %% 1000) AS object,
	strftime('%%Y-%%m-%%dT%%H:%%M:%%S', start / 1000000, 'unixepoch') || printf('.%%06dZ-%%06x', start %% 1000000, n) AS id,
	kind, start, start / 1000 + 120, 120, CASE n %% 100 WHEN 7 THEN 'moved' WHEN 8 THEN 'closed' ELSE 'sealed' END,
	CASE WHEN n %% 1000 = 0 THEN 8 WHEN n %% 50 = 0 THEN 4 ELSE 0 END, 3, 0,
	'Starting workout generation of plan ' || n, '{"host":"a1","build":"2026-11-22"}'
FROM facts ORDER BY object, id`

// Connections returns how many connections for reading are open.
func Connections(s *Store) int { return s.file.reader.Stats().OpenConnections }

// IsStill reports whether a file that was looked at is taken for unchanged by who looks at it
// again, where something happens between what he asks the file system.
func IsStill(path string, between func()) bool {
	before := look(path, os.Stat)
	asked := 0
	return before.still(look(path, func(name string) (os.FileInfo, error) {
		if asked++; asked == 2 {
			between()
		}
		return os.Stat(name)
	}))
}
