package sqlitestore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// OpenReadOnly opens a file of stories to read from it only, which this user need not
// be able to write to, nor to its folder. It makes no file. Programs may write to the
// file meanwhile, and somebody may put another in its place: see [Store]. The caller
// closes the store; its Put and Delete fail.
//
// One thing cannot be read like this: a file whose last changes are still in the file
// of the same name with -wal, without the one with -shm, in a folder where SQLite
// cannot make that. The error then says to copy the first two.
func OpenReadOnly(path string) (*Store, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	s := &Store{path: path, full: full, readOnly: true}
	if s.file, err = s.openFile(context.Background()); err != nil {
		return nil, err
	}
	return s, nil
}

// find says why there is no file that could be read.
func find(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		err = errors.New("it is a folder")
	}
	return err
}

// connectReadOnly returns the connections of a store that only reads, twice.
func connectReadOnly(path string) (db, reader *sql.DB, err error) {
	closed, err := sql.Open("sqlite", "") // for its driver, which has no other name
	if err != nil {
		return nil, nil, err
	}
	c := &connector{path: path, driver: closed.Driver()}
	immutable := url.Values{"mode": {"ro"}, "immutable": {"1"}} // without any lock
	if c.pin, err = c.driver.Open(fileURI(path, immutable)); err != nil {
		return nil, nil, errors.Join(err, closed.Close())
	}
	db = sql.OpenDB(c)
	db.SetMaxIdleConns(-1) // a connection sees what its way to open the file lets it see
	return db, db, closed.Close()
}

// A connector makes connections that only read.
type connector struct {
	path   string
	driver driver.Driver
	pin    driver.Conn // reads nothing; while it has the file open no other can be taken for it
}

// Connect implements [driver.Connector]. Where nobody has written anything that is not
// in the file yet, SQLite needs no other file (immutable). Else it needs the -shm
// file, which it can make only where it may write to the folder.
func (c *connector) Connect(context.Context) (driver.Conn, error) {
	source := dataSource(c.path, "deferred", "ro", busyTimeout)
	if wal, err := os.Stat(c.path + "-wal"); err != nil || wal.Size() == 0 {
		source += "&immutable=1"
	}
	return c.driver.Open(source)
}

// Driver implements [driver.Connector].
func (c *connector) Driver() driver.Driver { return c.driver }

// Close implements [io.Closer], for the closing of the [sql.DB].
func (c *connector) Close() error { return c.pin.Close() }
