package response_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/panics"
	"github.com/dynamoslog/dynamoslog/internal/response"
)

// serve records what a handler does, and returns how that ended.
func serve(ctx context.Context, header http.Header, handle func(http.ResponseWriter)) (*response.Recorder, response.Outcome) {
	r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	r.Header = header
	recorder := new(response.Recorder)
	w := recorder.Record(httptest.NewRecorder(), r)
	var end *response.Outcome
	func() {
		defer func() { _ = recover() }()
		panics.Guard(func() { handle(w) }, func(u *panics.Unwinding) {
			told := recorder.Outcome(u)
			end = &told
		})
	}()
	if end != nil {
		return recorder, *end
	}
	return recorder, recorder.Outcome(nil)
}

func TestOutcome(t *testing.T) {
	left, leave := context.WithCancel(t.Context())
	leave()
	drained, drain := context.WithCancelCause(t.Context())
	drain(errors.New("draining"))
	grpc := http.Header{"Content-Type": {"application/grpc+proto"}}
	for name, test := range map[string]struct {
		ctx    context.Context
		header http.Header
		handle func(http.ResponseWriter)
		want   string
	}{
		"nothing":             {handle: func(http.ResponseWriter) {}, want: "INFO 200 true  200 OK <nil>"},
		"a status":            {handle: func(w http.ResponseWriter) { w.WriteHeader(404) }, want: "INFO 404 true  404 Not Found <nil>"},
		"an error":            {handle: func(w http.ResponseWriter) { w.WriteHeader(502) }, want: "ERROR 502 true  502 Bad Gateway <nil>"},
		"it gave up":          {handle: func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, want: "WARN 0 false  aborted <nil>"},
		"the client has left": {ctx: left, handle: func(w http.ResponseWriter) { w.WriteHeader(500) }, want: "INFO 0 false  client gone <nil>"},
		"the program ends it": {ctx: drained, handle: func(http.ResponseWriter) {}, want: "WARN 0 false  cancelled draining"},
		"gRPC": {header: grpc, handle: func(w http.ResponseWriter) {
			w.WriteHeader(200)
			w.Header().Set("Grpc-Status", "13")
		}, want: "ERROR 200 false 13 gRPC 13 Internal <nil>"},
		"gRPC, forged": {header: grpc, handle: func(w http.ResponseWriter) { w.Header().Set("Grpc-Status", "99") }, want: "INFO 200 true  200 OK <nil>"},
	} {
		ctx := test.ctx
		if ctx == nil {
			ctx = t.Context()
		}
		_, end := serve(ctx, test.header, test.handle)
		if got := fmt.Sprint(end.Level, " ", end.Status, " ", end.ByStatus, " ", end.GRPC, " ", end.Message, " ", end.Cause); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
	recorder, end := serve(t.Context(), nil, func(w http.ResponseWriter) {
		fmt.Fprint(w, "hello")
		panic("boom")
	})
	if end.Status != 200 || end.Level != slog.LevelError || recorder.Bytes() != 5 {
		t.Errorf("a panic after a part: got %+v of %d bytes", end, recorder.Bytes())
	}
}

// Each code of gRPC has a name and a level, and others are Errors without a name.
func TestGRPC(t *testing.T) {
	levels := map[int]slog.Level{2: slog.LevelError, 4: slog.LevelWarn, 8: slog.LevelWarn, 12: slog.LevelError, 13: slog.LevelError, 14: slog.LevelError, 15: slog.LevelError}
	names := map[int]string{0: "OK", 1: "Canceled", 4: "DeadlineExceeded", 5: "NotFound", 16: "Unauthenticated"}
	for code := range 17 {
		end := response.GRPC(code)
		if end.Level != levels[code] || names[code] != "" && end.Message != fmt.Sprintf("gRPC %d %s", code, names[code]) || end.GRPC != fmt.Sprint(code) {
			t.Errorf("got %+v", end)
		}
	}
	for _, code := range []int{-1, 17, 1 << 30} {
		if end := response.GRPC(code); end.Level != slog.LevelError || end.Message != fmt.Sprintf("gRPC %d", code) {
			t.Errorf("got %+v", end)
		}
	}
}

// names of the optional methods of a writer.
func optional(w http.ResponseWriter) (names []string) {
	for t, i := reflect.TypeOf(w), 0; i < t.NumMethod(); i++ {
		names = append(names, t.Method(i).Name)
	}
	return names
}

// What is handed on has the optional methods of the writer below, no more and no less.
func TestRecordKeepsMethods(t *testing.T) {
	known := []string{
		"CloseNotify", "EnableFullDuplex", "Flush", "FlushError", "Header", "Hijack", "Push", "ReadFrom",
		"SetReadDeadline", "SetWriteDeadline", "Unwrap", "Write", "WriteHeader", "WriteString",
	}
	check := func(proto string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if proto != "" && r.Proto != proto {
				t.Errorf("got %s, want %s", r.Proto, proto)
			}
			recorded := new(response.Recorder).Record(w, r)
			want := slices.DeleteFunc(append(optional(w), "Unwrap"), func(name string) bool { return !slices.Contains(known, name) })
			slices.Sort(want)
			if got := optional(recorded); !slices.Equal(got, slices.Compact(want)) {
				t.Errorf("%s, %T: got %v, want %v", r.Proto, w, got, want)
			}
			if got := recorded.(interface{ Unwrap() http.ResponseWriter }).Unwrap(); got != w {
				t.Errorf("%T is below, want %T", got, w)
			}
		})
	}
	r := httptest.NewRequest("GET", "/", nil)
	check("").ServeHTTP(httptest.NewRecorder(), r)
	check("").ServeHTTP(struct{ http.ResponseWriter }{httptest.NewRecorder()}, r)
	check("").ServeHTTP(struct {
		http.ResponseWriter
		http.Pusher
	}{}, r)
	http.TimeoutHandler(check(""), time.Minute, "").ServeHTTP(httptest.NewRecorder(), r)
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		server := httptest.NewUnstartedServer(check(proto))
		server.EnableHTTP2 = proto == "HTTP/2.0"
		server.StartTLS()
		answer, err := server.Client().Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		server.Close()
	}
}

// The writers of net/http's servers, and plain ones, are recorded in one piece of memory.
func TestRecordIsCheap(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	count := func(w http.ResponseWriter) float64 {
		return testing.AllocsPerRun(100, func() { new(response.Recorder).Record(w, r) })
	}
	if n := count(struct{ http.ResponseWriter }{httptest.NewRecorder()}); n > 1 {
		t.Errorf("a plain one takes %v allocations", n)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n := count(w); n > 1 {
			t.Errorf("%T takes %v allocations", w, n)
		}
	}))
	defer server.Close()
	answer, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
}
