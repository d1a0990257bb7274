package sqlitestore

import (
	"context"
	"database/sql"
)

// Files that were made before headers had a cause, or aliases, have no columns and no table
// for them. They are read without; the first Put adds them.

// A layout says what of that a file has.
type layout struct {
	added   string // columns of a header, for a query, with NULL in the place of those it lacks
	missing []string
	aliases bool // it has the table
}

// added are the columns that came later, bounded as columns are.
var added = []struct{ name, value string }{
	{"cause", "CASE WHEN octet_length(cause) <= 4096 THEN cause END"},
	{"problem", "CASE WHEN octet_length(problem) <= 4096 THEN problem END"},
	{"also", "CASE WHEN octet_length(also) <= 65536 THEN also END"},
}

// latest is the layout of a file that has all.
var latest = func() (all layout) {
	for _, column := range added {
		all.added += ", " + column.value
	}
	all.aliases = true
	return all
}()

// A querier is a connection or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// layout returns what the file has. Another program may add some while it is open here,
// and takes none away: one that has all is not asked again.
func (f *file) layout(ctx context.Context, db querier) (has layout, err error) {
	if f.isLatest.Load() {
		return latest, nil
	}
	for _, column := range added {
		there, err := exist(ctx, db, `SELECT count(*) FROM pragma_table_info('headers') WHERE name = ?`, column.name)
		if err != nil {
			return has, err
		}
		if there {
			has.added += ", " + column.value
		} else {
			has.added += ", NULL"
			has.missing = append(has.missing, column.name)
		}
	}
	has.aliases, err = exist(ctx, db, `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?`, "aliases")
	if err == nil && has.aliases && len(has.missing) == 0 {
		f.isLatest.Store(true)
	}
	return has, err
}

func exist(ctx context.Context, db querier, query, name string) (there bool, err error) {
	err = db.QueryRowContext(ctx, query, name).Scan(&there)
	return there, err
}

// complete adds what the file lacks. Nothing of what it holds is written anew.
func (f *file) complete(ctx context.Context, tx *sql.Tx) error {
	has, err := f.layout(ctx, tx)
	if err != nil {
		return err
	}
	for _, name := range has.missing {
		if _, err := tx.ExecContext(ctx, `ALTER TABLE headers ADD COLUMN `+name+` TEXT`); err != nil {
			return err
		}
	}
	if !has.aliases {
		_, err = tx.ExecContext(ctx, aliasesSQL)
	}
	return err
}
