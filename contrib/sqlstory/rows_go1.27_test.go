//go:build go1.27

package sqlstory_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"log/slog"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/sqlstory"
)

// scans is a driver whose rows scan their columns themselves, and need not have a Next that works.
type scans struct{ noTime }

func (d scans) Open(string) (driver.Conn, error) { return d, nil }
func (scans) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &scanned{}, nil
}

type scanned struct{ read int }

func (*scanned) Columns() []string         { return []string{"id"} }
func (*scanned) Close() error              { return nil }
func (*scanned) Next([]driver.Value) error { panic("not to be called") }

func (r *scanned) NextRow() error {
	if r.read++; r.read > 3 {
		return io.EOF
	}
	return nil
}

func (r *scanned) ScanColumn(_ driver.ScanContext, _ int, dest any) error {
	*dest.(*int) = 10 * r.read
	return nil
}

func TestRowsThatScan(t *testing.T) {
	s := tell(t, dynamoslog.Options{})
	s.of(sql.OpenDB(sqlstory.Connector(opened{scans{}}, &sqlstory.Options{Logger: slog.New(s.h)})))
	rows, err := s.QueryContext(s.ctx, "SELECT id")
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		sum += id
	}
	if rows.Err() != nil || sum != 60 {
		t.Errorf("got %d, %v", sum, rows.Err())
	}
	s.check("\nD SELECT id\trows=3\n")
}
