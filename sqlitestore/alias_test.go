package sqlitestore_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// withAlias returns a story that is listed under another key too, and its alias.
func withAlias(key, also story.Key, start time.Time) []story.Part {
	part := header(key, start)
	part.Header.Also = []story.Key{also}
	alias := part.Header.Alias(also)
	return []story.Part{part, {Key: also, ID: part.ID, Header: &alias}}
}

// Aliases expire with their stories: at once for those who read, and from the file at
// later calls of Put.
func TestAliasesExpire(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	keeper := open(t, path)
	keeper.TTL = -1
	order, user := story.NewKey("order", "93"), story.NewKey("user", "42")
	parts := withAlias(user, order, time.Now().AddDate(0, -2, 0))
	fresh := withAlias(user, order, time.Now())
	if err := keeper.Put(t.Context(), append(parts, fresh...)); err != nil {
		t.Fatal(err)
	}
	if _, err := keeper.Read(t.Context(), order, parts[0].ID); err != nil {
		t.Error(err)
	}
	store := open(t, path)
	if _, err := store.Read(t.Context(), order, parts[0].ID); !errors.Is(err, story.ErrNotFound) {
		t.Errorf("expired: got %v", err)
	}
	page, err := store.List(t.Context(), story.Query{Key: order})
	if err != nil || len(page.Headers) != 1 || page.Headers[0].ID != fresh[0].ID {
		t.Errorf("got %+v, %v", page, err)
	}
	if err := store.Put(t.Context(), fresh); err != nil {
		t.Fatal(err)
	}
	if n := ask(t, path, `SELECT count(*) FROM aliases`); n != 1 {
		t.Errorf("%d aliases are left, want 1", n)
	}
}

// A list of a key with many stories and aliases is a walk along both, newest first.
func TestListOfAliasesWalks(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "stories.db"))
	plan := sqlitestore.ListPlan(t, store, story.Query{Key: story.NewKey("order", "93")})
	if !strings.Contains(plan, "MERGE (UNION ALL)") || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") || !strings.Contains(plan, "aliases") {
		t.Errorf("got the plan %s", plan)
	}
}

// A file that was made before there were aliases is read and deleted from without, and has
// them from the first Put on.
func TestOlderFileGetsAliases(t *testing.T) {
	path, old := olderFile(t)
	order := story.NewKey("order", "93")
	reader, err := sqlitestore.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	store := open(t, path)
	for _, s := range []story.Store{reader, store} {
		if page, err := s.List(t.Context(), story.Query{Key: order}); err != nil || len(page.Headers) > 0 {
			t.Errorf("got %+v, %v", page, err)
		}
		if _, err := s.Read(t.Context(), order, ""); !errors.Is(err, story.ErrNotFound) {
			t.Errorf("got %v", err)
		}
		wantCause(t, s, old.Key, old.ID, "")
	}
	if err := store.Delete(t.Context(), order, ""); !errors.Is(err, story.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	parts := withAlias(story.NewKey("user", "42"), order, time.Now())
	if err := store.Put(t.Context(), parts); err != nil {
		t.Fatal(err)
	}
	for _, s := range []story.Store{reader, store} {
		if got, err := s.Read(t.Context(), order, ""); err != nil || got.ID != parts[0].ID || got.Key != parts[0].Key || len(got.Also) != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

// What others put into the table leads nowhere, and keeps nobody from the rest.
func TestForeignAliases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store := open(t, path)
	order := story.NewKey("order", "93")
	parts := withAlias(story.NewKey("user", "42"), order, time.Now())
	if err := store.Put(t.Context(), parts); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for i, row := range []string{`'no key', 1`, `'order_93', 1`, `zeroblob(1000), 'x'`, `'user_gone', 1e300`} {
		if _, err := db.Exec(fmt.Sprintf(`INSERT INTO aliases (key, story, of, count) VALUES ('order_93', 'z%d', %s)`, i, row)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(`UPDATE headers SET also = '["user_1", 3]'`); err != nil {
		t.Fatal(err)
	}
	page, err := store.List(t.Context(), story.Query{Key: order})
	if err != nil || len(page.Headers) != 1 {
		t.Errorf("got %+v, %v", page, err)
	}
	if got, err := store.Read(t.Context(), order, ""); err != nil || got.ID != parts[0].ID || got.Also != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := store.Read(t.Context(), order, "z0"); !errors.Is(err, story.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
