package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// A file is one that is open. Another may come to its path later.
type file struct {
	path   string
	info   os.FileInfo
	db     *sql.DB // writes, on one connection: SQLite has one writer at a time
	reader *sql.DB // the same where the store only reads

	patience time.Duration // how long a writer waits for another one

	isLatest atomic.Bool // set when it has the latest layout, which it keeps
}

// there says whether the path still names the file.
func (f *file) there() bool {
	found, err := os.Stat(f.path)
	return err == nil && os.SameFile(found, f.info)
}

// close closes the file. Into one that is no longer at its path SQLite does not bring
// what it has written beside it, which whoever renamed it would miss.
func (f *file) close() error {
	var err error
	if f.db != f.reader && !f.there() {
		_, err = f.db.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	return errors.Join(err, f.reader.Close(), f.db.Close())
}

// openFile opens what is at the path, or makes it where the store does not only read.
func (s *Store) openFile(ctx context.Context) (*file, error) {
	provide, connect := create, connectWriting
	if s.readOnly {
		provide, connect = find, connectReadOnly
	}
	for range tries {
		if err := provide(s.full); err != nil {
			return nil, s.unprovided(err)
		}
		info, err := os.Stat(s.full)
		if err != nil {
			continue // it is gone again
		}
		f := &file{path: s.full, info: info, patience: busyTimeout}
		if f.db, f.reader, err = connect(s.full); err != nil {
			if f.there() {
				return nil, s.explain("opening", err)
			}
			continue
		}
		err = s.prepareInTime(ctx, f.db)
		if there := f.there(); err == nil && there {
			return f, nil
		} else if closeErr := errors.Join(f.reader.Close(), f.db.Close()); there {
			return nil, errors.Join(err, closeErr)
		}
	}
	return nil, s.gone("opening")
}

// connectWriting returns the connections of a store that writes.
func connectWriting(path string) (db, reader *sql.DB, err error) {
	if db, err = sql.Open("sqlite", dataSource(path, "immediate", "rw", busySlice)); err != nil {
		return nil, nil, err
	}
	if reader, err = sql.Open("sqlite", dataSource(path, "deferred", "rw", busyTimeout)); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	db.SetMaxOpenConns(1)
	reader.SetMaxIdleConns(4)
	return db, reader, nil
}

// tries is how often a call begins anew where somebody takes the file away meanwhile.
const tries = 3

// gone says that there is no file, or one that does not stay.
func (s *Store) gone(doing string) error {
	advice := "put it back, or the next story that is stored makes a new one"
	if s.readOnly {
		advice = "put it back, or a new one in its place"
	}
	return &explained{
		text: fmt.Sprintf("sqlitestore: %s: %s was removed or renamed while it was open; %s", doing, s.path, advice),
		errs: []error{story.ErrUnusable},
	}
}

// unprovided says why there is no file that could be opened.
func (s *Store) unprovided(err error) error {
	advice := writable
	if s.readOnly {
		advice = ""
	}
	return &explained{
		text: fmt.Sprintf("sqlitestore: opening %s%s: %v", s.path, advice, err),
		errs: []error{err, story.ErrUnusable},
	}
}

// create makes a file that only this user may read, unless there is one. One that
// is there it does not open: to close it again would drop the locks that another
// store of this process has on it.
//
// The file is made under another name, which only one process at a time can do. It
// alone takes away what SQLite has left beside a file that is gone: a process that
// has that one open still would share it with those that open the new one.
func create(path string) error {
	unfinished := path + ".new"
	for end := time.Now().Add(2 * busyTimeout); ; {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if there, err := exists(path); there || err != nil {
			return err
		}
		f, err := os.OpenFile(unfinished, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			return errors.Join(f.Close(), finish(unfinished, path))
		}
		if !errors.Is(err, fs.ErrExist) || time.Now().After(end) {
			return err
		}
		if info, err := os.Lstat(unfinished); err == nil && time.Since(info.ModTime()) > busyTimeout {
			_ = os.Remove(unfinished) // who made it has died
		} else {
			time.Sleep(time.Millisecond)
		}
	}
}

// finish gives a new file its name, unless there is one of that name.
func finish(unfinished, path string) error {
	there, err := exists(path)
	if there || err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, os.Remove(unfinished))
		}
	}
	return os.Rename(unfinished, path)
}

func exists(path string) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		info, err = os.Lstat(path) // a link that leads nowhere, or what somebody has made meanwhile
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.Mode()&fs.ModeSymlink != 0:
		return false, errors.New("it is a link to a file that is not there")
	case info.IsDir():
		return false, errors.New("it is a folder")
	}
	return true, nil
}

// dataSource names the file with what every connection needs. Commits are synced
// (FULL), as a part counts as stored when Put has returned: the calls are batched
// and off the program's path, so that it costs nobody a wait.
func dataSource(path, lock, mode string, wait time.Duration) string {
	return fileURI(path, url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", wait.Milliseconds()),
		"synchronous(FULL)",
	}, "_txlock": {lock}, "mode": {mode}}) // create makes it, and nothing else
}

func fileURI(path string, query url.Values) string {
	path = filepath.ToSlash(path)
	if runtime.GOOS == "windows" {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

// prepareInTime prepares the file. While another process makes it, SQLite says
// that it is busy without waiting.
func (s *Store) prepareInTime(ctx context.Context, db *sql.DB) error {
	for end := time.Now().Add(busyTimeout); ; {
		err := s.prepare(ctx, db)
		if !errors.Is(err, story.ErrBusy) || time.Now().After(end) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// prepare makes the schema in a new file, where the store does not only read, and
// refuses a file that is not ours.
func (s *Store) prepare(ctx context.Context, db *sql.DB) error {
	have, indexes, err := s.inspect(ctx, db)
	switch {
	case err != nil:
		return err
	case s.readOnly && have == 0:
		return notStore("%s is empty; name another file", s.path)
	case s.readOnly: // without an index reading is slow, no more
		return nil
	case have == version && indexes == 5: // otherwise it was made before an index was added
		return s.checkWritable(ctx, db)
	}
	// The journal mode cannot change in a transaction; it stays with the file.
	for _, statement := range []string{`PRAGMA auto_vacuum = INCREMENTAL`, `PRAGMA journal_mode = WAL`} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return s.explain("opening", err)
		}
	}
	tx, err := db.BeginTx(ctx, nil)
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
func (s *Store) inspect(ctx context.Context, db *sql.DB) (have, indexes int, err error) {
	var tables, programs, app int
	err = db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM sqlite_schema),
		(SELECT count(*) FROM sqlite_schema WHERE type IN ('view', 'trigger')),
		(SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name IN ('recent', 'recent_kind', 'troubled', 'moved', 'texts_id')),
		(SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version)`).
		Scan(&tables, &programs, &indexes, &app, &have)
	switch {
	case err != nil:
		err = s.explain("opening", err)
	case tables > 0 && app != application:
		err = notStore("%s is another program's database; name another file", s.path)
	case programs > 0: // which run where a story is asked for, as long as they like
		err = notStore("%s has views or triggers, which none of ours has; name another file", s.path)
	case have > version:
		err = notStore("%s has version %d, this program knows %d; use a newer version of it", s.path, have, version)
	}
	return have, indexes, err
}

// checkWritable begins to write, as SQLite opens a file for reading where it may
// not write to it. A file that somebody else is writing to is writable.
func (s *Store) checkWritable(ctx context.Context, db *sql.DB) error {
	wait := func(d time.Duration) error {
		_, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", d.Milliseconds()))
		return err
	}
	err := wait(0)
	if err == nil {
		_, err = db.ExecContext(ctx, `DELETE FROM texts WHERE false`)
	}
	if err = s.explain("opening", err); err != nil && !errors.Is(err, story.ErrBusy) {
		return err
	}
	return s.explain("opening", wait(busySlice))
}

const schemaSQL = `
CREATE TABLE IF NOT EXISTS headers (
	object TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
	start INTEGER NOT NULL, updated INTEGER NOT NULL, duration INTEGER NOT NULL,
	state TEXT NOT NULL, level INTEGER NOT NULL, lines INTEGER NOT NULL, parts INTEGER NOT NULL,
	title TEXT NOT NULL, attrs TEXT, cause TEXT, problem TEXT, also TEXT,
	PRIMARY KEY (object, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS recent ON headers (id DESC, object DESC) WHERE state <> 'moved';
CREATE INDEX IF NOT EXISTS recent_kind ON headers (kind, id DESC, object DESC) WHERE state <> 'moved';
CREATE INDEX IF NOT EXISTS troubled ON headers (id DESC, object DESC) WHERE state <> 'moved' AND level >= 4;
CREATE INDEX IF NOT EXISTS moved ON headers (id) WHERE state = 'moved';
CREATE TABLE IF NOT EXISTS texts (
	object TEXT NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL,
	PRIMARY KEY (object, id, number)
);
CREATE INDEX IF NOT EXISTS texts_id ON texts (id);
` + aliasesSQL + `
PRAGMA application_id = %d;
PRAGMA user_version = %d;
`
