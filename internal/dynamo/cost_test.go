package dynamo_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/story"
)

// What a story is said to cost is what DynamoDB Local says that writing it consumed.
func TestMeterTellsWhatIsConsumed(t *testing.T) {
	store := newStore(t, dynamotest.Start(t), dynamo.Config{Name: dynamotest.TableName(t), TTL: time.Hour})
	if err := store.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	meter, err := dynamo.NewMeter(store.Config)
	if err != nil {
		t.Fatal(err)
	}
	for _, lines := range []int{1, 14, 50, 400, 3000} {
		consumedBy(t, store, meter, lines, 0)
	}
	before := consumedBy(t, store, meter, 14, 0)
	for _, aliases := range []int{1, 3, story.MaxAlso} {
		// Each is one unit more, but where the keys do not leave the header at its size.
		got := consumedBy(t, store, meter, 14, aliases)
		if more := got - before - float64(aliases); more != 0 && (aliases < story.MaxAlso || more != 1) {
			t.Errorf("%d aliases: %v write units, %v without", aliases, got, before)
		}
		t.Logf("a story of 14 lines with %d aliases: %v write units, without %v", aliases, got, before)
	}
}

// consumedBy writes a story and checks what that consumes, which it returns.
func consumedBy(t *testing.T, store *dynamo.Store, meter *dynamo.Meter, lines, aliases int) float64 {
	t.Helper()
	told := story.Story{Header: story.Header{
		Key: story.NewKey("user", fmt.Sprint(lines)), ID: story.NewID(time.Now()), State: story.Sealed,
		Start: time.Now(), LineCount: lines, Title: "Starting", Attrs: map[string]string{"method": "GET"},
	}}
	for i := range aliases {
		told.Also = append(told.Also, story.NewKey("order", fmt.Sprint(100093+i)))
	}
	for i := range lines {
		told.Lines = append(told.Lines, story.Line{Level: slog.LevelInfo, Message: fmt.Sprintf("Line %d of many, %x", i, i*i*7919)})
	}
	cost, err := meter.Of(told)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := store.Consumed()
	if err := store.Put(t.Context(), dynamo.PartsToWrite(told)); err != nil {
		t.Fatal(err)
	}
	after, _ := store.Consumed()
	if got := after - before; got != float64(cost.WriteUnits) {
		t.Errorf("%d lines: said to be %d write units, consumed %v", lines, cost.WriteUnits, got)
	}
	if size := len(story.Format(told.Lines)); cost.Bytes > size+1000 && lines > 14 && aliases == 0 || cost.Bytes < 300 {
		t.Errorf("%d lines of %d bytes: %d bytes stored", lines, size, cost.Bytes)
	}
	return after - before
}
