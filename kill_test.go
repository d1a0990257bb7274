package dynamoslog_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

const (
	killEnv  = "DYNAMOSLOG_TEST_KILLED"   // what a process to be killed does: log or recover
	dirEnv   = "DYNAMOSLOG_TEST_DIR"      // where it does it
	killAt   = "DYNAMOSLOG_TEST_KILL_AT"  // the call of Put at which it kills itself
	noKeep   = "DYNAMOSLOG_TEST_NO_KEEP"  // without a journal
	roundEnv = "DYNAMOSLOG_KILL_ROUNDS"   // for a longer run by hand
	lineEnv  = "DYNAMOSLOG_KILL_MILLIONS" // at least so many lines in it
	killers  = 4                          // goroutines that log
)

// A killer store kills its process at a certain call: before the call, after it
// and so before it is acknowledged, or half way through.
type killer struct {
	story.Store
	calls atomic.Int64
	at    int64
}

func (k *killer) Put(ctx context.Context, parts []story.Part) error {
	if k.calls.Add(1) != k.at {
		return k.Store.Put(ctx, parts)
	}
	if err := k.Store.Put(ctx, parts[:rand.IntN(len(parts)+1)]); err != nil {
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

// runKilled is the process that is killed.
func runKilled() error {
	dir := os.Getenv(dirEnv)
	file, err := sqlitestore.Open(filepath.Join(dir, "stories.db"))
	if err != nil {
		return err
	}
	at, _ := strconv.ParseInt(os.Getenv(killAt), 10, 64)
	opts := &dynamoslog.Options{Level: slog.LevelDebug, JournalLimit: 32 << 20, OnError: func(err error) { fmt.Fprintln(os.Stderr, err) }}
	if os.Getenv(noKeep) == "" {
		opts.Journal = filepath.Join(dir, "journal")
	}
	h := dynamoslog.New(&killer{Store: file, at: at}, opts)
	slog.New(h).Info("begins")
	if os.Getenv(killEnv) == "recover" {
		if err := h.Shutdown(context.Background()); err != nil {
			return err
		}
		return file.Close()
	}
	status, err := os.OpenFile(filepath.Join(dir, "status"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	for g := range killers {
		all.Go(func() { logForEver(h, status, g) })
	}
	all.Wait()
	return nil
}

// logForEver logs numbered lines, and notes in a file how many Handle returned for.
func logForEver(h *dynamoslog.Handler, status *os.File, g int) {
	logger := slog.New(h)
	var number [8]byte
	n := uint64(0)
	for i := 0; ; i++ {
		for h.Stats().Buffered > 4<<20 {
			time.Sleep(time.Millisecond)
		}
		ctx, scope := dynamoslog.Begin(context.Background(), "job", fmt.Sprintf("%d-%d", g, i))
		for range 1 + rand.IntN(200) {
			n++
			logger.InfoContext(ctx, "line", "n", n)
			binary.LittleEndian.PutUint64(number[:], n)
			if _, err := status.WriteAt(number[:], int64(g*8)); err != nil {
				panic(err)
			}
		}
		if i%7 > 0 { // some never end
			scope.End()
		}
	}
}

type killResult struct{ kills, lines, lost, twice, disordered, stories int }

func (r *killResult) add(other killResult) {
	r.kills += other.kills
	r.lines += other.lines
	r.lost += other.lost
	r.twice += other.twice
	r.disordered += other.disordered
	r.stories += other.stories
}

func (r killResult) String() string {
	return fmt.Sprintf("%d kills, %d lines whose Handle returned: %d lost, %d twice, %d out of order, in %d stories",
		r.kills, r.lines, r.lost, r.twice, r.disordered, r.stories)
}

// killOnce kills a process that logs, and some that recover, and reads what is stored.
func killOnce(t *testing.T, alive time.Duration, env ...string) (r killResult) {
	t.Helper()
	dir := t.TempDir()
	start := func(what string, at int) *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killEnv+"="+what, dirEnv+"="+dir, killAt+"="+strconv.Itoa(at))
		cmd.Env = append(cmd.Env, env...)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	at := 0
	if rand.IntN(2) == 0 {
		at = 1 + rand.IntN(20)
	}
	cmd := start("log", at)
	timer := time.AfterFunc(alive, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // killed
	timer.Stop()
	r.kills++
	for range rand.IntN(3) {
		if err := start("recover", 1+rand.IntN(8)).Wait(); err == nil {
			break // it was done before
		}
		r.kills++
	}
	if err := start("recover", 0).Wait(); err != nil {
		t.Fatal("recovery: ", err)
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		status = nil // killed before the first line
	}
	r.read(t, filepath.Join(dir, "stories.db"), status, len(env) == 0)
	return r
}

// read compares what is stored with what was logged.
func (r *killResult) read(t *testing.T, path string, status []byte, complete bool) {
	t.Helper()
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	var seen [killers]map[uint64]int
	for g := range seen {
		seen[g] = make(map[uint64]int)
	}
	for header, err := range story.All(t.Context(), store, story.Query{Kind: "job", Limit: 1000}) {
		if err != nil {
			t.Fatal(err)
		}
		r.stories++
		s, err := store.Read(t.Context(), header.Key, header.ID)
		if err != nil {
			t.Fatal(err)
		}
		group, _, _ := strings.Cut(s.Key.ID, "-")
		g, err := strconv.Atoi(group)
		if err != nil {
			t.Fatal(err)
		}
		last := uint64(0)
		for _, line := range s.Lines {
			value, _ := line.Attr("n")
			n, err := strconv.ParseUint(value, 10, 64)
			if err != nil {
				t.Fatalf("%s: %+v: %v", s.Key, line, err)
			}
			seen[g][n]++
			if n != last+1 && last > 0 {
				r.disordered++
			}
			last = n
		}
		if complete && (s.State == story.Open || s.LineCount != len(s.Lines)) {
			t.Errorf("%s: state %s, %d lines of %d", s.Key, s.State, len(s.Lines), s.LineCount)
		}
	}
	for g := range killers {
		if len(status) < (g+1)*8 {
			break
		}
		returned := binary.LittleEndian.Uint64(status[g*8:])
		r.lines += int(returned)
		for n := uint64(1); n <= returned; n++ {
			if seen[g][n] == 0 {
				r.lost++
			}
		}
		for n, times := range seen[g] {
			r.twice += times - 1
			if n > returned+1 {
				t.Errorf("line %d was never logged", n)
			}
		}
	}
}

// Every line whose Handle returned outlives kill -9.
func TestKilledProcessesLoseNothing(t *testing.T) {
	rounds, alive := 20, 200*time.Millisecond
	if os.Getenv("CI") != "" && !raceDetector { // CI runs both ways
		rounds = 50
	}
	if n, err := strconv.Atoi(os.Getenv(roundEnv)); err == nil {
		rounds, alive = n, 4*time.Second
	}
	millions, _ := strconv.Atoi(os.Getenv(lineEnv))
	var all killResult
	for i := 0; i < rounds || all.lines < millions*1_000_000; i++ {
		all.add(killOnce(t, time.Duration(rand.Int64N(int64(alive)))))
		if i%50 == 49 {
			t.Log(all)
		}
	}
	t.Log(all)
	if all.lost+all.twice+all.disordered > 0 {
		t.Error("want nothing lost, twice or out of order")
	}
}

// Without a journal lines are lost: the test above would notice.
func TestKilledProcessesLoseLinesWithoutJournal(t *testing.T) {
	var all killResult
	for range 50 {
		all.add(killOnce(t, 200*time.Millisecond, noKeep+"=1"))
		if all.lost > 0 {
			t.Log(all)
			return
		}
	}
	t.Error("nothing was lost without a journal: ", all)
}
