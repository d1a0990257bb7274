package sqlstory_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/sqlstory"
)

// An old driver has what every driver must have and nothing else. Its queries fail as told.
type old struct {
	conns int
	fails func(conn int, text string) error
}

func (d *old) Open(string) (driver.Conn, error) {
	d.conns++
	return &oldConn{d, d.conns}, nil
}

type oldConn struct {
	*old
	number int
}

func (c *oldConn) Prepare(text string) (driver.Stmt, error) {
	if strings.HasPrefix(text, "nonsense") {
		return nil, errors.New("syntax error")
	}
	return &oldStmt{c, text}, nil
}
func (c *oldConn) Close() error              { return nil }
func (c *oldConn) Begin() (driver.Tx, error) { return c, nil }
func (c *oldConn) Commit() error             { return c.fails(c.number, "COMMIT") }
func (c *oldConn) Rollback() error           { return c.fails(c.number, "ROLLBACK") }

type oldStmt struct {
	*oldConn
	text string
}

func (s *oldStmt) NumInput() int { return -1 }
func (s *oldStmt) Exec([]driver.Value) (driver.Result, error) {
	return driver.ResultNoRows, s.fails(s.number, s.text)
}
func (s *oldStmt) Query([]driver.Value) (driver.Rows, error) { return oldRows{}, nil }
func (s *oldStmt) Close() error                              { return nil }

type oldRows struct{}

func (oldRows) Columns() []string         { return []string{"a"} }
func (oldRows) Close() error              { return nil }
func (oldRows) Next([]driver.Value) error { return io.EOF }

func openOld(t *testing.T, fails func(conn int, text string) error) *shop {
	s := tell(t, dynamoslog.Options{})
	d := &old{fails: func(conn int, text string) error {
		if strings.HasPrefix(text, "CREATE") || strings.HasPrefix(text, "INSERT") {
			return nil
		}
		return fails(conn, text)
	}}
	connector, err := sqlstory.Driver(d, &sqlstory.Options{Logger: slog.New(s.h)}).(driver.DriverContext).OpenConnector("")
	if err != nil {
		t.Fatal(err)
	}
	return s.of(sql.OpenDB(connector))
}

// A driver that lacks whatever is optional works as it does without being wrapped.
func TestOldDriver(t *testing.T) {
	s := openOld(t, func(int, string) error { return nil })
	if _, err := s.ExecContext(s.ctx, "DELETE FROM items", 1, "a"); err != nil {
		t.Error(err)
	}
	if _, err := s.ExecContext(s.ctx, "DELETE FROM items", sql.Named("a", 1)); err == nil || !strings.Contains(err.Error(), "Named Parameters") {
		t.Errorf("got %v", err)
	}
	if _, err := s.BeginTx(s.ctx, &sql.TxOptions{Isolation: sql.LevelSerializable}); err == nil || !strings.Contains(err.Error(), "isolation level") {
		t.Errorf("got %v", err)
	}
	if _, err := s.BeginTx(s.ctx, &sql.TxOptions{ReadOnly: true}); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("got %v", err)
	}
	rows, err := s.QueryContext(s.ctx, "SELECT a")
	if err != nil {
		t.Fatal(err)
	}
	types, err := rows.ColumnTypes()
	if err != nil || types[0].ScanType() != reflect.TypeFor[any]() || types[0].DatabaseTypeName() != "" {
		t.Errorf("got %v, %v", types, err)
	}
	if rows.Next() || rows.NextResultSet() || rows.Close() != nil {
		t.Error("there is more")
	}
	if err := s.PingContext(s.ctx); err != nil {
		t.Error(err)
	}
	if _, err := s.PrepareContext(s.ctx, "nonsense"); err == nil {
		t.Error("no error")
	}
	s.check(`
D DELETE FROM items
E DELETE FROM items	error="sql: driver does not support the use of Named Parameters"
E BEGIN	error="sql: driver does not support non-default isolation level"
E BEGIN	error="sql: driver does not support read-only transactions"
D SELECT a	rows=0
E nonsense	error="syntax error"
`)
}

// A connection that went bad in the pool is told at Debug, as database/sql takes another one.
func TestBadConnections(t *testing.T) {
	s := openOld(t, func(conn int, _ string) error {
		if conn == 1 {
			return driver.ErrBadConn
		}
		return nil
	})
	if _, err := s.ExecContext(s.ctx, "DELETE FROM items"); err != nil {
		t.Error(err)
	}
	s.check(`
D DELETE FROM items	error="driver: bad connection" retried=true
D CONNECT
D DELETE FROM items
`)
}

// It is an error where the new connection is bad too, or nothing may be tried again.
func TestBadConnectionsThatAreErrors(t *testing.T) {
	s := openOld(t, func(int, string) error { return driver.ErrBadConn })
	if _, err := s.ExecContext(s.ctx, "DELETE FROM items"); !errors.Is(err, driver.ErrBadConn) {
		t.Error(err)
	}
	tx, err := s.BeginTx(s.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(s.ctx, "DELETE FROM items"); !errors.Is(err, driver.ErrBadConn) {
		t.Error(err)
	}
	_ = tx.Rollback()
	got := s.told()
	if n := strings.Count(got, "retried=true"); n != 1 {
		t.Errorf("%d lines of connections that are replaced:\n%s", n, got)
	}
	if !strings.Contains(got, "E DELETE FROM items\terror=\"driver: bad connection\"\nD CONNECT\nD BEGIN\nE DELETE FROM items\terror=\"driver: bad connection\"\n") {
		t.Errorf("got\n%s", got)
	}
}

// A client that leaves is told at Info.
func TestCancelled(t *testing.T) {
	s := openOld(t, func(_ int, text string) error { return nil })
	ctx, leave := context.WithCancel(s.ctx)
	leave()
	conn, err := s.Conn(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		statement, err := c.(driver.ConnPrepareContext).PrepareContext(s.ctx, "DELETE FROM items")
		if err == nil {
			_, err = statement.(driver.StmtExecContext).ExecContext(ctx, nil)
		}
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	s.check("\nI DELETE FROM items\terror=\"context canceled\"\n")
}

// What the driver says of its columns comes through, and Raw leads to its connection.
func TestDriverIsSeen(t *testing.T) {
	s := open(t, dynamoslog.Options{}, sqlstory.Options{})
	plain, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "plain.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := plain.ExecContext(t.Context(), "CREATE TABLE items (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL UNIQUE); INSERT INTO items VALUES (1, 'a')"); err != nil {
		t.Fatal(err)
	}
	types := func(db *sql.DB) any {
		rows, err := db.QueryContext(t.Context(), "SELECT id, name, 1.5 AS x FROM items")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		if !rows.Next() {
			t.Fatal(rows.Err())
		}
		types, err := rows.ColumnTypes()
		if err != nil {
			t.Fatal(err)
		}
		return types
	}
	if got, want := types(s.DB), types(plain); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	raw := func(db *sql.DB) (inner reflect.Type) {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.Raw(func(c any) error {
			if wrapped, ok := c.(interface{ Raw() driver.Conn }); ok {
				c = wrapped.Raw()
			}
			inner = reflect.TypeOf(c)
			return nil
		})
		return inner
	}
	if got, want := raw(s.DB), raw(plain); got != want {
		t.Errorf("got a %v, want a %v", got, want)
	}
}

func TestOpenOfUnknownDriver(t *testing.T) {
	if _, err := sqlstory.Open("none", "", nil); err == nil || !strings.Contains(err.Error(), "unknown driver") {
		t.Errorf("got %v", err)
	}
}

// POSTGRES_URL names a database of PostgreSQL in which the test may make a temporary table.
func TestPostgres(t *testing.T) {
	url := os.Getenv("POSTGRES_URL")
	if url == "" {
		t.Skip("POSTGRES_URL is not set")
	}
	connector, err := pq.NewConnector(url)
	if err != nil {
		t.Fatal(err)
	}
	s := tell(t, dynamoslog.Options{})
	s.of(sql.OpenDB(tempTables{sqlstory.Connector(connector, &sqlstory.Options{Logger: slog.New(s.h), Args: true})}))
	s.queryPostgres(t)
	ctx, cancel := context.WithCancel(s.ctx)
	if _, err := s.ExecContext(ctx, "SELECT pg_cancel_backend(pg_backend_pid())"); err == nil {
		t.Error("no error")
	}
	cancel()
	if _, err := s.ExecContext(s.ctx, "SELECT pg_terminate_backend(pg_backend_pid())"); err == nil {
		t.Error("no error")
	}
	s.check(`
D SELECT name FROM items WHERE id >= $1	args=[3] rows=2
E INSERT INTO items VALUES ($1, $2)	args="[9 \"item 1\"]" error="pq: duplicate key value violates unique constraint \"items_name_key\""
E SELECT pg_cancel_backend(pg_backend_pid())	error="pq: canceling statement due to user request"
D SELECT pg_terminate_backend(pg_backend_pid())	error="driver: bad connection" retried=true
D CONNECT
E SELECT pg_terminate_backend(pg_backend_pid())	error="driver: bad connection"
D CONNECT
E SELECT pg_terminate_backend(pg_backend_pid())	error="driver: bad connection"
`)
}

// tempTables are connections with a schema of their own.
type tempTables struct{ driver.Connector }

func (c tempTables) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err == nil {
		_, err = conn.(driver.ExecerContext).ExecContext(context.Background(), "SET search_path TO pg_temp", nil)
	}
	return conn, err
}

func (s *shop) queryPostgres(t *testing.T) {
	rows, err := s.QueryContext(s.ctx, "SELECT name FROM items WHERE id >= $1", 3)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
	}
	if rows.Err() != nil {
		t.Error(rows.Err())
	}
	if _, err := s.ExecContext(s.ctx, "INSERT INTO items VALUES ($1, $2)", 9, "item 1"); err == nil {
		t.Error("no error")
	}
}
