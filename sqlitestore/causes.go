package sqlitestore

import (
	"context"
	"database/sql"
)

// Files that were made before headers had a cause have no columns for it. They are read
// without; the first Put adds them.

// causes are the columns of a header in a file that has them, and in one that does not.
const (
	causes   = `, CASE WHEN octet_length(cause) <= 4096 THEN cause END, CASE WHEN octet_length(problem) <= 4096 THEN problem END`
	noCauses = `, NULL, NULL`
)

// A querier is a connection or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// columns returns those of a header that the file has. Another program may add some while
// it is open here.
func (f *file) columns(ctx context.Context, db querier) (string, error) {
	missing, err := f.missingColumns(ctx, db)
	if err != nil || len(missing) > 0 {
		return columns + noCauses, err
	}
	return columns + causes, nil
}

// missingColumns returns the columns that the file lacks.
func (f *file) missingColumns(ctx context.Context, db querier) (missing []string, err error) {
	if f.hasCauses.Load() {
		return nil, nil
	}
	for _, name := range []string{"cause", "problem"} {
		var there int
		err := db.QueryRowContext(ctx, `SELECT count(*) FROM pragma_table_info('headers') WHERE name = ?`, name).Scan(&there)
		if err != nil {
			return nil, err
		}
		if there == 0 {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

// addColumns adds those that the file lacks. Nothing of what it holds is written anew.
func (f *file) addColumns(ctx context.Context, tx *sql.Tx) error {
	missing, err := f.missingColumns(ctx, tx)
	if err != nil {
		return err
	}
	for _, name := range missing {
		if _, err := tx.ExecContext(ctx, `ALTER TABLE headers ADD COLUMN `+name+` TEXT`); err != nil {
			return err
		}
	}
	return nil
}
