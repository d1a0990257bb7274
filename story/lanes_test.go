package story_test

import (
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/story"
)

func TestLaneNames(t *testing.T) {
	h := story.Header{Attrs: map[string]string{
		"lane_0": "cart", "lane_1,4-200": "main.worker", "lane_2-3": "main.send", "lane_250-240": "never", "lane_7": "by itself",
		"lane_type": "fast", "lane_": "x", "lane_8,": "x", "host": "a",
	}}
	for lane, want := range map[int]string{
		-1: "", 0: "cart", 1: "main.worker", 2: "main.send", 3: "main.send", 4: "main.worker", 7: "by itself", 8: "main.worker",
		200: "main.worker", 201: "", 245: "",
	} {
		if got := h.LaneName(lane); got != want {
			t.Errorf("lane %d is %q, not %q", lane, got, want)
		}
	}
	for name, want := range map[string]bool{
		"lane_0": true, "lane_1,4-200": true, "lane_": false, "lane_type": false, "lane_1-": false, "lane_-1": false, "lane_1,,2": false,
		"lane_2-1": false, "lanes_1": false, "lane_99999999999999999999": false, "lane_1 ": false, "lane_+1": false,
	} {
		if story.IsLaneAttr(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
	if name := (story.Header{}).LaneName(1); name != "" {
		t.Errorf("without attributes lane 1 is %q", name)
	}
}

func FuzzLaneNames(f *testing.F) {
	f.Add("1,4-200", 5)
	f.Add("7-", 7)
	f.Add(strings.Repeat("1,", 100)+"1-9223372036854775808", 1)
	f.Fuzz(func(t *testing.T, list string, lane int) {
		h := story.Header{Attrs: map[string]string{story.AttrLane + list: "name"}}
		if h.LaneName(lane) != "" && !story.IsLaneAttr(story.AttrLane+list) {
			t.Errorf("%q names lane %d, and is no list of lanes", list, lane)
		}
	})
}
