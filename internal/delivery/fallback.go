package delivery

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/attrtext"
	"github.com/dynamoslog/dynamoslog/internal/proflabel"
	"github.com/dynamoslog/dynamoslog/story"
)

const (
	// Those who log wait as long as this for their text to be in the fallback: it may
	// be the process's last words.
	fallbackPatience = 50 * time.Millisecond
	// untilWritten waits until a text is in the fallback.
	untilWritten = time.Duration(-1)
	// As much text waits for a fallback that hangs; what comes then is dropped, where
	// that may be.
	maxFallback = 1 << 20
)

// A fallback writes text to a writer, on a goroutine of its own as long as there
// is some, so that one that hangs, panics or logs holds nobody up.
type fallback struct {
	out io.Writer

	mu      sync.Mutex
	waiting []fallbackText
	size    int             // of what waits
	running bool            // the goroutine is
	last    <-chan struct{} // closed when the last text was written; nil where there was none
}

type fallbackText struct {
	text    string
	written chan struct{} // closed when it was handed to the writer
}

// add queues a text and returns a channel that is closed once it was written, or nil
// where there is no room for it. Must is for what may not be dropped.
func (f *fallback) add(head, text string, must bool) <-chan struct{} {
	t := fallbackText{"dynamoslog: " + story.Escape(head) + "\n" + text, make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !must && f.size+len(t.text) > maxFallback && len(f.waiting) > 0 {
		return nil
	}
	f.waiting = append(f.waiting, t)
	f.size += len(t.text)
	f.last = t.written
	if !f.running {
		f.running = true
		go f.run()
	}
	return t.written
}

func (f *fallback) run() {
	proflabel.Clear()
	for {
		f.mu.Lock()
		if len(f.waiting) == 0 {
			f.running, f.waiting = false, nil
			f.mu.Unlock()
			return
		}
		t := f.waiting[0]
		f.waiting = f.waiting[1:]
		f.size -= len(t.text)
		f.mu.Unlock()
		f.put(t.text)
		close(t.written)
	}
}

func (f *fallback) put(text string) {
	defer func() { _ = recover() }() // as of its errors, there is nowhere to tell of it
	_, _ = f.out.Write([]byte(text))
}

// write writes a text that may not be dropped, and waits for it so long.
func (f *fallback) write(head, text string, patience time.Duration) {
	awaitWritten(f.add(head, text, true), patience)
}

func awaitWritten(written <-chan struct{}, patience time.Duration) {
	if patience == untilWritten {
		<-written
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	}
}

// ToFallback writes lines that those who log cannot store. It waits for a moment only.
func (d *Delivery) ToFallback(reason string, lines []story.Line) {
	written := d.fallback.add("not stored: "+strings.TrimPrefix(reason, "dynamoslog: "), story.Format(lines), false)
	if written != nil {
		awaitWritten(written, fallbackPatience)
	}
}

// LastWords writes lines to the fallback that the program may end after, and waits for
// nothing: AwaitFallback does.
func (d *Delivery) LastWords(from string, lines []story.Line) {
	d.fallback.add(from, story.Format(lines), true)
}

// AwaitFallback waits until all that was added so far is written, or the context ends.
func (d *Delivery) AwaitFallback(ctx context.Context) {
	f := &d.fallback
	f.mu.Lock()
	last := f.last
	f.mu.Unlock()
	if last == nil {
		return
	}
	select {
	case <-last:
	case <-ctx.Done():
	}
}

// nameOf names a story in the fallback: by its key, its id and what its header says.
func nameOf(h *story.Header) string {
	w := attrtext.Writer{}
	for _, name := range slices.Sorted(maps.Keys(h.Attrs)) {
		w.Attr(slog.String(name, h.Attrs[name]))
	}
	if len(w.Text) == 0 {
		return fmt.Sprintf("%s %s", h.Key, h.ID)
	}
	return fmt.Sprintf("%s %s (%s)", h.Key, h.ID, w.Text)
}
