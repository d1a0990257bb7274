package sqlitestore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dynamoslog/dynamoslog/story"
)

// OpenReadOnly opens a file of stories to read from it only, which this user need not
// be able to write to, nor to its folder. It makes no file. Programs may write to the
// file meanwhile. The caller closes the store; its Put and Delete fail.
//
// One thing cannot be read like this: a file whose last changes are still in the file
// of the same name with -wal, without the one with -shm, in a folder where SQLite
// cannot make that. The error then says to copy the first two.
func OpenReadOnly(path string) (*Store, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	if info, err := os.Stat(full); err != nil {
		return nil, &explained{text: fmt.Sprintf("sqlitestore: opening %s: %v", path, err), errs: []error{err, story.ErrUnusable}}
	} else if info.IsDir() {
		return nil, &explained{text: fmt.Sprintf("sqlitestore: opening %s: it is a folder", path), errs: []error{story.ErrUnusable}}
	}
	closed, err := sql.Open("sqlite", "") // for its driver, which has no other name
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	db := sql.OpenDB(connector{path: full, driver: closed.Driver()})
	db.SetMaxIdleConns(-1) // a connection sees what its way to open the file lets it see
	s := &Store{path: path, readOnly: true, db: db, reader: db}
	have, _, err := s.inspect(context.Background()) // without an index reading is slow, no more
	if err == nil && have == 0 {
		err = fmt.Errorf("%w: %s is empty; name another file", ErrNotStore, path)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close(), closed.Close())
	}
	return s, closed.Close()
}

// A connector makes connections that only read.
type connector struct {
	path   string
	driver driver.Driver
}

// Connect implements [driver.Connector]. Where nobody has written anything that is not
// in the file yet, SQLite needs no other file (immutable). Else it needs the -shm
// file, which it can make only where it may write to the folder.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	mode := "ro"
	if wal, err := os.Stat(c.path + "-wal"); err != nil || wal.Size() == 0 {
		mode = "ro&immutable=1"
	}
	return c.driver.Open(dataSource(c.path, "deferred") + "&mode=" + mode)
}

// Driver implements [driver.Connector].
func (c connector) Driver() driver.Driver { return c.driver }
