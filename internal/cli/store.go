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

// A source is where stories are: a table or a file.
type source struct{ table, file string }

// source returns what the flags name, or else the environment. By default it is a file
// in the cache folder.
func (o *options) source() (source, error) {
	if o.table == "" && o.file == "" {
		return sourceOf(os.Getenv("DYNAMOSLOG_TABLE"), os.Getenv("DYNAMOSLOG_FILE"))
	}
	return sourceOf(o.table, o.file)
}

// placeName says in words what the commands read.
func (o *options) placeName() string {
	s, err := o.source()
	switch {
	case err != nil:
		return ""
	case s.table != "":
		return "the table " + s.table
	}
	return "the file " + s.file
}

// ownSource returns what the flags name, whatever the environment does: what a demo
// makes up is not to come among a program's stories.
func (o *options) ownSource() (source, error) { return sourceOf(o.table, o.file) }

func sourceOf(table, file string) (source, error) {
	switch {
	case table != "" && file != "":
		return source{}, fmt.Errorf("%w: both the table %s and the file %s are named: say which with --table or --file", errUsage, table, file)
	case table != "" || file != "":
		return source{table, file}, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return source{}, fmt.Errorf("%w: there is no cache folder, name a file with --file: %w", errUsage, err)
	}
	return source{file: filepath.Join(cache, "dynamoslog", "stories.db")}, nil
}

// exists says by its error that a file is not there.
func (s source) exists() error {
	if s.file == "" {
		return nil
	}
	if _, err := os.Stat(s.file); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no file %s: a program that keeps its stories there makes it, or 'dynamoslog demo'", s.file)
	}
	return nil
}

// write calls f with the store. A file that is not there is made.
func (s source) write(f func(story.Store) error) error {
	if s.table != "" {
		if err := f(&dynamoslog.Table{Name: s.table}); err != nil {
			return inFlags{err}
		}
		return nil
	}
	store, err := sqlitestore.Open(s.file)
	return with(store, err, f)
}

// read calls f with the store, of which it only reads. A file may be one that this user
// cannot write to.
func (s source) read(f func(story.Store) error) error {
	if s.table != "" {
		return s.write(f)
	}
	store, err := sqlitestore.Open(s.file)
	if errors.Is(err, story.ErrUnusable) && !errors.Is(err, sqlitestore.ErrNotStore) {
		store, err = sqlitestore.OpenReadOnly(s.file)
	}
	return with(store, err, f)
}

func with(store *sqlitestore.Store, err error, f func(story.Store) error) error {
	if err != nil {
		return err
	}
	return errors.Join(f(store), store.Close())
}

// withStories calls f with a store that is there already, to read from it.
func (o *options) withStories(f func(story.Store) error) error {
	s, err := o.source()
	if err == nil {
		err = s.exists()
	}
	if err != nil {
		return err
	}
	return s.read(f)
}

// withComing is withStories for a command that waits for stories: it makes the file
// that a program will write to, where it is not there.
func (o *options) withComing(f func(story.Store) error) error {
	s, err := o.source()
	switch {
	case err != nil:
		return err
	case s.exists() != nil:
		return s.write(f)
	}
	return s.read(f)
}
