// Package sqlstory logs each query of a program that uses database/sql, at Debug and at the
// call depth of the code that made it:
//
//	db, err := sqlstory.Open("sqlite", "shop.db", nil) // instead of sql.Open
package sqlstory

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"log/slog"
)

// Options are the options of [Open], [Driver] and [Connector], which may be nil. A zero field
// stands for its default.
type Options struct {
	// Logger logs the queries; slog.Default() by default, as it is at each query. Its
	// handler should be a [dynamoslog.Handler].
	//
	// [dynamoslog.Handler]: https://pkg.go.dev/github.com/dynamoslog/dynamoslog#Handler
	Logger *slog.Logger
	// Skip leaves queries out, and "BEGIN", "COMMIT", "ROLLBACK" and "CONNECT", which are
	// lines of their own. None by default.
	Skip func(ctx context.Context, query string) bool
	// Level is that of the line of a query that has failed. By default it is Error, but Info
	// where the query's context was cancelled, Warn where its deadline has passed, and Debug
	// for a connection of the pool that had gone bad, as database/sql then takes another one.
	Level func(error) slog.Level
	// Args adds the arguments, of which each is cut at 100 bytes, and leaves what stands in
	// single quotes in the text of the query. By default there are none, and '…' stands for
	// that, as either may be personal or secret.
	Args bool
}

// Open is [sql.Open] with a line for each query: its text, the rows that it read or changed,
// and the time in the database.
func Open(driverName, dataSourceName string, opts *Options) (*sql.DB, error) {
	db, err := sql.Open(driverName, dataSourceName)
	if err != nil {
		return nil, err
	}
	wrapped := Driver(db.Driver(), opts)
	if err := db.Close(); err != nil {
		return nil, err
	}
	connector, err := wrapped.(driver.DriverContext).OpenConnector(dataSourceName)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// Driver wraps a driver, for [sql.Register] under a name of your own, where something opens
// databases by the driver's name.
func Driver(d driver.Driver, opts *Options) driver.Driver {
	return &wrappedDriver{Driver: d, log: newLog(opts)}
}

// Connector wraps a connector, for [sql.OpenDB].
func Connector(c driver.Connector, opts *Options) driver.Connector {
	return &connector{Connector: c, log: newLog(opts)}
}

type wrappedDriver struct {
	driver.Driver
	log *queryLog
}

func (d *wrappedDriver) Open(name string) (driver.Conn, error) {
	c, err := d.OpenConnector(name)
	if err != nil {
		return nil, err
	}
	return c.Connect(context.Background())
}

func (d *wrappedDriver) OpenConnector(name string) (driver.Connector, error) {
	with, ok := d.Driver.(driver.DriverContext)
	if !ok {
		return &connector{Connector: named{d.Driver, name}, log: d.log}, nil
	}
	c, err := with.OpenConnector(name)
	if err != nil {
		return nil, err
	}
	return &connector{Connector: c, log: d.log}, nil
}

// named is the connector of a driver that has none.
type named struct {
	driver driver.Driver
	name   string
}

func (n named) Connect(context.Context) (driver.Conn, error) { return n.driver.Open(n.name) }
func (n named) Driver() driver.Driver                        { return n.driver }

type connector struct {
	driver.Connector
	log *queryLog
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	q := c.log.begin(ctx, "CONNECT", nil)
	inner, err := c.Connector.Connect(ctx)
	q.end(err)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: inner, log: c.log}, nil
}

// Close implements [io.Closer] for [sql.DB.Close].
func (c *connector) Close() error {
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
