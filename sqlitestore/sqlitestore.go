// Package sqlitestore keeps stories in one local file, without any account or
// server. Several processes may read the file while one writes it.
//
//	store, err := sqlitestore.Open("stories.db")
//	handler := dynamoslog.New(store, nil)
package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// ErrClosed is wrapped by the errors of a store that was closed.
var ErrClosed = errors.New("sqlitestore: the store is closed")

// ErrNotStore is wrapped by Open's error for a file that is something else, or
// was made by a newer version of this package.
var ErrNotStore = errors.New("sqlitestore: not a file of stories")

const (
	version     = 1                      // of the schema, in user_version
	application = 0x64796e61             // in application_id: "dyna"
	busyTimeout = 5 * time.Second        // how long a writer waits for another one
	busySlice   = 100 * time.Millisecond // how much of it SQLite waits at once
	defaultTTL  = 30 * 24 * time.Hour
	maxTTL      = 100 * 365 * 24 * time.Hour // keeps the sum of times in range
	grace       = 24 * time.Hour             // a story may be open for a day
)

// A Store is a [story.Store] in one file.
//
// Somebody may remove, rename or replace the file while it is open. The next call
// notices: Put goes on in the file that is at the path then, and makes it where there
// is none; what only reads or deletes fails without one, with an error that wraps
// [story.ErrUnusable]. Put looks again before it returns, so that no part counts as
// stored that went into a file which was no longer at the path. What was stored
// before is where the file is now. Where the file is gone Close says so.
type Store struct {
	// TTL is how long a story is kept after its first day; 30 days by default.
	// Negative keeps stories for ever. Set it before the first use.
	TTL time.Duration

	path     string // as Open was given it
	full     string
	readOnly bool // opened by OpenReadOnly
	closed   atomic.Bool

	using sync.RWMutex // held for reading by every call, for writing to open another file
	file  *file        // nil where the last one is gone and no other could be opened

	mu      sync.Mutex
	cleaned time.Time // when expired stories were last removed
}

var _ story.Store = (*Store)(nil)

// Open opens the file of that path, or makes it, and the folders above it; only
// this user may read what it makes. The caller closes the store. See [OpenReadOnly]
// for a file that cannot be written to.
func Open(path string) (*Store, error) {
	if path == "" {
		return nil, fmt.Errorf("%w: the path is empty", ErrNotStore)
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	s := &Store{path: path, full: full}
	if s.file, err = s.openFile(context.Background()); err != nil {
		return nil, err
	}
	return s, nil
}

// use lets a call do its work with the file, and again with the one that is at the
// path then, where that is another. Only a call that makes one can do without.
func (s *Store) use(ctx context.Context, doing string, makes bool, do func(*file) error) error {
	for range tries {
		f, err := s.acquire(ctx, doing, makes)
		if err != nil {
			return err
		}
		err = do(f)
		there := f.there()
		s.using.RUnlock()
		if there || ctx.Err() != nil || s.closed.Load() {
			return err
		}
	}
	return s.gone(doing)
}

// acquire returns the file at the path, and with it s.using, held for reading.
func (s *Store) acquire(ctx context.Context, doing string, makes bool) (*file, error) {
	for range tries {
		if err := s.ready(ctx); err != nil {
			return nil, err
		}
		s.using.RLock()
		if f := s.file; f != nil && f.there() {
			return f, nil
		}
		s.using.RUnlock()
		if _, err := os.Stat(s.full); err != nil && (s.readOnly || !makes) {
			return nil, s.gone(doing)
		}
		if err := s.reopen(ctx); err != nil {
			return nil, err
		}
	}
	return nil, s.gone(doing)
}

// reopen opens what is at the path in place of a file that is no longer there. It
// closes that one first, when no call uses it: they have names beside them in common.
func (s *Store) reopen(ctx context.Context) (err error) {
	s.using.Lock()
	defer s.using.Unlock()
	if err := s.ready(ctx); err != nil || s.file != nil && s.file.there() {
		return err
	}
	if s.file != nil {
		_ = s.file.close() // it is out of reach
		s.file = nil
	}
	s.file, err = s.openFile(ctx)
	return err
}

// Close closes the file, and says where that is no longer at its path. Closing again
// does nothing.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.using.RLock() // calls may go on: they fail
	defer s.using.RUnlock()
	if s.file == nil {
		return s.gone("closing")
	}
	there := s.file.there()
	if err := s.file.close(); err != nil {
		return fmt.Errorf("sqlitestore: closing %s: %w", s.path, err)
	}
	if !there {
		return s.gone("closing")
	}
	return nil
}

// ready says why a call cannot begin.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return ErrClosed
	}
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	return nil
}

// oldest returns the id before which stories are expired.
func (s *Store) oldest() string {
	ttl := s.TTL
	if ttl == 0 {
		ttl = defaultTTL
	}
	if ttl < 0 {
		return ""
	}
	return story.IDPrefix(time.Now().Add(-min(ttl, maxTTL) - grace))
}
