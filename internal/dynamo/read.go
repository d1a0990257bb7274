package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/story"
)

// Read implements [story.Store]. It sees what was stored before it was called.
func (s *Store) Read(ctx context.Context, key story.Key, id string) (story.Story, error) {
	if id == "" {
		var err error
		if id, err = s.latest(ctx, key); err != nil {
			return story.Story{}, err
		}
	}
	parts, foreign, err := s.parts(ctx, key, id)
	if alias := (*aliasError)(nil); errors.As(err, &alias) {
		key = alias.of
		parts, foreign, err = s.parts(ctx, key, id)
	}
	switch {
	case err != nil:
		return story.Story{}, err
	case foreign != nil:
		return decodeForeign(key, foreign), nil
	}
	return story.Assemble(key, id, parts), nil
}

// An aliasError says that there is no story, but an alias of one.
type aliasError struct {
	error
	of story.Key
}

func (e *aliasError) Unwrap() error { return e.error }

// ReadParts implements [story.PartReader]. An item of somebody else is no part.
func (s *Store) ReadParts(ctx context.Context, key story.Key, id string) ([]story.Part, error) {
	parts, foreign, err := s.parts(ctx, key, id)
	if err == nil && foreign != nil {
		err = s.notFound(key, id)
	}
	return parts, err
}

// parts returns the parts of a story, or the item of somebody else that stands in its
// place.
func (s *Store) parts(ctx context.Context, key story.Key, id string) (parts []story.Part, foreign item, err error) {
	if id == "" || len(id) > maxStory {
		return nil, nil, s.notFound(key, id)
	}
	// The header first: what it says of its parts was stored before it was read.
	header, err := s.getItem(ctx, objectOf(key), id)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	reader := s.newPartReader(key, id)
	switch {
	case header == nil || expired(header, now):
	case isForeign(header):
		return nil, header, nil
	case getString(header, attrOf) != "":
		of, _ := story.ParseKey(getString(header, attrOf))
		return nil, nil, &aliasError{s.notFound(key, id), of}
	case !strings.HasPrefix(id, partPrefix): // otherwise a part, asked for as a story
		reader.add(header)
	}
	pages := 0
	err = s.eachPart(ctx, objectOf(key), id, textAttrs, func(page []item) error {
		if pages++; pages > mostPages {
			reader.gathered.AddUnreadable(story.Part{Key: key, ID: id, Number: reader.last + 1}, errManyPages)
			return errEnough
		}
		for _, it := range page {
			switch {
			case ctx.Err() != nil:
				return s.explain(ctx, ctx.Err())
			case expired(it, now):
			case !reader.add(it):
				return errEnough
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, nil, err
	}
	if header == nil && len(reader.gathered.Parts) > 0 { // it may have come meanwhile, before them
		if header, err = s.getItem(ctx, objectOf(key), id); err != nil {
			return nil, nil, err
		}
		if header != nil && !expired(header, now) && !isForeign(header) {
			reader.add(header)
		}
	}
	if parts = reader.gathered.Parts; len(parts) == 0 {
		return nil, nil, s.notFound(key, id)
	}
	return parts, nil, nil
}

// textAttrs is what is asked for of a part.
var textAttrs = []string{attrObject, attrStory, attrMessage, attrZstd, attrExpires}

// mostPages bounds what DynamoDB reads for one story, a megabyte each: items may hold
// much besides text. As much text as is read of one takes fewer than a hundred.
const mostPages = 1000

var errManyPages = fmt.Errorf("no more than %d pages of this story's items are read", mostPages)

// errEnough ends a walk over pages: no more of the story is read.
var errEnough = errors.New("dynamoslog: no more of the story is read")

func (s *Store) notFound(key story.Key, id string) error {
	if id == "" {
		return fmt.Errorf("dynamoslog: %s: %w: %s", s.place(), story.ErrNotFound, key)
	}
	return fmt.Errorf("dynamoslog: %s: %w: %s %s", s.place(), story.ErrNotFound, key, story.Escape(id))
}

// latest returns the id of a key's newest story. That is the first item as a
// rule; where many are expired but not yet deleted, it asks for more at a time.
func (s *Store) latest(ctx context.Context, key story.Key) (string, error) {
	q := story.Query{Key: key, Limit: 1}
	if key.IsZero() {
		return "", s.notFound(key, "")
	}
	for {
		page, err := s.list(ctx, q, true)
		if err != nil {
			return "", err
		}
		if len(page.Headers) > 0 {
			return page.Headers[0].ID, nil
		}
		if page.Next == "" {
			return "", s.notFound(key, "")
		}
		q.Cursor, q.Limit = page.Next, pageItems
	}
}

// getItem returns an item, or nil.
func (s *Store) getItem(ctx context.Context, object, sortKey string, options ...func(*dynamodb.Options)) (item, error) {
	out, err := call(ctx, s.client.GetItem, &dynamodb.GetItemInput{
		TableName:              &s.Name,
		Key:                    item{attrObject: str(object), attrStory: str(sortKey)},
		ConsistentRead:         aws.Bool(true),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}, options...)
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	s.read(out.ConsumedCapacity)
	return out.Item, nil
}

// eachPart calls f with the items of a story's parts, page by page, by number.
// With attributes named, only those are sent.
func (s *Store) eachPart(ctx context.Context, object, id string, attrs []string, f func([]item) error) error {
	prefix := partsOf(id)
	if len(prefix) > maxStory {
		return nil // no part has such a key
	}
	in := s.keyQuery(object, attrs)
	in.KeyConditionExpression = aws.String("#object = :object AND begins_with(#story, :prefix)")
	in.ExpressionAttributeNames["#story"] = attrStory
	in.ExpressionAttributeValues[":prefix"] = str(prefix)
	return s.eachPage(ctx, in, f)
}

// keyQuery returns a query for all items of an object.
func (s *Store) keyQuery(object string, attrs []string) *dynamodb.QueryInput {
	in := &dynamodb.QueryInput{
		TableName:                 &s.Name,
		KeyConditionExpression:    aws.String("#object = :object"),
		ExpressionAttributeNames:  map[string]string{"#object": attrObject},
		ExpressionAttributeValues: item{":object": str(object)},
		ConsistentRead:            aws.Bool(true),
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	}
	for i, name := range attrs {
		if i > 0 {
			*in.ProjectionExpression += ", #" + name
		} else {
			in.ProjectionExpression = aws.String("#" + name)
		}
		in.ExpressionAttributeNames["#"+name] = name
	}
	return in
}

func (s *Store) eachPage(ctx context.Context, in *dynamodb.QueryInput, f func([]item) error) error {
	for {
		out, err := call(ctx, s.client.Query, in)
		if err != nil {
			return s.explain(ctx, err)
		}
		s.read(out.ConsumedCapacity)
		if err := f(out.Items); err != nil {
			return err
		}
		if len(out.LastEvaluatedKey) == 0 {
			return nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}
