package acceptance_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

const (
	childEnv      = "DYNAMOSLOG_TEST_CHILD"       // how the process ends, as one of these
	childTable    = "DYNAMOSLOG_TEST_TABLE"       // where its stories go
	childPatience = "DYNAMOSLOG_TEST_PATIENCE"    // what Shutdown has after SIGTERM
	childLimit    = 128 << 10                     // of its journal: some segments
	waits         = "waits to be killed"          // from its first line on
	flushes       = "flushes and waits"           // to be killed when all is stored
	panics        = "panics"                      // for want of a recover
	exits         = "calls os.Exit"               //
	fatal         = "calls log.Fatal"             //
	terminates    = "shuts down after SIGTERM"    //
	closes        = "closes the handler"          //
	recovers      = "stores what is left, closes" //
)

// A word is what a child tells its parent, as JSON, a line each.
type word struct {
	Kind, ID, Story, Message string
	Returned                 bool // Handle did, for the line
	Done                     bool // all is told
	Took                     time.Duration
	Lines                    int // that Shutdown told of
	Err                      string
}

func say(w word) {
	text, err := json.Marshal(w)
	if err != nil {
		panic(err)
	}
	// One call for each word: what it said survives it.
	if _, err := os.Stdout.Write(append(text, '\n')); err != nil {
		panic(err)
	}
}

// runChild is a process that tells stories and ends in a certain way.
func runChild(how string) {
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	h := dynamoslog.New(&dynamoslog.Table{Name: os.Getenv(childTable)}, &dynamoslog.Options{
		Level: slog.LevelDebug, MaxStory: 4 << 10, Journal: os.Getenv(dirEnv), JournalLimit: childLimit,
	})
	stories := 12
	if how == recovers {
		stories = 1 // with which it begins to recover
	}
	if how == logsLate {
		lateChildStories(h)
	} else {
		childStories(h, stories)
	}
	if how == flushes {
		if err := h.Flush(context.Background()); err != nil {
			say(word{Err: err.Error()})
		}
	}
	say(word{Done: true})
	ctx, patience := context.Background(), time.Minute
	switch how {
	case waits, flushes, logsLate:
		select {}
	case panics:
		panic("at the end of the stories")
	case exits:
		os.Exit(3)
	case fatal:
		log.Fatal("at the end of the stories")
	case terminates:
		<-stopped.Done()
		patience, _ = time.ParseDuration(os.Getenv(childPatience))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	start := time.Now()
	err := h.Shutdown(ctx)
	end := word{Took: time.Since(start)}
	if unwritten := (*dynamoslog.UnwrittenError)(nil); errors.As(err, &unwritten) {
		end.Lines = unwritten.Lines
	}
	if err != nil {
		end.Err = err.Error()
	}
	say(end)
}

// childStories tells short stories and long ones, most of which end.
func childStories(h *dynamoslog.Handler, stories int) {
	logger := slog.New(h)
	for i := range stories {
		ctx, scope := dynamoslog.Begin(context.Background(), "user", i%3)
		scope.Also("alias", "of a child")
		lines := 12
		if i%3 == 2 {
			lines = 80
		}
		tell := func(n int) {
			w := word{scope.Key().Kind, scope.Key().ID, scope.ID(), fmt.Sprintf("child %d, story %d line %d", os.Getpid(), i, n), false, false, 0, 0, ""}
			say(w)
			logger.InfoContext(ctx, w.Message, "step", n, "of", "looking for an exercise")
			w.Returned = true
			say(w)
		}
		for n := range lines {
			tell(n)
		}
		if i%4 > 0 {
			scope.End()
		}
		if i%3 == 2 {
			tell(lines) // late, as a rule
		}
	}
}

// A child is another process of a trial.
type child struct {
	tr    *trial
	cmd   *exec.Cmd
	first chan struct{} // closed when it has logged a line
	done  chan struct{} // closed when all is told, or it has ended
	ended chan struct{}

	mu    sync.Mutex
	open  map[string]bool // lines whose Handle has not returned
	last  word
	lines int
}

// begin starts a child with the trial's journal.
func (tr *trial) child(how string, env ...string) *child {
	tr.Helper()
	c := &child{tr: tr, first: make(chan struct{}), done: make(chan struct{}), ended: make(chan struct{}), open: make(map[string]bool)}
	c.cmd = exec.Command(os.Args[0])
	c.cmd.Env = append(append(os.Environ(), tr.proxy.Environ()...), childEnv+"="+how, childTable+"="+tr.direct.Name, dirEnv+"="+tr.opts.Journal)
	c.cmd.Env = append(c.cmd.Env, env...)
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		tr.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		for text := bufio.NewScanner(out); text.Scan(); {
			var w word
			if json.Unmarshal(text.Bytes(), &w) == nil {
				c.hear(w)
			}
		}
		c.finish()
		_ = c.cmd.Wait() // how it ended is known
	}()
	return c
}

// hear notes what the child says: a line is told when its Handle has returned.
func (c *child) hear(w word) {
	switch {
	case w.Message != "" && w.Returned:
		delete(c.open, w.Message)
		c.tr.remember(name{story.Key{Kind: w.Kind, ID: w.ID}, w.Story}, w.Message)
		if c.lines++; c.lines == 1 {
			close(c.first)
		}
	case w.Message != "":
		c.open[w.Message] = true
	case w.Done:
		close(c.done)
	default:
		c.mu.Lock()
		c.last = w
		c.mu.Unlock()
	}
}

func (c *child) finish() {
	c.tr.mu.Lock()
	defer c.tr.mu.Unlock()
	for message := range c.open {
		c.tr.maybe[message] = true
	}
	select {
	case <-c.done:
	default:
		close(c.done)
	}
}

// kill ends the child by kill -9, and waits for its end.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // or it has ended
	<-c.ended
}

// end waits for the end that the child brings about, and returns what it said.
func (c *child) end() word {
	<-c.ended
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// inJournal makes a directory the trial's journal.
func inJournal(tr *trial) {
	tr.opts.Journal = filepath.Join(tr.TempDir(), "journal")
}

// segments returns the files of the journal, the oldest first, and their bytes.
func (tr *trial) segments() (paths []string, data []string) {
	tr.Helper()
	paths, err := filepath.Glob(filepath.Join(tr.opts.Journal, "*", "*.seg"))
	if err != nil || len(paths) == 0 {
		tr.Fatalf("segments: %v, %v", paths, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			tr.Fatal(err)
		}
		data = append(data, string(text))
	}
	return paths, data
}

// mayMiss excuses the lines that stand in damaged bytes, and returns how many.
func (tr *trial) mayMiss(damaged string) (lines int) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, messages := range tr.told {
		for _, message := range messages {
			// The attributes follow it, so that "line 1" is not found in "line 10".
			if strings.Contains(damaged, message+"step=") {
				tr.maybe[message] = true
				lines++
			}
		}
	}
	return lines
}
