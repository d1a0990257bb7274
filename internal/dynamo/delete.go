package dynamo

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/story"
)

const (
	firstPause = 50 * time.Millisecond
	longPause  = 5 * time.Second
	// deleteTries is how often in a row a batch may get nowhere: about half a minute.
	deleteTries = 15
)

// Delete implements [story.Store].
func (s *Store) Delete(ctx context.Context, key story.Key, id string) error {
	object := objectOf(key)
	keys := []string{attrObject, attrStory, attrAlso, attrVersion}
	found := false
	remove := func(items []item) error {
		found = found || len(items) > 0
		var aliases, own []item
		for _, it := range items {
			aliases = append(aliases, aliasesOf(it)...)
			own = append(own, item{attrObject: it[attrObject], attrStory: it[attrStory]})
		}
		if err := s.deleteAll(ctx, aliases); err != nil { // while the header is there they are known
			return err
		}
		return s.deleteAll(ctx, own)
	}
	var err error
	switch {
	case id == "":
		err = s.eachPage(ctx, s.keyQuery(object, keys), remove)
	case len(id) <= maxStory:
		// The header last: while it is there the story is seen, and can be deleted again.
		if err = s.eachPart(ctx, object, id, keys, remove); err == nil {
			err = s.deleteHeader(ctx, object, id, remove)
		}
	}
	if err == nil && !found {
		return s.notFound(key, id)
	}
	return err
}

func (s *Store) deleteHeader(ctx context.Context, object, id string, remove func([]item) error) error {
	header, err := s.getItem(ctx, object, id)
	if err != nil || header == nil {
		return err
	}
	return remove([]item{header})
}

// deleteAll deletes items by their keys.
func (s *Store) deleteAll(ctx context.Context, keys []item) error {
	for batch := range slices.Chunk(keys, batchItems) {
		if err := s.deleteBatch(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// deleteBatch deletes at most 25 items by their keys. DynamoDB may leave any of
// them undone; those are sent again, each time a little later.
func (s *Store) deleteBatch(ctx context.Context, keys []item) error {
	requests := make([]types.WriteRequest, len(keys))
	for i, key := range keys {
		requests[i].DeleteRequest = &types.DeleteRequest{Key: key}
	}
	for try := 0; ; {
		out, err := call(ctx, s.client.BatchWriteItem, &dynamodb.BatchWriteItemInput{
			RequestItems:           map[string][]types.WriteRequest{s.Name: requests},
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		}, once)
		switch {
		case err != nil:
			if outcome, _ := classify(err); outcome == story.Wait || outcome == story.Reject || ctx.Err() != nil {
				return s.explain(ctx, err)
			}
			err = s.explain(ctx, err)
		case out.UnprocessedItems == nil && len(out.ConsumedCapacity) == 0:
			err = errUnclear
		default:
			s.wrote(out.ConsumedCapacity...)
			left := slices.Concat(slices.Collect(maps.Values(out.UnprocessedItems))...)
			if len(left) == 0 {
				return nil
			}
			if len(left) < len(requests) {
				try = 0
			}
			requests, err = left, ErrThrottled
		}
		if try++; try == deleteTries {
			return fmt.Errorf("dynamoslog: not all items could be deleted, try again: %w", err)
		}
		if err := pause(ctx, try); err != nil {
			return fmt.Errorf("dynamoslog: %s: %w", s.place(), err)
		}
	}
}

// pause waits a random time, up to twice as long at each try.
func pause(ctx context.Context, try int) error {
	most := min(longPause, firstPause<<min(try, 16))
	timer := time.NewTimer(rand.N(most))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
