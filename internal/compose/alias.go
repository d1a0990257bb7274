package compose

import (
	"log/slog"

	"github.com/dynamoslog/dynamoslog/internal/alias"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

// Aliases are made when a story ends, behind its final header: what dies between them
// leaves a story that is listed under fewer keys, until it is told again.

// listUnder makes the header say under which keys the story is listed too: those that it has
// of its scope, and those that were found in its lines. It returns the text with a
// line about those for which there is no room; without, where that alone would make a story
// of one part one of several, as it was told to be small: see Chunk.FitsHeader.
func (c *Composer) listUnder(k *Chunk, header *story.Header, text string, starts []int) (string, []int) {
	var keys alias.Keys
	add := func(key story.Key) {
		if _, before := c.former[key]; !before && key != c.key && key.String() != header.Attrs[story.AttrMovedFrom] {
			keys.Add(key)
		}
	}
	if key := problemKey(header); !key.IsZero() { // first, as there is always room for one
		add(key)
	}
	for _, key := range header.Also {
		add(key)
	}
	for _, key := range c.also.All() {
		add(key)
	}
	note := keys.Note()
	if note == "" {
		note = c.also.Note()
	}
	c.also = nil
	if header.Also = keys.All(); header.Also != nil {
		listed := keys
		c.also = &listed
	}
	if note == "" || story.FitsHeader(len(text)) && !story.FitsHeader(len(text)+story.LineBound(note, "")) {
		return text, starts
	}
	line := story.Line{Level: slog.LevelInfo, Message: note}
	k.Lines.Each(func(last linebuf.Meta, _, _ string) { line.Offset, line.Lane = last.Since(), int(last.Lane) })
	line.Depth = c.tree.note(line.Lane)
	c.lines++
	header.LineCount = c.lines
	return text + string(line.AppendText(nil)), append(starts, len(text))
}

// problemKey returns the key of the problem for which a story is listed; zero where it has
// none.
func problemKey(h *story.Header) (key story.Key) {
	if h.Problem != "" && h.MaxLevel >= slog.LevelError {
		key = story.Key{Kind: story.KindProblem, ID: h.Problem}
	}
	return key
}

// list adds the aliases of a story that has ended with a header. That of its problem is
// told apart, as not every one is stored.
func (t *Told) list(header *story.Header) {
	problem := problemKey(header)
	for _, key := range header.Also {
		if p := aliasPart(header, key, false); key == problem {
			t.Problem = &p.Part
		} else {
			t.add(p)
		}
	}
}

// raiseAliases adds the raises of the aliases of a story whose header is raised. Its problem is
// another one then, of which it may be an alias too.
func (c *Composer) raiseAliases(told *Told, header *story.Header) {
	for _, key := range c.also.All() {
		if key.Kind != story.KindProblem {
			told.add(aliasPart(header, key, true))
		}
	}
	if c.also == nil {
		c.also = &alias.Keys{}
	}
	if problem := problemKey(header); !problem.IsZero() && c.also.Add(problem) {
		p := aliasPart(header, problem, false)
		told.Problem = &p.Part
	}
	header.Also = c.also.All()
}

func aliasPart(of *story.Header, key story.Key, raise bool) Part {
	header := of.Alias(key)
	return Part{story.Part{Key: key, ID: of.ID, Header: &header, Raise: raise}, 0}
}
