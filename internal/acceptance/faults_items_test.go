package acceptance_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
)

// configFaults last until somebody mends a misconfiguration.
var configFaults = []fault{
	{
		name:  "expired token, then a fresh one",
		fault: same(dynamotest.Token("old", dynamotest.ExpiredToken)), stays: true,
		client: credentialsAfter(badCredentials, aws.Credentials{AccessKeyID: dynamotest.AccessKey, SecretAccessKey: dynamotest.Secret, SessionToken: "old"}, nil),
		during: isParked, trouble: dynamoslog.ErrNoCredentials, lasts: badCredentials,
	},
	{
		name:   "no credentials, then some",
		client: credentialsAfter(badCredentials, aws.Credentials{}, errors.New("none yet")),
		during: isParked, trouble: dynamoslog.ErrNoCredentials, lasts: badCredentials,
	},
	{
		name:  "access denied",
		fault: same(dynamotest.NoAccess), lasts: time.Second, during: isParked, trouble: dynamoslog.ErrNoAccess,
	},
	{
		name: "table missing, then created", noTable: true, lasts: 2 * time.Second,
		during: isParked, heal: (*trial).createTable, trouble: dynamoslog.ErrNoTable,
	},
	{
		name: "wrong key schema, then the right one", noTable: true, lasts: time.Second,
		setup: createWrongTable, during: isParked, heal: remakeTable, trouble: dynamoslog.ErrWrongTable,
	},
}

// badCredentials is how long they are: Flush does not wait for better ones.
const badCredentials = 1500 * time.Millisecond

func isParked(tr *trial) {
	tr.await(flushPatience, "the handler parked", func() bool { return !tr.h.Stats().Parked.IsZero() })
}

// credentialsAfter makes a client whose credentials are bad for some time.
func credentialsAfter(bad time.Duration, first aws.Credentials, err error) func(*trial) func(*dynamodb.Options) {
	return func(*trial) func(*dynamodb.Options) {
		from := time.Now().Add(bad)
		return func(o *dynamodb.Options) {
			o.Credentials = aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				if time.Now().Before(from) {
					old := first
					old.CanExpire, old.Expires = true, from
					return old, err
				}
				return aws.Credentials{AccessKeyID: dynamotest.AccessKey, SecretAccessKey: dynamotest.Secret, SessionToken: "fresh"}, nil
			}))
		}
	}
}

func createWrongTable(tr *trial) {
	_, err := tr.client.CreateTable(tr.Context(), &dynamodb.CreateTableInput{
		TableName: &tr.direct.Name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: "S"}, {AttributeName: aws.String("sk"), AttributeType: "S"}},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: "HASH"}, {AttributeName: aws.String("sk"), KeyType: "RANGE"}},
	})
	if err != nil {
		tr.Fatal(err)
	}
}

func remakeTable(tr *trial) {
	if _, err := tr.client.DeleteTable(tr.Context(), &dynamodb.DeleteTableInput{TableName: &tr.direct.Name}); err != nil {
		tr.Fatal(err)
	}
	gone := dynamodb.NewTableNotExistsWaiter(tr.client, func(o *dynamodb.TableNotExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	})
	if err := gone.Wait(tr.Context(), &dynamodb.DescribeTableInput{TableName: &tr.direct.Name}, time.Minute); err != nil {
		tr.Fatal(err)
	}
	tr.createTable()
}

// itemFaults are about single items, and about what a batch can hold.
var itemFaults = []fault{
	{
		name:  "one item always unprocessed",
		fault: func() dynamotest.Fault { return dynamotest.Unprocessed(firstSeen()) }, lasts: 2 * time.Second,
		during: func(tr *trial) { tr.othersAreStored(1, func(name) bool { return true }) },
	},
	{
		name:  "a hot key",
		fault: func() dynamotest.Fault { return dynamotest.Unprocessed(dynamotest.Beyond("hot_key", 4)) }, lasts: 2 * time.Second,
		tell: func(tr *trial) {
			for i := range 200 {
				tr.tellOne("hot", "key", fmt.Sprintf("hot %d", i))
			}
		},
		during: func(tr *trial) { tr.othersAreStored(0, func(at name) bool { return at.key.Kind != "hot" }) },
	},
	{
		name: "one poison item among 25", stays: true, rejects: true,
		fault: same(dynamotest.Where(dynamotest.Of("user_poison"), dynamotest.Invalid)),
		tell:  tellPoison, fallback: exactly("the poison"),
		check: func(tr *trial, _ *result) {
			if got := tr.proxy.Seen().Faults; got < 3 {
				tr.Errorf("the poison was met %d times: it was not among others", got)
			}
		},
	},
	{
		name: "one poison part of a story", stays: true, rejects: true,
		fault: same(dynamotest.Where(func(put dynamotest.Put) bool {
			return put.Object == "user_poison" && strings.HasSuffix(put.Story, "#000002")
		}, dynamotest.Invalid)),
		tell: tellPoisonPart, fallback: exactly("line 1" + strings.Repeat("x", 4<<10)),
	},
	{
		name: "413 for a batch", stays: true,
		setup: func(tr *trial) { tr.table.PlainText = true },
		fault: func() dynamotest.Fault {
			return dynamotest.Any(dynamotest.First(3, dynamotest.Throttled), dynamotest.LargerThan(7000, dynamotest.TooLarge))
		},
		check: func(tr *trial, _ *result) {
			if got := tr.proxy.Seen().Faults; got <= 3 {
				tr.Errorf("no batch was too large, the fault was not met: %d faults", got)
			}
		},
	},
	{
		name: "413 for one item alone", stays: true, rejects: true,
		setup: func(tr *trial) { tr.table.PlainText = true },
		fault: same(dynamotest.LargerThan(20_000, dynamotest.TooLarge)),
		tell: func(tr *trial) {
			tr.tellOne("user", "large", "small", "large"+strings.Repeat("x", 30_000))
		},
		fallback: func(tr *trial, r *result) {
			exactly("small", "large"+strings.Repeat("x", 30_000))(tr, r)
		},
	},
	{
		name: "a batch over 16 MB by quotes", unmet: true,
		setup:     func(tr *trial) { tr.table.PlainText = true },
		fault:     same(dynamotest.LargerThan(16<<20, dynamotest.TooLarge)),
		tell:      tellQuotes,
		strangers: isDirect,
	},
	{name: "an item of 400 KB, one byte less, one more", setup: plainForEver, during: putLimits, strangers: isDirect},
	{
		name: "one line over 400 KB", fault: func() dynamotest.Fault { return dynamotest.First(3, dynamotest.Reset) },
		tell: func(tr *trial) { tr.tellOne("user", "long", "before", "long"+noise(500_000), "after") },
	},
	{
		name: "more than 25 items", fault: same(dynamotest.Throttled), lasts: time.Second,
		tell: func(tr *trial) {
			for i := range 60 {
				tr.tellOne("item", i, fmt.Sprintf("item %d", i))
			}
		},
		check: func(tr *trial, _ *result) {
			if got := tr.proxy.Seen().Batch; got != 25 {
				tr.Errorf("the largest batch had %d items: the fault was not met", got)
			}
		},
	},
	{name: "equal keys in one batch", tell: tellEqualKeys, fault: same(dynamotest.Throttled), lasts: time.Second, strangers: isDirect},
}

// firstSeen says of the first item that it sees, and always of it, yes.
func firstSeen() func(dynamotest.Put) bool {
	var first atomic.Pointer[dynamotest.Slot]
	return func(put dynamotest.Put) bool {
		first.CompareAndSwap(nil, &put.Slot)
		return *first.Load() == put.Slot
	}
}

// othersAreStored checks that stories which the fault is not about come through
// while it is there.
func (tr *trial) othersAreStored(but int, about func(name) bool) {
	tr.areStored(flushPatience, but, about)
}

func (tr *trial) areStored(patience time.Duration, but int, about func(name) bool) {
	tr.await(patience, "the stories stored that have nothing to do with it", func() bool {
		missing := 0
		for _, at := range tr.names() {
			if about(at) && !tr.isStored(at) {
				missing++
			}
		}
		return missing <= but
	})
}

// exactly checks that these lines are in the fallback, and no others.
func exactly(want ...string) func(*trial, *result) {
	return func(tr *trial, r *result) {
		tr.Helper()
		for _, message := range want {
			if r.fallback[message] != 1 {
				tr.Errorf("%.50q is not in the fallback", message)
			}
		}
		if len(r.fallback) != len(want) {
			tr.Errorf("%d lines are in the fallback, want %d:\n%.2000s", len(r.fallback), len(want), tr.output.String())
		}
	}
}

// tellPoison tells 25 stories at once, one of which cannot be stored.
func tellPoison(tr *trial) {
	for i := range 24 {
		tr.tellOne("user", fmt.Sprintf("beside %d", i), fmt.Sprintf("beside the poison %d", i))
		if i == 12 {
			tr.tellOne("user", "poison", "the poison")
		}
	}
}

// tellPoisonPart tells a story of four parts, each of one line.
func tellPoisonPart(tr *trial) {
	b := tr.begin("user", "poison")
	for i := range 4 {
		b.log(slog.LevelInfo, fmt.Sprintf("line %d", i)+strings.Repeat("x", 4<<10))
	}
	b.end()
}

func isDirect(at name) bool { return at.key.Kind == "direct" }

// put stores the parts of a story past the handler, and returns the failures.
func (tr *trial) put(parts []story.Part) map[int]story.Outcome {
	err := tr.table.Put(tr.Context(), parts)
	outcomes := make(map[int]story.Outcome)
	var failed *story.PutError
	if errors.As(err, &failed) {
		for _, f := range failed.Failures {
			outcomes[f.Index] = f.Outcome
		}
	} else if err != nil {
		tr.Errorf("Put: %v", err)
	}
	return outcomes
}

// directParts returns a header and n parts of one story.
func directParts(n int, text string) []story.Part {
	head := handlertest.HeaderPart(story.NewKey("direct", "1"))
	head.Text, head.Header.Parts = "", n
	parts := []story.Part{head}
	for i := range n {
		parts = append(parts, story.Part{Key: head.Key, ID: head.ID, Number: i + 1, Text: text})
	}
	return parts
}

// tellQuotes tells lines of quotes, and puts as many control characters as a
// batch of parts can hold, each of which is six bytes of JSON.
func tellQuotes(tr *trial) {
	for i := range 20 {
		tr.tellOne("quotes", i, strings.Repeat(`"`, 60_000+i))
	}
	tr.await(flushPatience, "parts of control characters stored", func() bool { // a loaded machine may take long for 16 MB
		return len(tr.put(directParts(24, strings.Repeat("\x01", story.MaxPartText)))) == 0
	})
	if got := tr.proxy.Seen().BodySize; got < 8<<20 || got > 16<<20 {
		tr.Errorf("the largest request had %d bytes, want some that are almost 16 MB", got)
	}
}

func plainForEver(tr *trial) { tr.table.PlainText, tr.table.TTL = true, -1 }

// putLimits puts items of 400 KB, one byte less and one byte more in one batch.
func putLimits(tr *trial) {
	parts := directParts(3, "")
	for i, size := range []int{409_599, 409_600, 409_601} {
		p := &parts[i+1]
		sortKey := fmt.Sprintf("part#%s#%06d", p.ID, p.Number)
		names := len("object") + len(p.Key.String()) + len("story") + len(sortKey) + len("v") + 2 + len("message")
		head := "+0.000 I "
		p.Text = head + strings.Repeat("x", size-names-len(head)-1) + "\n"
	}
	if failed := tr.put(parts); len(failed) != 1 || failed[3] != story.Reject {
		tr.Errorf("got %v, want the part of 409,601 bytes rejected, and no other", failed)
	}
	if s, err := tr.direct.Read(tr.Context(), parts[0].Key, parts[0].ID); err != nil || len(s.Lines) != 3 {
		tr.Errorf("got %d lines, %v; want two, and a word about the missing one", len(s.Lines), err)
	}
	// A story that misses nothing, for what is checked at the end.
	parts[0].Header.Parts = 2
	if failed := tr.put(parts[:1]); len(failed) != 0 {
		tr.Errorf("got %v", failed)
	}
}

// noise returns printable text that cannot be compressed.
func noise(n int) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	text := make([]byte, n)
	state := uint64(88172645463325252)
	for i := range text {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		text[i] = alphabet[state%64]
	}
	return string(text)
}

// tellEqualKeys ends stories whose open header is not stored yet, so that both
// their headers wait, and puts a part four times in one call.
func tellEqualKeys(tr *trial) {
	for i := range 10 {
		b := tr.begin("equal", i)
		b.log(slog.LevelInfo, fmt.Sprintf("equal %d before the cut", i))
		ctx, cancel := context.WithTimeout(tr.Context(), time.Millisecond)
		tr.h.Flush(ctx) // cuts, and cannot store
		cancel()
		b.log(slog.LevelInfo, fmt.Sprintf("equal %d after the cut", i))
		b.end()
	}
	tr.proxy.Set(nil)
	defer tr.proxy.Set(dynamotest.Throttled)
	parts := directParts(1, "+0.000 I hello\n")
	open := parts[0]
	header := *open.Header
	header.State = story.Open
	open.Header = &header
	all := slices.Concat([]story.Part{open, parts[1], open}, parts, parts)
	if failed := tr.put(all); len(failed) != 0 {
		tr.Errorf("equal keys in one call: %v", failed)
	}
}
