package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
)

const requestLines = 30

// serviceKinds are the ways in which the service logs.
var serviceKinds = []struct {
	name, kind string
	delay      time.Duration // of every call to the store
}{
	{"no logging", "none", 0},
	{"slog, JSON, to a file", "json", 0},
	{oursName + ", where storing takes nothing", "nowhere", 0},
	{oursName + " to DynamoDB Local", "stories", 0},
	{oursName + " to DynamoDB Local, 200 ms further away", "stories", 200 * time.Millisecond},
}

// service prints what requests to a small service take that log thirty lines each:
// the service is a process of its own, the load comes from this one.
func service(out io.Writer) error {
	endpoint, err := launchAside()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "service")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	const rate, paced, flatOut = 100, 6 * time.Second, time.Second
	results := make([]struct{ rates, p50, p99, p999 []float64 }, len(serviceKinds))
	for range 10 {
		for i, k := range serviceKinds {
			r := &results[i]
			err := withService(serviceArgs{k.kind, dir, endpoint, k.delay, false}, func(url string) error {
				took, err := load(url, 64, rate, paced)
				if err == nil {
					r.p50, r.p99, r.p999 = append(r.p50, quantile(took, 0.5)), append(r.p99, quantile(took, 0.99)), append(r.p999, quantile(took, 0.999))
				}
				return err
			})
			if err == nil {
				err = withService(serviceArgs{k.kind, dir, endpoint, k.delay, true}, func(url string) error {
					took, err := load(url, 8, 0, flatOut)
					r.rates = append(r.rates, float64(len(took))/flatOut.Seconds())
					return err
				})
			}
			if err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
		}
	}
	var rows [][]string
	for i, k := range serviceKinds {
		r := results[i]
		rows = append(rows, []string{
			k.name, fmt.Sprintf("%.2f", median(r.p50)), fmt.Sprintf("%.2f", median(r.p99)), fmt.Sprintf("%.2f", median(r.p999)),
			fmt.Sprintf("%.2f", medianRatio(r.p99, results[1].p99)), fmt.Sprintf("%.0f", median(r.rates)),
		})
	}
	printTable(out, []string{fmt.Sprintf("%d requests a second, %d lines each", rate, requestLines), "p50, ms", "p99, ms", "p99.9, ms", "p99 beside JSON's", "requests a second flat out"}, rows)
	return nil
}

// launchAside launches the emulator where it takes no processor from the service: it
// stands for something that runs elsewhere.
func launchAside() (endpoint string, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for ever: the thread, which the emulator inherits from, ends with the goroutine
		if err = yieldToAll(); err == nil {
			endpoint, err = dynamotest.Launch()
		}
	}()
	<-done
	return endpoint, err
}

// A serviceArgs is what the service is told.
type serviceArgs struct {
	kind, dir, endpoint string
	delay               time.Duration
	overloaded          bool // it need not store everything
}

// withService runs the service, a process of this program, while f runs. It first
// has some requests to warm up.
func withService(args serviceArgs, f func(url string) error) (err error) {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(program, "serve", args.kind, args.dir, args.endpoint, args.delay.String(), strconv.FormatBool(args.overloaded))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, stdin.Close(), cmd.Wait()) // it ends with its input
	}()
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return err
	}
	url = strings.TrimSpace(url)
	if _, err := load(url, 8, 200, time.Second); err != nil {
		return err
	}
	return f(url)
}

// serve is the service: serve KIND DIR ENDPOINT DELAY OVERLOADED.
func serve(args []string) error {
	if len(args) != 5 {
		return errors.New("usage: bench serve KIND DIR ENDPOINT DELAY OVERLOADED")
	}
	delay, err := time.ParseDuration(args[3])
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	var handler http.Handler = mux
	logger, closed := slog.New(slog.DiscardHandler), func() error { return nil }
	switch args[0] {
	case "json":
		file, err := os.Create(filepath.Join(args[1], "log.json"))
		if err != nil {
			return err
		}
		logger, closed = slog.New(slog.NewJSONHandler(file, nil)), file.Close
	case "nowhere", "stories":
		h := dynamoslog.New(nowhere{}, nil)
		if args[0] == "stories" {
			if h, err = storiesTo(args[2], delay); err != nil {
				return err
			}
		}
		logger, closed = slog.New(h), func() error { return closeStories(h, args[4] == "true") }
		handler = dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: logger})(mux)
	}
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		tell(r.Context(), logger, rand.New(rand.NewPCG(rand.Uint64(), 1)), requestLines)
		w.WriteHeader(http.StatusCreated)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Shutdown(context.Background())
	}()
	fmt.Printf("http://%s/orders\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return closed()
}

// storiesTo returns a handler on a new table.
func storiesTo(endpoint string, delay time.Duration) (*dynamoslog.Handler, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	client, _ := dynamotest.ClientOf(endpoint, delayed{transport, delay})
	table := &dynamoslog.Table{Name: "service-" + strconv.FormatUint(rand.Uint64(), 36), Client: client}
	if err := table.Create(context.Background()); err != nil {
		return nil, err
	}
	return dynamoslog.New(table, &dynamoslog.Options{Fallback: io.Discard}), nil
}

// closeStories stores what is left, or fails; or gives up, where there is more than
// any table takes.
func closeStories(h *dynamoslog.Handler, overloaded bool) error {
	patience := time.Minute
	if overloaded {
		patience = 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.Shutdown(ctx); err != nil && !overloaded {
		return err
	}
	return nil
}

type delayed struct {
	http.RoundTripper
	by time.Duration
}

func (d delayed) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(d.by)
	return d.RoundTripper.RoundTrip(req)
}

// load sends requests from so many workers: so many a second in all, at even
// intervals, whether or not earlier ones are answered, or as many as there can be.
// It returns the milliseconds that each took from the time it was due.
func load(url string, workers int, rate float64, during time.Duration) (took []float64, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var all sync.WaitGroup
	start := time.Now()
	next := 0
	due := func() (at time.Time, more bool) {
		mu.Lock()
		defer mu.Unlock()
		at = time.Now()
		if rate > 0 {
			at = start.Add(time.Duration(float64(next) / rate * float64(time.Second)))
		}
		next++
		return at, at.Sub(start) < during
	}
	for range workers {
		all.Go(func() {
			for {
				at, more := due()
				if !more {
					return
				}
				time.Sleep(time.Until(at))
				failed := post(client, url)
				mu.Lock()
				took = append(took, float64(time.Since(at).Microseconds())/1000)
				err = errors.Join(err, failed)
				mu.Unlock()
				if failed != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return took, err
}

func post(client *http.Client, url string) error {
	resp, err := client.Post(url, "text/plain", nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusCreated {
		err = errors.New(resp.Status)
	}
	return errors.Join(err, resp.Body.Close())
}

func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(float64(len(sorted)-1)*q)]
}
