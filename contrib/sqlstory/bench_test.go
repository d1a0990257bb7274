package sqlstory_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"log/slog"
	"testing"

	"modernc.org/sqlite"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/sqlstory"
	"github.com/dynamoslog/dynamoslog/story"
)

// A story of ten queries of five rows and ten updates, without the wrapper, with it where
// Debug is off, and with the lines left out of calm stories, kept, and with their arguments:
// by a driver that takes no time, and by SQLite in memory.
func BenchmarkStory(b *testing.B) {
	for _, d := range []struct {
		name string
		driver.Driver
	}{{"no time", noTime{}}, {"SQLite", &sqlite.Driver{}}} {
		for _, c := range []struct {
			name  string
			with  dynamoslog.Options
			plain bool
			opts  sqlstory.Options
		}{
			{name: "unwrapped", plain: true},
			{name: "Debug off", with: dynamoslog.Options{Level: slog.LevelInfo}},
			{name: "QuietLevel", with: dynamoslog.Options{Level: slog.LevelDebug, QuietLevel: slog.LevelInfo}},
			{name: "kept", with: dynamoslog.Options{Level: slog.LevelDebug}},
			{name: "kept with arguments", with: dynamoslog.Options{Level: slog.LevelDebug}, opts: sqlstory.Options{Args: true}},
		} {
			b.Run(d.name+"/"+c.name, func(b *testing.B) {
				store := &counting{Memory: story.NewMemory()}
				h := dynamoslog.New(store, &c.with)
				c.opts.Logger = slog.New(h)
				connector := driver.Connector(opened{d.Driver})
				if !c.plain {
					connector = sqlstory.Connector(connector, &c.opts)
				}
				db := sql.OpenDB(connector)
				db.SetMaxOpenConns(1)
				if _, err := db.Exec("CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO items VALUES (0, 0), (1, 1), (2, 2), (3, 3), (4, 4)"); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					ctx, scope := dynamoslog.Begin(context.Background(), "job", "nightly")
					c.opts.Logger.InfoContext(ctx, "Counting")
					for range 10 {
						if n := count(ctx, b, db); n != 5 {
							b.Fatal(n)
						}
						if _, err := db.ExecContext(ctx, "UPDATE items SET n = n + 1 WHERE id = ?", 3); err != nil {
							b.Fatal(err)
						}
					}
					scope.End()
				}
				b.StopTimer()
				if err := h.Close(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(store.bytes)/float64(b.N), "stored-B/op")
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

func count(ctx context.Context, b *testing.B, db *sql.DB) (n int) {
	rows, err := db.QueryContext(ctx, "SELECT id FROM items WHERE id >= ?", 0)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		n++
	}
	return n
}

type opened struct{ driver driver.Driver }

func (o opened) Connect(context.Context) (driver.Conn, error) { return o.driver.Open(":memory:") }
func (o opened) Driver() driver.Driver                        { return o.driver }

// noTime is a driver whose queries all have five rows, at once.
type noTime struct{}

func (d noTime) Open(string) (driver.Conn, error)  { return d, nil }
func (noTime) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (noTime) Close() error                        { return nil }
func (noTime) Begin() (driver.Tx, error)           { return nil, driver.ErrSkip }
func (noTime) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &fiveRows{}, nil
}
func (noTime) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(1), nil
}

type fiveRows struct{ read int }

func (*fiveRows) Columns() []string { return []string{"id"} }
func (*fiveRows) Close() error      { return nil }
func (r *fiveRows) Next(dest []driver.Value) error {
	if r.read == 5 {
		return io.EOF
	}
	r.read++
	dest[0] = int64(r.read)
	return nil
}

// counting counts the text that is stored, and keeps none.
type counting struct {
	*story.Memory
	bytes int
}

func (c *counting) Put(_ context.Context, parts []story.Part) error {
	for _, p := range parts {
		c.bytes += len(p.Text)
	}
	return nil
}
