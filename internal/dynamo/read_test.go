package dynamo_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/klauspost/compress/zstd"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/story"
)

// TestReadLarge reads a story of more than one page, which DynamoDB ends at 1 MB.
func TestReadLarge(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{PlainText: true})
	id := idAt(at(10, 0), "a")
	h := headerOf(user42, id)
	h.Parts = 40
	parts := []story.Part{headPart(h, "")}
	line := "+0.000 I " + strings.Repeat("x", 60<<10)
	for i := range h.Parts {
		parts = append(parts, textPart(user42, id, i+1, fmt.Sprintf("%s%d\n", line, i)))
	}
	b.put(t, parts...)
	b.put(t, textPart(user42, id+"0", 1, "of another story, whose id begins alike\n"))
	got, err := b.Read(t.Context(), user42, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Lines) != 40 || !strings.HasSuffix(got.Lines[39].Message, "x39") {
		t.Errorf("got %d lines, want 40", len(got.Lines))
	}
}

// TestReadDamaged reads packed text that cannot be unpacked: the rest is shown.
func TestReadDamaged(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	bomb := encoder.EncodeAll(make([]byte, 17<<20), nil)
	var streamed bytes.Buffer // a frame that does not say how large it is
	encoder.Reset(&streamed)
	if _, err := io.Copy(encoder, bytes.NewReader(make([]byte, 17<<20))); err != nil {
		t.Fatal(err)
	}
	if err := encoder.Close(); err != nil {
		t.Fatal(err)
	}
	for i, packed := range [][]byte{[]byte("no frame"), bomb[:len(bomb)/2], bomb, streamed.Bytes()} {
		id := idAt(at(10, time.Duration(i)*time.Second), "a")
		h := headerOf(user42, id)
		h.Parts = 3
		b.put(t, headPart(h, ""), textPart(user42, id, 1, "+0.000 I first\n+0.001 I half a l"), textPart(user42, id, 3, "+0.002 I last\n"))
		b.putRaw(t, item{"object": str("user_42"), "story": str("part#" + id + "#000002"), "v": num("1"),
			"message_zstd": &types.AttributeValueMemberB{Value: packed}})
		got, err := b.Read(t.Context(), user42, id)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Lines) != 4 || got.Lines[0].Message != "first" || got.Lines[1].Message != "half a l" || got.Lines[3].Message != "last" ||
			got.Lines[2].Level != slog.LevelError || !strings.Contains(got.Lines[2].Message, "part 2 of this story cannot be read") {
			t.Errorf("%d: got the lines %.600s", i, fmt.Sprint(got.Lines))
		}
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	id := idAt(at(10, 0), "a")
	b.put(t, textPart(user42, id, 1, "+0.000 I x\n"))
	for _, test := range []struct {
		key        story.Key
		id, reason string
	}{
		{story.NewKey("user", "43"), "", "a key without stories"},
		{user42, "", "no header yet"},
		{story.Key{}, "", "the zero key is no key"},
		{user42, "2026", "no such id"},
		{user42, "part#" + id + "#000001", "a part is no story"},
		{user42, strings.Repeat("x", 3000), "longer than an id can be"},
	} {
		if got, err := b.Read(t.Context(), test.key, test.id); !errors.Is(err, story.ErrNotFound) {
			t.Errorf("Read, %s: got %v, %v, want ErrNotFound", test.reason, got, err)
		}
	}
	for _, test := range []struct {
		key        story.Key
		id, reason string
	}{
		{story.NewKey("user", "43"), "", "a key without stories"},
		{user42, "2026", "no such id"},
		{user42, strings.Repeat("x", 3000), "longer than an id can be"},
	} {
		if err := b.Delete(t.Context(), test.key, test.id); !errors.Is(err, story.ErrNotFound) {
			t.Errorf("Delete, %s: got %v, want ErrNotFound", test.reason, err)
		}
	}
}

// TestForeignItems reads what other programs may have put into the table.
func TestForeignItems(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	b.put(t, headPart(headerOf(user42, idAt(at(10, 0), "a")), "+0.000 I ours\n"))
	for _, test := range []struct {
		sort    string
		message types.AttributeValue
		title   string
		level   slog.Level
		lines   int
		start   time.Time
		reason  string
	}{
		{"1", str("hello\nworld"), "hello", slog.LevelInfo, 2, time.Time{}, "plain text"},
		{"2", str("+0.000 I a\n+0.100 E b\n"), "a", slog.LevelError, 2, time.Time{}, "text of ours"},
		{"2024-01-01 10:20:30", str("x"), "x", slog.LevelInfo, 1, time.Date(2024, 1, 1, 10, 20, 30, 0, time.UTC), "a time as people write it"},
		{"2024-01-01T10:20:30.5+01:00", str("x"), "x", slog.LevelInfo, 1, time.Date(2024, 1, 1, 9, 20, 30, 5e8, time.UTC), "a time with a zone"},
		{"1704104430", str("x"), "x", slog.LevelInfo, 1, time.Date(2024, 1, 1, 10, 20, 30, 0, time.UTC), "seconds"},
		{"1704104430000", str("x"), "x", slog.LevelInfo, 1, time.Date(2024, 1, 1, 10, 20, 30, 0, time.UTC), "milliseconds"},
		{"zebra", str("x"), "x", slog.LevelInfo, 1, time.Time{}, "sorted behind the parts"},
		{"n", num("12"), "12", slog.LevelInfo, 1, time.Time{}, "a number as message"},
		{"b", &types.AttributeValueMemberB{Value: []byte("text")}, "text", slog.LevelInfo, 1, time.Time{}, "bytes that are text"},
		{"c", &types.AttributeValueMemberB{Value: []byte{0xff}}, "1 bytes", slog.LevelInfo, 1, time.Time{}, "bytes that are not"},
		{"m", &types.AttributeValueMemberM{Value: item{"a": str("b")}}, "", slog.LevelInfo, 0, time.Time{}, "a map as message"},
		{"none", nil, "", slog.LevelInfo, 0, time.Time{}, "no message"},
	} {
		it := item{"object": str("user_42"), "story": str(test.sort), "state": num("7"), "title": num("7"), "attrs": str("x")}
		if test.message != nil {
			it["message"] = test.message
		}
		b.putRaw(t, it)
		got, err := b.Read(t.Context(), user42, test.sort)
		if err != nil {
			t.Errorf("%s: %v", test.reason, err)
			continue
		}
		want := story.Header{Key: user42, ID: test.sort, Start: test.start, Title: test.title, MaxLevel: test.level, LineCount: test.lines, State: story.Sealed,
			Duration: got.Duration, Updated: got.Updated}
		want.Cause, want.Problem = story.CauseOf("user", got.Lines)
		if fmt.Sprint(got.Header) != fmt.Sprint(want) || len(got.Lines) != test.lines {
			t.Errorf("%s:\ngot  %v\nwant %v", test.reason, got.Header, want)
		}
		var listed *story.Header
		for h, err := range story.All(t.Context(), b, story.Query{Key: user42}) {
			if err != nil {
				t.Fatal(err)
			}
			if h.ID == test.sort {
				listed = &h
			}
		}
		if listed == nil || fmt.Sprint(*listed) != fmt.Sprint(got.Header) {
			t.Errorf("%s: listed as\n     %v\nwant %v", test.reason, listed, got.Header)
		}
	}
	var newest, oldest []string
	for _, limit := range []int{1000, 1, 5} {
		for q, ids := range map[story.Query]*[]string{{}: &newest, {OldestFirst: true}: &oldest} {
			q.Key, q.Limit, *ids = user42, limit, nil
			for h, err := range story.All(t.Context(), b, q) {
				if err != nil {
					t.Fatal(err)
				}
				*ids = append(*ids, h.ID)
			}
		}
		slices.Reverse(oldest)
		if len(newest) != 13 || !slices.Equal(newest, oldest) {
			t.Errorf("in pages of %d: got %q, and turned round from the oldest %q", limit, newest, oldest)
		}
	}
	page, err := b.List(t.Context(), story.Query{})
	if got := titles(page); err != nil || got != "POST /order" {
		t.Errorf("over all keys: got %s, %v, want our story alone", got, err)
	}
	if err := b.Delete(t.Context(), user42, "zebra"); err != nil {
		t.Errorf("Delete: %v", err)
	}
}

// TestForeignObject reads a partition key that is not of the form kind_id,
// from a list over all keys and by itself.
func TestForeignObject(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	b.putRaw(t, item{"object": str("no key"), "story": str("1"), "recent": str("0"), "message": str("x")})
	page, err := b.List(t.Context(), story.Query{})
	if err != nil || len(page.Headers) != 0 {
		t.Errorf("got %v, %v, want the item passed over", page, err)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	first, second := idAt(at(10, 0), "a"), idAt(at(10, time.Second), "b")
	other := story.NewKey("user", "43")
	for _, key := range []story.Key{user42, other} {
		for _, id := range []string{first, second} {
			b.put(t, headPart(headerOf(key, id), ""))
			for i := range 30 {
				b.put(t, textPart(key, id, i+1, "+0.000 I x\n"))
			}
		}
	}
	if err := b.Delete(t.Context(), user42, first); err != nil {
		t.Fatal(err)
	}
	if got, want := b.count(t, nil), 3*31; got != want {
		t.Errorf("after one story: got %d items, want %d", got, want)
	}
	// Half of the first batch is left unprocessed, and the second one throttled.
	calls := 0
	b.faults.set(func(action string, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		if action != "BatchWriteItem" {
			return next.RoundTrip(req)
		}
		switch calls++; calls {
		case 1:
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return nil, err
			}
			all := string(body)[strings.Index(string(body), `"RequestItems":`)+len(`"RequestItems":`):]
			all = all[:strings.Index(all, "]}")+2]
			return reply(req, 200, `{"UnprocessedItems":`+all+`}`), nil
		case 2:
			return apiError(req, 400, "ThrottlingException", "slow down"), nil
		case 3:
			return reply(req, 200, `{}`), nil
		}
		return next.RoundTrip(req)
	})
	if err := b.Delete(t.Context(), user42, ""); err != nil {
		t.Fatal(err)
	}
	if got, want := b.count(t, nil), 2*31; got != want {
		t.Errorf("after the whole key: got %d items, want %d of the other key", got, want)
	}
	if calls != 3+2 {
		t.Errorf("got %d calls, want 3 that failed and 2 for 31 items", calls)
	}
}

// TestReadErrors checks that what is wrong with the table can be told from the error.
func TestReadErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	none := newStore(t, b.client, dynamo.Config{Name: b.name + "-none"})
	if _, err := none.List(t.Context(), story.Query{}); !errors.Is(err, dynamo.ErrNoTable) {
		t.Errorf("List without a table: got %v, want ErrNoTable", err)
	}
	if _, err := none.Read(t.Context(), user42, ""); !errors.Is(err, dynamo.ErrNoTable) {
		t.Errorf("Read without a table: got %v, want ErrNoTable", err)
	}
	if err := none.Delete(t.Context(), user42, ""); !errors.Is(err, dynamo.ErrNoTable) {
		t.Errorf("Delete without a table: got %v, want ErrNoTable", err)
	}
	for code, want := range map[string]error{
		"AccessDeniedException": dynamo.ErrNoAccess, "ExpiredTokenException": dynamo.ErrNoCredentials,
	} {
		b.faults.set(func(_ string, req *http.Request, _ http.RoundTripper) (*http.Response, error) {
			return apiError(req, 400, code, "as told"), nil
		})
		_, err := b.List(t.Context(), story.Query{})
		if !errors.Is(err, want) || !strings.Contains(err.Error(), b.name) {
			t.Errorf("%s: got %v, want %v with the table's name", code, err, want)
		}
	}
}

// FuzzItem decodes an item of arbitrary content and types.
func FuzzItem(f *testing.F) {
	f.Add([]byte("object=S:user_42\nstory=S:2026\nv=N:1\nlines=N:1e99\nattrs=M:\nupdated=S:x\n"))
	f.Add([]byte("object=N:1\nstory=B:x\nmessage=B:\xff\nexpires_at=N:-1\n"))
	f.Add([]byte("v=N:1\nmessage_zstd=B:\x28\xb5\x2f\xfd\nstory=S:part#x#000001\nkey=S:\xff\n"))
	s, err := dynamo.New(offlineClient(), dynamo.Config{Name: "t"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		it := make(item)
		for field := range bytes.SplitSeq(data, []byte("\n")) {
			name, rest, _ := strings.Cut(string(field), "=")
			kind, value, _ := strings.Cut(rest, ":")
			it[name] = fuzzValue(kind, value)
		}
		key, _ := dynamo.KeyOf(it)
		dynamo.Expired(it, time.Now())
		h := dynamo.DecodeHeader(key, it)
		if h.Key != key || h.State == "" {
			t.Errorf("got the header %v", h)
		}
		st := story.Assemble(key, "x", s.DecodeParts(key, "x", []item{it, {"story": str("part#x#000001"), "message": str("+0.000 I end\n")}}))
		if len(st.Lines) == 0 {
			t.Error("the other item was not read")
		}
	})
}

func fuzzValue(kind, value string) types.AttributeValue {
	switch kind {
	case "S":
		return str(value)
	case "N":
		return num(value)
	case "B":
		return &types.AttributeValueMemberB{Value: []byte(value)}
	case "M":
		return &types.AttributeValueMemberM{Value: item{value: str(value), "n": num(value)}}
	case "L":
		return &types.AttributeValueMemberL{Value: []types.AttributeValue{str(value)}}
	case "SS":
		return &types.AttributeValueMemberSS{Value: []string{value}}
	case "BOOL":
		return &types.AttributeValueMemberBOOL{Value: value != ""}
	}
	return nil
}
