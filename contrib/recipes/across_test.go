package recipes_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/grpcstory"
	"github.com/dynamoslog/dynamoslog/contrib/riverstory"
	"github.com/dynamoslog/dynamoslog/internal/cli"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// An order goes through three services: the shop asks the payment over HTTP, that asks the
// ledger over gRPC, and that has a receipt sent by a job. Each tells its own story, and who
// reads one finds those that it has called under the line that called.
func TestAcrossServices(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	h := dynamoslog.New(store, nil)
	before := slog.Default()
	slog.SetDefault(slog.New(h))
	t.Cleanup(func() { slog.SetDefault(before) })

	jobs, sent := newJobs(t)
	ledger := serveLedger(t, jobs)
	payment := httptest.NewServer(dynamoslog.Middleware(nil)(newPayment(ledger)))
	shop := httptest.NewServer(dynamoslog.Middleware(nil)(newShop(payment.URL)))
	answer, err := http.Post(shop.URL+"/orders", "", nil)
	if err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()
	<-sent
	http.DefaultClient.CloseIdleConnections()
	shop.Close()
	payment.Close()
	if err := jobs.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	if err := errors.Join(h.Close(), store.Close()); err != nil {
		t.Fatal(err)
	}
	checkTerminal(t, path)
	checkPages(t, path)
}

// newShop takes an order of user 42.
func newShop(payment string) http.Handler {
	mux := http.NewServeMux()
	client := &http.Client{Transport: dynamoslog.Transport(nil)}
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		dynamoslog.FromContext(r.Context()).Rekey("user", 42)
		slog.InfoContext(r.Context(), "order is placed", "order", 93)
		charge, _ := http.NewRequestWithContext(r.Context(), http.MethodPost, payment+"/charges/93", nil)
		answer, err := client.Do(charge)
		if err != nil {
			dynamoslog.Fail(r.Context(), err)
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		answer.Body.Close()
		w.WriteHeader(http.StatusCreated)
	})
	return mux
}

// newPayment charges an order.
func newPayment(ledger health.HealthClient) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /charges/{order}", func(w http.ResponseWriter, r *http.Request) {
		dynamoslog.FromContext(r.Context()).Rekey("charge", r.PathValue("order"))
		slog.InfoContext(r.Context(), "card is charged")
		if _, err := ledger.Check(r.Context(), &health.HealthCheckRequest{}); err != nil {
			dynamoslog.Fail(r.Context(), err)
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	return mux
}

// A ledger books what was paid, and has a receipt sent.
type ledger struct {
	health.UnimplementedHealthServer
	jobs *river.Client[*sql.Tx]
}

func (l *ledger) Check(ctx context.Context, _ *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	slog.InfoContext(ctx, "payment is booked")
	_, err := l.jobs.Insert(ctx, receipt{}, nil)
	return &health.HealthCheckResponse{}, err
}

func serveLedger(t *testing.T, jobs *river.Client[*sql.Tx]) health.HealthClient {
	t.Helper()
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(grpcstory.UnaryServerInterceptor(nil)))
	health.RegisterHealthServer(server, &ledger{jobs: jobs})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainUnaryInterceptor(grpcstory.UnaryClientInterceptor(nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return health.NewHealthClient(conn)
}

type receipt struct{}

func (receipt) Kind() string { return "receipt" }

// newJobs starts a queue, and returns what says that a job is done.
func newJobs(t *testing.T) (*river.Client[*sql.Tx], <-chan *river.Event) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "river.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	silent := slog.New(slog.DiscardHandler)
	migrator, err := rivermigrate.New(riversqlite.New(db), &rivermigrate.Config{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrator.Migrate(t.Context(), rivermigrate.DirectionUp, nil); err != nil {
		t.Fatal(err)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[receipt]) error {
		slog.InfoContext(ctx, "receipt is sent")
		return nil
	}))
	client, err := river.NewClient(riversqlite.New(db), &river.Config{
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 1}}, Workers: workers,
		Middleware: []rivertype.Middleware{riverstory.Middleware(nil)}, Logger: silent,
	})
	if err != nil {
		t.Fatal(err)
	}
	events, _ := client.Subscribe(river.EventKindJobCompleted)
	if err := client.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	return client, events
}

// chain is who called whom: the story, the line that calls, and the story under it.
var chain = []struct{ key, line, called string }{
	{"user_42", `POST 127\.0\.0\.1:\d+/charges/\{id\}`, "charge_93"},
	{"charge_93", `called grpc\.health\.v1\.Health/Check: gRPC 0 OK`, "grpc_grpc.health.v1.Health/Check"},
	{"grpc_grpc.health.v1.Health/Check", "inserted receipt", "receipt_1"},
}

func checkTerminal(t *testing.T, path string) {
	run := func(args ...string) string {
		t.Helper()
		var out, problems bytes.Buffer
		if code := cli.Run(append([]string{"--file", path}, args...), &out, &problems); code != 0 {
			t.Fatalf("%q: %s", args, problems.String())
		}
		return out.String()
	}
	for _, c := range chain {
		text := run("show", c.key)
		t.Logf("show %s\n%s", c.key, text)
		if !regexp.MustCompile(c.line + `.* span_id=[0-9a-f]{16}\n *→ ` + regexp.QuoteMeta(c.called) + "  .*: show ").MatchString(text) {
			t.Errorf("%s is not under the line of %s", c.called, c.key)
		}
	}
	if lines := strings.Count(run("export"), `"calls":[{"key":`); lines != len(chain) {
		t.Errorf("export has the calls of %d stories", lines)
	}
}

func checkPages(t *testing.T, path string) {
	store, err := sqlitestore.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	pages := viewer.New(store, &viewer.Options{Authorize: func(*http.Request) bool { return true }})
	get := func(target string) string {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if w.Code == http.StatusSeeOther {
			to := "/" + w.Header().Get("Location")
			w = httptest.NewRecorder()
			pages.ServeHTTP(w, httptest.NewRequest("GET", to, nil))
		}
		return w.Body.String()
	}
	var trace string
	for _, c := range chain {
		key, _ := story.ParseKey(c.key)
		s, err := store.Read(t.Context(), key, "")
		if err != nil {
			t.Fatal(err)
		}
		page, shown := get("/story?id="+s.ID), `<li class="lane-row call d\d info">.*<b class="m">`+regexp.QuoteMeta(c.called)+`</b>`
		if !regexp.MustCompile(shown).MatchString(page) {
			t.Errorf("the page of %s has no %s in\n%s", c.key, shown, page)
		}
		if trace == "" {
			trace = s.Attrs["trace_id"]
		}
		if s.Attrs["trace_id"] != trace {
			t.Errorf("%s is of trace %q, not %q", c.key, s.Attrs["trace_id"], trace)
		}
	}
	page, at := get("/trace?id="+trace), 0
	for _, key := range []string{"user_42", "charge_93", "grpc_grpc.health", "receipt_1"} {
		next := strings.Index(page[at:], key)
		if next < 0 {
			t.Fatalf("the page of the trace has no %s, or elsewhere, in\n%s", key, page)
		}
		at += next
	}
}
