package cli_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/cli"
)

const (
	shortA = "hoj9f3k2m7aa"
	shortB = "hoj9f3k2m7bb"
)

func TestPlacesOfADiff(t *testing.T) {
	for args, want := range map[string]string{
		"user_1":                          "user_1|",
		"user_1 " + shortA:                "user_1|" + shortA,
		"user_1 " + shortA + " " + shortB: "user_1|" + shortA + " user_1|" + shortB,
		"user_1 ~1 ~0":                    "user_1|~1 user_1|~0",
		"user_1 user_2":                   "user_1| user_2|",
		"user_1 ~1 user_2 " + shortB:      "user_1|~1 user_2|" + shortB,
		"user_1 user_2 ~2":                "user_1| user_2|~2",
		shortA:                            "|" + shortA,
		shortA + " " + shortB:             "|" + shortA + " |" + shortB,
		shortA + " ~2":                    "|" + shortA + " |~2",
		shortA + " user_2":                "|" + shortA + " user_2|",
		"user_1 foreign other":            "user_1|foreign user_1|other",
		"user_1 user_2 user_3":            "error",
		"user_1 ~1 ~2 ~3":                 "error",
		"soon":                            "error",
		"~1":                              "error",
	} {
		names, err := cli.PlacesOf(strings.Fields(args))
		got := strings.Join(names, " ")
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s: got %s, %v, want %s", args, got, err, want)
		}
	}
}

func FuzzPlaces(f *testing.F) {
	for _, args := range []string{"user_1 ~1 ~0", shortA + " " + shortB, "user_1 user_2 ~", "~ ~9999", "a b c", "user_1 ~+1"} {
		f.Add(args)
	}
	f.Fuzz(func(t *testing.T, args string) {
		words := strings.Fields(args)
		if len(words) == 0 {
			return
		}
		names, err := cli.PlacesOf(words)
		if err == nil && (len(names) == 0 || len(names) > 2) {
			t.Errorf("%q: got %q, want one story or two", args, names)
		}
		if slices.Contains(names, "|") {
			t.Errorf("%q: got a story without a name: %q", args, names)
		}
	})
}
