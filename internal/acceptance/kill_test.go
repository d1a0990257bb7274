package acceptance_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

const (
	roundEnv = "DYNAMOSLOG_KILL_ROUNDS"   // for a longer run by hand
	lineEnv  = "DYNAMOSLOG_KILL_MILLIONS" // at least so many lines in it
)

type killResult struct{ kills, lines, bare, lost, twice, disordered, stories, bad int }

func (r *killResult) add(other killResult) {
	r.kills += other.kills
	r.lines += other.lines
	r.bare += other.bare
	r.lost += other.lost
	r.twice += other.twice
	r.disordered += other.disordered
	r.stories += other.stories
	r.bad += other.bad
}

func (r killResult) String() string {
	return fmt.Sprintf("%d kills, %d lines whose Handle returned, %d of them not in the journal: %d lost, %d twice, %d out of order, in %d stories, %d of them bad",
		r.kills, r.lines, r.bare, r.lost, r.twice, r.disordered, r.stories, r.bad)
}

// A killing is one process that logs and is killed, and those that recover from it.
type killing struct {
	*testing.T
	dir   string
	env   []string
	modes string
	open  func() (store story.Store, done func()) // what the processes store to
}

// newKilling prepares a killing on a file.
func newKilling(t *testing.T, env ...string) *killing {
	k := &killing{T: t, dir: t.TempDir(), env: env}
	k.open = func() (story.Store, func()) {
		t.Helper()
		file, err := sqlitestore.Open(filepath.Join(k.dir, "stories.db"))
		if err != nil {
			t.Fatal(err)
		}
		return file, func() { _ = file.Close() }
	}
	return k
}

// onTable prepares it on a table of DynamoDB's emulator.
func (k *killing) onTable() *killing {
	table := handlertest.NewTable(k.T, &dynamoslog.Table{})
	k.env = append(append(k.env, dynamotest.Environ(k)...), tableEnv+"="+table.Name)
	k.open = func() (story.Store, func()) { return table, func() {} }
	return k
}

func (k *killing) start(what string, at int) *exec.Cmd {
	k.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killEnv+"="+what, dirEnv+"="+k.dir, killAt+"="+strconv.Itoa(at), killMode+"="+k.modes)
	cmd.Env = append(cmd.Env, k.env...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		k.Fatal(err)
	}
	return cmd
}

// run kills a process that logs, and some that recover, and reads what is stored.
func (k *killing) run(alive time.Duration) (r killResult) {
	k.Helper()
	at := 0
	if rand.IntN(2) == 0 && !strings.Contains(k.modes, orderly) {
		at = 1 + rand.IntN(20)
	}
	cmd := k.start("log", at)
	timer := time.AfterFunc(alive, func() {
		if strings.Contains(k.modes, orderly) {
			_ = cmd.Process.Signal(syscall.SIGTERM)
		} else {
			_ = cmd.Process.Kill()
		}
	})
	_ = cmd.Wait() // killed
	timer.Stop()
	r.kills++
	before := k.read()
	for range rand.IntN(3) {
		if err := k.start("recover", 1+rand.IntN(8)).Wait(); err == nil {
			break // it was done before
		}
		r.kills++
	}
	if err := k.start("recover", 0).Wait(); err != nil {
		k.Fatal("recovery: ", err)
	}
	k.compare(&r, before)
	return r
}

// A killedLine is a line that is stored.
type killedLine struct {
	group int
	n     uint64
}

// storedLinesOf is what was read: how often each line is there, and how many stand behind a
// later one of their story.
type storedLinesOf struct {
	times               map[killedLine]int
	disordered, stories int
	wrong               []string // stories whose headers do not say what their lines do
	bad                 int      // stories at Warn or above
}

func (k *killing) read() storedLinesOf {
	k.Helper()
	store, done := k.open()
	defer done()
	s := storedLinesOf{times: make(map[killedLine]int)}
	for header, err := range story.All(k.Context(), store, story.Query{Kind: "job", Limit: 1000}) {
		if err != nil {
			k.Fatal(err)
		}
		s.stories++
		told, err := store.Read(k.Context(), header.Key, header.ID)
		if err != nil {
			k.Fatal(err)
		}
		s.checkCause(header, told.Lines)
		group, err := strconv.Atoi(told.Key.ID[:strings.IndexByte(told.Key.ID, '-')])
		if err != nil {
			k.Fatal(err)
		}
		last := uint64(0)
		for _, line := range told.Lines {
			value, ok := line.Attr("n")
			if !ok && strings.HasSuffix(line.Message, "missing in the store") && strings.Contains(k.modes, withoutRoom) {
				continue
			}
			n, err := strconv.ParseUint(value, 10, 64)
			if err != nil {
				k.Fatalf("%s: %+v: %v", told.Key, line, err)
			}
			s.times[killedLine{group, n}]++
			if n <= last {
				s.disordered++
			}
			last = n
		}
	}
	return s
}

// checkCause compares what a list says of a story with its lines.
func (s *storedLinesOf) checkCause(header story.Header, lines []story.Line) {
	level := slog.LevelInfo
	for _, line := range lines {
		level = max(level, line.Level)
	}
	if level == slog.LevelInfo {
		return
	}
	s.bad++
	if cause, _ := story.CauseOf("job", lines); header.MaxLevel != level || header.Cause != cause || header.Problem == "" {
		s.wrong = append(s.wrong, fmt.Sprintf("%s %s (%s) is %v, %q, %q, and not %v, %q", header.Key, header.ID, header.State, header.MaxLevel, header.Cause, header.Problem, level, cause))
	}
}

// readFallback returns the lines that are in the fallback: those that had no room in
// the journal when their process ended in order, with the others of their story.
func (k *killing) readFallback() map[killedLine]bool {
	k.Helper()
	text, err := os.ReadFile(filepath.Join(k.dir, "fallback"))
	if err != nil && !os.IsNotExist(err) {
		k.Fatal(err)
	}
	found := make(map[killedLine]bool)
	for _, line := range story.Parse(string(text)) {
		number, isLine := line.Attr("n")
		if !isLine {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 64)
		name, _ := line.Attr("group")
		group, err2 := strconv.Atoi(name)
		if err := errors.Join(err, err2); err != nil {
			k.Fatal(err)
		}
		found[killedLine{group, n}] = true
	}
	if len(found) > 0 && !(strings.Contains(k.modes, withoutRoom) && strings.Contains(k.modes, orderly)) {
		k.Errorf("with %q: %d lines are in the fallback", k.modes, len(found))
	}
	return found
}

// compare counts what became of the lines.
func (k *killing) compare(r *killResult, before storedLinesOf) {
	k.Helper()
	after := k.read()
	inFallback := k.readFallback()
	r.stories, r.disordered, r.bad = after.stories, after.disordered, after.bad
	if len(after.wrong) > 0 && !strings.Contains(k.modes, withoutRoom) { // else lines are lost
		k.Errorf("with %q, of %d: %s", k.modes, after.bad, strings.Join(after.wrong, "\n"))
	}
	for g := range killers {
		returned := uint64(0)
		if text, err := os.ReadFile(filepath.Join(k.dir, fmt.Sprint("status", g))); err == nil && len(text) == 8 {
			returned = binary.LittleEndian.Uint64(text)
		}
		bare := make(map[uint64]bool)
		text, _ := os.ReadFile(filepath.Join(k.dir, fmt.Sprint("bare", g))) // it was killed before it made one
		for ; len(text) >= 8; text = text[8:] {
			bare[binary.LittleEndian.Uint64(text)] = true
		}
		r.lines += int(returned)
		r.bare += len(bare)
		for n := uint64(1); n <= returned; n++ {
			at := killedLine{g, n}
			if after.times[at] == 0 && !inFallback[at] && (!bare[n] || before.times[at] > 0) {
				r.lost++
			}
		}
		for at, times := range after.times {
			if at.group != g {
				continue
			}
			r.twice += times - 1
			if at.n > returned+1 {
				k.Errorf("line %d was never logged", at.n)
			}
		}
	}
}

// randomModes draws what is special about a killing.
func randomModes(modes ...string) string {
	var some []string
	for _, mode := range modes {
		if rand.IntN(3) == 0 {
			some = append(some, mode)
		}
	}
	return strings.Join(some, ",")
}

// Every line whose Handle returned outlives kill -9, and an end by which not all is stored.
func TestKilledProcessesLoseNothing(t *testing.T) {
	rounds, alive := 15, 200*time.Millisecond
	switch {
	case testing.Short():
		rounds = 7
	case os.Getenv("CI") != "":
		rounds = 20
	}
	testKillings(t, rounds, alive, func() *killing { return newKilling(t) })
}

// The same on DynamoDB.
func TestKilledProcessesLoseNothingOnDynamoDB(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	rounds := 4
	if os.Getenv("CI") != "" && !handlertest.RaceDetector {
		rounds = 6
	}
	testKillings(t, rounds, 400*time.Millisecond, func() *killing { return newKilling(t).onTable() })
}

func testKillings(t *testing.T, rounds int, alive time.Duration, prepare func() *killing) {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv(roundEnv)); err == nil {
		rounds, alive = n, 4*time.Second
	}
	millions, _ := strconv.Atoi(os.Getenv(lineEnv))
	var all killResult
	for i := 0; i < rounds || all.lines < millions*1_000_000; i++ {
		k := prepare()
		k.modes = randomModes(withParts, withHotKeys, withoutRoom, orderly)
		r := k.run(time.Duration(rand.Int64N(int64(alive))))
		if r.lost+r.twice > 0 || r.disordered > 0 && r.bare == 0 {
			t.Errorf("with %q: %v; want nothing lost, twice or out of order", k.modes, r)
		}
		if all.add(r); i%50 == 49 {
			t.Log(all)
		}
	}
	t.Log(all)
}

// Without a journal lines are lost: the test above would notice.
func TestKilledProcessesLoseLinesWithoutJournal(t *testing.T) {
	var all killResult
	for range 50 {
		all.add(newKilling(t, noKeep+"=1").run(200 * time.Millisecond))
		if all.lost > 0 {
			t.Log(all)
			return
		}
	}
	t.Error("nothing was lost without a journal: ", all)
}
