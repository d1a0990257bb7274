package sqlitestore

import "testing"

// Hurry makes a writer give up at once where another one has the file.
func Hurry(t *testing.T, s *Store) {
	t.Helper()
	if _, err := s.db.Exec("PRAGMA busy_timeout = 0"); err != nil {
		t.Fatal(err)
	}
}

// Waiting returns how many calls wait for the writer's connection, until now.
func (s *Store) Waiting() int64 { return s.db.Stats().WaitCount }

// LimitPages makes the file unable to grow, as on a full disk, until the function
// that it returns is called.
func LimitPages(t *testing.T, s *Store) (restore func()) {
	t.Helper()
	limit := func(pages string) {
		// The writer has one connection, so that its settings stay.
		if _, err := s.db.Exec("PRAGMA max_page_count = " + pages); err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // SQLite raises it to the size that the file has
	return func() { limit("1000000000") }
}
