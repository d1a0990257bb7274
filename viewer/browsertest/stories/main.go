// Command stories writes stories into a file, or into a DynamoDB table where it is
// told table:NAME instead, for the checks of the pages: long ones, one that means
// harm, many of one object, an open one and an interrupted one. With the argument
// "more" it lets the open one grow, and begins another.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

func main() {
	if err := run(os.Args[1], len(os.Args) > 2); err != nil {
		log.Fatal(err)
	}
}

func run(place string, again bool) (err error) {
	write := first
	if again {
		write = more
	}
	if table, ok := strings.CutPrefix(place, "table:"); ok {
		return write(&dynamoslog.Table{Name: table})
	}
	store, err := sqlitestore.Open(place)
	if err != nil {
		return err
	}
	return errors.Join(write(store), store.Close())
}

// more adds a line to the story that is open, and a new story.
func more(store story.Store) error {
	key := story.NewKey("order", "8")
	s, err := store.Read(context.Background(), key, "")
	if err != nil {
		return err
	}
	text := story.Format([]story.Line{{Message: "Still <b>waiting</b>", Level: slog.LevelWarn, Offset: time.Minute}})
	added := append(parts("user_new", "", time.Now().UTC().Truncate(time.Microsecond), story.Sealed, order(2)),
		story.Part{Key: key, ID: s.ID, Number: 2, Text: text})
	return store.Put(context.Background(), added)
}

func first(store story.Store) (err error) {
	now := time.Now().UTC().Truncate(time.Second)
	put := func(key, title string, ago time.Duration, state story.State, lines []story.Line) {
		if err == nil {
			err = store.Put(context.Background(), parts(key, title, now.Add(-ago), state, lines))
		}
	}
	put("job_nested", "", 2*time.Hour, story.Sealed, long(7))
	put("job_flat", "", 2*time.Hour, story.Sealed, long(1))
	put("user_hostile", "</title><script>alert(1)</script>\x1b[31m\u202e", time.Hour, story.Sealed, hostile())
	for i := range 20 {
		put("order_7", "", time.Duration(20-i)*time.Minute, story.Sealed, order(i))
	}
	put("job_fan", "", 15*time.Minute, story.Sealed, fan())
	put("order_8", "", 90*time.Second, story.Open, order(4)[:5])
	put("order_9", "", 10*time.Minute, story.Interrupted, order(5)[:7])
	if err == nil {
		err = store.Put(context.Background(), across(now.Add(-3*time.Minute)))
	}
	return err
}

// across is an order that has called two services, of which one has put a job into a queue
// that failed.
func across(begin time.Time) (all []story.Part) {
	trace := story.NewKey(story.KindTrace, "0af7651916cd43dd8448eb211c80319c")
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	tell := func(key, span string, after int, lines ...story.Line) {
		told := parts(key, "", begin.Add(ms(after)), story.Sealed, lines)
		h := told[0].Header
		h.Also = []story.Key{trace}
		h.Attrs["trace_id"] = trace.ID
		if span != "" {
			h.Attrs["parent_span"] = span
		}
		alias := h.Alias(trace)
		all = append(append(all, told...), story.Part{Key: trace, ID: h.ID, Header: &alias})
	}
	tell("user_44", "", 0,
		story.Line{Message: "POST /orders", Attrs: "order=93"},
		story.Line{Message: "GET stock.example/items/{id}", Depth: 1, Offset: ms(9), Attrs: "status=200 took=8ms span_id=00f067aa0ba902b7"},
		story.Line{Message: "Paying the order", Depth: 1, Offset: ms(10)},
		story.Line{Message: "POST pay.example/charges/{id}", Depth: 2, Offset: ms(390), Attrs: "status=200 took=379.2ms span_id=b7ad6b7169203331"},
		story.Line{Message: "Paid", Depth: 3, Offset: ms(391), Level: slog.LevelDebug},
		story.Line{Message: "201 Created", Offset: ms(395), Attrs: "status=201"})
	tell("item_7", "00f067aa0ba902b7", 2, story.Line{Message: "Counting the stock"}, story.Line{Message: "Row 1 of the stock", Depth: 1, Offset: ms(3)}, story.Line{Message: "200 OK", Offset: ms(5)})
	tell("charge_93", "b7ad6b7169203331", 14,
		story.Line{Message: "Charging the card"},
		story.Line{Message: "inserted receipt", Depth: 1, Offset: ms(350), Attrs: "took=2ms span_id=53995c3f42cd8ad8"},
		story.Line{Message: "200 OK", Offset: ms(362)})
	tell("mail_<b>7</b>", "b7ad6b7169203331", 300, hostile()[:3]...) // which anybody may have said
	tell("receipt_1", "53995c3f42cd8ad8", 900,
		story.Line{Message: "Writing the receipt"},
		story.Line{Message: "Mail server refused it", Depth: 1, Offset: ms(40), Level: slog.LevelError, Attrs: `err="550 5.1.1 no such user"`},
		story.Line{Message: "failed", Offset: ms(41), Level: slog.LevelError})
	return all
}

// long is a story of 100,000 lines, so deep, with an error in the middle.
func long(deepest int) []story.Line {
	lines := make([]story.Line, 100_000)
	for i := range lines {
		lines[i] = story.Line{
			Offset: time.Duration(i) * time.Millisecond, Depth: i % deepest,
			Message: fmt.Sprintf("Step %c%c of the import", 'a'+i%26, 'a'+i/26%26), Attrs: fmt.Sprintf("row=%d table=users", i),
		}
	}
	lines[len(lines)/2].Level = slog.LevelError
	return lines
}

// hostile holds what must not become markup, script, a link or an act of a terminal.
func hostile() []story.Line {
	return []story.Line{
		{Message: `<script>document.title = "harm"</script><img src=x onerror="document.title='harm'">`},
		{Message: "\x1b]0;harm\a\x1b[2J\u202egnp.exe\u2066 \x00\u0085", Depth: 1, Attrs: `link="javascript:alert(1)" <b>="</li></ol>"`},
		{Message: "line\n</details></li></ol><h1>harm</h1>\r\nlast", Depth: 1, Level: slog.LevelWarn},
		{Message: strings.Repeat("<b>long</b> ", 1<<20/12), Depth: 1, Attrs: "value=" + strings.Repeat("y", 1<<20)},
	}
}

// fan is what 200 goroutines tell, of which one fails.
func fan() []story.Line {
	lines := []story.Line{{Message: "Sending the newsletter", Attrs: "readers=200"}, {Message: "Reading the addresses", Depth: 1, Offset: time.Millisecond, Level: slog.LevelDebug}}
	at := func(i, after int) time.Duration { return time.Duration(2+i/4+after) * time.Millisecond }
	for i := range 200 {
		lines = append(lines, story.Line{Message: fmt.Sprintf("Sending to reader %d", i+1), Lane: i + 1, Offset: at(i, 0)})
	}
	for i := range 200 {
		lines = append(lines, story.Line{Message: "Mail server is asked", Lane: i + 1, Depth: 1, Level: slog.LevelDebug, Offset: at(i, 60)})
	}
	for i := range 200 {
		last := story.Line{Message: "Mail server has accepted it", Lane: i + 1, Depth: 1, Offset: at(i, 130), Attrs: `answer="250 2.0.0 Ok: queued"`}
		if i == 136 {
			last = story.Line{Message: "Mail server refused it", Lane: i + 1, Depth: 1, Offset: at(i, 130), Level: slog.LevelError, Attrs: `err="550 5.1.1 no such user: <reader137@example.org>"`}
		}
		lines = append(lines, last)
	}
	return append(lines, story.Line{Message: "Newsletter is sent", Depth: 1, Offset: 190 * time.Millisecond, Attrs: "failed=1"}, story.Line{Message: "done", Offset: 191 * time.Millisecond})
}

// order is a story of everything that a page shows. Each differs a little.
func order(i int) []story.Line {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	lines := []story.Line{
		{Message: "POST /orders", Attrs: fmt.Sprintf("user=7 request_id=%08x-dead-4bee-8fee-0123456789ab", i*7919)},
		{Message: "Checking the cart", Depth: 1, Offset: ms(1), Level: slog.LevelDebug},
		{Message: "Price of an item", Depth: 2, Offset: ms(2), Level: slog.LevelDebug, Attrs: `item="blue mug" price=7.50 note="" expr="a=b"`},
		{Message: "Creating the order", Depth: 1, Offset: ms(5), Attrs: fmt.Sprintf("total=%d.50 currency=EUR", 20+i%3)},
		{Message: "INSERT INTO orders (id, user)\nVALUES ($1, $2)\nRETURNING id", Depth: 2, Offset: ms(9), Level: slog.LevelDebug, Attrs: "args=[A-1 7]"},
	}
	at := 20
	for item := range 3 + i%2 {
		lines = append(lines, story.Line{Message: fmt.Sprintf("Reserving item %d", item+1), Depth: 2, Offset: ms(at)})
		for row := range 2 + item {
			lines = append(lines, story.Line{Message: fmt.Sprintf("Row %d of the stock", row+1), Depth: 3, Offset: ms(at + row), Level: slog.LevelDebug, Attrs: fmt.Sprintf("left=%d", 40-row)})
		}
		at += 10
	}
	lines = append(lines,
		story.Line{Message: "Sending the receipt", Lane: 1, Offset: ms(at), Attrs: "channel=mail"},
		story.Line{Message: "Mail server answered", Lane: 1, Depth: 1, Offset: ms(at + 30), Level: slog.LevelDebug, Attrs: `answer="250 2.0.0 Ok: queued"`})
	if i%4 == 1 {
		at += 600 + 100*i
		lines = append(lines, story.Line{Message: "The payment service was slow, trying again", Depth: 2, Offset: ms(at), Level: slog.LevelWarn, Attrs: `err="context deadline exceeded" attempt=1`})
	}
	if i%7 == 5 {
		return append(lines, story.Line{Message: "The card was declined", Depth: 3, Offset: ms(at + 40), Level: slog.LevelError,
			Attrs: `code=51 body="` + strings.Repeat("insufficient funds; ", 20) + `" stack="main.pay\n\tpay.go:41\nmain.order\n\torder.go:7"`},
			story.Line{Message: "402 Payment Required", Offset: ms(at + 41), Attrs: "bytes=112"})
	}
	return append(lines, story.Line{Message: "201 Created", Offset: ms(at + 50), Attrs: fmt.Sprintf("bytes=%d", 76+i%2)})
}

func parts(name, title string, start time.Time, state story.State, lines []story.Line) []story.Part {
	key, err := story.ParseKey(name)
	if err != nil {
		log.Fatal(err)
	}
	last := lines[len(lines)-1].Offset
	header := &story.Header{
		Key: key, ID: story.NewID(start), Start: start, Updated: start.Add(last), Duration: last,
		State: state, LineCount: len(lines), Title: title, Attrs: map[string]string{"host": "app-1", "build": "v1.4.2", "lane_1-200": "mail.(*Sender).run"},
	}
	if title == "" {
		header.Title = story.TitleOf(lines[0].Message)
	}
	for _, line := range lines {
		header.MaxLevel = max(header.MaxLevel, line.Level)
	}
	header.Cause, header.Problem = story.CauseOf(header.Key.Kind, lines)
	all := []story.Part{{Key: key, ID: header.ID, Header: header}}
	for text := story.Format(lines); text != ""; {
		size := min(len(text), story.MaxPartText)
		all = append(all, story.Part{Key: key, ID: header.ID, Number: len(all), Text: text[:size]})
		text = text[size:]
		header.Parts++
	}
	return all
}
