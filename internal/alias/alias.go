// Package alias gathers the keys under which a story is listed beside its own.
package alias

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/ids"
	"github.com/dynamoslog/dynamoslog/story"
)

// Keys are those of one story: each once, as many as a header holds. The zero value has
// none, nor has nil.
type Keys struct {
	list   []story.Key
	size   int       // bytes of them, as they are written
	beyond story.Key // the first for which there was no room
}

// Add adds a key, and reports whether it is there then.
func (k *Keys) Add(key story.Key) bool {
	if slices.Contains(k.list, key) {
		return true
	}
	size := len(key.String())
	if len(k.list) == story.MaxAlso || k.size+size > story.MaxAlsoText {
		if k.beyond.IsZero() {
			k.beyond = key
		}
		return false
	}
	k.list, k.size = append(k.list, key), k.size+size
	return true
}

// All returns the keys in the order of their text, as a header has them: nil if there are none.
func (k *Keys) All() []story.Key {
	if k == nil || len(k.list) == 0 {
		return nil
	}
	all := slices.Clone(k.list)
	slices.SortFunc(all, story.Key.Compare)
	return all
}

// Any reports whether there are keys, or one for which there was no room.
func (k *Keys) Any() bool { return len(k.list) > 0 || !k.beyond.IsZero() }

// Join adds the keys of others, for whose lack of room a note tells too.
func (k *Keys) Join(others *Keys) {
	k.AddAll(others.list)
	if k.beyond.IsZero() {
		k.beyond = others.beyond
	}
}

// AddAll adds keys.
func (k *Keys) AddAll(keys []story.Key) {
	for _, key := range keys {
		k.Add(key)
	}
}

// Note returns the message of a line that says which key found no room, or "".
func (k *Keys) Note() string {
	if k == nil || k.beyond.IsZero() {
		return ""
	}
	beyond := k.beyond.String()
	if len(beyond) > most {
		beyond = ids.Clip(beyond, most) + "…"
	}
	return "not listed under " + beyond + " nor under further keys: a story has at most " +
		strconv.Itoa(story.MaxAlso) + " of them, of " + strconv.Itoa(story.MaxAlsoText) + " bytes in all"
}

// most is how long a value may be that is a key, in bytes.
const most = 128

// An Index has the names of attributes whose values are keys: order=93 is order_93. Nil has
// none.
type Index struct {
	names   []string
	written []string  // as they may stand in a line
	endings [256]bool // their last bytes
}

// NewIndex returns the index of some names. An empty one names nothing.
func NewIndex(names []string) *Index {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })
	if len(names) == 0 {
		return nil
	}
	x := &Index{names: names}
	for _, name := range names {
		x.written = append(x.written, name)
		if strings.ContainsFunc(name, unusual) {
			x.written = append(x.written, strconv.Quote(name))
		}
	}
	for _, name := range x.written {
		x.endings[name[len(name)-1]] = true
	}
	return x
}

// unusual reports whether a name with this character may be quoted where it is rendered.
func unusual(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"\\=", r) }

// Key returns the key that an attribute is, if it is one. It keeps nothing of the value's memory.
func (x *Index) Key(name, value string) (key story.Key, ok bool) {
	if x == nil || value == "" || value == "<nil>" || len(value) > most || !slices.Contains(x.names, name) {
		return key, false
	}
	return story.NewKey(strings.Clone(name), strings.Clone(value)), true
}

// Line adds the keys in the attributes of a line, as they are rendered.
func (x *Index) Line(attrs string, keys *Keys) {
	if x == nil || attrs == "" || !x.within(attrs) {
		return
	}
	line := story.Line{Attrs: attrs}
	for name, value := range line.AllAttrs() {
		if key, ok := x.Key(name, value); ok {
			keys.Add(key)
		}
	}
}

// within reports whether a line may have one of the attributes: most have none.
func (x *Index) within(attrs string) bool {
	for end := 0; ; end++ {
		next := strings.IndexByte(attrs[end:], '=')
		if next < 0 {
			return false
		}
		end += next
		if end == 0 || !x.endings[attrs[end-1]] {
			continue
		}
		for _, name := range x.written {
			if strings.HasSuffix(attrs[:end], name) {
				return true
			}
		}
	}
}
