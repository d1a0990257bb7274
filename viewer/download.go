package viewer

import (
	"bufio"
	"context"
	"fmt"
	"html/template"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// download sends a story, or a branch of it with its callers, as text, Markdown, JSON,
// a page or a prompt.
func (v *viewer) download(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	key, err := story.ParseKey(values.Get("key"))
	if err != nil {
		return err
	}
	s, err := v.store.Read(r.Context(), key, values.Get("id"))
	if err != nil {
		return err
	}
	if line := values.Get("line"); line != "" {
		t := reading.NewTree(s)
		number, _ := strconv.Atoi(line)
		n := t.Line(number)
		if n == nil {
			return fmt.Errorf("%w: the story has %s, and no line %q", reading.ErrBadView, reading.Plural(len(t.Nodes), "line"), line)
		}
		s = t.Branch(n)
	}
	if values.Get("as") == "html" {
		return v.downloadPage(w, r, s)
	}
	form, ok := forms[values.Get("as")]
	if !ok {
		return fmt.Errorf("%w: as is text, markdown, json, html or prompt, not %.100q", reading.ErrBadView, values.Get("as"))
	}
	if err := r.Context().Err(); err != nil {
		return err
	}
	w.Header().Set("Content-Type", form.kind)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": fileName(s.Header) + form.extension}))
	out := bufio.NewWriterSize(w, 64<<10)
	if err := form.write(v, r.Context(), out, s); err == nil {
		_ = out.Flush() // the reader may have gone
	}
	return nil
}

// downloadPage sends the page of a story as a file that stands alone, for who cannot reach
// the viewer.
func (v *viewer) downloadPage(w http.ResponseWriter, r *http.Request, s story.Story) error {
	style, err := files.ReadFile("static/style.css")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": fileName(s.Header) + ".html"}))
	if err := v.storyPage(w, r, s, reading.NewView(), template.CSS(style)); err != nil {
		w.Header().Del("Content-Disposition") // of what is wrong there is a page
		return err
	}
	return nil
}

// A form is what a story is downloaded as. An error of write means that the reader has
// gone, or that a story to compare with could not be read.
type form struct {
	kind, extension string
	write           func(v *viewer, ctx context.Context, out io.Writer, s story.Story) error
}

var forms = map[string]form{
	"":         {"text/plain; charset=utf-8", ".txt", (*viewer).print},
	"text":     {"text/plain; charset=utf-8", ".txt", (*viewer).print},
	"markdown": {"text/markdown; charset=utf-8", ".md", (*viewer).printFenced},
	"prompt":   {"text/markdown; charset=utf-8", ".md", (*viewer).printPrompt},
	"json": {"application/json", ".json", func(_ *viewer, _ context.Context, out io.Writer, s story.Story) error {
		return reading.WriteJSON(out, s, reading.Calls{}, reading.JSONLayout{Indent: "  ", HTML: true})
	}},
}

// printPrompt tells a story to an assistant.
func (v *viewer) printPrompt(ctx context.Context, out io.Writer, s story.Story) error {
	return reading.Prompt{Zone: v.opts.Zone, Mask: reading.Mask{Rule: v.opts.Mask}}.Write(ctx, out, v.store, s)
}

func (v *viewer) print(_ context.Context, out io.Writer, s story.Story) error {
	view := reading.View{Fold: reading.Unfolded, Each: true}
	return reading.Printer{Zone: v.opts.Zone}.Story(out, reading.NewTree(s), view)
}

// printFenced prints a story as a block of code, whose fence is longer than any in it.
func (v *viewer) printFenced(ctx context.Context, out io.Writer, s story.Story) error {
	var ticks backticks
	if err := v.print(ctx, &ticks, s); err != nil {
		return err
	}
	fence := strings.Repeat("`", max(ticks.longest+1, 3))
	if _, err := fmt.Fprintf(out, "%s\n", fence); err != nil {
		return err
	}
	if err := v.print(ctx, out, s); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s\n", fence)
	return err
}

// backticks is a writer that measures the longest run of them.
type backticks struct{ run, longest int }

func (b *backticks) Write(text []byte) (int, error) {
	for _, c := range text {
		if c != '`' {
			b.run = 0
			continue
		}
		b.run++
		b.longest = max(b.longest, b.run)
	}
	return len(text), nil
}

// fileName names a story by what a file's name may hold everywhere. It does not begin
// as an option of a command does.
func fileName(h story.Header) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, h.Key.String()+"-"+h.ID)
	return strings.TrimLeft(name, "-")
}
