package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/cost"
	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

const (
	mostCounted  = 10_000 // headers
	mostMeasured = 50     // stories that are read whole
	leastSpan    = 24 * time.Hour
	month        = 30 * 24 * time.Hour
)

func (o *options) costCommand() *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use:   "cost",
		Short: "Tell what a month costs, at the rate of the last days",
		Long: "Counts the newest stories, measures some of them as items of DynamoDB, and tells what a\n" +
			"month at this rate costs there: within the free tier, provisioned and on demand. Beside\n" +
			"it stands what CloudWatch Logs would take for the same lines. On a table it reads what\n" +
			"a list of the stories and " + fmt.Sprint(mostMeasured) + " of them take.",
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := time.Now()
			var from time.Time
			if since != "" {
				var err error
				if from, err = story.ParseTime(since, now); err != nil {
					return fmt.Errorf("%w: %w", errUsage, err)
				}
			}
			prices, err := cost.Current()
			if err != nil {
				return err
			}
			return o.withStories(func(store story.Store) error {
				rate, err := countStories(cmd.Context(), store, from, now)
				if err != nil {
					return err
				}
				if o.json {
					return printJSON(cmd.OutOrStdout(), struct {
						Counted  int         `json:"stories_counted"`
						Measured int         `json:"stories_measured"`
						Days     float64     `json:"days"`
						Month    cost.Usage  `json:"a_month"`
						Bill     cost.Bill   `json:"dollars_a_month"`
						Prices   cost.Prices `json:"prices"`
					}{rate.counted, rate.measured, rate.span.Hours() / 24, rate.month, prices.Of(rate.month), prices})
				}
				return printCost(cmd.OutOrStdout(), rate, prices)
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "-7d", "from when on stories are counted; a month is told at the rate since then, or since the oldest, of a day at least")
	return cmd
}

// A writingRate is what is written, by the stories of some days.
type writingRate struct {
	span              time.Duration
	young             bool // it is the least, of which stories were there for a part only
	counted, measured int
	month             cost.Usage
}

// countStories counts the stories since a time, and measures some of them.
func countStories(ctx context.Context, store story.Store, since, now time.Time) (r writingRate, err error) {
	var headers []story.Header
	lines := 0
	r.span = now.Sub(since)
	for h, err := range story.All(ctx, store, story.Query{Since: since}) {
		if err != nil {
			return r, err
		}
		if len(headers) == mostCounted {
			break
		}
		headers = append(headers, h)
		lines += h.LineCount
	}
	if r.counted = len(headers); r.counted == 0 {
		return r, fmt.Errorf("there is no story since %s: %w", since.Format(time.DateTime), story.ErrNotFound)
	}
	oldest := now.Sub(headers[r.counted-1].Start)
	if r.counted == mostCounted { // there are more before these
		r.span = max(oldest, time.Second)
	} else if span := max(oldest, leastSpan); span < r.span {
		r.span, r.young = span, oldest < span
	}
	some, err := r.measure(ctx, store, headers)
	if err != nil {
		return r, err
	}
	months := month.Hours() / r.span.Hours()
	stories := float64(r.counted) * months
	each := stories / float64(max(r.measured, 1))
	r.month = cost.Usage{
		Stories: stories, Lines: float64(lines) * months,
		TextBytes: some.TextBytes * each, Bytes: some.Bytes * each, WriteUnits: some.WriteUnits * each, Aliases: some.Aliases * each,
	}
	problems := float64(problemAliases(headers)) * months
	r.month.Aliases += problems
	r.month.WriteUnits += problems
	r.month.Bytes += problems * problemBytes
	return r, nil
}

// problemBytes is about what the alias of a problem takes.
const problemBytes = 600

// problemAliases returns about how many aliases of problems there are: of one problem, one
// process writes one in ten seconds.
func problemAliases(headers []story.Header) int {
	type window struct {
		problem string
		at      int64
	}
	windows := make(map[window]bool)
	for _, h := range headers {
		if h.Problem != "" && h.MaxLevel >= slog.LevelError {
			windows[window{h.Problem, h.Start.Unix() / 10}] = true
		}
	}
	return len(windows)
}

// measure tells what some of the stories take together.
func (r *writingRate) measure(ctx context.Context, store story.Store, headers []story.Header) (some cost.Usage, err error) {
	meter, err := dynamo.NewMeter(dynamo.Config{TTL: dynamoslog.DefaultTTL})
	if err != nil {
		return some, err
	}
	for i := 0; i < len(headers); i += max(len(headers)/mostMeasured, 1) {
		told, err := store.Read(ctx, headers[i].Key, headers[i].ID)
		if errors.Is(err, story.ErrNotFound) { // removed meanwhile
			continue
		}
		if err != nil {
			return some, err
		}
		of, err := meter.Of(told)
		if err != nil {
			return some, err
		}
		r.measured++
		some.TextBytes += float64(len(story.Format(told.Lines)))
		some.Bytes += float64(of.Bytes)
		some.WriteUnits += float64(of.WriteUnits)
		for _, key := range told.Also {
			if key.Kind != story.KindProblem {
				some.Aliases++
			}
		}
	}
	return some, nil
}

// spanText writes a time in days, or below two of them in hours and so on.
func spanText(span time.Duration) string {
	if span >= 48*time.Hour {
		return fmt.Sprintf("%.3g days", span.Hours()/24)
	}
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := span.Seconds() / unit.of.Seconds(); n >= 1 {
			if text := fmt.Sprintf("%.3g", n); text != "1" {
				return text + " " + unit.name + "s"
			}
			return "1 " + unit.name
		}
	}
	return fmt.Sprintf("%.3g seconds", span.Seconds())
}

func printCost(out io.Writer, r writingRate, prices cost.Prices) error {
	bill := prices.Of(r.month)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	count := func(n float64) string { return humanize.Comma(int64(n + 0.5)) }
	fmt.Fprintf(out, "Stories in %s: %s; measured: %d.\n", spanText(r.span), count(float64(r.counted)), r.measured)
	if r.young {
		fmt.Fprintf(out, "The oldest is younger than that; a --since less far back tells the rate since then.\n")
	}
	fmt.Fprintln(out)
	for _, row := range []struct {
		name   string
		amount float64
		text   func(float64) string
	}{
		{"stories", r.month.Stories, count},
		{"lines", r.month.Lines, count},
		{"text", r.month.TextBytes, bytesText},
		{"stored", r.month.Bytes, bytesText},
		{"aliases", r.month.Aliases, count},
		{"write units", r.month.WriteUnits, count},
	} {
		fmt.Fprintf(w, "%s\t%s a month\t%s a day\t\n", row.name, row.text(row.amount), row.text(row.amount/30))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nA month in US dollars, where stories are kept for 30 days (%s, prices of %s):\n\n", prices.Region, prices.AsOf)
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "DynamoDB, free tier\t%.2f\t%s %% of its write units, %s %% of its storage\n", bill.FreeTier, small(100*bill.FreeUnitsShare), small(100*bill.FreeStorageShare))
	fmt.Fprintf(w, "DynamoDB, provisioned\t%.2f\tall paid for; write units a second, for twice the average: %s\n", bill.Provisioned, count(bill.Units))
	fmt.Fprintf(w, "DynamoDB, on demand\t%.2f\t%s burritos at $%.2f\n", bill.OnDemand, small(bill.OnDemandInBurrito), prices.Burrito)
	free := ""
	if bill.CloudWatchIsFree {
		free = fmt.Sprintf("; nothing while all your logs are within %.0f GB", prices.CloudWatch.FreeGB)
	}
	fmt.Fprintf(w, "CloudWatch Logs\t%.2f\tan event a line, kept for 30 days%s\n", bill.CloudWatch, free)
	return w.Flush()
}

// small is a number that may be too small to be written out.
func small(n float64) string {
	if n > 0 && n < 0.01 {
		return "under 0.01"
	}
	return fmt.Sprintf("%.2f", n)
}

func bytesText(n float64) string { return humanize.IBytes(uint64(n)) }
