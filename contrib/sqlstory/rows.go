package sqlstory

import (
	"database/sql/driver"
	"io"
	"log/slog"
	"reflect"
	"time"
)

// read wraps the rows of a query, whose line is logged when they are closed, as how many
// they are is known then. A query that has failed is logged at once.
func (q *query) read(c *conn, inner driver.Rows, err error) (driver.Rows, error) {
	took := time.Since(q.start)
	stale := c.stale(err)
	if err != nil {
		q.log.line(q, &outcome{took: took, err: err, stale: stale})
		return nil, err
	}
	r := &rows{Rows: inner, query: *q, outcome: outcome{took: took, counted: true}}
	if !q.skip && q.log.logger().Enabled(q.ctx, slog.LevelDebug) {
		r.began, _ = q.log.sites.caller()
	}
	return wrap(r), nil
}

// rows have every method that database/sql looks for. Where the driver's have none, they
// say what database/sql says then.
type rows struct {
	driver.Rows
	query
	outcome
}

func (r *rows) Next(dest []driver.Value) error {
	start := time.Now()
	return r.fetched(start, r.Rows.Next(dest))
}

// fetched counts a row.
func (r *rows) fetched(start time.Time, err error) error {
	r.took += time.Since(start)
	switch err {
	case nil:
		r.outcome.rows++
	case io.EOF:
	default:
		r.err = err
	}
	return err
}

func (r *rows) Close() error {
	start := time.Now()
	err := r.Rows.Close()
	r.took += time.Since(start)
	if r.err == nil {
		r.err = err
	}
	r.log.line(&r.query, &r.outcome)
	return err
}

func (r *rows) HasNextResultSet() bool {
	sets, ok := r.Rows.(driver.RowsNextResultSet)
	return ok && sets.HasNextResultSet()
}

func (r *rows) NextResultSet() error {
	if sets, ok := r.Rows.(driver.RowsNextResultSet); ok {
		return sets.NextResultSet()
	}
	return io.EOF
}

func (r *rows) ColumnTypeScanType(i int) reflect.Type {
	if types, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return types.ColumnTypeScanType(i)
	}
	return reflect.TypeFor[any]()
}

func (r *rows) ColumnTypeDatabaseTypeName(i int) string {
	if types, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return types.ColumnTypeDatabaseTypeName(i)
	}
	return ""
}

func (r *rows) ColumnTypeLength(i int) (length int64, ok bool) {
	if types, ok := r.Rows.(driver.RowsColumnTypeLength); ok {
		return types.ColumnTypeLength(i)
	}
	return 0, false
}

func (r *rows) ColumnTypeNullable(i int) (nullable, ok bool) {
	if types, ok := r.Rows.(driver.RowsColumnTypeNullable); ok {
		return types.ColumnTypeNullable(i)
	}
	return false, false
}

func (r *rows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	if types, ok := r.Rows.(driver.RowsColumnTypePrecisionScale); ok {
		return types.ColumnTypePrecisionScale(i)
	}
	return 0, 0, false
}
