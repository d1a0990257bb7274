package dynamoslog_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// logPanic calls log.Panic as a program does that goes on.
func logPanic(l *log.Logger) {
	defer func() { _ = recover() }()
	l.Panic("no disk")
}

// What comes from log.Panic is an Error, which ReplaceAttr sees, stored when the call
// returns, and in the fallback; lines around it are not.
func TestLastWordsOfOneWhoGoesOn(t *testing.T) {
	for name, replace := range map[string]func([]string, slog.Attr) slog.Attr{
		"E": nil,
		"W": func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.LevelKey && a.Value.Any() == slog.LevelError {
				return slog.Any(slog.LevelKey, slog.LevelWarn)
			}
			return a
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			var fallback bytes.Buffer
			h, store := open(t, dynamoslog.Options{Process: story.NewKey("app", "p"), Fallback: &fallback, ReplaceAttr: replace})
			logger := slog.NewLogLogger(h.WithAttrs([]slog.Attr{slog.Int("try", 3)}), slog.LevelInfo)
			logger.Print("begun")
			logPanic(logger)
			s, err := store.Read(t.Context(), story.NewKey("app", "p"), "")
			if err != nil {
				t.Fatal(err)
			}
			expect(t, s, "+0.000 I begun\ttry=3\n+0.000 "+name+"   no disk\ttry=3\n")
			logger.Print("going on")
			expect(t, read(t, h, store, "app_p", ""), "+0.000 I begun\ttry=3\n+0.000 "+name+"   no disk\ttry=3\n+0.000 I going on\ttry=3\n")
			if want := "dynamoslog: log.Panic\n+0.000 " + name + " no disk\ttry=3\n"; fallback.String() != want {
				t.Errorf("the fallback has %q, want %q", fallback.String(), want)
			}
		})
	}
}

// A hanging store takes nothing.
type hanging struct{ *story.Memory }

func (hanging) Put(ctx context.Context, _ []story.Part) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestLastWordsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fallback bytes.Buffer
		h := dynamoslog.New(hanging{}, &dynamoslog.Options{Fallback: &fallback})
		begun := time.Now()
		logPanic(slog.NewLogLogger(h, slog.LevelInfo))
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("they took %v", took)
		}
		if got := fallback.String(); !strings.Contains(got, "E no disk") || !strings.Contains(got, "1 line of 1 story is not stored; it is in memory") {
			t.Errorf("the fallback has %q", got)
		}
		_ = h.Close() // says the same
	})
}

// After Close they are in the fallback, once.
func TestLastWordsAfterClose(t *testing.T) {
	var fallback bytes.Buffer
	h := dynamoslog.New(story.NewMemory(), &dynamoslog.Options{Fallback: &fallback})
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	logPanic(slog.NewLogLogger(h, slog.LevelInfo))
	if got := fallback.String(); strings.Count(got, "no disk") != 1 {
		t.Errorf("the fallback has %q", got)
	}
}

// slowly is a fallback that takes its time, but not too much.
type slowly struct{ bytes.Buffer }

func (s *slowly) Write(p []byte) (int, error) {
	time.Sleep(700 * time.Millisecond)
	return s.Buffer.Write(p)
}

// The call waits for the fallback as well, and for one that hangs no longer than for the store.
func TestLastWordsAreWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fallback slowly
		h := dynamoslog.New(story.NewMemory(), &dynamoslog.Options{Fallback: &fallback})
		begun := time.Now()
		logPanic(slog.NewLogLogger(h, slog.LevelInfo))
		if took := time.Since(begun); took > 2*time.Second || !strings.Contains(fallback.String(), "no disk") {
			t.Errorf("after %v the fallback has %q", took, fallback.String())
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		h := dynamoslog.New(story.NewMemory(), &dynamoslog.Options{Fallback: writer})
		begun := time.Now()
		logPanic(slog.NewLogLogger(h, slog.LevelInfo))
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
		_ = reader.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

// One who ends the program from where trouble is told, or where stories are stored, is
// held up for no more than the two seconds.
func TestLastWordsFromWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fallback bytes.Buffer
		var logger *log.Logger
		var took time.Duration
		done := make(chan struct{})
		h := dynamoslog.New(refusing{}, &dynamoslog.Options{Fallback: &fallback, OnError: func(error) {
			if took > 0 {
				return
			}
			begun := time.Now()
			logPanic(logger)
			took = max(time.Since(begun), 1)
			close(done)
		}})
		logger = slog.NewLogLogger(h, slog.LevelInfo)
		logger.Print("begun")
		<-done
		if took > 2*time.Second || !strings.Contains(fallback.String(), "E no disk") {
			t.Errorf("it took %v, and the fallback has %q", took, fallback.String())
		}
		_ = h.Close() // says what is known
	})
}

type refusing struct{ *story.Memory }

func (refusing) Put(context.Context, []story.Part) error {
	return errors.Join(errors.New("no table"), story.ErrUnusable)
}

// The process's key is the program's name, or the function's on AWS Lambda, where every
// program is named bootstrap.
func TestProcessKey(t *testing.T) {
	for function, want := range map[string]string{
		"":       strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"),
		"orders": "orders",
	} {
		t.Setenv("AWS_LAMBDA_FUNCTION_NAME", function)
		h, store := open(t, dynamoslog.Options{})
		slog.New(h).Info("begun")
		if s := read(t, h, store, "app_"+want, ""); len(s.Lines) != 1 {
			t.Errorf("app_%s has %d lines", want, len(s.Lines))
		}
	}
}
