package sqlitestore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dynamoslog/dynamoslog/story"
)

// Put implements [story.Store]: all parts in one transaction, but those that
// SQLite can never hold.
func (s *Store) Put(ctx context.Context, parts []story.Part) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	rejected := make(map[int]error)
	err := s.use(ctx, "writing", true, func(f *file) error {
		bad, err := putParts(ctx, f, parts, rejected)
		for tooBig(err) {
			rejected[bad] = s.explain("writing", err)
			bad, err = putParts(ctx, f, parts, rejected)
		}
		if err == nil {
			s.clean(ctx, f)
		}
		return s.failed(ctx, "writing", err)
	})
	if err != nil && (ctx.Err() != nil || errors.Is(err, ErrClosed)) {
		return err
	}
	failed := &story.PutError{}
	for i := range parts {
		if reason := cmp.Or(rejected[i], err); reason != nil {
			failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Outcome: outcomeOf(reason), Err: reason})
		}
	}
	if len(failed.Failures) > 0 {
		return failed
	}
	return nil
}

// putParts stores the parts but those without, and returns an error with the
// index of the part that it is about.
func putParts(ctx context.Context, f *file, parts []story.Part, without map[int]error) (bad int, err error) {
	err = f.transact(ctx, func(tx *sql.Tx) error {
		if err := f.complete(ctx, tx); err != nil {
			return err
		}
		statements := statements{tx: tx}
		for i, part := range parts {
			if without[i] != nil {
				continue
			}
			if err := putPart(ctx, &statements, part); err != nil {
				bad = i
				return err
			}
		}
		return nil
	})
	if err == nil {
		f.isLatest.Store(true)
	}
	return bad, err
}

func (f *file) transact(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := f.begin(ctx)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the first error tells more
		return err
	}
	return tx.Commit()
}

// begin begins to write as soon as nobody else does. SQLite itself waits for a moment
// only, as not every version of it ends a wait when the context does.
func (f *file) begin(ctx context.Context) (*sql.Tx, error) {
	for end := time.Now().Add(f.patience); ; {
		tx, err := f.db.BeginTx(ctx, nil)
		if errorCode(err) != sqlite3.SQLITE_BUSY || ctx.Err() != nil || !time.Now().Before(end) {
			return tx, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond): // SQLite may refuse without a wait
		}
	}
}

// statements are those of a transaction, each of which is prepared once: with newer versions
// of the driver that takes as long as to run it.
type statements struct {
	tx       *sql.Tx // which closes them when it ends
	prepared map[string]*sql.Stmt
}

func (s *statements) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt := s.prepared[query]
	if stmt == nil {
		var err error
		if stmt, err = s.tx.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
		if s.prepared == nil {
			s.prepared = make(map[string]*sql.Stmt)
		}
		s.prepared[query] = stmt
	}
	return stmt.ExecContext(ctx, args...)
}

func putPart(ctx context.Context, tx *statements, part story.Part) error {
	object := part.Key.String()
	switch isAlias := part.Header != nil && part.Header.IsAlias(); {
	case isAlias && part.Raise:
		return nil // lists show what the story's header says
	case isAlias:
		return putAlias(ctx, tx, part)
	}
	if part.Raise {
		return raiseHeader(ctx, tx, object, part)
	}
	if part.Header != nil {
		stored, err := putHeader(ctx, tx, object, part)
		if err != nil || !stored {
			return err
		}
	}
	_, err := tx.exec(ctx, `INSERT OR REPLACE INTO texts (object, id, number, text) VALUES (?, ?, ?, ?)`,
		object, part.ID, part.Number, part.Text)
	return err
}

// raiseHeader changes a final header for lines that came after the story's end.
func raiseHeader(ctx context.Context, tx *statements, object string, part story.Part) error {
	h := part.Header
	if h == nil {
		return nil
	}
	_, err := tx.exec(ctx, `UPDATE headers SET level = ?1, lines = ?2, cause = ?3, problem = ?4, also = ifnull(?5, also)
		WHERE object = ?6 AND id = ?7 AND state <> 'open' AND level < ?1`,
		int64(h.MaxLevel), h.LineCount, unlessEmpty(h.Cause), unlessEmpty(h.Problem), encodeAlso(h.Also), object, part.ID)
	return err
}

// putHeader stores a header; false means that an open one came after another.
func putHeader(ctx context.Context, tx *statements, object string, part story.Part) (bool, error) {
	h := part.Header
	attrs, err := encodeAttrs(h.Attrs)
	if err != nil {
		return false, err
	}
	verb := "INSERT OR REPLACE"
	if h.State == story.Open {
		verb = "INSERT OR IGNORE"
	}
	result, err := tx.exec(ctx, verb+` INTO headers
		(object, id, kind, start, updated, duration, state, level, lines, parts, title, attrs, cause, problem, also)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		object, part.ID, part.Key.Kind, h.Start.UnixMicro(), h.Updated.UnixMilli(), h.Duration.Milliseconds(),
		string(h.State), int64(h.MaxLevel), h.LineCount, h.Parts, h.Title, attrs,
		unlessEmpty(h.Cause), unlessEmpty(h.Problem), encodeAlso(h.Also))
	if err != nil {
		return false, err
	}
	changed, err := result.RowsAffected()
	return changed > 0, err
}

func unlessEmpty(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// Delete implements [story.Store].
func (s *Store) Delete(ctx context.Context, key story.Key, id string) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	var removed int64
	err := s.use(ctx, "deleting", false, func(f *file) (err error) {
		removed, err = deleteStories(ctx, f, key, id)
		return s.failed(ctx, "deleting from", err)
	})
	if err == nil && removed == 0 {
		return fmt.Errorf("%w: %s %s", story.ErrNotFound, key, story.Escape(id))
	}
	return err
}

// deleteStories returns how many rows it has removed.
func deleteStories(ctx context.Context, f *file, key story.Key, id string) (removed int64, err error) {
	err = f.transact(ctx, func(tx *sql.Tx) (err error) {
		has, err := f.layout(ctx, tx)
		if err != nil {
			return err
		}
		if has.aliases {
			if removed, err = deleteAliases(ctx, tx, key, id); err != nil {
				return err
			}
		}
		for _, table := range []string{"headers", "texts"} {
			statement, args := `DELETE FROM `+table+` WHERE object = ?`, []any{key.String()}
			if id != "" {
				statement, args = statement+` AND id = ?`, append(args, id)
			}
			n, err := change(ctx, tx, statement, args...)
			if err != nil {
				return err
			}
			removed += n
		}
		return nil
	})
	return removed, err
}

// cleanings remove some expired stories, each along an index.
var cleanings = []string{
	`DELETE FROM texts WHERE rowid IN (SELECT rowid FROM texts WHERE id < ? ORDER BY id LIMIT ?)`,
	`DELETE FROM headers WHERE (object, id) IN (SELECT object, id FROM headers WHERE state <> 'moved' AND id < ? ORDER BY id LIMIT ?)`,
	`DELETE FROM headers WHERE (object, id) IN (SELECT object, id FROM headers WHERE state = 'moved' AND id < ? ORDER BY id LIMIT ?)`,
	`DELETE FROM aliases WHERE (key, story) IN (SELECT key, story FROM aliases WHERE story < ? ORDER BY story LIMIT ?)`,
}

// clean removes some expired stories, and more at the next Put where more are
// left, otherwise in an hour. Trouble with it is none of the caller's: they are
// not shown in any case.
func (s *Store) clean(ctx context.Context, f *file) {
	const most = 1000 // rows of a kind at once, so that no Put waits for long
	s.mu.Lock()
	due := time.Since(s.cleaned) > time.Hour
	s.mu.Unlock()
	oldest := s.oldest()
	if !due || oldest == "" {
		return
	}
	left := false
	err := f.transact(ctx, func(tx *sql.Tx) error {
		for _, statement := range cleanings {
			removed, err := change(ctx, tx, statement, oldest, most)
			if err != nil {
				return err
			}
			left = left || removed == most
		}
		return vacuum(ctx, tx)
	})
	if err == nil && left {
		return
	}
	s.mu.Lock()
	s.cleaned = time.Now()
	s.mu.Unlock()
}

// vacuum gives some free pages back. SQLite frees one for each row that it returns, and
// not every driver asks for them all where none is wanted.
func vacuum(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `PRAGMA incremental_vacuum(1000)`)
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return errors.Join(rows.Err(), rows.Close())
}
