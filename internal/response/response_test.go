package response_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/panics"
	"github.com/dynamoslog/dynamoslog/internal/response"
)

// serve records what a handler does, and returns how that ended.
func serve(ctx context.Context, header http.Header, handle func(http.ResponseWriter)) (*response.Recorder, response.Outcome) {
	r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	r.Header = header
	recorder, w := response.Record(httptest.NewRecorder(), r)
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
