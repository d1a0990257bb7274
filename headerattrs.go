package dynamoslog

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/internal/alias"
	"github.com/dynamoslog/dynamoslog/internal/attrtext"
	"github.com/dynamoslog/dynamoslog/internal/ids"
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
	name string    // groups and key, dotted
	text string    // of the value when it was set: what it points to may change
	from *leafAttr // what it was made of, for ReplaceAttr; nil for a string and anInteger for an int64, as name and text tell those
}

var anInteger = new(leafAttr)

// A leafAttr is an attribute, which is no group, with the groups that it is in.
type leafAttr struct {
	groups []string
	attr   slog.Attr
}

func (a *headerAttr) size() int { return len(a.name) + len(a.text) }

// leaf returns what the attribute was made of.
func (a *headerAttr) leaf() leafAttr {
	switch a.from {
	case nil:
		return leafAttr{attr: slog.String(a.name, a.text)}
	case anInteger:
		n, _ := strconv.ParseInt(a.text, 10, 64) // which it was made from
		return leafAttr{attr: slog.Int64(a.name, n)}
	}
	return *a.from
}

// appendLeaves appends the leaves of an attribute to list. Nothing of the caller's
// memory is kept, but for what pointers lead to.
func appendLeaves(list []headerAttr, groups []string, a slog.Attr) []headerAttr {
	a.Value = a.Value.Resolve()
	if a.Key == "" && a.Equal(slog.Attr{}) {
		return list
	}
	a.Key = ownString(a.Key)
	if a.Value.Kind() == slog.KindGroup {
		if a.Key != "" {
			groups = append(groups[:len(groups):len(groups)], a.Key)
		}
		for _, member := range a.Value.Group() {
			list = appendLeaves(list, groups, member)
		}
		return list
	}
	leaf := headerAttr{name: a.Key, text: attrtext.ValueText(a.Value)}
	kind := a.Value.Kind()
	switch kind {
	case slog.KindString:
		leaf.text = ownString(leaf.text)
		a.Value = slog.StringValue(leaf.text)
	case slog.KindAny:
		leaf.text = strings.Clone(leaf.text)
	}
	switch {
	case len(groups) > 0:
		leaf.name, leaf.from = strings.Join(groups, ".")+"."+a.Key, &leafAttr{groups, a}
	case kind == slog.KindInt64:
		leaf.from = anInteger
	case kind != slog.KindString:
		leaf.from = &leafAttr{attr: a}
	}
	return append(list, leaf)
}

// ownString returns a string that keeps nothing of the caller's memory. What most requests
// have takes none.
func ownString(s string) string {
	switch s {
	case "method":
		return "method"
	case "path":
		return "path"
	case "route":
		return "route"
	case "status":
		return "status"
	case "bytes":
		return "bytes"
	case http.MethodGet:
		return http.MethodGet
	case http.MethodPost:
		return http.MethodPost
	}
	return strings.Clone(s)
}

// replaceAttrs lets ReplaceAttr see attributes, as it sees those of lines. It may call
// the user's code, and is called without a lock.
func (c *core) replaceAttrs(list []headerAttr) []headerAttr {
	if c.opts.ReplaceAttr == nil {
		return list
	}
	var replaced []headerAttr
	for _, old := range list {
		leaf := old.leaf()
		a := c.opts.ReplaceAttr(leaf.groups, leaf.attr)
		if same := sameAttr(a, leaf.attr); same {
			replaced = append(replaced, old)
		} else {
			replaced = appendLeaves(replaced, leaf.groups, a)
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

// headerRoom is what there is room for of a header's attributes.
type headerRoom struct {
	header *story.Header
	most   int // attributes there will be, about
	bytes  int
}

// put adds an attribute, and reports whether there was room for it. The first one of a name
// stays.
func (r *headerRoom) put(name, value string) bool {
	size := len(name) + len(value)
	if name == "" || size > r.bytes {
		return false
	}
	if r.header.Attrs == nil {
		r.header.Attrs = make(map[string]string, min(r.most, 8)) // as many lie in one piece
	}
	if _, exists := r.header.Attrs[name]; !exists {
		r.header.Attrs[name] = value
		r.bytes -= size
	}
	return true
}

// headerAttrsLocked fills in the attributes of a header: links first, then those of the
// scope and of the handler, the names of lanes last, as far as there is room.
func (b *buffer) headerAttrsLocked(h *story.Header, attrs []headerAttr, left int) {
	room := headerRoom{header: h, most: len(attrs) + len(b.core.attrs), bytes: story.MaxAttrs}
	if b.more != nil && b.more.continues != "" {
		room.put(story.AttrContinues, b.more.continues)
	}
	last := h.State != story.Open && b.phase.Load() == open
	for _, list := range [2][]headerAttr{attrs, b.core.attrs} {
		for i := range list {
			if a := &list[i]; !room.put(validText(a.name), validText(a.text)) && last {
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
		b.nameLanesLocked(room)
	}
}

func (b *buffer) nameLanesLocked(room headerRoom) {
	for name, value := range lanenames.Attrs(b.lanes.named(&b.core.stacks.Funcs), room.bytes) {
		room.put(name, value)
	}
}

// alsoLocked returns the keys under which the story is listed too, as far as its scope and
// the attributes of its header tell.
func (b *buffer) alsoLocked(attrs []headerAttr) (keys alias.Keys) {
	b.facts.mu.Lock()
	defer b.facts.mu.Unlock()
	more := b.facts.more
	if more == nil {
		return keys // without attributes there are none
	}
	for _, a := range attrs {
		if a.name == traceKey && a.text != "" && more.called {
			keys.Add(story.NewKey(story.KindTrace, ids.TraceName(a.text)))
		}
	}
	if more.also != nil {
		keys.Join(more.also)
	}
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
}

func validText(s string) string {
	if utf8.ValidString(s) { // as nearly always, which this tells sooner
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// set adds attributes, of which those of the same name are replaced.
func (f *scopeFacts) set(attrs []slog.Attr) {
	var room [8]headerAttr
	leaves := room[:0]
	for _, a := range attrs {
		leaves = appendLeaves(leaves, nil, a)
	}
	f.setLeaves(leaves)
}

// setLeaves adds attributes that keep nothing of the program's memory.
func (f *scopeFacts) setLeaves(leaves []headerAttr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version.Add(1)
	more := f.furtherLocked()
	for i := range leaves {
		more.set(&leaves[i])
	}
}

// set adds an attribute. The list is not changed as far as it goes, as a header may be made
// of it now.
func (f *moreFacts) set(a *headerAttr) {
	if f.attrs == nil {
		f.attrs = f.room[:0]
	}
	size := a.size()
	for i := range f.attrs {
		if f.attrs[i].name == a.name {
			f.attrs = slices.Clone(f.attrs)
			f.attrs[i] = *a
			return
		}
		size += f.attrs[i].size()
	}
	if len(f.attrs) == maxHeaderAttrs || size > maxHeaderBytes {
		f.leftOut++
		return
	}
	f.attrs = append(f.attrs, *a)
}

// attrsLocked returns the attributes, and how many there were beyond those.
func (f *scopeFacts) attrsLocked() (attrs []headerAttr, leftOut int) {
	if f.more == nil {
		return nil, 0
	}
	return f.more.attrs, int(f.more.leftOut)
}

// setAttrs renders the attributes of the scope for the buffer, where ReplaceAttr has to
// see them. It is called without a lock whenever they have changed.
func (b *buffer) setAttrs() {
	if b.core.opts.ReplaceAttr == nil {
		return
	}
	for done := false; !done; {
		b.facts.mu.Lock()
		attrs, _ := b.facts.attrsLocked()
		version := b.facts.version.Load()
		b.facts.mu.Unlock()
		attrs = b.core.replaceAttrs(attrs)
		b.facts.mu.Lock()
		if done = version == b.facts.version.Load(); done {
			b.more.attrs = attrs
		}
		b.facts.mu.Unlock()
	}
}
