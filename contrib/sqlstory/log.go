package sqlstory

import (
	"context"
	"database/sql/driver"
	"errors"
	"log/slog"
	"time"
)

// A queryLog is what the connections of a database share.
type queryLog struct {
	Options
	sites callSites
}

func newLog(opts *Options) *queryLog {
	l := &queryLog{}
	if opts != nil {
		l.Options = *opts
	}
	return l
}

// A query is one on its way.
type query struct {
	log   *queryLog
	ctx   context.Context
	text  string
	args  string // "" unless they are asked for
	skip  bool
	start time.Time
}

func (l *queryLog) begin(ctx context.Context, text string, args []driver.NamedValue) query {
	q := query{log: l, ctx: ctx, text: text, skip: l.Skip != nil && l.Skip(ctx, text)}
	if l.Args && !q.skip {
		q.args = argsText(args)
	}
	q.start = time.Now()
	return q
}

func (l *queryLog) logger() *slog.Logger {
	if l.Logger != nil {
		return l.Logger
	}
	return slog.Default()
}

// end logs a query that reads and changes no rows, outside of a connection.
func (q *query) end(err error) {
	q.log.line(q, &outcome{took: time.Since(q.start), err: err})
}

// endOn logs one on a connection.
func (q *query) endOn(c *conn, err error) {
	took := time.Since(q.start)
	q.log.line(q, &outcome{took: took, err: err, stale: c.stale(err)})
}

// endExec logs one that changes rows.
func (q *query) endExec(c *conn, result driver.Result, err error) {
	o := outcome{took: time.Since(q.start), err: err, stale: c.stale(err)}
	if err == nil {
		rows, unknown := result.RowsAffected()
		o.rows, o.counted = rows, unknown == nil
	}
	q.log.line(q, &o)
}

// stale reports whether a connection of the pool had gone bad, outside of a transaction: then
// database/sql takes another one, if it was it that chose this one. The last one it takes is new.
func (c *conn) stale(err error) bool { return c.pool && !c.tx && errors.Is(err, driver.ErrBadConn) }

// An outcome is how a query has ended.
type outcome struct {
	took    time.Duration
	rows    int64
	counted bool // rows are known
	err     error
	stale   bool
	began   uintptr // where the program made the query, if that may be over; else 0
}

// line logs a query as a line of the code that called database/sql.
func (l *queryLog) line(q *query, o *outcome) {
	if q.skip || errors.Is(o.err, driver.ErrSkip) { // database/sql does it in another way
		return
	}
	logger := l.logger()
	if o.err == nil && !logger.Enabled(q.ctx, slog.LevelDebug) {
		return
	}
	pc, again := l.sites.caller()
	if pc == 0 {
		pc = o.began
	}
	again = again && o.stale
	level := l.level(q.ctx, o.err, again)
	if !logger.Enabled(q.ctx, level) {
		return
	}
	record := slog.NewRecord(time.Now(), level, message(q.text, l.Args), pc)
	if q.args != "" {
		record.AddAttrs(slog.String("args", q.args))
	}
	if o.counted {
		record.AddAttrs(slog.Int64("rows", o.rows))
	}
	if o.err != nil {
		record.AddAttrs(slog.Any("error", o.err))
		if cause := context.Cause(q.ctx); cause != nil && !errors.Is(o.err, cause) {
			record.AddAttrs(slog.Any("cause", cause))
		}
	}
	if again {
		record.AddAttrs(slog.Bool("retried", true))
	}
	record.AddAttrs(slog.Duration("took", o.took.Round(time.Microsecond)))
	_ = logger.Handler().Handle(q.ctx, record)
}

func (l *queryLog) level(ctx context.Context, err error, again bool) slog.Level {
	switch {
	case err == nil:
		return slog.LevelDebug
	case l.Level != nil:
		return l.Level(err)
	case again:
		return slog.LevelDebug
	case errors.Is(ctx.Err(), context.Canceled), errors.Is(err, context.Canceled):
		return slog.LevelInfo
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		return slog.LevelWarn
	}
	return slog.LevelError
}
