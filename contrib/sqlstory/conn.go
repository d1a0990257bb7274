//lint:file-ignore SA1019 old drivers have nothing else

package sqlstory

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// A conn has every method that database/sql looks for in a connection. Where the driver's
// has none, it does what database/sql does then.
type conn struct {
	driver.Conn
	log  *queryLog
	pool bool // it comes from the pool; database/sql uses a connection from one goroutine at a time
	tx   bool // a transaction is open, so that no query is tried again
}

// Raw returns the driver's own connection, for [sql.Conn.Raw].
func (c *conn) Raw() driver.Conn { return c.Conn }

func (c *conn) Ping(ctx context.Context) error {
	if pinger, ok := c.Conn.(driver.Pinger); ok {
		return pinger.Ping(ctx)
	}
	return nil
}

// ResetSession is called where a connection is taken from the pool, and not where it is new.
func (c *conn) ResetSession(ctx context.Context) error {
	c.pool = true
	if resetter, ok := c.Conn.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

func (c *conn) IsValid() bool {
	validator, ok := c.Conn.(driver.Validator)
	return !ok || validator.IsValid()
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *conn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	q := c.log.begin(ctx, text, nil)
	inner, err := c.prepare(ctx, text)
	if err != nil {
		q.endOn(c, err)
		return nil, err
	}
	return &stmt{Stmt: inner, conn: c, text: text}, nil
}

func (c *conn) prepare(ctx context.Context, text string) (driver.Stmt, error) {
	if preparer, ok := c.Conn.(driver.ConnPrepareContext); ok {
		return preparer.PrepareContext(ctx, text)
	}
	inner, err := c.Conn.Prepare(text)
	if err == nil && ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), inner.Close())
	}
	return inner, err
}

func (c *conn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	q := c.log.begin(ctx, text, args)
	result, err := c.exec(ctx, text, args)
	q.endExec(c, result, err)
	return result, err
}

func (c *conn) exec(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	switch execer := c.Conn.(type) {
	case driver.ExecerContext:
		return execer.ExecContext(ctx, text, args)
	case driver.Execer:
		return withValues(ctx, args, func(values []driver.Value) (driver.Result, error) { return execer.Exec(text, values) })
	}
	return nil, driver.ErrSkip // database/sql prepares it
}

func (c *conn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	q := c.log.begin(ctx, text, args)
	inner, err := c.query(ctx, text, args)
	return q.read(c, inner, err)
}

func (c *conn) query(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	switch queryer := c.Conn.(type) {
	case driver.QueryerContext:
		return queryer.QueryContext(ctx, text, args)
	case driver.Queryer:
		return withValues(ctx, args, func(values []driver.Value) (driver.Rows, error) { return queryer.Query(text, values) })
	}
	return nil, driver.ErrSkip
}

// withValues calls a function of before there were contexts and named arguments.
func withValues[T any](ctx context.Context, args []driver.NamedValue, call func([]driver.Value) (T, error)) (none T, err error) {
	values := make([]driver.Value, len(args))
	for i, arg := range args {
		if arg.Name != "" {
			return none, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = arg.Value
	}
	if err := ctx.Err(); err != nil {
		return none, err
	}
	return call(values)
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	q := c.log.begin(ctx, "BEGIN", nil)
	inner, err := c.beginTx(ctx, opts)
	q.endOn(c, err)
	if err != nil {
		return nil, err
	}
	c.tx = true
	return &tx{inner, ctx, c}, nil
}

func (c *conn) beginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if beginner, ok := c.Conn.(driver.ConnBeginTx); ok {
		return beginner.BeginTx(ctx, opts)
	}
	switch {
	case opts.Isolation != driver.IsolationLevel(sql.LevelDefault):
		return nil, errors.New("sql: driver does not support non-default isolation level")
	case opts.ReadOnly:
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	inner, err := c.Conn.Begin()
	if err == nil && ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), inner.Rollback())
	}
	return inner, err
}

type tx struct {
	driver.Tx
	ctx  context.Context // of the transaction: Commit has none of its own
	conn *conn
}

func (t *tx) Commit() error { return t.finish("COMMIT", t.Tx.Commit) }

func (t *tx) Rollback() error { return t.finish("ROLLBACK", t.Tx.Rollback) }

func (t *tx) finish(text string, finish func() error) error {
	q := t.conn.log.begin(t.ctx, text, nil)
	err := finish()
	q.endOn(t.conn, err)
	t.conn.tx = false
	return err
}

// A stmt has every method that database/sql looks for in a prepared statement.
type stmt struct {
	driver.Stmt
	conn *conn
	text string
}

func (s *stmt) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return s.conn.CheckNamedValue(v)
}

func (s *stmt) ColumnConverter(i int) driver.ValueConverter {
	if converter, ok := s.Stmt.(driver.ColumnConverter); ok {
		return converter.ColumnConverter(i)
	}
	return driver.DefaultParameterConverter
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	q := s.conn.log.begin(ctx, s.text, args)
	result, err := s.exec(ctx, args)
	q.endExec(s.conn, result, err)
	return result, err
}

func (s *stmt) exec(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if execer, ok := s.Stmt.(driver.StmtExecContext); ok {
		return execer.ExecContext(ctx, args)
	}
	return withValues(ctx, args, s.Stmt.Exec)
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	q := s.conn.log.begin(ctx, s.text, args)
	inner, err := s.query(ctx, args)
	return q.read(s.conn, inner, err)
}

func (s *stmt) query(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if queryer, ok := s.Stmt.(driver.StmtQueryContext); ok {
		return queryer.QueryContext(ctx, args)
	}
	return withValues(ctx, args, s.Stmt.Query)
}
