package storyid_test

import (
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/storyid"
)

func TestOf(t *testing.T) {
	start := time.Date(2026, 11, 22, 17, 41, 41, 407123999, time.FixedZone("", 3600))
	for random, suffix := range map[uint32]string{0: "000000", 35: "z00000", 36: "010000", 36*36*36*36*36*36 - 1: "zzzzzz"} {
		if got, want := storyid.Of(start, random), "2026-11-22T16:41:41.407123Z-"+suffix; got != want {
			t.Errorf("%d: got %s, want %s", random, got, want)
		}
	}
	for range 1000 {
		if n := storyid.Random(); n >= 36*36*36*36*36*36 {
			t.Fatalf("%d does not go into an id", n)
		}
	}
}
