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
	"time"
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
	db.SetMaxIdleConns(mostIdle)
	return db, db, closed.Close()
}

// mostIdle is how many connections wait for the next call.
const mostIdle = 4

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
	source, saw := dataSource(c.path, "deferred", "ro", busyTimeout), look(c.path, os.Stat)
	if saw.whole {
		source += "&immutable=1"
	}
	opened, err := c.driver.Open(source)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(connection)
	if !ok {
		return nil, errors.Join(fmt.Errorf("sqlitestore: a connection of %T lacks methods", opened), opened.Close())
	}
	return &readConn{conn, c, saw}, nil
}

// Driver implements [driver.Connector].
func (c *connector) Driver() driver.Driver { return c.driver }

// Close implements [io.Closer], for the closing of the [sql.DB].
func (c *connector) Close() error { return c.pin.Close() }

// A sight is what tells a file from what it was before.
type sight struct {
	whole   bool // nothing is beside the file that is not in it
	size    int64
	changed time.Time
	at      time.Time // of the look
}

// look asks for what is beside the file first: a writer that ends changes the file before it
// tidies that up, so that who finds nothing beside it finds the file changed.
func look(path string, stat func(string) (os.FileInfo, error)) sight {
	saw := sight{at: time.Now()}
	wal, err := stat(path + "-wal")
	saw.whole = err != nil || wal.Size() == 0
	if info, err := stat(path); err == nil {
		saw.size, saw.changed = info.Size(), info.ModTime()
	}
	return saw
}

// coarse is how far apart two changes of a file may be that have the same time in a file
// system: FAT's has two seconds.
const coarse = 3 * time.Second

// still reports whether a file that looks like this now has surely not changed since.
func (s sight) still(now sight) bool {
	return now.whole && now.size == s.size && now.changed.Equal(s.changed) && s.at.Sub(s.changed) > coarse
}

// A connection is what the driver's have.
type connection interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

// A readConn is a connection that only reads.
type readConn struct {
	connection
	from *connector
	saw  sight // before it was made
}

// IsValid implements [driver.Validator]. A connection with locks does not wait for the
// next call: a writer that ends meanwhile could not tidy up what is beside the file.
func (c *readConn) IsValid() bool { return c.saw.whole }

// ResetSession implements [driver.SessionResetter]. A connection without locks takes the
// file for one that never changes: it serves the next call only where that has not.
func (c *readConn) ResetSession(context.Context) error {
	if !c.saw.still(look(c.from.path, os.Stat)) {
		return driver.ErrBadConn
	}
	return nil
}
