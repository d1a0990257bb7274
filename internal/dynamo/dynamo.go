// Package dynamo is the work of dynamoslog.Table: a [story.Store] on a DynamoDB
// table. What an item holds is in items.go and decode.go, writing in batch.go,
// reading in list.go and read.go, the table itself in admin.go and check.go.
package dynamo

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/logging"
	"github.com/klauspost/compress/zstd"
)

// callTime bounds one call, because the SDK waits without end for an answer
// that never comes. A write is at most 16 MB.
const callTime = 20 * time.Second

// maxShards bounds the queries for a page over all keys.
const maxShards = 100

// maxDecoded is the most that one item's text may be when it is unpacked, in
// bytes: far above [story.MaxPartText], which is the most that is written.
const maxDecoded = 1 << 20

// maxDamaged bounds what is unpacked in vain for one story, in bytes.
const maxDamaged = 256 * maxDecoded

// maxTTL keeps the sum of times in range.
const maxTTL = 100 * 365 * 24 * time.Hour

// A Config says how stories are kept. The fields are those of dynamoslog.Table,
// with their defaults applied.
type Config struct {
	Name      string
	TTL       time.Duration // negative: never expires
	PlainText bool
	Shards    int
	OnDemand  bool
}

// A Store keeps stories in a table. Its methods are those of [story.Store].
type Store struct {
	client *dynamodb.Client
	Config
	encoder *zstd.Encoder // their one-shot methods may be called concurrently and start no goroutine
	decoder *zstd.Decoder
	rooms   sync.Pool    // of *packRoom
	unclear atomic.Int32 // answers in a row that acknowledged nothing

	mu            sync.Mutex
	writes, reads float64 // units consumed
}

// LoadClient returns a client as the environment and the shared files configure it. What
// the SDK would write to standard error by itself is discarded.
func LoadClient(ctx context.Context) (*dynamodb.Client, error) {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return dynamodb.NewFromConfig(loaded), nil
}

// New returns a store on a table. It makes no call.
func New(client *dynamodb.Client, config Config) (*Store, error) {
	if config.Name == "" {
		return nil, fmt.Errorf("%w: Table.Name is empty: set it to the name of the table", ErrConfig)
	}
	if client.Options().Region == "" {
		return nil, fmt.Errorf("%w: no AWS region: set AWS_REGION, or region in the profile of AWS_PROFILE, or Table.Client", ErrConfig)
	}
	config.TTL = min(config.TTL, maxTTL)
	config.Shards = min(max(config.Shards, 1), maxShards)
	encoder, err := newEncoder()
	if err != nil {
		return nil, err
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDecoded))
	if err != nil {
		return nil, fmt.Errorf("dynamoslog: %w", err)
	}
	return &Store{client: client, Config: config, encoder: encoder, decoder: decoder}, nil
}

func newEncoder() (*zstd.Encoder, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("dynamoslog: %w", err)
	}
	return encoder, nil
}

// Consumed returns the write and read units that DynamoDB has told of in its
// answers to this store's calls, those of the index included. Of a failed call,
// as of a header that is there already, it does not tell.
func (s *Store) Consumed() (writeUnits, readUnits float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes, s.reads
}

func (s *Store) wrote(consumed ...types.ConsumedCapacity) { s.count(&s.writes, consumed) }

func (s *Store) read(consumed *types.ConsumedCapacity) {
	if consumed != nil {
		s.count(&s.reads, []types.ConsumedCapacity{*consumed})
	}
}

func (s *Store) count(total *float64, consumed []types.ConsumedCapacity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range consumed {
		*total += aws.ToFloat64(c.CapacityUnits)
	}
}

// once turns the SDK's retryer off for a call: it would wait between its tries
// where the writer above wants to know, and gives up where that one does not.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// call runs one call to DynamoDB, bounded in time.
func call[In, Out any](ctx context.Context, f func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error), in *In, options ...func(*dynamodb.Options)) (*Out, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return f(ctx, in, options...)
}
