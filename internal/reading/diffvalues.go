package reading

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/dynamoslog/dynamoslog/story"
)

// changedValues compares level, message and attributes, without times and ids.
func (d *differ) changedValues(was, is *Node) []Value {
	var values []Value
	if was.Level != is.Level {
		values = append(values, Value{"level", was.Level.String(), is.Level.String()})
	}
	if !d.equal(was.Message, is.Message) {
		values = append(values, Value{"message", was.Message, is.Message})
	}
	if was.Attrs == is.Attrs {
		return values
	}
	d.attrsA, d.attrsB = appendAttrs(d.attrsA[:0], was.Line), appendAttrs(d.attrsB[:0], is.Line)
	d.pairs = pairAttrs(d.pairs[:0], d.attrsA, d.attrsB)
	for _, p := range d.pairs {
		switch {
		case p.a < 0:
			values = append(values, Value{Name: d.attrsB[p.b].Name, Is: said(d.attrsB[p.b].Value)})
		case p.b < 0:
			values = append(values, Value{Name: d.attrsA[p.a].Name, Was: said(d.attrsA[p.a].Value)})
		default:
			a, b := d.attrsA[p.a], d.attrsB[p.b]
			if !d.equal(a.Value, b.Value) && !namesID(a.Name) {
				values = append(values, Value{a.Name, said(a.Value), said(b.Value)})
			}
		}
	}
	return values
}

func said(value string) string {
	if value == "" {
		return `""`
	}
	return value
}

// pairAttrs appends pairs of attributes of one name, the first with the first; -1 stands for
// one that the other line has not.
func pairAttrs(pairs []pair, was, is []Attr) []pair {
	if slices.EqualFunc(was, is, func(a, b Attr) bool { return a.Name == b.Name }) {
		for i := range is {
			pairs = append(pairs, pair{i, i})
		}
		return pairs
	}
	free := make(map[string][]int)
	for a, attr := range was {
		free[attr.Name] = append(free[attr.Name], a)
	}
	taken := make([]bool, len(was))
	for b, attr := range is {
		a := -1
		if left := free[attr.Name]; len(left) > 0 {
			a, free[attr.Name] = left[0], left[1:]
			taken[a] = true
		}
		pairs = append(pairs, pair{a, b})
	}
	for a := range was {
		if !taken[a] {
			pairs = append(pairs, pair{a, -1})
		}
	}
	return pairs
}

// namesID reports whether an attribute of that name holds an id.
func namesID(name string) bool {
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		name = name[dot+1:]
	}
	switch lower := strings.ToLower(name); lower {
	case "id", "uuid", "guid", "pid", "userid", "requestid", "sessionid", "traceid", "spanid":
		return true
	default:
		if strings.HasSuffix(lower, "_id") || strings.HasSuffix(lower, "-id") {
			return true
		}
	}
	camel := len(name) > 2 && (strings.HasSuffix(name, "ID") || strings.HasSuffix(name, "Id"))
	return camel && !('A' <= name[len(name)-3] && name[len(name)-3] <= 'Z') // VALID is a word
}

// headerFirst are the attributes of headers that explain most, in their order.
var headerFirst = []string{"status", "route", "method", "build", "version", "host"}

// headerValues compares the attributes of two headers, without times and ids.
func (d *differ) headerValues(was, is story.Header) []Value {
	var values []Value
	attrsWas, attrsIs := OwnAttrs(was), OwnAttrs(is)
	names := make(map[string]bool, len(attrsIs))
	for name := range attrsWas {
		names[name] = true
	}
	for name := range attrsIs {
		names[name] = true
	}
	place := func(name string) int {
		if i := slices.Index(headerFirst, name); i >= 0 {
			return i
		}
		return len(headerFirst)
	}
	for _, name := range slices.SortedFunc(maps.Keys(names), func(a, b string) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
	}) {
		a, had := attrsWas[name]
		b, has := attrsIs[name]
		switch {
		case namesID(name):
		case !had:
			values = append(values, Value{Name: name, Is: said(b)})
		case !has:
			values = append(values, Value{Name: name, Was: said(a)})
		case !d.equal(a, b):
			values = append(values, Value{name, said(a), said(b)})
		}
	}
	return values
}

// Factor says how many times as long something took, as "×20" or "×0.4"; "" where it
// took no time before.
func Factor(was, is time.Duration) string {
	if was <= 0 {
		return ""
	}
	factor := float64(is) / float64(was)
	switch {
	case factor >= 100: // of whole milliseconds
		digits := math.Pow(10, math.Floor(math.Log10(factor))-1)
		return "×" + humanize.Comma(int64(math.Round(factor/digits)*digits))
	case factor >= 10:
		return fmt.Sprintf("×%.0f", factor)
	case factor >= 1:
		return fmt.Sprintf("×%.1f", factor)
	}
	return fmt.Sprintf("×%.2g", factor)
}
