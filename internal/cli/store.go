package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// store returns the table or the file that the flags name, or else the environment.
// By default it is a file.
func (o *options) store() (table, file string, err error) {
	table, file = o.table, o.file
	if table == "" && file == "" {
		table, file = os.Getenv("DYNAMOSLOG_TABLE"), os.Getenv("DYNAMOSLOG_FILE")
	}
	switch {
	case table != "" && file != "":
		return "", "", fmt.Errorf("%w: both the table %s and the file %s are named: say which with --table or --file", errUsage, table, file)
	case table != "" || file != "":
		return table, file, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", "", fmt.Errorf("%w: there is no cache folder, name a file with --file: %w", errUsage, err)
	}
	return "", filepath.Join(cache, "dynamoslog", "stories.db"), nil
}

// withStories calls f with a store that is there already.
func (o *options) withStories(f func(story.Store) error) error {
	_, file, err := o.store()
	if err != nil {
		return err
	}
	if file != "" {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no file %s: a program that keeps its stories there makes it, or 'dynamoslog demo'", file)
		}
	}
	return o.withStore(f)
}

// withStore calls f with a store. A file that is not there is made.
func (o *options) withStore(f func(story.Store) error) (err error) {
	table, file, err := o.store()
	if err != nil {
		return err
	}
	if table != "" {
		return f(&dynamoslog.Table{Name: table})
	}
	store, err := sqlitestore.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return f(store)
}
