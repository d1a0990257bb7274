package viewer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// download sends a story, or a branch of it with its callers, as text, Markdown or JSON.
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
	data, kind, extension, err := v.encode(s, values.Get("as"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": fileName(s.Header) + extension}))
	_, _ = w.Write(data) // the reader may have gone
	return nil
}

func (v *viewer) encode(s story.Story, as string) (data []byte, kind, extension string, err error) {
	var out bytes.Buffer
	switch as {
	case "", "text":
		err = v.print(&out, s)
		return out.Bytes(), "text/plain; charset=utf-8", ".txt", err
	case "markdown":
		var text bytes.Buffer
		err = v.print(&text, s)
		fence := "```"
		for strings.Contains(text.String(), fence) {
			fence += "`"
		}
		fmt.Fprintf(&out, "%s\n%s%s\n", fence, text.Bytes(), fence)
		return out.Bytes(), "text/markdown; charset=utf-8", ".md", err
	case "json":
		encoder := json.NewEncoder(&out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(reading.StoryJSON(s))
		return reading.EscapeJSON(out.Bytes()), "application/json", ".json", err
	}
	return nil, "", "", fmt.Errorf("%w: as is text, markdown or json, not %q", reading.ErrBadView, as)
}

func (v *viewer) print(out *bytes.Buffer, s story.Story) error {
	view := reading.View{Fold: reading.Unfolded, Each: true}
	return reading.Printer{Zone: v.opts.Zone}.Story(out, reading.NewTree(s), view)
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
