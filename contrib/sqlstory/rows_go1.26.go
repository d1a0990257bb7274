//go:build !go1.27

package sqlstory

import "database/sql/driver"

func wrap(r *rows) driver.Rows { return r }
