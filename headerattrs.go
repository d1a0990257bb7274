package dynamoslog

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/alias"
	"github.com/dynamoslog/dynamoslog/internal/attrtext"
	"github.com/dynamoslog/dynamoslog/internal/lanenames"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

const (
	// A scope keeps as many attributes as this; what does not fit into its header becomes
	// lines at the end.
	maxHeaderAttrs = 256
	maxHeaderBytes = 64 << 10
)

// A headerAttr is an attribute that is to stand on a header: no group, but with the
// groups that it is in.
type headerAttr struct {
	groups []string
	attr   slog.Attr // for ReplaceAttr
	name   string    // groups and key, dotted
	text   string    // of the value when it was set: what it points to may change
}

func (a *headerAttr) size() int { return len(a.name) + len(a.text) }

// appendLeaves appends the leaves of an attribute to list. Nothing of the caller's
// memory is kept, but for what pointers lead to.
func appendLeaves(list []headerAttr, groups []string, a slog.Attr) []headerAttr {
	a.Value = a.Value.Resolve()
	if a.Key == "" && a.Equal(slog.Attr{}) {
		return list
	}
	a.Key = strings.Clone(a.Key)
	if a.Value.Kind() == slog.KindGroup {
		if a.Key != "" {
			groups = append(groups[:len(groups):len(groups)], a.Key)
		}
		for _, member := range a.Value.Group() {
			list = appendLeaves(list, groups, member)
		}
		return list
	}
	text := strings.Clone(attrtext.ValueText(a.Value))
	if a.Value.Kind() == slog.KindString {
		a.Value = slog.StringValue(text)
	}
	name := a.Key
	if len(groups) > 0 {
		name = strings.Join(groups, ".") + "." + a.Key
	}
	return append(list, headerAttr{groups, a, name, text})
}

// replaceAttrs lets ReplaceAttr see attributes, as it sees those of lines. It may call
// the user's code, and is called without a lock.
func (c *core) replaceAttrs(list []headerAttr) []headerAttr {
	if c.opts.ReplaceAttr == nil {
		return list
	}
	var replaced []headerAttr
	for _, old := range list {
		a := c.opts.ReplaceAttr(old.groups, old.attr)
		if same := sameAttr(a, old.attr); same {
			replaced = append(replaced, old)
		} else {
			replaced = appendLeaves(replaced, old.groups, a)
		}
	}
	return replaced
}

// sameAttr reports whether an attribute is what it was. Values that cannot be compared
// count as changed: they are rendered again.
func sameAttr(a, b slog.Attr) bool {
	if a.Key != b.Key || a.Value.Kind() != b.Value.Kind() {
		return false
	}
	return a.Value.Kind() != slog.KindAny && a.Value.Equal(b.Value)
}

// headerAttrsLocked fills in the attributes of a header: links first, then those of the
// scope and of the handler, the names of lanes last, as far as there is room.
func (b *buffer) headerAttrsLocked(h *story.Header, attrs []headerAttr, left int) {
	room := story.MaxAttrs
	put := func(name, value string) bool {
		size := len(name) + len(value)
		if name == "" || size > room {
			return false
		}
		if h.Attrs == nil {
			h.Attrs = make(map[string]string)
		}
		if _, exists := h.Attrs[name]; !exists {
			h.Attrs[name] = value
			room -= size
		}
		return true
	}
	if b.continues != "" {
		put(story.AttrContinues, b.continues)
	}
	last := h.State != story.Open && b.phase.Load() == open
	for _, list := range [][]headerAttr{attrs, b.core.attrs} {
		for _, a := range list {
			if !put(validText(a.name), validText(a.text)) && last {
				b.addNoteLocked(fmt.Sprintf("attribute %s did not fit into the header", a.name), slog.String(a.name, a.text))
			}
		}
	}
	if left > 0 && last {
		b.addNoteLocked(fmt.Sprintf("%d further attributes did not fit into the header", left))
	}
	keys := b.alsoLocked(attrs)
	if h.Also = keys.All(); last && keys.Note() != "" {
		b.addNoteLocked(keys.Note())
	}
	if b.lanes.haveNames() {
		for name, value := range lanenames.Attrs(b.lanes.named(&b.core.stacks.Funcs), room) {
			put(name, value)
		}
	}
}

// alsoLocked returns the keys under which the story is listed too, as far as its scope and
// the attributes of its header tell.
func (b *buffer) alsoLocked(attrs []headerAttr) (keys alias.Keys) {
	b.facts.mu.Lock()
	defer b.facts.mu.Unlock()
	for _, a := range attrs {
		if a.name == traceKey && a.text != "" && b.facts.called {
			keys.Add(story.NewKey(story.KindTrace, a.text))
		}
	}
	keys.Join(&b.facts.also)
	for _, a := range attrs {
		if key, ok := b.core.index.Key(a.name, a.text); ok {
			keys.Add(key)
		}
	}
	return keys
}

// addNoteLocked appends a line of the handler's own.
func (b *buffer) addNoteLocked(message string, attrs ...slog.Attr) {
	w := attrtext.Writer{}
	for _, a := range attrs {
		w.Attr(a)
	}
	m := linebuf.Meta{Offset: b.lastOffset, Message: uint32(len(message)), Attrs: uint32(len(w.Text))}
	b.holdLocked(&m, message, w.Text, 0)
	b.count++
}

func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// set adds attributes, of which those of the same name are replaced.
func (f *scopeFacts) set(attrs []slog.Attr) {
	var leaves []headerAttr
	for _, a := range attrs {
		leaves = appendLeaves(leaves, nil, a)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version.Add(1)
	f.attrs = slices.Clone(f.attrs) // a header may be made of the former ones now
	for _, a := range leaves {
		i := slices.IndexFunc(f.attrs, func(b headerAttr) bool { return a.name == b.name })
		switch {
		case i >= 0:
			f.bytes += a.size() - f.attrs[i].size()
			f.attrs[i] = a
		case len(f.attrs) == maxHeaderAttrs || f.bytes+a.size() > maxHeaderBytes:
			f.leftOut++
		default:
			f.bytes += a.size()
			f.attrs = append(f.attrs, a)
		}
	}
}

// setAttrs renders the attributes of the scope for the buffer, where ReplaceAttr has to
// see them. It is called without a lock whenever they have changed.
func (b *buffer) setAttrs() {
	if b.core.opts.ReplaceAttr == nil {
		return
	}
	for done := false; !done; {
		b.facts.mu.Lock()
		attrs, version := b.facts.attrs, b.facts.version.Load()
		b.facts.mu.Unlock()
		attrs = b.core.replaceAttrs(attrs)
		b.facts.mu.Lock()
		if done = version == b.facts.version.Load(); done {
			b.attrs = attrs
		}
		b.facts.mu.Unlock()
	}
}
