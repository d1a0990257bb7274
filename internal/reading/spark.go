package reading

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Spark draws numbers as a row of bars, each at most as high as the highest.
func Spark(counts []int) string {
	const bars = "▁▂▃▄▅▆▇█"
	all := []rune(bars)
	most := 1
	for _, n := range counts {
		most = max(most, n)
	}
	var text strings.Builder
	for _, n := range counts {
		bar := 0
		if n > 0 { // one is more than none
			bar = 1 + (n*(len(all)-1)-1)/most
		}
		text.WriteRune(all[min(bar, len(all)-1)])
	}
	return text.String()
}

// Bar draws a share of a whole as a bar of so many cells: an eighth of one at least.
func Bar(share float64, cells int) string {
	const parts = "▏▎▍▌▋▊▉█"
	all := []rune(parts)
	n := len(all)
	eighths := int(math.Round(min(max(share, 0), 1) * float64(cells*n)))
	if share > 0 {
		eighths = max(eighths, 1)
	}
	bar := strings.Repeat(string(all[n-1]), eighths/n)
	if left := eighths % n; left > 0 {
		bar += string(all[left-1])
	}
	return bar
}

// TookShort writes how long something took in at most six characters, for columns: three
// digits are enough to compare by.
func TookShort(d time.Duration) string {
	switch d = max(d, 0); {
	case d == 0:
		return "<1ms"
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d.Round(time.Millisecond) < time.Second:
		return d.Round(time.Millisecond).String()
	case d.Round(time.Second/100) < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + "s"
	case d.Round(time.Second/10) < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	case d.Round(time.Second) < time.Hour:
		d = d.Round(time.Second)
		return strconv.Itoa(int(d/time.Minute)) + "m" + twoDigits(d%time.Minute/time.Second) + "s"
	case d.Round(time.Minute) < 100*time.Hour:
		d = d.Round(time.Minute)
		return strconv.Itoa(int(d/time.Hour)) + "h" + twoDigits(d%time.Hour/time.Minute) + "m"
	}
	return strconv.Itoa(int(d.Round(time.Hour)/(24*time.Hour))) + "d" + twoDigits(d.Round(time.Hour)%(24*time.Hour)/time.Hour) + "h"
}

func twoDigits(n time.Duration) string {
	text := strconv.Itoa(int(n))
	if n < 10 {
		return "0" + text
	}
	return text
}
