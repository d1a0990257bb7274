package acceptance_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

const (
	killEnv  = "DYNAMOSLOG_TEST_KILLED"     // what a process to be killed does: log or recover
	killMode = "DYNAMOSLOG_TEST_KILL_MODE"  // how: words of these
	tableEnv = "DYNAMOSLOG_TEST_KILL_TABLE" // a table instead of a file
	killAt   = "DYNAMOSLOG_TEST_KILL_AT"    // the call of Put at which it kills itself
	noKeep   = "DYNAMOSLOG_TEST_NO_KEEP"    // without a journal
	killers  = 4                            // goroutines that log

	withParts   = "parts"  // stories of several parts
	withHotKeys = "hot"    // keys of which the store takes little
	withoutRoom = "noroom" // a journal that is full now and then
	orderly     = "orderly"
)

// A killer store kills its process at a certain call: before the call, after it
// and so before it is acknowledged, or half way through.
type killer struct {
	story.PartReader
	calls atomic.Int64
	at    int64
}

func (k *killer) Put(ctx context.Context, parts []story.Part) error {
	if k.calls.Add(1) != k.at {
		return k.put(ctx, parts)
	}
	if err := k.PartReader.Put(ctx, parts[:rand.IntN(len(parts)+1)]); err != nil {
		return err
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := self.Kill(); err != nil {
		return err
	}
	select {}
}

// put stores parts, of hot keys one in five.
func (k *killer) put(ctx context.Context, parts []story.Part) error {
	return putSome(ctx, k.PartReader, parts, func(p story.Part) bool {
		return strings.HasSuffix(p.Key.ID, "-hot") && rand.IntN(5) > 0 && k.at >= 0
	})
}

func mode(word string) bool { return strings.Contains(os.Getenv(killMode), word) }

// runKilled is the process that is killed.
func runKilled() error {
	dir := os.Getenv(dirEnv)
	store := &killer{PartReader: &dynamoslog.Table{Name: os.Getenv(tableEnv)}}
	closed := func() error { return nil }
	if os.Getenv(tableEnv) == "" {
		file, err := sqlitestore.Open(filepath.Join(dir, "stories.db"))
		if err != nil {
			return err
		}
		store.PartReader, closed = file, file.Close
	}
	store.at, _ = strconv.ParseInt(os.Getenv(killAt), 10, 64)
	opts := &dynamoslog.Options{Level: slog.LevelDebug, JournalLimit: 32 << 20, OnError: func(err error) {
		if !mode(withHotKeys) && !mode(withoutRoom) {
			fmt.Fprintln(os.Stderr, err)
		}
	}}
	if os.Getenv(noKeep) == "" {
		opts.Journal = filepath.Join(dir, "journal")
	}
	if mode(withParts) {
		opts.MaxStory = 2 << 10
	}
	if mode(withoutRoom) {
		opts.JournalLimit = 256 << 10
	}
	fallback, err := os.OpenFile(filepath.Join(dir, "fallback"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	opts.Fallback = fallback
	h := dynamoslog.New(store, opts)
	slog.New(h).Info("begins")
	if os.Getenv(killEnv) == "recover" {
		if store.at == 0 {
			store.at = -1 // at last all is taken
		}
		if err := h.Shutdown(context.Background()); err != nil {
			return err
		}
		return closed()
	}
	return logUntilTold(h, dir)
}

// logUntilTold logs until the process is killed, or told to end.
func logUntilTold(h *dynamoslog.Handler, dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var all sync.WaitGroup
	for g := range killers {
		status, err := os.OpenFile(filepath.Join(dir, fmt.Sprint("status", g)), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		bare, err := os.OpenFile(filepath.Join(dir, fmt.Sprint("bare", g)), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		l := &killedLogger{h: h, group: g, status: status, bare: bare}
		all.Go(func() { l.run(ctx) })
	}
	all.Wait()
	soon, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_ = h.Shutdown(soon) // what it leaves is looked at
	return nil
}

// A killedLogger logs numbered lines, and notes in a file how many Handle returned
// for, and in another one those that are perhaps not in the journal.
type killedLogger struct {
	h            *dynamoslog.Handler
	group        int
	status, bare *os.File
	n            uint64
}

func (l *killedLogger) run(ctx context.Context) {
	var ended []context.Context // which still get lines
	for i := 0; ctx.Err() == nil; i++ {
		for l.h.Stats().Buffered > 4<<20 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		id := fmt.Sprintf("%d-%d", l.group, i)
		if mode(withHotKeys) && i%5 == 0 {
			id = fmt.Sprintf("%d-%d-hot", l.group, i/50)
		}
		storyCtx, scope := dynamoslog.Begin(context.Background(), "job", id)
		l.log(storyCtx, 1+rand.IntN(200))
		if i%7 == 0 {
			continue // some never end
		}
		if scope.End(); i%3 == 0 {
			ended = append(ended, storyCtx)
		}
		for len(ended) > rand.IntN(4) {
			l.log(ended[0], 1+rand.IntN(3))
			if ended = ended[1:]; rand.IntN(2) == 0 {
				time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond) // so that some are stored before
			}
		}
	}
}

func (l *killedLogger) log(ctx context.Context, lines int) {
	logger := slog.New(l.h)
	var number [8]byte
	for range lines {
		l.n++
		binary.LittleEndian.PutUint64(number[:], l.n)
		bare := int64(0)
		if mode(withoutRoom) {
			bare = l.h.Stats().Unprotected
		}
		level := slog.LevelInfo
		if rand.IntN(100) == 0 {
			level = []slog.Level{slog.LevelWarn, slog.LevelWarn, slog.LevelError}[rand.IntN(3)]
		}
		logger.Log(ctx, level, "line", "n", l.n, "group", l.group, "err", l.n)
		if mode(withoutRoom) && l.h.Stats().Unprotected > bare {
			must(l.bare.Write(number[:]))
		}
		must(l.status.WriteAt(number[:], 0))
	}
}

func must(_ int, err error) {
	if err != nil {
		panic(err)
	}
}
