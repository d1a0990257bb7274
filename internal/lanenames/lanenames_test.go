package lanenames_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/lanenames"
	"github.com/dynamoslog/dynamoslog/story"
)

// manyLanes are some with names of their own, and those of seven functions.
func manyLanes() iter.Seq2[int, lanenames.Lane] {
	return func(yield func(int, lanenames.Lane) bool) {
		for i := range 1200 {
			lane := lanenames.Lane{Name: fmt.Sprint("main.f", i%7)}
			if i%10 == 3 && i < 100 {
				lane = lanenames.Lane{Name: fmt.Sprint("order ", i), Given: true}
			}
			if !yield(i, lane) {
				return
			}
		}
	}
}

// However many lanes of different functions and names, the header stays within bounds.
func TestLaneNamesAreBounded(t *testing.T) {
	for room := range story.MaxAttrs + 1 {
		given, functions, all := 0, 0, make(map[string]string)
		lanes := manyLanes()
		for name, value := range lanenames.Attrs(lanes, room) {
			if all[name] != "" || !story.IsLaneAttr(name) {
				t.Fatalf("%s=%s", name, value)
			}
			all[name] = value
			if size := len(name) + len(value); strings.HasPrefix(value, "order") {
				given += size
			} else {
				functions += size
			}
		}
		if given+functions > room || functions > 0 && given+functions > lanenames.MaxFunctions {
			t.Fatalf("%d and %d bytes where there is room for %d", given, functions, room)
		}
		h := story.Header{Attrs: all}
		for i, lane := range lanes {
			if name := h.LaneName(i); name != "" && name != lane.Name {
				t.Fatalf("lane %d is %q, not %q, in %v", i, name, lane.Name, all)
			}
		}
		if room == story.MaxAttrs && (h.LaneName(93) != "order 93" || h.LaneName(90) != "main.f6") {
			t.Errorf("got %v", all)
		}
	}
}

func TestShortNames(t *testing.T) {
	for function, want := range map[string]string{
		"main.notifyAll":                                              "main.notifyAll",
		"main.serve.func1":                                            "main.serve.func1",
		"main.serve.func1.gowrap2":                                    "main.serve.func1",
		"main.serve.gowrap1":                                          "main.serve",
		"main.serve.func1.deferwrap1":                                 "main.serve.func1",
		"example.com/shop/mail.(*Sender).run":                         "mail.(*Sender).run",
		"example.com/mail/v2.(*Sender).run-fm":                        "mail.(*Sender).run",
		"gopkg.in/yaml%2ev3.Marshal":                                  "yaml.v3.Marshal",
		"net/http.(*conn).serve":                                      "http.(*conn).serve",
		"main.pool[...].work":                                         "main.pool.work",
		"main.(*Pool[go.shape.struct { a/b.C; d []e.F }]).work.func1": "main.(*Pool).work.func1",
		"v2.f": "v2.f",
		"":     "",
		"[":    "",
		"a/":   "",
		"%zz":  "%zz",
	} {
		if got := lanenames.Short(function); got != want {
			t.Errorf("%s is %q, not %q", function, got, want)
		}
	}
}

func FuzzShort(f *testing.F) {
	f.Add("example.com/mail/v2.(*Sender[...]).run-fm")
	f.Add("]a[/.gowrap1")
	f.Fuzz(func(t *testing.T, function string) {
		if short := lanenames.Short(function); strings.ContainsAny(short, "[]") && !strings.Contains(function, "%5") {
			t.Errorf("%q is %q", function, short)
		}
	})
}

func BenchmarkAttrs(b *testing.B) {
	for _, count := range []int{6, 1025} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			lanes := make([]lanenames.Lane, count)
			for i := range lanes {
				lanes[i].Name = []string{"main.main.func1", "mail.(*Sender).run", "main.(*metrics).flush"}[i%3]
			}
			all := func(yield func(int, lanenames.Lane) bool) {
				for i, lane := range lanes {
					if !yield(i, lane) {
						return
					}
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				for range lanenames.Attrs(all, story.MaxAttrs) {
				}
			}
		})
	}
}
