package reading

import (
	"log/slog"
	"time"
)

type tallyJSON struct {
	Stories int `json:"stories"`
	Failed  int `json:"failed"`
	Warned  int `json:"warned"`
	Open    int `json:"open"`
}

// ProblemJSON returns what is printed of a problem as JSON.
func ProblemJSON(p Problem) any {
	return struct {
		Problem string     `json:"problem,omitempty"`
		Level   slog.Level `json:"level"`
		Cause   string     `json:"cause"`
		Kind    string     `json:"kind"`
		Route   string     `json:"route"`
		Count   int        `json:"count"`
		Before  int        `json:"before"` // in as much time before
		New     bool       `json:"new"`
		Objects int        `json:"objects"`
		First   time.Time  `json:"first"`
		Last    time.Time  `json:"last"`
		Newest  Header     `json:"newest"`
	}{p.ID, p.Level, p.Cause, p.Kind, p.Route, p.Count, p.Before, p.New, p.Objects, p.First, p.Last, HeaderJSON(p.Newest)}
}

// SlowJSON returns what is printed as JSON of how long stories took.
func SlowJSON(s Slow) any {
	return struct {
		Kind           string  `json:"kind"`
		Route          string  `json:"route"`
		Count          int     `json:"count"`
		MedianMS       int64   `json:"median_ms"`
		P95MS          int64   `json:"p95_ms"`
		CountBefore    int     `json:"count_before"`
		MedianBeforeMS int64   `json:"median_before_ms"`
		P95BeforeMS    int64   `json:"p95_before_ms"`
		Slower         float64 `json:"slower,omitempty"` // p95_ms as a multiple, where there are enough stories to say so
		Worse          bool    `json:"worse"`
		Slowest        Header  `json:"slowest"`
	}{s.Kind, s.Route, s.Count, s.Median.Milliseconds(), s.P95.Milliseconds(), s.CountBefore, s.MedianBefore.Milliseconds(), s.P95Before.Milliseconds(),
		s.Slower, s.Worse(), HeaderJSON(s.Slowest)}
}

// OverviewJSON returns what is printed of an overview as JSON.
func OverviewJSON(o *Overview) any {
	out := struct {
		From time.Time `json:"from"`
		To   time.Time `json:"to"`
		tallyJSON
		Before   tallyJSON `json:"before"` // as much time before
		Looked   int       `json:"looked"` // how many headers were looked at
		Short    bool      `json:"short"`  // whether there are more
		Problems []any     `json:"problems"`
		Slow     []any     `json:"slow"`
	}{From: o.From, To: o.To, tallyJSON: tallyJSON(o.Tally), Before: tallyJSON(o.Was), Looked: o.Looked, Short: o.Short || o.ShortBefore, Problems: []any{}, Slow: []any{}}
	for _, p := range o.Problems {
		out.Problems = append(out.Problems, ProblemJSON(p))
	}
	for _, s := range o.Slow {
		out.Slow = append(out.Slow, SlowJSON(s))
	}
	return out
}
