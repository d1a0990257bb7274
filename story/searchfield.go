package story

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A subject is what a term is about.
type subject int

const (
	subjectText subject = iota
	subjectAttr
	subjectKey
	subjectKind
	subjectLevel
	subjectState
	subjectTitle
	subjectCause
	subjectProblem
	subjectTook
	subjectLines
	subjectSince
	subjectUntil
	subjectID
)

// fieldNames are what subjects are called, but for the first two, which have no name.
var fieldNames = [...]string{
	subjectKey: "key", subjectKind: "kind", subjectLevel: "level", subjectState: "state", subjectTitle: "title",
	subjectCause: "cause", subjectProblem: "problem", subjectTook: "took", subjectLines: "lines",
	subjectSince: "since", subjectUntil: "until", subjectID: "id",
}

func (s subject) String() string { return fieldNames[s] }

// fieldOf returns the subject of that name.
func fieldOf(name string) (subject, bool) {
	if name == "before" {
		return subjectUntil, true
	}
	i := slices.Index(fieldNames[:], name)
	return subject(i), i >= 0 && name != ""
}

// SearchFields returns the names that a search knows, such as level and since; every other
// one is an attribute's.
func SearchFields() []string {
	return slices.DeleteFunc(slices.Clone(fieldNames[:]), func(name string) bool { return name == "" })
}

var states = []State{Open, Sealed, Continued, Moved, Closed, Abandoned, Interrupted}

// SearchValues returns the values that a field of a search can have, or nil where those
// are many.
func SearchValues(field string) []string {
	var all []string
	switch s, _ := fieldOf(field); s {
	case subjectLevel:
		all = []string{"debug", "info", "warn", "error"}
	case subjectState:
		for _, state := range states {
			all = append(all, string(state))
		}
	}
	return all
}

// read sets what the value of a field means, or says what would be right.
func (t *term) read(now time.Time) (err error) {
	if t.value == "" {
		return fmt.Errorf("%s wants a value, as in %s", t.subject, t.subject.example())
	}
	if err := t.readOp(); err != nil {
		return err
	}
	switch t.subject {
	case subjectKey:
		if t.key, err = ParseKey(t.value); err != nil {
			return errors.New("a key is kind_id, as in user_42, with a kind of a-z, 0-9 and '-'")
		}
	case subjectKind:
		t.value = strings.ToLower(t.value)
		if t.value != cleanKind(t.value) {
			return errors.New("a kind is of the letters a-z, digits and '-'; further terms follow a blank")
		}
	case subjectLevel:
		if t.level.UnmarshalText([]byte(t.value)) != nil {
			return fmt.Errorf("no such level; one of %s", strings.Join(SearchValues("level"), ", "))
		}
	case subjectState:
		if t.value = strings.ToLower(t.value); !slices.Contains(states, State(t.value)) {
			return fmt.Errorf("no such state; one of %s; for the attribute write %s", strings.Join(SearchValues("state"), ", "), t.asAttr())
		}
	case subjectTitle, subjectCause:
		t.lower = strings.ToLower(t.value)
	case subjectTook:
		days, d, ok := parseAgo(t.value)
		if t.took = time.Duration(days)*day + d; !ok || t.value[0] == '-' || t.took < 0 {
			return errors.New("a time is 500ms, 1s, 2m or 1h30m, as in took>1s")
		}
	case subjectLines:
		if t.number, err = strconv.Atoi(t.value); err != nil || t.number < 0 {
			return errors.New("a number is wanted, as in lines>100")
		}
	case subjectSince, subjectUntil:
		if t.at, err = ParseTime(t.value, now); err != nil {
			return errors.New("not a time; " + timeForms)
		}
	case subjectID:
		if _, ok := idStart(t.value); !ok {
			return fmt.Errorf("the id of a story is 2026-11-22T16:41:41.407123Z-7f3k2m, or a list's short one; for the attribute write %s", t.asAttr())
		}
	}
	return nil
}

// readOp brings the operator of a field into one form, or says which it may be.
func (t *term) readOp() error {
	if t.op == opUnequal {
		t.op, t.not = opEqual, !t.not
	}
	switch t.subject {
	case subjectTook, subjectLines:
		if t.op == opHas {
			return fmt.Errorf("say whether more or less, as in %s or %s<%s", t.subject.example(), t.subject, shown(t.value))
		}
		return nil
	case subjectLevel:
		if t.op == opHas {
			t.op = opAtLeast
		}
		return nil
	case subjectSince, subjectUntil:
		if t.not {
			return errors.New("it cannot be turned round with a minus; since: and until: are each other's opposite")
		}
	}
	switch {
	case t.op != opHas && t.op != opEqual:
		return fmt.Errorf("%s is not compared with %s: write %s; for the attribute write %s", t.subject, t.op, t.subject.example(), t.asAttr())
	case t.subject != subjectTitle && t.subject != subjectCause:
		t.op = opHas
	}
	return nil
}

// asAttr writes the term as one about the attribute of its field's name.
func (t *term) asAttr() string {
	op := t.op
	if op == opHas {
		op = opEqual
	}
	return shown(quote(t.subject.String()) + op + quotedValue(t.value))
}

func (s subject) example() string {
	switch s {
	case subjectKey:
		return "key:user_42"
	case subjectKind:
		return "kind:job"
	case subjectLevel:
		return "level:warn"
	case subjectState:
		return "state:open"
	case subjectTook:
		return "took>1s"
	case subjectLines:
		return "lines>100"
	case subjectSince, subjectUntil:
		return s.String() + ":-1h"
	case subjectID:
		return "id:hoejm7nd777f"
	}
	return s.String() + `:"payment failed"`
}

// match reports whether a header is as the term says, but for its not.
func (t *term) match(h *Header) bool {
	switch t.subject {
	case subjectAttr:
		value, ok := h.Attrs[t.name]
		return ok && holds(compareValues(value, t.value), t.op)
	case subjectKey:
		return h.Key == t.key
	case subjectKind:
		return h.Key.Kind == t.value
	case subjectLevel:
		return holds(cmp.Compare(h.MaxLevel, t.level), t.op)
	case subjectState:
		return string(h.State) == t.value
	case subjectTitle:
		return t.matchText(h.Title)
	case subjectCause:
		return t.matchText(h.Cause)
	case subjectProblem:
		return h.Problem == t.value
	case subjectTook:
		return holds(cmp.Compare(h.Duration, t.took), t.op)
	case subjectLines:
		return holds(cmp.Compare(h.LineCount, t.number), t.op)
	case subjectSince:
		return !h.Start.Before(t.at)
	case subjectUntil:
		return h.Start.Before(t.at)
	case subjectID:
		return h.ID == t.value || ShortID(h.ID) == t.value
	}
	return t.matchText(h.Title) || t.matchText(h.Cause) || hasValue(h.Attrs, t.value)
}

func (t *term) matchText(text string) bool {
	if t.op == opEqual {
		return text == t.value
	}
	return strings.Contains(strings.ToLower(text), t.lower)
}

func hasValue(attrs map[string]string, value string) bool {
	for _, v := range attrs {
		if v == value {
			return true
		}
	}
	return false
}

// holds reports whether the result of a comparison is what an operator asks for.
func holds(c int, op string) bool {
	switch op {
	case opEqual:
		return c == 0
	case opUnequal:
		return c != 0
	case opLess:
		return c < 0
	case opAtMost:
		return c <= 0
	case opMore:
		return c > 0
	}
	return c >= 0
}

// compareValues compares as whole numbers, numbers or durations where both are, else as
// text.
func compareValues(a, b string) int {
	if x, err := strconv.ParseInt(a, 10, 64); err == nil {
		if y, err := strconv.ParseInt(b, 10, 64); err == nil {
			return cmp.Compare(x, y)
		}
	}
	if x, ok := parseFloat(a); ok {
		if y, ok := parseFloat(b); ok {
			return cmp.Compare(x, y)
		}
	}
	if x, err := time.ParseDuration(a); err == nil {
		if y, err := time.ParseDuration(b); err == nil {
			return cmp.Compare(x, y)
		}
	}
	return strings.Compare(a, b)
}

func parseFloat(s string) (float64, bool) {
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
}
