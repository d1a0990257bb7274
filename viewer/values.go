package viewer

import (
	"bytes"
	"encoding/json"
	"html"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/reading"
)

// What is longer is cut, or folded.
const (
	longMessage = 1000 // bytes
	longValue   = 200
	wideValue   = 60 // a value that had to be quoted, and is longer, has a row of its own
	manyLines   = 12 // of a message
)

// Limits of a line.
const (
	mostAttrs  = 100     // of a line that is not asked for in full
	mostFolded = 4 << 10 // bytes of a value that is in the page, folded; a longer one is a link
	mostFull   = 4 << 20 // bytes of a text that is asked for in full
)

// isFull reports whether all of a line is asked for.
func (w *lineWriter) isFull(n *reading.Node) bool { return w.view.Full[n.Number] }

// attrs writes what stands behind a message: short values in its row, and others below it.
// It reports whether there may be some that are folded.
func (w *lineWriter) attrs(n *reading.Node) (folds bool) {
	w.WriteString(` <span class="a">`)
	var below []reading.AttrText
	written := 0
	for a := range reading.AttrTexts(n.Attrs) {
		if written++; written > mostAttrs && !w.isFull(n) {
			w.WriteString(" ")
			w.more(n, len(n.Attrs))
			folds = true // for all that is known
			break
		}
		if isWide(a) {
			below = append(below, a)
			continue
		}
		w.WriteString(" ")
		w.name(a)
		w.text(inRow(a))
	}
	w.WriteString(`</span>`)
	for _, a := range below {
		if !isFolded(a) {
			w.WriteString(`<span class="v">`)
			w.name(a)
			w.text(a.Value)
			w.WriteString(`</span>`)
			continue
		}
		if folds = true; len(n.Children) == 0 {
			w.folded(n, a)
			continue
		}
		w.WriteString(`<span class="v cut">`) // a value cannot unfold in what unfolds the branch
		w.head(a)
		w.WriteString(`</span>`)
	}
	return folds
}

func (w *lineWriter) name(a reading.AttrText) {
	if a.Name != "" {
		w.WriteString("<i>")
		w.text(a.Name)
		w.WriteString("=</i>")
	}
}

// isWide reports whether a value has a row of its own, where no quotes are needed to tell
// where it ends.
func isWide(a reading.AttrText) bool {
	if len(a.Text) == len(a.Value) { // it is not quoted
		return isFolded(a)
	}
	return isFolded(a) || strings.TrimSpace(a.Value) != "" && (len(a.Value) > wideValue || reading.IsErrorName(a.Name) || strings.Contains(a.Value, "="))
}

// isFolded reports whether a value is cut to its beginning.
func isFolded(a reading.AttrText) bool {
	return len(a.Value) > longValue && !(reading.IsErrorName(a.Name) && len(a.Value) <= 2*longValue) ||
		strings.Contains(a.Value, "\n") || len(a.Value) > wideValue && isJSON(a.Value)
}

// inRow returns a value without its quotes, unless nobody would see where it is then.
func inRow(a reading.AttrText) string {
	if a.Value == "" || strings.TrimSpace(a.Value) != a.Value {
		return a.Text
	}
	return a.Value
}

// isJSON reports whether a value most likely is an object or a list in JSON.
func isJSON(value string) bool {
	return strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}") || strings.HasPrefix(value, `[{`) && strings.HasSuffix(value, "]")
}

// head writes the beginning of a value that is folded, and its size.
func (w *lineWriter) head(a reading.AttrText) {
	w.name(a)
	first, _, _ := strings.Cut(a.Value, "\n")
	if head, rest := cut(first, longValue); rest {
		first = head
	}
	if len(first) < len(a.Value) {
		first += "…"
	}
	w.text(first)
	w.WriteString(` <small>` + strconv.Itoa(len(a.Value)) + ` bytes</small>`)
}

// folded writes a value that unfolds in its place, or leads to the page with it where it
// is too large to be there in case.
func (w *lineWriter) folded(n *reading.Node, a reading.AttrText) {
	full := w.isFull(n)
	if !full && (w.long || len(a.Value) > mostFolded) {
		w.WriteString(`<span class="v">`)
		w.head(a)
		w.WriteString(" ")
		w.more(n, len(a.Value))
		w.WriteString(`</span>`)
		return
	}
	w.WriteString(`<details class="v`)
	if reading.IsErrorName(a.Name) {
		w.WriteString(` err`)
	}
	w.WriteString(`"`)
	if full {
		w.WriteString(` open`)
	}
	w.WriteString(`><summary>`)
	w.head(a)
	w.WriteString(`</summary><pre>`)
	w.whole(pretty(a.Value))
	w.WriteString(`</pre></details>`)
}

// valuesBelow writes the values of a branch that unfold.
func (w *lineWriter) valuesBelow(n *reading.Node) {
	begun := false
	for a := range reading.AttrTexts(n.Attrs) {
		if !isFolded(a) {
			continue
		}
		if !begun {
			w.WriteString(`<div class="r vs">`)
			begun = true
		}
		w.folded(n, a)
	}
	if begun {
		w.WriteString(`</div>`)
	}
}

// pretty returns JSON with a line for each of its values, and other texts as they are.
func pretty(value string) string {
	var out bytes.Buffer
	if len(value) <= mostFull && isJSON(value) && json.Indent(&out, []byte(value), "", "  ") == nil {
		return out.String()
	}
	return strings.TrimSuffix(value, "\n")
}

// message writes a message, or its beginning.
func (w *lineWriter) message(n *reading.Node) {
	if w.isFull(n) {
		w.WriteString(`<span class="m">`)
		w.whole(n.Message)
		w.WriteString(`</span>`)
		return
	}
	head, rest := cut(n.Message, longMessage)
	several := strings.Contains(head, "\n")
	if several && !rest && len(n.Children) == 0 && strings.Count(head, "\n") > manyLines {
		first, below, _ := strings.Cut(head, "\n")
		w.text(first)
		w.WriteString(`<details class="v"><summary>` + strconv.Itoa(strings.Count(head, "\n")) + ` further lines</summary><pre>`)
		w.text(below)
		w.WriteString(`</pre></details>`)
		return
	}
	if several {
		w.WriteString(`<code>`)
	}
	w.text(head)
	if rest {
		w.WriteString("… ")
		w.more(n, len(n.Message))
	}
	if several {
		w.WriteString(`</code>`)
	}
}

// whole writes a text that is asked for in full, which a download gives in any case.
func (w *lineWriter) whole(s string) {
	head, rest := cut(s, mostFull)
	w.text(head)
	if rest {
		w.text("… (" + strconv.Itoa(len(s)) + " bytes, all of them in a download)")
	}
}

// more writes the link to all of a line.
func (w *lineWriter) more(n *reading.Node, size int) {
	all := link("story", with(w.values, "full", added(w.view.Full, n.Number))) + "#L" + strconv.Itoa(n.Number)
	w.WriteString(`<a class="more" href="` + html.EscapeString(all) + `">all ` + strconv.Itoa(size) + ` bytes</a>`)
}

// marks are the texts that a filter looks for, in lower case.
type marks []string

func marksOf(f reading.Filter) (m marks) {
	texts := []string{f.Text}
	if f.Search != nil {
		texts = f.Search.Texts()
	}
	for _, text := range texts {
		if text != "" {
			m = append(m, strings.ToLower(text))
		}
	}
	slices.SortFunc(m, func(a, b string) int { return len(b) - len(a) })
	return m
}

// in returns where the texts are in s, from and to, in their order and apart.
func (m marks) in(s string) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		lower := strings.ToLower(s)
		if len(lower) != len(s) { // what is found could be elsewhere in s
			lower = s
		}
		next := make([]int, len(m)) // where each is from the place on that is reached
		for i := range next {
			next[i] = -1
		}
		for at := 0; ; {
			first := -1
			for i, mark := range m {
				if next[i] < at {
					next[i] = len(s)
					if found := strings.Index(lower[at:], mark); found >= 0 {
						next[i] = at + found
					}
				}
				if next[i] < len(s) && (first < 0 || next[i] < next[first]) {
					first = i
				}
			}
			if first < 0 {
				return
			}
			from := next[first]
			if at = from + len(m[first]); !yield(from, at) {
				return
			}
		}
	}
}
