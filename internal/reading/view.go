package reading

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/story"
)

// Times says which time stands before a line.
type Times string

// The times of a line.
const (
	SinceStart    Times = ""      // since the story's first
	SincePrevious Times = "step"  // since the one before in its lane
	TimeOfDay     Times = "clock" // of day
)

// Folds that are no depth.
const (
	ErrorsFirst = -1 // calm branches are folded, those with a warning or an error are open
	Unfolded    = -2
)

// A View says how a story is shown. [NewView] returns the default.
type View struct {
	Fold    int          // to this depth, or ErrorsFirst or Unfolded
	Toggled map[int]bool // numbers of lines that are folded the other way
	Times   Times
	Stored  bool         // indented as stored, not by the nearest caller that logged
	Each    bool         // repeats are not merged
	Flat    bool         // all lanes in one list, in the order of time, where there are several
	Full    map[int]bool // numbers of lines whose values are whole
	Open    map[int]bool // numbers of the lines that repeats, or merged lanes, begin with, which are seen one by one
	At      int          // number of the line above which nothing is folded
	Filter
}

// A Filter selects lines.
type Filter struct {
	Text   string        // in the message or the attributes, as stored or as shown, in upper or lower case
	Search *story.Search // what Text says in the language of searches; Text itself is looked for if nil
	Level  *slog.Level   // at least
}

// ErrBadView is wrapped by the errors of [ParseView] and [ParseLevel].
var ErrBadView = errors.New("this cannot be shown")

// NewView returns the view in which a story opens.
func NewView() View { return View{Fold: ErrorsFirst} }

// ParseView reads what [View.Values] wrote.
func ParseView(values url.Values) (View, error) {
	v := NewView()
	var err error
	switch fold := values.Get("fold"); fold {
	case "":
	case "none":
		v.Fold = Unfolded
	default:
		if v.Fold, err = parseCount("fold", fold); err != nil {
			return v, err
		}
	}
	switch v.Times = Times(values.Get("times")); v.Times {
	case SinceStart, SincePrevious, TimeOfDay:
	default:
		return v, fmt.Errorf("%w: times is step, clock or absent, not %.100q", ErrBadView, v.Times)
	}
	for name, numbers := range map[string]*map[int]bool{"toggled": &v.Toggled, "full": &v.Full, "open": &v.Open} {
		if *numbers, err = parseNumbers(name, values.Get(name)); err != nil {
			return v, err
		}
	}
	if at := values.Get("at"); at != "" {
		if v.At, err = parseCount("at", at); err != nil {
			return v, err
		}
	}
	v.Stored = values.Get("indent") == "stored"
	v.Each = values.Get("repeats") == "each"
	v.Flat = values.Get("lanes") == "time"
	if v.Text = values.Get("q"); len(v.Text) > MostText {
		return v, fmt.Errorf("%w: q is a text of at most %d bytes, not of %d", ErrBadView, MostText, len(v.Text))
	}
	v.Level, err = ParseLevel(values.Get("level"))
	return v, err
}

// Limits of what an address may ask for. Its links carry what is toggled along, each
// of a folded branch all of it.
const (
	MostToggled = 1000 // numbers of lines
	MostText    = 1000 // bytes of a text to look for
)

func parseNumbers(name, list string) (map[int]bool, error) {
	if list == "" {
		return nil, nil
	}
	if n := 1 + strings.Count(list, "."); n > MostToggled {
		return nil, fmt.Errorf("%w: %s has at most %d numbers, not %d", ErrBadView, name, MostToggled, n)
	}
	numbers := make(map[int]bool)
	for number := range strings.SplitSeq(list, ".") {
		n, err := parseCount(name, number)
		if err != nil {
			return nil, err
		}
		numbers[n] = true
	}
	return numbers, nil
}

func parseCount(name, s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%w: %s is a number, not %.100q", ErrBadView, name, s)
	}
	return n, nil
}

// ParseLevel reads a level's name, or nil where there is none.
func ParseLevel(name string) (*slog.Level, error) {
	if name == "" {
		return nil, nil
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return nil, fmt.Errorf("%w: a level is debug, info, warn or error, not %.100q", ErrBadView, name)
	}
	return &level, nil
}

// Values returns the view as the parameters of a URL, without what is default.
func (v View) Values() url.Values {
	values := make(url.Values)
	set := func(name, value string) {
		if value != "" {
			values.Set(name, value)
		}
	}
	switch v.Fold {
	case ErrorsFirst:
	case Unfolded:
		set("fold", "none")
	default:
		set("fold", strconv.Itoa(v.Fold))
	}
	set("toggled", JoinNumbers(v.ToggledNumbers()))
	set("times", string(v.Times))
	if v.Stored {
		set("indent", "stored")
	}
	if v.Each {
		set("repeats", "each")
	}
	if v.Flat {
		set("lanes", "time")
	}
	set("full", JoinNumbers(sortedNumbers(v.Full)))
	set("open", JoinNumbers(sortedNumbers(v.Open)))
	if v.At > 0 {
		set("at", strconv.Itoa(v.At))
	}
	set("q", v.Text)
	if v.Level != nil {
		set("level", v.Level.String())
	}
	return values
}

// ToggledNumbers returns the numbers of the lines that are toggled, in order.
func (v View) ToggledNumbers() []int { return sortedNumbers(v.Toggled) }

func sortedNumbers(set map[int]bool) (numbers []int) {
	for number, in := range set {
		if in {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// JoinNumbers returns the numbers of lines as the parameters toggled, full and open.
func JoinNumbers(numbers []int) string {
	var list []byte
	for i, number := range numbers {
		if i > 0 {
			list = append(list, '.')
		}
		list = strconv.AppendInt(list, int64(number), 10)
	}
	return string(list)
}

// CalmLines is the length up to which a story without a warning opens whole.
const CalmLines = 100

// Folded reports whether a line with others below it is folded.
func (v View) Folded(t *Tree, n *Node) bool {
	if v.Active() {
		return false // what was folded would hide what is found
	}
	folded := false
	switch v.Fold {
	case Unfolded:
	case ErrorsFirst:
		if t.All.Calm() {
			folded = t.All.Lines > CalmLines && n.Depth > 0
		} else {
			folded = n.Under.Calm()
		}
		folded = folded && !t.bad[n] && n.Under.Lines > 1 // to say that a line is hidden takes as much as to show it
	default:
		folded = n.Depth >= v.Fold
	}
	return folded != v.Toggled[n.Number] && !(v.At > 0 && t.leads(n, v.At))
}
