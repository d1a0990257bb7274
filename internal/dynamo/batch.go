package dynamo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/story"
)

const (
	batchItems = 25 // the most that DynamoDB takes in a call
	// batchBytes bounds the items of a call so that they stay under DynamoDB's
	// 16 MB as JSON, where a byte takes up to six: see jsonBytes.
	batchBytes = 2 << 20
	jsonBytes  = 6

	// unclearAnswers is how many answers in a row may leave it open what was
	// stored, before the table is asked.
	unclearAnswers = 3
)

var (
	errUnprocessed = error(&sentinel{"dynamoslog: DynamoDB left this item of a batch unprocessed", story.ErrBusy})
	errUnclear     = errors.New("dynamoslog: the answer does not say that the item was stored")
)

// A write is one item to be stored, for one or more parts of a call: a batch may
// not name a key twice.
type write struct {
	item  item
	size  int           // of the item, as DynamoDB counts it
	open  bool          // an open header
	raise *story.Header // what a stored one is raised to, instead of an item
	parts []int         // indexes in the call's slice
}

// A slot is what tells items apart.
type slot struct{ object, story string }

func slotOf(it item) slot { return slot{getString(it, attrObject), getString(it, attrStory)} }

// A putter is one call of Put.
type putter struct {
	store    *Store
	failures map[int]story.PutFailure
	stopped  *story.PutFailure // why the rest is not tried
}

// Put implements [story.Store]. It sends nothing twice: what failed is the
// writer's to put again.
func (s *Store) Put(ctx context.Context, parts []story.Part) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("dynamoslog: %s: %w", s.place(), err)
	}
	p := &putter{store: s, failures: make(map[int]story.PutFailure)}
	var batch []*write
	size := 0
	for _, w := range p.plan(parts) {
		if w.open {
			p.putOpen(ctx, w)
			continue
		}
		if w.raise != nil { // after what it raises
			if len(batch) > 0 {
				p.putBatch(ctx, batch)
			}
			batch, size = nil, 0
			p.raise(ctx, w)
			continue
		}
		if len(batch) == batchItems || len(batch) > 0 && size+w.size > batchBytes {
			p.putBatch(ctx, batch)
			batch, size = nil, 0
		}
		batch = append(batch, w)
		size += w.size
	}
	if len(batch) > 0 {
		p.putBatch(ctx, batch)
	}
	if len(p.failures) == 0 {
		return nil
	}
	failed := slices.SortedFunc(maps.Values(p.failures), func(a, b story.PutFailure) int { return a.Index - b.Index })
	return &story.PutError{Failures: failed}
}

// plan makes one write for each item. Of several parts that are one item the
// last counts, but an open header only where there is no other.
func (p *putter) plan(parts []story.Part) []*write {
	var writes []*write
	bySlot := make(map[slot]*write)
	for i, part := range parts {
		if part.Raise {
			if part.Header != nil {
				writes = append(writes, &write{item: item{attrObject: str(objectOf(part.Key)), attrStory: str(part.ID)}, raise: part.Header, parts: []int{i}})
			}
			continue
		}
		made, err := p.store.itemOf(part)
		if err != nil {
			p.failures[i] = story.PutFailure{Index: i, Outcome: story.Reject, Err: err}
			continue
		}
		open := part.Header != nil && part.Header.State == story.Open
		w, again := bySlot[slotOf(made.item)]
		if !again {
			w = &write{item: made.item, size: made.size, open: open}
			bySlot[slotOf(made.item)] = w
			writes = append(writes, w)
		} else if !open {
			w.item, w.size, w.open = made.item, made.size, false
		}
		w.parts = append(w.parts, i)
	}
	return writes
}

// fail notes why writes were not stored.
func (p *putter) fail(outcome story.Outcome, err error, writes ...*write) {
	for _, w := range writes {
		for _, i := range w.parts {
			p.failures[i] = story.PutFailure{Index: i, Outcome: outcome, Err: err}
		}
	}
}

// failCall notes that a call failed. Where the next one would fail alike, for
// want of a connection or by a misconfiguration, the rest is not tried.
func (p *putter) failCall(ctx context.Context, err error, writes ...*write) {
	outcome, _ := classify(err)
	if ctx.Err() != nil {
		outcome = story.Retry
	}
	explained := p.store.explain(ctx, err)
	p.fail(outcome, explained, writes...)
	if outcome == story.Wait || outcome == story.Retry && !answered(err) {
		p.stopped = &story.PutFailure{Outcome: outcome, Err: explained}
	}
}

// isStopped reports whether the rest is not tried, and notes that of writes.
func (p *putter) isStopped(writes ...*write) bool {
	if p.stopped == nil {
		return false
	}
	p.fail(p.stopped.Outcome, p.stopped.Err, writes...)
	return true
}

// putOpen stores an open header, if the story has no header yet.
func (p *putter) putOpen(ctx context.Context, w *write) {
	if p.isStopped(w) {
		return
	}
	out, err := call(ctx, p.store.client.PutItem, &dynamodb.PutItemInput{
		TableName:                &p.store.Name,
		Item:                     w.item,
		ConditionExpression:      aws.String("attribute_not_exists(#object)"),
		ExpressionAttributeNames: map[string]string{"#object": attrObject},
		ReturnConsumedCapacity:   types.ReturnConsumedCapacityTotal,
	}, once)
	var consumed *types.ConsumedCapacity
	if err == nil {
		consumed = out.ConsumedCapacity
	}
	p.settleConditional(ctx, w, consumed, err)
}

// raise changes a final header, for lines that came after the story's end. An identity
// that may not do that loses nothing else by it.
func (p *putter) raise(ctx context.Context, w *write) {
	if p.isStopped(w) {
		return
	}
	out, err := call(ctx, p.store.client.UpdateItem, p.store.raiseInput(w), once)
	var consumed *types.ConsumedCapacity
	if err == nil {
		consumed = out.ConsumedCapacity
	} else if explained := p.store.explain(ctx, err); errors.Is(explained, ErrNoAccess) {
		p.fail(story.Reject, fmt.Errorf("the level of the story's header is not raised: %w", explained), w)
		return
	}
	p.settleConditional(ctx, w, consumed, err)
}

// raiseInput is the call that changes a header where its level is lower. Of several that
// do, in any order and again, the highest stands.
func (s *Store) raiseInput(w *write) *dynamodb.UpdateItemInput {
	set, remove := "SET #level = :level, #lines = :lines", ""
	names := map[string]string{"#object": attrObject, "#state": attrState, "#level": attrLevel, "#lines": attrLines}
	values := item{":level": num(int64(w.raise.MaxLevel)), ":lines": num(int64(w.raise.LineCount)), ":open": str(string(story.Open))}
	change := func(name, value string) {
		names["#"+name] = name
		if value != "" {
			set += ", #" + name + " = :" + name
			values[":"+name] = str(value)
			return
		}
		if remove == "" { // what is there is of a lower level
			remove = " REMOVE #" + name
		} else {
			remove += ", #" + name
		}
	}
	change(attrCause, w.raise.Cause)
	change(attrProblem, w.raise.Problem)
	if len(w.raise.Also) > 0 {
		set += ", #also = :also"
		names["#also"], values[":also"] = attrAlso, alsoValue(w.raise.Also)
	}
	if w.raise.Cause != "" || w.raise.Problem != "" {
		set += ", #version = :version"
		names["#version"] = attrVersion
		values[":version"] = &types.AttributeValueMemberN{Value: secondVersion}
	}
	return &dynamodb.UpdateItemInput{
		TableName:                 &s.Name,
		Key:                       w.item,
		UpdateExpression:          aws.String(set + remove),
		ConditionExpression:       aws.String("attribute_exists(#object) AND #state <> :open AND #level < :level"),
		ExpressionAttributeNames:  names,
		ExpressionAttributeValues: values,
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	}
}

// settleConditional notes what became of a write with a condition: where that does not
// hold there is nothing left to do.
func (p *putter) settleConditional(ctx context.Context, w *write, consumed *types.ConsumedCapacity, err error) {
	var unmet *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &unmet):
		p.store.unclear.Store(0)
	case err != nil:
		p.failCall(ctx, err, w)
	case consumed == nil:
		p.decide(ctx, w)
	default:
		p.store.unclear.Store(0)
		p.store.wrote(*consumed)
	}
}

// putBatch stores at most 25 items. DynamoDB rejects a batch whole for one bad
// item, or if it is too large: then it is halved, down to the item that is bad.
func (p *putter) putBatch(ctx context.Context, writes []*write) {
	if p.isStopped(writes...) {
		return
	}
	requests := make([]types.WriteRequest, len(writes))
	for i, w := range writes {
		requests[i].PutRequest = &types.PutRequest{Item: w.item}
	}
	out, err := call(ctx, p.store.client.BatchWriteItem, &dynamodb.BatchWriteItemInput{
		RequestItems:           map[string][]types.WriteRequest{p.store.Name: requests},
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}, once)
	if err != nil {
		if outcome, _ := classify(err); outcome == story.Reject && len(writes) > 1 {
			half := len(writes) / 2
			p.putBatch(ctx, writes[:half])
			p.putBatch(ctx, writes[half:])
			return
		}
		p.failCall(ctx, err, writes...)
		return
	}
	p.store.wrote(out.ConsumedCapacity...)
	if out.UnprocessedItems == nil && len(out.ConsumedCapacity) == 0 {
		p.decide(ctx, writes...)
		return
	}
	p.store.unclear.Store(0)
	p.failUnprocessed(out.UnprocessedItems, writes)
}

// failUnprocessed notes the writes that an answer names as not done. Where it
// names one that was not asked for, it is not known which it means.
func (p *putter) failUnprocessed(unprocessed map[string][]types.WriteRequest, writes []*write) {
	bySlot := make(map[slot]*write, len(writes))
	for _, w := range writes {
		bySlot[slotOf(w.item)] = w
	}
	for _, requests := range unprocessed {
		for _, request := range requests {
			var w *write
			if request.PutRequest != nil {
				w = bySlot[slotOf(request.PutRequest.Item)]
			}
			if w == nil {
				p.fail(story.Retry, errUnclear, writes...)
				return
			}
			p.fail(story.Busy, errUnprocessed, w)
		}
	}
}

// decide settles writes whose answer was a success that acknowledges nothing, as
// of a proxy: they are not stored, until such answers come again and again. Then
// what the table holds tells.
func (p *putter) decide(ctx context.Context, writes ...*write) {
	if p.store.unclear.Add(1) < unclearAnswers {
		p.fail(story.Retry, errUnclear, writes...)
		return
	}
	for _, w := range writes {
		if w.raise != nil { // doing it again does no harm
			p.fail(story.Retry, errUnclear, w)
			continue
		}
		at := slotOf(w.item)
		held, err := p.store.getItem(ctx, at.object, at.story, once)
		if err != nil {
			outcome, _ := classify(err)
			if ctx.Err() != nil || outcome == story.Reject { // it is not the item that was refused
				outcome = story.Retry
			}
			p.fail(outcome, fmt.Errorf("%w: %w", errUnclear, err), w)
		} else if held == nil || !w.open && !reflect.DeepEqual(held, w.item) {
			p.fail(story.Retry, errUnclear, w)
		}
	}
}
