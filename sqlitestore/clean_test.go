package sqlitestore_test

import (
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// ask returns the number that a query of the file gives.
func ask(t *testing.T, path, query string) int {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	var n int
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestExpiredStoriesAreRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	keeper := open(t, path)
	keeper.TTL = -1
	const expired = 3500 // more than one Put removes
	long := time.Now().AddDate(0, -2, 0)
	var parts []story.Part
	for i := range expired {
		part := header(story.NewKey("user", fmt.Sprint(i%7)), long.Add(time.Duration(i)*time.Second))
		if i%3 == 0 {
			part.Header.State = story.Moved
		}
		parts = append(parts, part, story.Part{Key: part.Key, ID: part.ID, Number: 1, Text: strings.Repeat("+0.000 I line\n", 500)})
	}
	if err := keeper.Put(t.Context(), parts); err != nil {
		t.Fatal(err)
	}
	if n := ask(t, path, `SELECT (SELECT count(*) FROM headers) + (SELECT count(*) FROM texts)`); n != 3*expired {
		t.Fatalf("got %d rows for %d stories", n, expired)
	}
	pages := ask(t, path, `PRAGMA page_count`)
	store := open(t, path)
	rows := 3 * expired
	for put := 1; put <= 10; put++ {
		if err := store.Put(t.Context(), []story.Part{header(story.NewKey("user", "1"), time.Now())}); err != nil {
			t.Fatal(err)
		}
		left := ask(t, path, `SELECT (SELECT count(*) FROM headers) + (SELECT count(*) FROM texts)`) - 2*put
		if left >= rows && rows > 0 {
			t.Errorf("Put %d removed nothing: %d expired rows are left", put, left)
		}
		if rows-left > 3000 {
			t.Errorf("Put %d removed %d rows at once", put, rows-left)
		}
		rows = left
	}
	if rows != 0 {
		t.Errorf("%d expired rows are left", rows)
	}
	if now := ask(t, path, `PRAGMA page_count`); now > pages/2 {
		t.Errorf("the file has %d pages, before %d", now, pages)
	}
	if n := ask(t, path, `SELECT count(*) FROM headers WHERE state <> 'moved'`); n != 10 {
		t.Errorf("%d fresh stories are left of 10", n)
	}
}

// TestPlans checks that nothing walks over a whole table, or sorts.
func TestPlans(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "stories.db"))
	plans := sqlitestore.CleanPlans(t, store)
	now := time.Now()
	for _, q := range []story.Query{
		{}, {Kind: "user"}, {Key: story.NewKey("user", "1")}, {Text: "x"}, {Since: now, Until: now.Add(time.Hour)},
		{Kind: "user", Since: now}, {Key: story.NewKey("user", "1"), Since: now, Limit: 2},
		{MinLevel: slog.LevelWarn}, {MinLevel: slog.LevelError, Since: now, Until: now.Add(time.Hour)}, {Kind: "user", MinLevel: slog.LevelError},
	} {
		for _, cursor := range []string{"", "WyJpZCIsInVzZXJfMSJd"} { // id, user_1
			q.Cursor = cursor
			plans = append(plans, sqlitestore.ListPlan(t, store, q))
			q.OldestFirst = true
			plans = append(plans, sqlitestore.ListPlan(t, store, q))
			q.OldestFirst = false
		}
	}
	for _, plan := range plans {
		if strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("got the plan %s", plan)
		}
	}
}

// What went wrong is found by an index of its own, in an older file from its opening on.
func TestTroubleHasAnIndex(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "stories.db"))
	for _, level := range []slog.Level{slog.LevelWarn, slog.LevelError, slog.LevelError + 4} {
		if plan := sqlitestore.ListPlan(t, store, story.Query{MinLevel: level}); !strings.Contains(plan, "USING INDEX troubled") {
			t.Errorf("at %v: got the plan %s", level, plan)
		}
	}
	for _, q := range []story.Query{{MinLevel: slog.LevelInfo}, {MinLevel: slog.LevelWarn - 1}, {Key: story.NewKey("user", "1"), MinLevel: slog.LevelWarn}} {
		if plan := sqlitestore.ListPlan(t, store, q); strings.Contains(plan, "troubled") {
			t.Errorf("%+v: got the plan %s", q, plan)
		}
	}
}

func TestOlderFileGetsIndexes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	part := header(story.NewKey("user", "1"), time.Now())
	if err := open(t, path).Put(t.Context(), []story.Part{part}); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err == nil {
		_, err = db.Exec(`DROP INDEX moved; DROP INDEX troubled`)
	}
	if err != nil || db.Close() != nil {
		t.Fatal(err)
	}
	store := open(t, path)
	if n := ask(t, path, `SELECT count(*) FROM sqlite_schema WHERE name IN ('moved', 'troubled')`); n != 2 {
		t.Error("the file was opened without making the indexes")
	}
	if _, err := store.Read(t.Context(), part.Key, part.ID); err != nil {
		t.Error(err)
	}
}
