package acceptance_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// lastEnv says of a process how it speaks its last words, by a name of lastWords.
const lastEnv = "DYNAMOSLOG_TEST_LAST_WORDS"

// lastWords are how a program ends by package log. Where a store is used it takes nothing
// until the parent says so, which it does when it has read the words.
var lastWords = map[string]struct {
	end     func(h *dynamoslog.Handler)
	hangs   bool        // the store never answers
	wrapped bool        // the handler is one of several
	exit    int         // 1 is log.Fatal's, 2 a panic's
	state   story.State // of the scope's story
}{
	"log.Fatal":    {end: func(*dynamoslog.Handler) { log.Fatal("the port is taken") }, exit: 1, state: story.Closed},
	"log.Fatalf":   {end: func(*dynamoslog.Handler) { log.Fatalf("the port is %s", "taken") }, exit: 1, state: story.Closed},
	"log.Fatalln":  {end: func(*dynamoslog.Handler) { log.Fatalln("the port is", "taken") }, exit: 1, state: story.Closed},
	"(*Logger)":    {end: func(*dynamoslog.Handler) { log.Default().Fatal("the port is taken") }, exit: 1, state: story.Closed},
	"NewLogLogger": {end: func(h *dynamoslog.Handler) { slog.NewLogLogger(h, slog.LevelInfo).Fatal("the port is taken") }, exit: 1, state: story.Closed},
	"among others": {end: func(*dynamoslog.Handler) { log.Fatal("the port is taken") }, wrapped: true, exit: 1, state: story.Closed},
	"from a goroutine": {end: func(*dynamoslog.Handler) {
		ctx, _ := dynamoslog.Begin(context.Background(), "order", 94)
		go func() {
			slog.WarnContext(ctx, "Charging the card")
			log.Fatal("the port is taken")
		}()
		select {}
	}, exit: 1, state: story.Closed},
	"in a run": {end: func(h *dynamoslog.Handler) {
		_ = h.Run(context.Background(), "order", 95, func(context.Context) error {
			slog.Warn("Charging the card")
			log.Fatal("the port is taken")
			return nil
		})
	}, exit: 1, state: story.Closed},
	"log.Panic":     {end: func(*dynamoslog.Handler) { log.Panic("the port is taken") }, exit: 2, state: story.Open},
	"a black hole":  {end: func(*dynamoslog.Handler) { log.Fatal("the port is taken") }, hangs: true, exit: 1},
	"Panic into it": {end: func(*dynamoslog.Handler) { log.Panic("the port is taken") }, hangs: true, exit: 2},
}

// An obedient store takes nothing until it may.
type obedient struct {
	story.PartReader
	may <-chan struct{}
}

func (o obedient) Put(ctx context.Context, parts []story.Part) error {
	<-o.may
	return o.PartReader.Put(ctx, parts)
}

// runLastWords is the process that ends.
func runLastWords(how string) error {
	file, err := sqlitestore.Open(filepath.Join(os.Getenv(dirEnv), "stories.db"))
	if err != nil {
		return err
	}
	may := make(chan struct{})
	if !lastWords[how].hangs {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // until the parent closes it
			close(may)
		}()
	}
	h := dynamoslog.New(obedient{file, may}, nil)
	slog.SetDefault(slog.New(h))
	if lastWords[how].wrapped {
		slog.SetDefault(slog.New(slog.NewMultiHandler(slog.NewJSONHandler(io.Discard, nil), h)))
	}
	ctx, _ := dynamoslog.Begin(context.Background(), "order", 93)
	slog.InfoContext(ctx, "Looking for the order")
	log.Print("serving")
	lastWords[how].end(h)
	return errors.New("it goes on")
}

// Last words are on standard error before anything is stored, and then everything is, or
// two seconds have passed.
func TestLastWords(t *testing.T) {
	for how, c := range lastWords {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0])
			cmd.Env = append(os.Environ(), lastEnv+"="+how, dirEnv+"="+dir)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			const words = "+0.000 E the port is taken"
			var said strings.Builder
			var spoken time.Time
			for text := bufio.NewScanner(out); text.Scan(); {
				fmt.Fprintln(&said, text.Text())
				if text.Text() == words && spoken.IsZero() {
					spoken = time.Now()
					_ = in.Close()
				}
			}
			_ = cmd.Wait() // its exit code is looked at
			took := time.Since(spoken)
			if cmd.ProcessState.ExitCode() != c.exit || spoken.IsZero() || took > 10*time.Second {
				t.Errorf("exit code %d, words said: %v, exited after %v", cmd.ProcessState.ExitCode(), !spoken.IsZero(), took)
			}
			if n := strings.Count(said.String(), words+"\n"); n != 1 && !c.hangs { // of which it says everything in the end
				t.Errorf("it says its last words %d times", n)
			}
			want := []string{"order_93 " + string(c.state) + ": I Looking for the order", "E the port is taken", "I serving"}
			if how == "from a goroutine" {
				want = append(want, "order_94 "+string(c.state)+": W Charging the card")
			}
			if how == "in a run" {
				want = append(want, "order_95 closed: W Charging the card", "order_95 closed: E the port is taken")
			}
			if c.hangs {
				want = nil
				if !strings.Contains(said.String(), "are not stored") {
					t.Error("it does not say how much is not stored")
				}
			}
			stored := storedIn(t, dir)
			for _, line := range want {
				if n := strings.Count(stored, line+"\n"); n != 1 {
					t.Errorf("%q is stored %d times", line, n)
				}
			}
			if t.Failed() {
				t.Logf("it said\n%sand stored\n%s", said.String(), stored)
			}
		})
	}
}

// storedIn returns all lines of a folder's file, those of scopes with their story.
func storedIn(t *testing.T, dir string) string {
	t.Helper()
	store, err := sqlitestore.Open(filepath.Join(dir, "stories.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var text strings.Builder
	for header, err := range story.All(t.Context(), store, story.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		s, err := store.Read(t.Context(), header.Key, header.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range s.Lines {
			if header.Key.Kind == "order" {
				fmt.Fprintf(&text, "%s %s: ", header.Key, header.State)
			}
			fmt.Fprintln(&text, line.Level.String()[:1], line.Message)
		}
	}
	return text.String()
}
