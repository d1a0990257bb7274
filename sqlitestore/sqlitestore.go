// Package sqlitestore keeps stories in one local file, without any account or
// server. Several processes may read the file while one writes it.
//
//	store, err := sqlitestore.Open("stories.db")
//	handler := dynamoslog.New(store, nil)
package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// ErrClosed is wrapped by the errors of a store that was closed.
var ErrClosed = errors.New("sqlitestore: the store is closed")

// ErrNotStore is wrapped by Open's error for a file that is something else, or
// was made by a newer version of this package.
var ErrNotStore = errors.New("sqlitestore: not a file of stories")

const (
	version     = 1               // of the schema, in user_version
	application = 0x64796e61      // in application_id: "dyna"
	busyTimeout = 5 * time.Second // how long a writer waits for another one
	defaultTTL  = 30 * 24 * time.Hour
	maxTTL      = 100 * 365 * 24 * time.Hour // keeps the sum of times in range
	grace       = 24 * time.Hour             // a story may be open for a day
)

// A Store is a [story.Store] in one file.
type Store struct {
	// TTL is how long a story is kept after its first day; 30 days by default.
	// Negative keeps stories for ever. Set it before the first use.
	TTL time.Duration

	path    string
	db      *sql.DB // writes, on one connection: SQLite has one writer at a time
	reader  *sql.DB // the same where readOnly is set
	closed  atomic.Bool
	mu      sync.Mutex
	cleaned time.Time // when expired stories were last removed

	readOnly bool // opened by OpenReadOnly
}

var _ story.Store = (*Store)(nil)

// Open opens the file of that path, or makes it, and the folders above it; only
// this user may read what it makes. The caller closes the store. See [OpenReadOnly]
// for a file that cannot be written to.
func Open(path string) (*Store, error) {
	if path == "" {
		return nil, fmt.Errorf("%w: the path is empty", ErrNotStore)
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	if err := create(full); err != nil {
		return nil, &explained{
			text: fmt.Sprintf("sqlitestore: opening %s: the file and its folder must be writable; make them so, or name another file: %v", path, err),
			errs: []error{err, story.ErrUnusable},
		}
	}
	s := &Store{path: path}
	if s.db, err = sql.Open("sqlite", dataSource(full, "immediate")); err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	if s.reader, err = sql.Open("sqlite", dataSource(full, "deferred")); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlitestore: %w", err), s.db.Close())
	}
	s.db.SetMaxOpenConns(1)
	s.reader.SetMaxIdleConns(4)
	if err := s.prepareInTime(context.Background()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// creating lets no Open of this process go on with a file that another one has
// made and not yet closed.
var creating sync.Mutex

// create makes a file that only this user may read, unless there is one. One that
// is there it does not open: to close it again would drop the locks that another
// store of this process has on it.
func create(path string) error {
	creating.Lock()
	defer creating.Unlock()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	if info, statErr := os.Stat(path); statErr != nil {
		return err
	} else if info.IsDir() {
		return errors.New("it is a folder")
	}
	return nil
}

// dataSource names the file with what every connection needs. Commits are synced
// (FULL), as a part counts as stored when Put has returned: the calls are batched
// and off the program's path, so that it costs nobody a wait.
func dataSource(path, lock string) string {
	path = filepath.ToSlash(path)
	if runtime.GOOS == "windows" {
		path = "/" + path
	}
	query := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
		"synchronous(FULL)",
	}, "_txlock": {lock}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

// prepareInTime prepares the file. While another process makes it, SQLite says
// that it is busy without waiting.
func (s *Store) prepareInTime(ctx context.Context) error {
	for end := time.Now().Add(busyTimeout); ; {
		err := s.prepare(ctx)
		if !errors.Is(err, story.ErrBusy) || time.Now().After(end) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// prepare makes the schema in a new file and refuses a file that is not ours.
func (s *Store) prepare(ctx context.Context) error {
	have, indexes, err := s.inspect(ctx)
	switch {
	case err != nil:
		return err
	case have == version && indexes == 4: // otherwise it was made before an index was added
		return s.checkWritable(ctx)
	}
	// The journal mode cannot change in a transaction; it stays with the file.
	for _, statement := range []string{`PRAGMA auto_vacuum = INCREMENTAL`, `PRAGMA journal_mode = WAL`} {
		if _, err := s.db.ExecContext(ctx, statement); err != nil {
			return s.explain("opening", err)
		}
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.explain("opening", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	schema := fmt.Sprintf(schemaSQL, application, version)
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return s.explain("making the tables of", err)
	}
	if err := tx.Commit(); err != nil {
		return s.explain("making the tables of", err)
	}
	return nil
}

// inspect returns the version of the file, 0 for an empty one, and how many of its
// indexes it has, and refuses a file that is not ours.
func (s *Store) inspect(ctx context.Context) (have, indexes int, err error) {
	var tables, programs, app int
	err = s.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM sqlite_schema),
		(SELECT count(*) FROM sqlite_schema WHERE type IN ('view', 'trigger')),
		(SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name IN ('recent', 'recent_kind', 'moved', 'texts_id')),
		(SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version)`).
		Scan(&tables, &programs, &indexes, &app, &have)
	switch {
	case err != nil:
		err = s.explain("opening", err)
	case tables > 0 && app != application:
		err = fmt.Errorf("%w: %s is another program's database; name another file", ErrNotStore, s.path)
	case programs > 0: // which run where a story is asked for, as long as they like
		err = fmt.Errorf("%w: %s has views or triggers, which none of ours has; name another file", ErrNotStore, s.path)
	case have > version:
		err = fmt.Errorf("%w: %s has version %d, this program knows %d; use a newer version of it", ErrNotStore, s.path, have, version)
	}
	return have, indexes, err
}

// checkWritable begins to write, as SQLite opens a file for reading where it may
// not write to it. A file that somebody else is writing to is writable.
func (s *Store) checkWritable(ctx context.Context) error {
	wait := func(d time.Duration) error {
		_, err := s.db.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", d.Milliseconds()))
		return err
	}
	err := wait(0)
	if err == nil {
		_, err = s.db.ExecContext(ctx, `DELETE FROM texts WHERE false`)
	}
	if err = s.explain("opening", err); err != nil && !errors.Is(err, story.ErrBusy) {
		return err
	}
	return s.explain("opening", wait(busyTimeout))
}

const schemaSQL = `
CREATE TABLE IF NOT EXISTS headers (
	object TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
	start INTEGER NOT NULL, updated INTEGER NOT NULL, duration INTEGER NOT NULL,
	state TEXT NOT NULL, level INTEGER NOT NULL, lines INTEGER NOT NULL, parts INTEGER NOT NULL,
	title TEXT NOT NULL, attrs TEXT,
	PRIMARY KEY (object, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS recent ON headers (id DESC, object DESC) WHERE state <> 'moved';
CREATE INDEX IF NOT EXISTS recent_kind ON headers (kind, id DESC, object DESC) WHERE state <> 'moved';
CREATE INDEX IF NOT EXISTS moved ON headers (id) WHERE state = 'moved';
CREATE TABLE IF NOT EXISTS texts (
	object TEXT NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL,
	PRIMARY KEY (object, id, number)
);
CREATE INDEX IF NOT EXISTS texts_id ON texts (id);
PRAGMA application_id = %d;
PRAGMA user_version = %d;
`

// Close closes the file. Closing again does nothing.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	if err := errors.Join(s.reader.Close(), s.db.Close()); err != nil {
		return fmt.Errorf("sqlitestore: %w", err)
	}
	return nil
}

// ready says why a call cannot begin.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return ErrClosed
	}
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	return nil
}

// oldest returns the id before which stories are expired.
func (s *Store) oldest() string {
	ttl := s.TTL
	if ttl == 0 {
		ttl = defaultTTL
	}
	if ttl < 0 {
		return ""
	}
	return story.IDPrefix(time.Now().Add(-min(ttl, maxTTL) - grace))
}
