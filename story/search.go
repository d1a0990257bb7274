package story

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// A Search says which stories are wanted: those for which every one of its terms holds.
// [ParseSearch] reads it, [Search.String] writes it. The zero value selects all.
type Search struct{ terms []term }

// A term is a condition on a header. What its value means is in the field that its
// subject names.
type term struct {
	subject subject
	not     bool   // selects the others
	name    string // of an attribute
	op      string // opHas or a comparison
	value   string // as it was typed, without quotes

	key    Key           // subjectKey
	level  slog.Level    // subjectLevel
	number int           // subjectLines
	took   time.Duration // subjectTook
	at     time.Time     // subjectSince, subjectUntil
	lower  string        // value in lower case, where it is looked for within a text
}

// What stands between the name and the value of a term.
const (
	opHas     = ":"
	opEqual   = "="
	opUnequal = "!="
	opLess    = "<"
	opAtMost  = "<="
	opMore    = ">"
	opAtLeast = ">="
)

// A SearchError says what is wrong with a search, and what would be right.
type SearchError struct {
	Text    string // the search
	At, End int    // Text[At:End] is the term that is wrong
	Reason  string
}

// Term returns the term that is wrong.
func (e *SearchError) Term() string { return e.Text[e.At:e.End] }

// Message says which term is wrong, and the reason, on one line that is safe to print.
func (e *SearchError) Message() string {
	return shown(e.Term()) + ": " + e.Reason
}

// shown returns a piece of a search as errors tell it: on one line that is safe to print,
// and not at length.
func shown(text string) string { return cutText(Escape(text), 100) }

func (e *SearchError) Error() string {
	return fmt.Sprintf("story: search, at %d: %s", e.At+1, e.Message())
}

// ParseSearch reads a search as people type it: terms with blanks between them, all of
// which are to hold. In now's zone, where a time has none.
//
//	user_42                  stories of this key; key:"http_GET /x" where it has blanks
//	payment "payment failed" the title or the cause contains it, in upper or lower case, or
//	                         it is the whole value of an attribute of the header
//	order=93  status>=500    an attribute of the header: = != < <= > >=, as numbers or
//	                         durations where both are, else as text; order:93 is order=93
//	level:warn               the highest level is at least this; level=warn, level<error
//	kind:job  state:open     of a kind of keys; in a state
//	title:x   cause:x        contains it, title=x is it; problem:x is it
//	took>1s   lines>100      how long it took, and how many lines it has
//	since:-1h until:16:00    started then or later, before that; before: is until:
//	id:hoejm7nd777f          the story of this id, whole or short: see [ShortID] and [ParseTime]
//	-status=500 -"retry"     not what follows the minus
//
// A value with blanks stands in double quotes, where \" is a quote and \\ a backslash. A
// quoted text is only ever a text, and "level"=3 an attribute, whatever it is called.
// An attribute that a header lacks equals nothing, and differs from nothing:
// status!=200 selects those that have another, -status=200 also those that have none.
//
// Errors are a *[SearchError].
func ParseSearch(text string, now time.Time) (Search, error) {
	var s Search
	for at := 0; ; {
		tok, err := scanTerm(text, at)
		if err == nil && tok.end == tok.at {
			return s, nil
		}
		fail := func(err error) (Search, error) {
			return Search{}, &SearchError{Text: text, At: tok.at, End: tok.end, Reason: err.Error()}
		}
		if err != nil {
			return fail(err)
		}
		t, err := tok.term(now)
		if err != nil {
			return fail(err)
		}
		if err := s.contradicts(t); err != nil {
			return fail(err)
		}
		s.terms = append(s.terms, t)
		at = tok.end
	}
}

// IsZero reports whether the search selects all.
func (s Search) IsZero() bool { return len(s.terms) == 0 }

// Match reports whether a header is one that the search selects.
func (s Search) Match(h Header) bool {
	for i := range s.terms {
		if s.terms[i].match(&h) == s.terms[i].not {
			return false
		}
	}
	return true
}

// Query returns how a store is asked for what is searched, and what it does not decide:
// of what the query selects, stories that the rest matches are those that the search
// selects. It sets no limit, order and cursor.
//
// Index names attributes under which stories are listed too, so that name=value is found
// as the key name_value is. One such term, or key, becomes the query's key.
func (s Search) Query(index ...string) (q Query, rest Search) {
	keyed := slices.IndexFunc(s.terms, func(t term) bool { return t.subject == subjectKey && !t.not })
	if keyed < 0 {
		keyed = slices.IndexFunc(s.terms, func(t term) bool {
			return t.subject == subjectAttr && !t.not && t.op == opEqual && slices.Contains(index, t.name)
		})
	}
	for i, t := range s.terms {
		switch {
		case i == keyed && t.subject == subjectKey:
			q.Key = t.key
		case i == keyed:
			q.Key = NewKey(t.name, t.value)
		case !t.narrow(&q):
			rest.terms = append(rest.terms, t)
		}
	}
	return q, rest
}

// narrow makes a query select less, and reports whether it then decides the whole term.
func (t *term) narrow(q *Query) bool {
	switch {
	case t.not:
		return false
	case t.subject == subjectKind:
		q.Kind = t.value
	case t.subject == subjectSince:
		q.from(t.at)
	case t.subject == subjectUntil:
		q.to(t.at)
	case t.subject == subjectTitle && t.op == opHas && q.Text == "":
		q.Text = t.value
	case t.subject == subjectID:
		if start, ok := idStart(t.value); ok {
			q.from(start)
			q.to(start.Add(time.Microsecond))
		}
		return false
	case t.subject == subjectLevel && (t.op == opAtLeast || t.op == opMore || t.op == opEqual):
		q.atLeast(t.level)
		return t.op == opAtLeast
	case t.subject == subjectProblem && t.op != opUnequal:
		q.atLeast(slog.LevelWarn) // below it a story has none
		return false
	default:
		return false
	}
	return true
}

func (q *Query) atLeast(level slog.Level) {
	if q.MinLevel == nil || q.MinLevel.Level() < level {
		q.MinLevel = level
	}
}

func (q *Query) from(t time.Time) {
	if q.Since.IsZero() || t.After(q.Since) {
		q.Since = t
	}
}

func (q *Query) to(t time.Time) {
	if q.Until.IsZero() || t.Before(q.Until) {
		q.Until = t
	}
}

// CutKey returns the key that the search names, if it names one, and all other terms.
func (s Search) CutKey() (key Key, rest Search, found bool) {
	for _, t := range s.terms {
		if t.subject == subjectKey && !t.not {
			key, found = t.key, true
			continue
		}
		rest.terms = append(rest.terms, t)
	}
	return key, rest, found
}

// Within returns the search for what began at since or later, and before until, instead of
// what it says of times. A zero time is no bound.
func (s Search) Within(since, until time.Time) Search {
	within := Search{terms: slices.DeleteFunc(slices.Clone(s.terms), func(t term) bool {
		return t.subject == subjectSince || t.subject == subjectUntil
	})}
	bound := func(subject subject, at time.Time) {
		if !at.IsZero() {
			within.terms = append(within.terms, term{subject: subject, op: opHas, value: at.UTC().Format(time.RFC3339Nano), at: at})
		}
	}
	bound(subjectSince, since)
	bound(subjectUntil, until)
	return within
}

// Without returns the search without its terms about some fields, such as since and kind: see
// [SearchFields].
func (s Search) Without(fields ...string) Search {
	return Search{terms: slices.DeleteFunc(slices.Clone(s.terms), func(t term) bool {
		return slices.Contains(fields, t.subject.String())
	})}
}

// contradicts says why no story can be what the search and one more term select.
func (s Search) contradicts(t term) error {
	if t.not {
		return nil
	}
	for _, other := range s.terms {
		if other.not {
			continue
		}
		one := ""
		switch pair := [2]subject{other.subject, t.subject}; pair {
		case [2]subject{subjectKey, subjectKey}:
			if other.key != t.key {
				one = "a story is of one key"
			}
		case [2]subject{subjectKey, subjectKind}, [2]subject{subjectKind, subjectKey}:
			if kindOf(other) != kindOf(t) {
				one = "the key is of another kind"
			}
		case [2]subject{subjectKind, subjectKind}, [2]subject{subjectState, subjectState}, [2]subject{subjectID, subjectID}:
			if other.value != t.value {
				one = "a story has one " + t.subject.String()
			}
		case [2]subject{subjectSince, subjectUntil}:
			one = nothingBetween(other.at, t.at)
		case [2]subject{subjectUntil, subjectSince}:
			one = nothingBetween(t.at, other.at)
		}
		if one != "" {
			return fmt.Errorf("it contradicts %s: %s", shown(other.String()), one)
		}
	}
	return nil
}

func kindOf(t term) string {
	if t.subject == subjectKey {
		return t.key.Kind
	}
	return t.value
}

func nothingBetween(since, until time.Time) string {
	if since.Before(until) {
		return ""
	}
	const layout = "2006-01-02 15:04:05 MST"
	return fmt.Sprintf("nothing is from %s on and before %s", since.Format(layout), until.Format(layout))
}

// String writes the search so that [ParseSearch] reads the same.
func (s Search) String() string {
	var text strings.Builder
	for i, t := range s.terms {
		if i > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(t.String())
	}
	return text.String()
}

// Texts returns what it looks for within titles and causes, so that it can be marked there.
func (s Search) Texts() (texts []string) {
	for _, t := range s.terms {
		if within := t.subject == subjectText || t.op == opHas && (t.subject == subjectTitle || t.subject == subjectCause); within && !t.not {
			texts = append(texts, t.value)
		}
	}
	return texts
}
