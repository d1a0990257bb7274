package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/internal/processortime"
)

// storage prints how many lines a second DynamoDB Local takes, and what they would
// cost, for an item a line, batches of them, and stories.
func storage(out io.Writer) error {
	endpoint, err := dynamotest.Launch()
	if err != nil {
		return err
	}
	var rows [][]string
	var first float64
	add := func(name string, lines int, way func(*storageRun) error) error {
		var rates []float64
		var last *storageRun
		for range 5 {
			run, err := newStorageRun(endpoint, lines)
			if err == nil {
				err = run.measure(way)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			rates = append(rates, run.rate())
			last = run
		}
		rate := median(rates)
		if first == 0 {
			first = rate
		}
		rows = append(rows, append([]string{name, fmt.Sprintf("%.0f", rate), fmt.Sprintf("%.1f", rate/first)}, last.costs()...))
		return nil
	}
	for _, workers := range []int{1, 16} {
		if err := add(fmt.Sprintf("an item a line, %d workers", workers), 4000, itemALine(workers)); err != nil {
			return err
		}
	}
	for _, workers := range []int{1, 16} {
		if err := add(fmt.Sprintf("25 items a batch, a line each, %d workers", workers), 20_000, batchOfLines(workers)); err != nil {
			return err
		}
	}
	for _, lines := range []int{5, 50, 500} {
		if err := add(fmt.Sprintf("**stories of %d lines**", lines), 2000*min(lines, 50), stories(lines)); err != nil {
			return err
		}
	}
	printTable(out, []string{"DynamoDB Local", "lines a second", "times the first", "write units a line", "write units a story", "CPU a line, µs", "allocated a line, B"}, rows)
	return nil
}

// A storageRun is one measurement, on a table of its own.
type storageRun struct {
	lines   int
	stories int
	table   *dynamoslog.Table
	units   units
	took    time.Duration
	cpu     time.Duration
	alloc   uint64
}

func newStorageRun(endpoint string, lines int) (*storageRun, error) {
	r := &storageRun{lines: lines}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32
	r.units.next = transport
	client, _ := dynamotest.ClientOf(endpoint, &r.units)
	r.table = &dynamoslog.Table{Name: fmt.Sprintf("bench-%d", rand.Uint64()), Client: client}
	return r, r.table.Create(context.Background())
}

func (r *storageRun) measure(way func(*storageRun) error) error {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r.units.reset()
	cpu, start := processortime.Used(), time.Now()
	err := way(r)
	r.took, r.cpu = time.Since(start), processortime.Used()-cpu
	runtime.ReadMemStats(&after)
	r.alloc = after.TotalAlloc - before.TotalAlloc
	return err
}

func (r *storageRun) rate() float64 { return float64(r.lines) / r.took.Seconds() }

func (r *storageRun) costs() []string {
	lines, consumed, story := float64(r.lines), r.units.total(), "–"
	if r.stories > 0 {
		story = fmt.Sprintf("%.2f", consumed/float64(r.stories))
	}
	return []string{
		fmt.Sprintf("%.3f", consumed/lines), story,
		fmt.Sprintf("%.1f", float64(r.cpu.Microseconds())/lines), fmt.Sprintf("%.0f", float64(r.alloc)/lines),
	}
}

// stories logs stories of so many lines, and stores them.
func stories(lines int) func(*storageRun) error {
	return func(run *storageRun) error {
		random := rand.New(rand.NewPCG(1, 1))
		h := dynamoslog.New(run.table, nil)
		logger := slog.New(h)
		run.stories = run.lines / lines
		for i := range run.stories {
			ctx, scope := dynamoslog.Begin(context.Background(), "user", i)
			tell(ctx, logger, random, lines)
			scope.End()
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		return h.Shutdown(ctx)
	}
}

// itemALine puts an item for every line, as handlers for DynamoDB do.
func itemALine(workers int) func(*storageRun) error {
	return func(run *storageRun) error {
		return onWorkers(workers, run.lines, func(random *rand.Rand, n int) error {
			for range n {
				_, err := run.table.Client.PutItem(context.Background(), &dynamodb.PutItemInput{
					TableName: &run.table.Name, Item: lineItem(random), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// batchOfLines puts 25 lines at once, an item each.
func batchOfLines(workers int) func(*storageRun) error {
	const batch = 25
	return func(run *storageRun) error {
		return onWorkers(workers, run.lines, func(random *rand.Rand, n int) error {
			for range n / batch {
				requests := make([]types.WriteRequest, batch)
				for i := range requests {
					requests[i].PutRequest = &types.PutRequest{Item: lineItem(random)}
				}
				_, err := run.table.Client.BatchWriteItem(context.Background(), &dynamodb.BatchWriteItemInput{
					RequestItems: map[string][]types.WriteRequest{run.table.Name: requests}, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// lineItem renders a line as JSON into an item of its own.
func lineItem(random *rand.Rand) map[string]types.AttributeValue {
	var text bytes.Buffer
	steps[random.IntN(len(steps))].log(context.Background(), slog.New(slog.NewJSONHandler(&text, nil)), random)
	return map[string]types.AttributeValue{
		"object":     &types.AttributeValueMemberS{Value: fmt.Sprintf("user_%d", random.IntN(2000))},
		"story":      &types.AttributeValueMemberS{Value: time.Now().UTC().Format(time.RFC3339Nano) + token(random)},
		"message":    &types.AttributeValueMemberS{Value: text.String()},
		"expires_at": &types.AttributeValueMemberN{Value: strconv.FormatInt(time.Now().Add(dynamoslog.DefaultTTL).Unix(), 10)},
	}
}

func onWorkers(workers, lines int, work func(random *rand.Rand, lines int) error) error {
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	for w := range workers {
		all.Go(func() {
			if err := work(rand.New(rand.NewPCG(uint64(w), 1)), lines/workers); err != nil {
				failed.Store(&err)
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// units counts the write units that answers tell, index rows included.
type units struct {
	next     http.RoundTripper
	hundreds atomic.Int64 // of units
}

var consumed = regexp.MustCompile(`"ConsumedCapacity":\[?\{[^}]*?"CapacityUnits":([0-9.]+)`)

func (u *units) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := u.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if found := consumed.FindSubmatch(body); found != nil {
		n, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			return nil, err
		}
		u.hundreds.Add(int64(n*100 + 0.5))
	}
	return resp, nil
}

func (u *units) reset()         { u.hundreds.Store(0) }
func (u *units) total() float64 { return float64(u.hundreds.Load()) / 100 }
