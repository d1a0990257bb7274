package viewer

import (
	"html/template"
	"log/slog"
	"net/url"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// link returns a relative link to a page; every page is beside the others.
func link(page string, values url.Values) string {
	if page == "" {
		page = "./"
	}
	query := values.Encode()
	if query == "" {
		return page
	}
	return page + "?" + query
}

func objectLink(key story.Key) string {
	return link("object", url.Values{"key": {key.String()}})
}

func storyValues(key story.Key, id string) url.Values {
	return url.Values{"key": {key.String()}, "id": {id}}
}

func storyLink(h story.Header) string { return link("story", storyValues(reading.About(h), h.ID)) }

// with returns the values with some replaced; an empty value removes a name.
func with(values url.Values, pairs ...string) url.Values {
	next := make(url.Values, len(values))
	for name, value := range values {
		next[name] = value
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		next.Del(pairs[i])
		if pairs[i+1] != "" {
			next.Set(pairs[i], pairs[i+1])
		}
	}
	return next
}

// without returns the values but for some names.
func without(values url.Values, names ...string) url.Values {
	next := with(values)
	for _, name := range names {
		next.Del(name)
	}
	return next
}

// functions are those of the pages.
func (v *viewer) functions() template.FuncMap {
	return template.FuncMap{
		"object":   objectLink,
		"story":    storyLink,
		"escape":   story.Escape,
		"cause":    reading.Cause,
		"keyid":    keyID,
		"bad":      func(level slog.Level) bool { return level >= slog.LevelWarn },
		"failed":   func(level slog.Level) bool { return level >= slog.LevelError },
		"ordinary": ordinary,
		"comma":    func(n int) string { return humanize.Comma(int64(n)) },
		"level":    levelClass,
		"levels":   func() []string { return []string{"debug", "info", "warn", "error"} },
		"state":    reading.StateText,
		"static":   v.statics.address,
		"value":    diffValue,
		"notrace":  func() string { return reading.NoTrace },
		"place":    func() string { return v.opts.Place },
		"choices": func(name string, of []choice) any {
			return struct {
				Name    string
				Choices []choice
			}{name, of}
		},
		"choice":     func(text string, chosen bool) choice { return choice{Text: text, Chosen: chosen} },
		"unfinished": reading.Unfinished,
		"plural":     reading.Plural,
		"brief":      reading.Brief,
		"ago":        reading.Ago,
		"whenshort":  whenShort,
		"took":       reading.Took,
		"when":       v.when,
		"day":        func(t time.Time) string { return t.In(v.opts.Zone).Format(time.DateOnly) },
		"clock":      v.clock,
		"lately":     v.lately,
		"moment":     func(t time.Time) string { return t.In(v.opts.Zone).Format("15:04:05.000") },
		"otherzone":  func(t time.Time) string { return reading.OtherZone(t, time.Now().In(v.opts.Zone)) },
		"machine":    func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"zone":       func() string { return time.Now().In(v.opts.Zone).Format("MST") },
	}
}

func (v *viewer) when(t time.Time) string  { return t.In(v.opts.Zone).Format(time.DateTime) }
func (v *viewer) clock(t time.Time) string { return t.In(v.opts.Zone).Format(time.TimeOnly) }

// lately writes a time with its day unless that is today.
func (v *viewer) lately(t time.Time) string {
	t = t.In(v.opts.Zone)
	if t.Format(time.DateOnly) == time.Now().In(v.opts.Zone).Format(time.DateOnly) {
		return t.Format("15:04")
	}
	return t.Format("2 Jan 15:04")
}

// whenShort writes a time of day, with its date unless that is today's.
func whenShort(t, now time.Time) string {
	t = t.In(now.Location())
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}
