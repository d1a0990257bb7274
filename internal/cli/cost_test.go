package cli_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/cli"
)

func TestCost(t *testing.T) {
	path := fixture(t)
	var out, errs bytes.Buffer
	if code := cli.Run([]string{"--file", path, "cost", "--json"}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	var got struct {
		Counted  int     `json:"stories_counted"`
		Measured int     `json:"stories_measured"`
		Days     float64 `json:"days"`
		Month    struct {
			Stories    float64 `json:"stories"`
			Lines      float64 `json:"lines"`
			Aliases    float64 `json:"aliases"`
			WriteUnits float64 `json:"write_units"`
		} `json:"a_month"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	// Three stories, of 6, 6 and 5 lines, in one day: each an item and a row of the index; and
	// the alias of the problem of one.
	if got.Counted != 3 || got.Measured != 3 || got.Days != 1 ||
		got.Month.Stories != 90 || got.Month.Lines != 30*17 || got.Month.Aliases != 30 || got.Month.WriteUnits != 2*90+30 {
		t.Errorf("got %+v", got)
	}
	out.Reset()
	if code := cli.Run([]string{"--file", path, "cost"}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	for _, want := range []string{"90 a month", "210 a month", "free tier    0.00", "burritos at $7.40", "CloudWatch Logs"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in:\n%s", want, &out)
		}
	}
	for since, want := range map[string]struct {
		days float64
		text string
	}{
		"-7d":  {1, "Stories in 24 hours: 3; measured: 3.\nThe oldest is younger than that; a --since less far back tells the rate since then.\n\n"},
		"-36h": {1, "Stories in 24 hours: 3; measured: 3.\nThe oldest"},
		"-12h": {0.5, "Stories in 12 hours: 3; measured: 3.\n\n"},
		"-1d":  {1, "Stories in 24 hours: 3; measured: 3.\n\n"},
	} {
		text, _ := run(t, 0, "--file", path, "cost", "--since", since)
		if !strings.HasPrefix(text, want.text) {
			t.Errorf("--since %s: got\n%s\nwant\n%s", since, text, want.text)
		}
		text, _ = run(t, 0, "--file", path, "cost", "--since", since, "--json")
		if err := json.Unmarshal([]byte(text), &got); err != nil || math.Abs(got.Days/want.days-1) > 1e-3 || math.Abs(got.Month.Stories*want.days/90-1) > 1e-3 {
			t.Errorf("--since %s: got %+v, %v", since, got, err)
		}
	}
	if code := cli.Run([]string{"--file", path, "cost", "--since", "-1m"}, &out, &errs); code != 3 {
		t.Errorf("exit code %d where there is no story, want 3", code)
	}
}
