//go:build go1.27

package sqlstory

import (
	"database/sql/driver"
	"time"
)

// scanningRows are rows that scan their columns themselves. database/sql does not ask
// others for it, as they have the method Next.
type scanningRows struct {
	*rows
	scanner driver.RowsColumnScanner
}

func wrap(r *rows) driver.Rows {
	if scanner, ok := r.Rows.(driver.RowsColumnScanner); ok {
		return scanningRows{r, scanner}
	}
	return r
}

func (r scanningRows) NextRow() error {
	start := time.Now()
	return r.fetched(start, r.scanner.NextRow())
}

func (r scanningRows) ScanColumn(scan driver.ScanContext, i int, dest any) error {
	return r.scanner.ScanColumn(scan, i, dest)
}
