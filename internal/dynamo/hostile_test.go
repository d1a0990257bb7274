package dynamo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/klauspost/compress/zstd"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/story"
)

// pack returns text as an item holds it.
func pack(t *testing.T, text string) types.AttributeValue {
	t.Helper()
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	return &types.AttributeValueMemberB{Value: encoder.EncodeAll([]byte(text), nil)}
}

// rawPart is a part of a story as a stranger writes it.
func rawPart(id string, number int, packed types.AttributeValue) item {
	return item{"object": str("user_42"), "story": str(fmt.Sprintf("part#%s#%06d", id, number)), "v": num("1"), "message_zstd": packed}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestReadBelievesNoHeader reads a header whose numbers are a stranger's.
func TestReadBelievesNoHeader(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	id := idAt(at(10, 0), "a")
	long := strings.Repeat("x", 100<<10)
	b.putRaw(t, item{"object": str("user_42"), "story": str(id), "v": num("1"), "recent": str("0"), "message": str("+0.000 I one\n"),
		"parts": num("1099511627776"), "lines": num("-9223372036854775808"), "level": num("9223372036854775807"), "duration_ms": num("9223372036854775807"),
		"updated": str("9999-99-99T99:99:99.999Z"), "state": str(long), "title": str(long),
		"attrs": &types.AttributeValueMemberM{Value: item{"a": str("first"), "b": str(long), "c": num("7")}}})
	got, err := b.Read(t.Context(), user42, id)
	if err != nil || len(got.Lines) != 2 || got.Lines[0].Message != "one" || got.Lines[1].Level != slog.LevelWarn {
		t.Fatalf("got the lines %.300s, %v, want the one that is there and what is missing", fmt.Sprint(got.Lines), err)
	}
	page, err := b.List(t.Context(), story.Query{})
	if err != nil || len(page.Headers) != 1 {
		t.Fatalf("got %d headers, %v, want one", len(page.Headers), err)
	}
	for _, h := range []story.Header{got.Header, page.Headers[0]} {
		if fmt.Sprint(h) != fmt.Sprint(h.Bounded()) || h.Attrs["a"] != "first" {
			t.Errorf("the header is out of bounds: %.300s", fmt.Sprint(h))
		}
		if _, err := json.Marshal(h); err != nil {
			t.Error(err)
		}
	}
}

// TestReadBombs reads items that are small and unpack to much. It counts what is
// allocated, so that no other test may run beside it.
func TestReadBombs(t *testing.T) {
	b := newBench(t, dynamo.Config{})
	for _, c := range []struct {
		name, text string
		items      int
		want       string // in the last line
		most       uint64 // bytes allocated
	}{
		{"more than an item's text may be", strings.Repeat("x\n", 8<<20), 20, "part 20 of this story cannot be read", 200 << 20},
		{"as much as an item's text may be", strings.Repeat(strings.Repeat("x", 99)+"\n", 10485), 70, "what follows is left out", 1 << 30},
		{"very many lines", strings.Repeat("x\n", 1<<19), 70, "what follows is left out", 1 << 30},
	} {
		id := idAt(at(10, 0), c.name)
		h := headerOf(user42, id)
		h.Parts = c.items
		b.put(t, headPart(h, ""))
		packed := pack(t, c.text)
		for i := range c.items {
			b.putRaw(t, rawPart(id, i+1, packed))
		}
		var got story.Story
		var err error
		took := allocated(func() { got, err = b.Read(t.Context(), user42, id) })
		if err != nil {
			t.Fatal(err)
		}
		if last := got.Lines[len(got.Lines)-1]; !strings.Contains(last.Message, c.want) || len(got.Lines) > story.MaxReadLines+1 {
			t.Errorf("%s: the last of %d lines is %.200q, want %q in it", c.name, len(got.Lines), last.Message, c.want)
		}
		if took > c.most {
			t.Errorf("%s: %d MB were allocated, want at most %d", c.name, took>>20, c.most>>20)
		}
	}
}

// TestReadAsksForNoMore stops to ask for pages where enough of a story was read.
func TestReadAsksForNoMore(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	id := idAt(at(10, 0), "a")
	h := headerOf(user42, id)
	h.Parts = 400
	b.put(t, headPart(h, ""))
	filler := str(strings.Repeat("x", 30<<10)) // of which a page holds 34
	packed := pack(t, strings.Repeat("x\n", 1<<19))
	for i := range 150 {
		it := rawPart(id, i+1, packed)
		it["filler"] = filler
		b.putRaw(t, it)
	}
	b.faults.set(nil)
	if _, err := b.Read(t.Context(), user42, id); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(b.faults.actions(), "Query"); got != 2 {
		t.Errorf("got %d pages, want the 2 that hold as much as is read of a story", got)
	}
}

// TestReadEndsWherePagesDoNot reads a story whose pages have no end, or no text.
func TestReadEndsWherePagesDoNot(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	id := idAt(at(10, 0), "a")
	b.put(t, headPart(headerOf(user42, id), "+0.000 I one\n"))
	asked := 0
	b.faults.set(func(action string, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		if action != "Query" {
			return next.RoundTrip(req)
		}
		asked++
		body, err := io.ReadAll(req.Body)
		if err != nil || !strings.Contains(string(body), "ProjectionExpression") {
			t.Errorf("%v: all of an item is asked for: %s", err, body)
		}
		return reply(req, 200, `{"Items":[],"LastEvaluatedKey":{"object":{"S":"user_42"},"story":{"S":"part#x"}}}`), nil
	})
	got, err := b.Read(t.Context(), user42, id)
	if err != nil || asked > 1001 || len(got.Lines) != 2 || !strings.Contains(got.Lines[1].Message, "no more than 1000 pages") {
		t.Errorf("got %v, %v after %d pages", got.Lines, err, asked)
	}
}

// TestReadKeepsToItsContext ends a reading between items, not only between pages.
func TestReadKeepsToItsContext(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	id := idAt(at(10, 0), "a")
	b.put(t, headPart(headerOf(user42, id), ""), textPart(user42, id, 1, "+0.000 I x\n"))
	ctx, cancel := context.WithCancel(t.Context())
	b.faults.set(func(action string, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if action == "Query" { // the reader leaves when the answer has come
			resp.Body = &closing{resp.Body, cancel}
		}
		return resp, err
	})
	if _, err := b.Read(ctx, user42, id); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the error of the context", err)
	}
}

// A closing body calls left when it is closed.
type closing struct {
	io.ReadCloser
	left func()
}

func (c *closing) Close() error {
	defer c.left()
	return c.ReadCloser.Close()
}
