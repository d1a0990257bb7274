package dynamoslog

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/story"
)

// DefaultTTL is how long a [Table] keeps stories by default.
const DefaultTTL = 30 * 24 * time.Hour

// What may be wrong with a [Table], or with the way to it. The errors of its
// methods wrap these where they apply, and say what to do.
var (
	ErrTableConfig   = dynamo.ErrConfig        // no name, no region, or a configuration that cannot be loaded
	ErrNoTable       = dynamo.ErrNoTable       // there is none of this name in the account and region
	ErrTableExists   = dynamo.ErrTableExists   // from Create
	ErrWrongTable    = dynamo.ErrWrongTable    // the table has other keys, or lacks the index
	ErrNoAccess      = dynamo.ErrNoAccess      // the identity is not allowed what it asked for
	ErrNoCredentials = dynamo.ErrNoCredentials // none, wrong or expired ones
	ErrThrottled     = dynamo.ErrThrottled     // more units asked for than the table has
)

// A Table is a [story.Store] in a DynamoDB table. A pointer to one with a Name is
// ready for use, by several goroutines at once:
//
//	store := &dynamoslog.Table{Name: "app-logs"}
//
// Nothing is looked up before the first call, which copies the fields: changes
// after it have no effect. There is nothing to close.
//
// The identity that writes needs the actions dynamodb:PutItem, BatchWriteItem,
// UpdateItem and GetItem on the table, and with [Options.Journal] Query on the table
// and its index; one that reads needs GetItem, and Query on the table and its index; deleting needs Query, GetItem and BatchWriteItem; Create and
// Check need CreateTable, DescribeTable, UpdateTimeToLive and DescribeTimeToLive.
// The command "dynamoslog table print" prints them as policies, and the table as code.
//
// Items that others wrote to the table, with a string object as partition key
// and a string story as sort key, are shown as stories too, their attribute
// message as the text: in a list of their key, and read by it, where object has
// the form kind_id. They are not in lists over all keys, and are selected by time
// only as far as their sort keys begin with a date in the form of [story.NewID].
type Table struct {
	// Name is the table's name. There is no default.
	Name string

	// Client makes the calls. If nil, the configuration of the environment and of
	// the shared files is loaded at the first call: region, credentials, profile,
	// AWS_ENDPOINT_URL_DYNAMODB and so on; where that fails, the next call tries
	// again. What the SDK would write to standard error by itself is discarded: what
	// matters is in the errors. Everything about a client may be changed by its options: its HTTP
	// client, its endpoint, its middleware, its logger. Its retryer is used for reading and
	// not for writing, where a [Handler] decides what is tried again and when.
	Client *dynamodb.Client

	// TTL is how long a story is kept, from 24 hours after its start; 30 days
	// ([DefaultTTL]) if zero, for ever if negative. It is fixed when a story is
	// written. DynamoDB deletes expired items within a few days, free of charge;
	// reading does not show them.
	TTL time.Duration

	// PlainText leaves all text uncompressed, so that it can be read in the AWS
	// console. By default text is compressed where that saves a write unit
	// (1 KB), which it does for a story of some fifteen lines or more.
	PlainText bool

	// Shards is into how many partitions the index over all keys is divided; 1 if
	// zero or less, at most 100. One takes 1,000 write units a second, which is
	// DynamoDB's limit for a partition. All who use a table must agree on the
	// number; after it is lowered, lists over all keys miss older stories.
	Shards int

	// OnDemand makes Create choose billing by request, and Check expect it. The
	// default is provisioned capacity within the free tier: 16 write and 16 read
	// units for the table and 9 each for its index.
	OnDemand bool

	store atomic.Pointer[dynamo.Store]
}

var (
	_ story.PartReader = (*Table)(nil)
	_ story.Preparer   = (*Table)(nil)
	_ story.Meter      = (*Table)(nil)
)

// open returns the store that does the work. Several first calls at once may
// each load the configuration; one of them is kept.
func (t *Table) open(ctx context.Context) (*dynamo.Store, error) {
	if store := t.store.Load(); store != nil {
		return store, nil
	}
	client := t.Client
	if client == nil {
		loaded, err := dynamo.LoadClient(ctx)
		if err != nil {
			return nil, err
		}
		client = loaded
	}
	ttl := t.TTL
	if ttl == 0 {
		ttl = DefaultTTL
	}
	store, err := dynamo.New(client, dynamo.Config{
		Name: t.Name, TTL: ttl, PlainText: t.PlainText, Shards: t.Shards, OnDemand: t.OnDemand,
	})
	if err != nil {
		return nil, err
	}
	t.store.CompareAndSwap(nil, store)
	return t.store.Load(), nil
}

// Put implements [story.Store]. Each part is one item. It makes one try: what
// DynamoDB did not take is named in the [story.PutError], and a table that
// cannot be used makes every part wait.
func (t *Table) Put(ctx context.Context, parts []story.Part) error {
	store, err := t.open(ctx)
	if err == nil {
		return store.Put(ctx, parts)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("dynamoslog: %w (%v)", ctx.Err(), err)
	}
	if len(parts) == 0 {
		return nil
	}
	failures := make([]story.PutFailure, len(parts))
	for i := range failures {
		failures[i] = story.PutFailure{Index: i, Outcome: story.Wait, Err: err}
	}
	return &story.PutError{Failures: failures}
}

// Prepare implements [story.Preparer]: it encodes the part, once a first call has loaded
// the configuration.
func (t *Table) Prepare(part story.Part) (prepared any, size int) {
	if store := t.store.Load(); store != nil {
		return store.Prepare(part)
	}
	return nil, 0
}

// List implements [story.Store]. For one key it is one query of the table, over
// all keys one of the index for each shard; a page looks at 250 items or so. It
// is eventually consistent: a story may be listed a moment after it was stored.
func (t *Table) List(ctx context.Context, q story.Query) (story.Page, error) {
	store, err := t.open(ctx)
	if err != nil {
		return story.Page{}, err
	}
	return store.List(ctx, q)
}

// Read implements [story.Store]. It is strongly consistent: what was stored
// before is read.
func (t *Table) Read(ctx context.Context, key story.Key, id string) (story.Story, error) {
	store, err := t.open(ctx)
	if err != nil {
		return story.Story{}, err
	}
	return store.Read(ctx, key, id)
}

// ReadParts implements [story.PartReader]. It is strongly consistent, as Read is.
func (t *Table) ReadParts(ctx context.Context, key story.Key, id string) ([]story.Part, error) {
	store, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	return store.ReadParts(ctx, key, id)
}

// Delete implements [story.Store]. Where it fails, items may be left: call it again.
func (t *Table) Delete(ctx context.Context, key story.Key, id string) error {
	store, err := t.open(ctx)
	if err != nil {
		return err
	}
	return store.Delete(ctx, key, id)
}

// Create creates the table, its index and its time to live, and returns when it
// can be used, which takes some seconds. Where there is one of the name, the
// error wraps [ErrTableExists] and nothing is changed.
func (t *Table) Create(ctx context.Context) error {
	store, err := t.open(ctx)
	if err != nil {
		return err
	}
	return store.Create(ctx)
}

// Check compares the table with what [Table.Create] makes: keys, index, time to
// live, billing, and whether its index has write units enough. The error has a
// line for each thing that differs, with what to do about it.
func (t *Table) Check(ctx context.Context) error {
	store, err := t.open(ctx)
	if err != nil {
		return err
	}
	return store.Check(ctx)
}

// Consumed implements [story.Meter]. It returns the write and read units that DynamoDB has told of in its
// answers to calls made through t, those of the index included. What a failed
// call consumed is not among them.
func (t *Table) Consumed() (writeUnits, readUnits float64) {
	if store := t.store.Load(); store != nil {
		return store.Consumed()
	}
	return 0, 0
}
