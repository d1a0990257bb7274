package compose

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/story"
)

// Where quieter lines are left out of parts, those that stay keep their callers: of random
// calls, written down in chunks.
func TestQuietLinesLeaveTheTree(t *testing.T) {
	quiet := slog.LevelInfo
	dropped := 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 2))
		c := New(seed%2 == 0)
		var stack, before []int // activations of functions
		next := 0
		latest := make(map[int]string) // the last line kept of an activation
		var text strings.Builder
		want := make(map[string]string) // the caller of each line that is kept
		chunks := 1 + r.IntN(5)
		for n := range chunks {
			k := chunk(Middle, 0)
			if n == chunks-1 {
				k = chunk(Last, 0)
			}
			for range 1 + r.IntN(4) {
				for range r.IntN(4) {
					if len(stack) > 1 {
						stack = stack[:len(stack)-1]
					}
				}
				for range r.IntN(4) {
					next++
					stack = append(stack, next)
				}
				if len(stack) == 0 {
					next++
					stack = append(stack, next)
				}
				shared := 0
				for shared < min(len(stack), len(before)) && stack[shared] == before[shared] {
					shared++
				}
				before = slices.Clone(stack)
				level := slog.LevelDebug
				message := fmt.Sprint("line ", next, " ", r.IntN(1e9))
				if r.IntN(2) == 0 {
					level = slog.LevelInfo
					for _, activation := range stack[:len(stack)-1] {
						if caller, logged := latest[activation]; logged {
							want[message] = caller
						}
					}
					if _, under := want[message]; !under {
						want[message] = ""
					}
					latest[stack[len(stack)-1]] = message
				}
				say(k, level, 0, len(stack), shared, message, "")
			}
			told := c.Parts(k, &quiet, scratch())
			dropped += told.Quiet
			for _, p := range told.Parts {
				text.WriteString(p.Text)
			}
			if seed%3 == 0 {
				resume := c.AppendResume(nil)
				c = New(false)
				if err := c.Resume(resume); err != nil {
					t.Fatal(err)
				}
			}
		}
		lines := story.Parse(text.String())
		for i, parent := range story.Parents(lines) {
			caller, kept := want[lines[i].Message]
			if !kept {
				continue // a note
			}
			got := ""
			if parent >= 0 {
				got = lines[parent].Message
			}
			if got != caller {
				t.Fatalf("seed %d: %q stands under %q, want %q, in\n%s", seed, lines[i].Message, got, caller, text.String())
			}
		}
	}
	if dropped < 3000 {
		t.Errorf("only %d lines were left out", dropped)
	}
}
