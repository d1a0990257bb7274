package reading_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

var lastHour = reading.Span{From: noon.Add(-time.Hour), To: noon}

// at makes the header of a story that ended, so many minutes before noon.
func at(minutes float64, key, title string, change func(*story.Header)) story.Header {
	k, err := story.ParseKey(key)
	if err != nil {
		panic(err)
	}
	start := noon.Add(-time.Duration(minutes * float64(time.Minute)))
	h := story.Header{Key: k, ID: story.IDPrefix(start) + "-000000", Start: start, Updated: start, State: story.Sealed, LineCount: 1, Title: title}
	if change != nil {
		change(&h)
	}
	return h
}

func failed(problem, cause string) func(*story.Header) {
	return func(h *story.Header) { h.MaxLevel, h.Problem, h.Cause = slog.LevelError, problem, cause }
}

func TestOverviewCounts(t *testing.T) {
	warned := func(h *story.Header) { h.MaxLevel = slog.LevelWarn }
	open := func(h *story.Header) { h.State, h.MaxLevel = story.Open, slog.LevelError }
	o := reading.Summarize(slices.Values([]story.Header{
		at(0, "user_1", "not any more", nil), // Span.To is outside
		at(0.5, "user_1", "A", nil), at(1, "user_1", "A", failed("p", "c")), at(1.5, "job_1", "B", warned), at(60, "order_9", "C", open),
		at(60.1, "user_1", "A", failed("p", "c")), at(120, "user_2", "A", nil), at(120.1, "user_1", "too long ago", nil),
	}), lastHour)
	if want := (reading.Tally{Stories: 4, Failed: 2, Warned: 1, Open: 1}); o.Tally != want {
		t.Errorf("got %+v, want %+v", o.Tally, want)
	}
	if want := (reading.Tally{Stories: 2, Failed: 1}); o.Was != want {
		t.Errorf("before: got %+v, want %+v", o.Was, want)
	}
	if o.Looked != 6 || !o.Back.Equal(noon.Add(-2*time.Hour)) {
		t.Errorf("looked at %d, back to %v", o.Looked, o.Back)
	}
	kinds := []reading.KindCount{
		{Kind: "user", Tally: reading.Tally{Stories: 2, Failed: 1}},
		{Kind: "job", Tally: reading.Tally{Stories: 1, Warned: 1}},
		{Kind: "order", Tally: reading.Tally{Stories: 1, Failed: 1, Open: 1}},
	}
	if !slices.Equal(o.Kinds, kinds) {
		t.Errorf("kinds: got %+v, want %+v", o.Kinds, kinds)
	}
	if len(o.Minutes) != 60 {
		t.Fatalf("there are %d minutes", len(o.Minutes))
	}
	for i, want := range map[int]int{0: 1, 1: 0, 57: 0, 58: 1, 59: 2} {
		m := o.Minutes[i]
		if m.Stories != want || !m.Start.Equal(lastHour.From.Add(time.Duration(i)*time.Minute)) || m.End.Sub(m.Start) != time.Minute {
			t.Errorf("minute %d: got %+v, want %d stories", i, m, want)
		}
	}
}

// Every story of a span is in the bar that says so, however the times divide.
func TestOverviewBars(t *testing.T) {
	for _, span := range []reading.Span{
		{From: noon.Add(-time.Hour), To: noon, Bars: 7},
		{From: noon.Add(-10), To: noon, Bars: 24},
		{From: noon.Add(-25 * time.Hour), To: noon.Add(-1), Bars: 24},
	} {
		n := 0
		headers := func(yield func(story.Header) bool) {
			for at := span.From; at.Before(span.To); at = at.Add(max(span.To.Sub(span.From)/1013, 1)) {
				n++
				if !yield(story.Header{Key: userKey, ID: story.NewID(at), Start: at, State: story.Sealed, MaxLevel: slog.LevelWarn, Problem: "p"}) {
					return
				}
			}
		}
		o := reading.Summarize(headers, span)
		sum, spark := 0, 0
		end := span.From
		for i, m := range o.Minutes {
			if !m.Start.Equal(end) || m.End.Before(m.Start) {
				t.Fatalf("%v: bar %d is from %v to %v, after %v", span, i, m.Start, m.End, end)
			}
			end = m.End
			sum += m.Stories
			spark += o.Problems[0].Spark[i]
		}
		if !end.Equal(span.To) || sum != n || spark != n || o.Stories != n || len(o.Problems[0].Spark) != span.Bars {
			t.Errorf("%v: bars end %v and hold %d of %d stories, the problem's %d", span, end, sum, n, spark)
		}
	}
	for _, span := range []reading.Span{{}, {From: noon, To: noon}, {From: noon, To: noon.Add(-1)}} {
		if o := reading.Summarize(slices.Values([]story.Header{at(0, "user_1", "A", nil)}), span); o.Stories != 0 {
			t.Errorf("%v holds %d stories", span, o.Stories)
		}
	}
}

func TestOverviewProblems(t *testing.T) {
	route := func(change func(*story.Header)) func(*story.Header) {
		return func(h *story.Header) {
			change(h)
			h.Attrs = map[string]string{"route": "POST /orders"}
		}
	}
	warned := func(h *story.Header) { h.MaxLevel, h.Problem, h.Cause = slog.LevelWarn, "slow", "Gateway is slow" }
	headers := []story.Header{
		at(2, "user_1", "POST /orders", route(failed("pay", "Payment failed: 7"))), at(30, "user_2", "POST /orders", route(failed("pay", "Payment failed: 6"))),
		at(40, "user_1", "POST /orders", route(failed("pay", "Payment failed: 5"))),
		at(3, "job_9", "Job 9", failed("", "")), at(4, "job_8", "Job 8", failed("", "")), at(4, "job_8", "Other", failed("", "")), // without a Problem
		at(5, "user_3", "x", warned), at(6, "user_3", "x", warned), at(7, "user_3", "x", warned), at(8, "user_3", "x", warned),
		at(61, "user_3", "x", warned), at(119, "user_4", "x", failed("gone", "Gone")),
	}
	for range 2 { // the order in which they come does not matter
		slices.Reverse(headers)
		o := reading.Summarize(slices.Values(headers), lastHour)
		var got []string
		for _, p := range o.Problems {
			got = append(got, fmt.Sprintf("%s %q %s %s: %d of %d, %d before, new %t, %v to %v", p.ID, p.Cause, p.Kind, p.Route, p.Count, p.Objects, p.Before, p.New,
				noon.Sub(p.First), noon.Sub(p.Last)))
		}
		want := []string{
			`pay "Payment failed: 7" user POST /orders: 3 of 2, 0 before, new true, 40m0s to 2m0s`,
			` "" job Job N: 2 of 2, 0 before, new true, 4m0s to 3m0s`,
			` "" job Other: 1 of 1, 0 before, new true, 4m0s to 4m0s`,
			`slow "Gateway is slow" user x: 4 of 1, 1 before, new false, 8m0s to 5m0s`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%q\nwant\n%q", got, want)
		}
		if p := o.Problems[0]; p.Newest.ID != headers[0].ID && p.Newest.ID != headers[len(headers)-1].ID || p.Spark[58] != 1 || p.Spark[20] != 1 || p.Spark[0] != 0 {
			t.Errorf("newest %s, spark %v", p.Newest.ID, p.Spark)
		}
	}
}

func TestOverviewSlow(t *testing.T) {
	var headers []story.Header
	add := func(minutes float64, title string, took ...time.Duration) {
		for i, d := range took {
			headers = append(headers, at(minutes+float64(i)/100, "user_1", title, func(h *story.Header) { h.Duration = d }))
		}
	}
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[len(hundred)-1-i] = time.Duration(i+1) * time.Millisecond
	}
	s := time.Second
	add(1, "GET /", hundred...)
	add(2, "POST /", s, s, s, s, 3*s)
	add(62, "POST /", s, s, s, s, s)
	add(3, "Index 7", 20*s, 20*s)
	add(63, "Index 8", 2*s, 2*s) // too few to say that it is slower
	add(64, "No more", 9*s)
	headers = append(headers, at(1, "user_1", "Index 9", func(h *story.Header) { h.State, h.Duration = story.Open, time.Hour }))
	var got []string
	for _, slow := range reading.Summarize(slices.Values(headers), lastHour).Slow {
		got = append(got, fmt.Sprint(slow.Route, " ", slow.Count, " ", slow.Median, " ", slow.P95, ", ", slow.CountBefore, " ", slow.MedianBefore, " ", slow.P95Before, ", ", slow.Slower, " ", slow.Worse(), " ", slow.Slowest.Duration))
	}
	want := []string{
		"POST / 5 1s 3s, 5 1s 1s, 3 true 3s",
		"Index N 2 20s 20s, 2 2s 2s, 0 false 20s",
		"GET / 100 50ms 95ms, 0 0s 0s, 0 false 100ms",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestReadOverview(t *testing.T) {
	store := story.NewMemory()
	put := func(n int, minutes float64, key string) {
		for i := range n {
			h := at(minutes+float64(i)/1000, key, "A", failed("p", "c"))
			h.Start = h.Start.UTC().Truncate(time.Microsecond)
			h.ID = story.NewID(h.Start)
			if err := store.Put(context.Background(), []story.Part{{Key: h.Key, ID: h.ID, Header: &h}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(30, 10, "user_1")
	put(20, 70, "user_1")
	put(7, 30, "job_1")
	for _, test := range []struct {
		search             string
		look               int
		now, was           int
		short, shortBefore bool
	}{
		{"", 100, 37, 20, false, false},
		{"kind:job", 100, 7, 0, false, false},
		{"kind:job since:2020-01-01 until:2020-01-02", 100, 7, 0, false, false},
		{"cause:c kind:user", 100, 30, 20, false, false},
		{"", 10, 10, 0, true, true},
		{"kind:user", 40, 30, 20, false, false},
	} {
		search, err := story.ParseSearch(test.search, noon)
		if err != nil {
			t.Fatal(err)
		}
		o, err := reading.ReadOverview(context.Background(), store, search, lastHour, test.look)
		if err != nil {
			t.Fatal(err)
		}
		if o.Stories != test.now || o.Was.Stories != test.was || o.Short != test.short || o.ShortBefore != test.shortBefore || o.Looked < test.now+test.was ||
			len(o.Problems) != 1 || o.Problems[0].New {
			t.Errorf("%q: got %d and %d before of %d, short %t and %t, want %+v", test.search, o.Stories, o.Was.Stories, o.Looked, o.Short, o.ShortBefore, test)
		}
	}
	put(1, 80, "job_2") // there was something before, but not this
	calm := at(75, "shop_1", "A", nil)
	calm.ID = story.NewID(calm.Start)
	if err := store.Put(context.Background(), []story.Part{{Key: calm.Key, ID: calm.ID, Header: &calm}}); err != nil {
		t.Fatal(err)
	}
	put(1, 5, "shop_1")
	for text, isNew := range map[string]bool{"kind:shop level:error": true, "shop_1 level:error": true, "shop_1 cause:c": true, "kind:job": false, "kind:user": false} {
		search, err := story.ParseSearch(text, noon)
		if err != nil {
			t.Fatal(err)
		}
		if o, err := reading.ReadOverview(context.Background(), store, search, lastHour, 100); err != nil || len(o.Problems) != 1 || o.Problems[0].New != isNew {
			t.Errorf("%s: new is %t, %v", text, !isNew, err)
		}
	}
	if o, err := reading.ReadOverview(context.Background(), story.NewMemory(), story.Search{}, lastHour, 10); err != nil || o.Stories != 0 || !o.Back.IsZero() || len(o.Problems)+len(o.Slow) != 0 {
		t.Errorf("of an empty store: %+v, %v", o, err)
	}
}
