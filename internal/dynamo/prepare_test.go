package dynamo_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/story"
)

// preparable returns a header with text, a part whose text is packed, and one whose
// text is not.
func preparable() []story.Part {
	id := idAt(at(10, 0), "a")
	return []story.Part{
		headPart(headerOf(user42, id), "+0.000 I hello\n"),
		textPart(user42, id, 1, strings.Repeat("+0.000 I hello\n", 1000)),
		textPart(user42, id, 2, "+0.000 I bye\n"),
	}
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{TTL: time.Hour})
	parts := preparable()
	for i, part := range parts {
		prepared, size := b.Prepare(part)
		if prepared == nil || size < 200 || size > 4<<10 {
			t.Errorf("part %d: got %v of %d bytes prepared", i, prepared, size)
		}
		parts[i].Prepared = prepared
		if !b.IsPrepared(parts[i]) {
			t.Errorf("part %d: what was prepared is not used", i)
		}
		clone := parts[i]
		clone.Text = strings.Clone(part.Text)
		if !b.IsPrepared(clone) {
			t.Errorf("part %d: what was prepared is not used where the text is an equal one", i)
		}
	}
	b.put(t, parts...)
	got, err := b.Read(t.Context(), user42, parts[0].ID)
	if err != nil || len(got.Lines) != 1002 {
		t.Errorf("got %d lines, %v, want 1,002", len(got.Lines), err)
	}
}

// A store that sends each part to two tables hands one what was prepared for the other.
func TestPreparedForAnotherTable(t *testing.T) {
	t.Parallel()
	packing, plain := newBench(t, dynamo.Config{}), newBench(t, dynamo.Config{PlainText: true})
	parts := preparable()
	for i := range parts {
		parts[i].Prepared, _ = packing.Prepare(parts[i])
		if plain.IsPrepared(parts[i]) {
			t.Errorf("part %d: what was prepared for another table is used", i)
		}
	}
	plain.put(t, parts...)
	if it := plain.get(t, "user_42", "part#"+parts[0].ID+"#000001"); it["message"] == nil {
		t.Errorf("the text is packed in a table of plain text: %v", it)
	}
}

// Put rejects what cannot be prepared, and says why; nothing panics on what others
// leave in a part.
func TestPrepareNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	h := headerOf(user42, idAt(at(10, 0), "a"))
	for name, part := range map[string]story.Part{
		"a raise":      {Key: h.Key, ID: h.ID, Header: &h, Raise: true},
		"no id":        {Key: h.Key, Header: &h},
		"a bad number": textPart(user42, h.ID, -1, "x"),
	} {
		if prepared, size := b.Prepare(part); prepared != nil || size != 0 {
			t.Errorf("%s: got %v of %d bytes, want nothing", name, prepared, size)
		}
	}
	for _, prepared := range []any{nil, 1, dynamo.NothingPrepared, map[string]int{}} {
		part := textPart(user42, h.ID, 1, "+0.000 I hello\n")
		part.Prepared = prepared
		b.put(t, part)
	}
}

// Preparing takes no more pieces of memory than encoding did, as is done for each part.
func TestPrepareAllocations(t *testing.T) {
	b := newBench(t, dynamo.Config{})
	for i, most := range []float64{32, 23, 18} {
		part := preparable()[i]
		if got := testing.AllocsPerRun(100, func() { b.Prepare(part) }); got > most {
			t.Errorf("part %d takes %v allocations, want at most %v", i, got, most)
		}
		part.Prepared, _ = b.Prepare(part)
		if got := testing.AllocsPerRun(100, func() { b.IsPrepared(part) }); got > 0 {
			t.Errorf("part %d takes %v allocations once it is prepared, want none", i, got)
		}
	}
}

// BenchmarkPrepare makes the items of stories of so many lines.
func BenchmarkPrepare(b *testing.B) {
	store, err := dynamo.New(dynamodb.New(dynamodb.Options{Region: "us-east-1"}), dynamo.Config{Name: "t", TTL: time.Hour, Shards: 4})
	if err != nil {
		b.Fatal(err)
	}
	for _, lines := range []int{3, 10, 50} {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			var text strings.Builder
			for i := range lines {
				fmt.Fprintf(&text, "+%d.%03d I No exercises available for current filter\tcomponent=flexibility tries=%d user=%d\n", i/3, i*333%1000, i, 42+i*i)
			}
			part := headPart(headerOf(user42, idAt(at(10, 0), "a")), text.String())
			part.Header.Attrs = map[string]string{"method": "GET", "path": "/users/42", "route": "GET /users/{id}", "status": "200", "bytes": "1042"}
			b.ReportAllocs()
			for b.Loop() {
				if prepared, _ := store.Prepare(part); prepared == nil {
					b.Fatal("nothing is prepared")
				}
			}
		})
	}
}
