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
		told := story.Story{Header: story.Header{
			Key: story.NewKey("user", fmt.Sprint(lines)), ID: story.NewID(time.Now()), State: story.Sealed,
			Start: time.Now(), LineCount: lines, Title: "Starting", Attrs: map[string]string{"method": "GET"},
		}}
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
		if size := len(story.Format(told.Lines)); cost.Bytes > size+1000 && lines > 14 || cost.Bytes < 300 {
			t.Errorf("%d lines of %d bytes: %d bytes stored", lines, size, cost.Bytes)
		}
	}
}
