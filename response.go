package dynamoslog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/panics"
	"github.com/felixge/httpsnoop"
)

// An answer is what is known of a response.
type answer struct {
	request  *http.Request // as the middleware got it
	writer   http.ResponseWriter
	status   int   // final status that was sent; 0 before
	bytes    int64 // of the body, as far as they are sent
	unheard  bool  // the client was gone before there was a status
	hijacked bool
	replaced bool // an http.TimeoutHandler around the middleware has answered
	late     bool // a write met the connection's deadline
}

// wrap returns a ResponseWriter that takes note of what is written, and has the
// same optional methods as w.
func (a *answer) wrap(w http.ResponseWriter) http.ResponseWriter {
	a.writer = w
	return httpsnoop.Wrap(w, httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(status int) {
				gone := a.clientGone()
				next(status) // which refuses what is no status by a panic
				if status >= 200 || status == http.StatusSwitchingProtocols {
					a.commit(status, gone)
				}
			}
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(p []byte) (int, error) {
				gone := a.clientGone()
				n, err := next(p)
				a.wrote(int64(n), err, gone)
				return n, err
			}
		},
		WriteString: func(next httpsnoop.WriteStringFunc) httpsnoop.WriteStringFunc {
			return func(s string) (int, error) {
				gone := a.clientGone()
				n, err := next(s)
				a.wrote(int64(n), err, gone)
				return n, err
			}
		},
		ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(src io.Reader) (int64, error) {
				gone := a.clientGone()
				n, err := next(src)
				if n > 0 { // else the source was empty, or has failed
					a.wrote(n, err, gone)
				}
				return n, err
			}
		},
		Flush: func(next httpsnoop.FlushFunc) httpsnoop.FlushFunc {
			return func() {
				gone := a.clientGone()
				next()
				a.commit(http.StatusOK, gone)
			}
		},
		FlushError: func(next httpsnoop.FlushErrorFunc) httpsnoop.FlushErrorFunc {
			return func() error {
				gone := a.clientGone()
				err := next()
				a.wrote(0, err, gone)
				return err
			}
		},
		Hijack: func(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) {
				conn, rw, err := next()
				a.hijacked = a.hijacked || err == nil
				return conn, rw, err
			}
		},
	})
}

// wrote takes note of a write, which sends status 200 where none was sent before.
func (a *answer) wrote(n int64, err error, gone bool) {
	switch {
	case errors.Is(err, http.ErrHandlerTimeout):
		a.replaced = true
		return
	case errors.Is(err, http.ErrNotSupported), errors.Is(err, http.ErrHijacked):
		return
	case errors.Is(err, os.ErrDeadlineExceeded):
		a.late = true
	}
	a.commit(http.StatusOK, gone)
	if a.request.Method != http.MethodHead { // whose body net/http keeps to itself
		a.bytes += n
	}
}

// commit takes note of the first final status, and of whether the client had left
// before it.
func (a *answer) commit(status int, gone bool) {
	if a.status == 0 && !a.hijacked {
		a.status = status
		a.unheard = gone
	}
}

// clientGone reports whether the request's context was ended as net/http does it
// when the client leaves: without a cause, and by no deadline.
func (a *answer) clientGone() bool { return context.Cause(a.request.Context()) == context.Canceled }

func timedOut(ctx context.Context) bool {
	return errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(context.Cause(ctx), http.ErrHandlerTimeout)
}

// An outcome is what the closing line of a request says.
type outcome struct {
	level    slog.Level
	status   int    // 0 where none was sent
	byStatus bool   // it says no more than the status
	grpc     string // status of a gRPC call; empty where it is none
	message  string
	cause    error // why the program ended the request, or nil
}

// outcome tells how a request ended; u is nil where its handler has returned.
func (a *answer) outcome(u *panics.Unwinding) outcome {
	aborted := u != nil && (u.Exits || u.Value == http.ErrAbortHandler)
	ctx := a.request.Context()
	if timedOut(ctx) && a.status != 0 && !a.hijacked {
		// Nothing is sent by this, but a TimeoutHandler says whether it has answered.
		_, err := a.writer.Write(nil)
		a.replaced = a.replaced || errors.Is(err, http.ErrHandlerTimeout)
	}
	end := outcome{status: a.sent()}
	switch {
	case u != nil && !aborted:
		if end.status == 0 && !a.hijacked {
			end.status = http.StatusInternalServerError // of whoever recovers it
		}
		end.level, end.message = slog.LevelError, u.Message()
	case a.hijacked:
		end.message = "connection taken over, now ended"
	case a.replaced:
		end.level, end.message = slog.LevelWarn, "timed out"
	case end.status >= 500:
		end.level, end.message, end.byStatus = slog.LevelError, statusText(end.status), true
	case a.late || timedOut(ctx):
		end.level, end.message = slog.LevelWarn, "timed out"
	case a.clientGone():
		end.message = "client gone"
	case ctx.Err() != nil:
		end.level, end.message, end.cause = slog.LevelWarn, "cancelled", context.Cause(ctx)
	case aborted:
		end.level, end.message = slog.LevelWarn, "aborted"
	default:
		if end.status == 0 {
			end.status = http.StatusOK // which net/http sends now
		}
		end.message, end.byStatus = statusText(end.status), true
		a.grpcOutcome(&end)
	}
	return end
}

// grpcCodes are the names of the status codes of gRPC, by their numbers.
var grpcCodes = [...]string{
	"OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
	"ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
}

// grpcOutcome lets the status in the trailer of a gRPC call decide.
func (a *answer) grpcOutcome(end *outcome) {
	if !strings.HasPrefix(a.request.Header.Get("Content-Type"), "application/grpc") {
		return
	}
	header := a.writer.Header()
	status := header.Get("Grpc-Status")
	if status == "" {
		status = header.Get(http.TrailerPrefix + "Grpc-Status")
	}
	code, err := strconv.Atoi(status)
	if err != nil || code < 0 || code >= len(grpcCodes) {
		return
	}
	end.grpc, end.byStatus = status, false
	end.message = fmt.Sprintf("gRPC %d %s", code, grpcCodes[code])
	switch grpcCodes[code] {
	case "Unknown", "Unimplemented", "Internal", "Unavailable", "DataLoss":
		end.level = slog.LevelError
	case "DeadlineExceeded", "ResourceExhausted":
		end.level = slog.LevelWarn
	}
}

// sent returns the status that was sent to the client, or 0.
func (a *answer) sent() int {
	switch {
	case a.replaced:
		return http.StatusServiceUnavailable
	case a.unheard:
		return 0
	case a.status == 0 && a.hijacked && a.request.Header.Get("Upgrade") != "":
		return http.StatusSwitchingProtocols
	}
	return a.status
}

func statusText(status int) string { return fmt.Sprintf("%d %s", status, http.StatusText(status)) }
