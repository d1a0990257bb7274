// Package response tells what the client of a request got: over HTTP by taking note of what
// is written, and of gRPC by its status.
package response

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/panics"
)

// A Recorder is what is known of a response. Its zero value is ready for Record.
type Recorder struct {
	request  *http.Request // as the middleware got it
	writer   http.ResponseWriter
	status   int   // final status that was sent; 0 before
	bytes    int64 // of the body, as far as they are sent
	unheard  bool  // the client was gone before there was a status
	hijacked bool
	replaced bool // an http.TimeoutHandler around the middleware has answered
	late     bool // a write met the connection's deadline
}

// Record returns a ResponseWriter that tells the recorder what is written to w, as the
// response to a request, and has the same optional methods as w.
func (a *Recorder) Record(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	*a = Recorder{request: r, writer: w}
	return a.wrap(w)
}

// Bytes returns how much of the body was sent.
func (a *Recorder) Bytes() int64 { return a.bytes }

// wrote takes note of a write, which sends status 200 where none was sent before.
func (a *Recorder) wrote(n int64, err error, gone bool) {
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
func (a *Recorder) commit(status int, gone bool) {
	if a.status == 0 && !a.hijacked {
		a.status = status
		a.unheard = gone
	}
}

// clientGone reports whether the request's context was ended as net/http does it
// when the client leaves: without a cause, and by no deadline.
func (a *Recorder) clientGone() bool { return context.Cause(a.request.Context()) == context.Canceled }

func timedOut(ctx context.Context) bool {
	return errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(context.Cause(ctx), http.ErrHandlerTimeout)
}

// An Outcome is what the closing line of a request says.
type Outcome struct {
	Level    slog.Level
	Status   int    // 0 where none was sent
	ByStatus bool   // it says no more than the status
	GRPC     string // status of a gRPC call; empty where it is none
	Message  string
	Cause    error // why the program ended the request, or nil
}

// Outcome tells how a request ended; u is nil where its handler has returned.
func (a *Recorder) Outcome(u *panics.Unwinding) Outcome {
	aborted := u != nil && Aborts(u)
	ctx := a.request.Context()
	if timedOut(ctx) && a.status != 0 && !a.hijacked {
		// Nothing is sent by this, but a TimeoutHandler says whether it has answered.
		_, err := a.writer.Write(nil)
		a.replaced = a.replaced || errors.Is(err, http.ErrHandlerTimeout)
	}
	end := Outcome{Status: a.sent()}
	switch {
	case u != nil && !aborted:
		if end.Status == 0 && !a.hijacked {
			end.Status = http.StatusInternalServerError // of whoever recovers it
		}
		end.Level, end.Message = slog.LevelError, u.Message()
	case a.hijacked:
		end.Message = "connection taken over"
	case a.replaced:
		end.Level, end.Message = slog.LevelWarn, "timed out"
	case end.Status >= 500:
		end = HTTP(end.Status)
	case a.late || timedOut(ctx):
		end.Level, end.Message = slog.LevelWarn, "timed out"
	case a.clientGone():
		end.Message = "client gone"
	case ctx.Err() != nil:
		end.Level, end.Message, end.Cause = slog.LevelWarn, "cancelled", context.Cause(ctx)
	case aborted:
		end.Level, end.Message = slog.LevelWarn, "aborted"
	default:
		if end.Status == 0 {
			end.Status = http.StatusOK // which net/http sends now
		}
		end = a.byStatus(end.Status)
	}
	return end
}

// Aborts reports whether a handler has given up, which is no fault of the program.
func Aborts(u *panics.Unwinding) bool { return u.Exits || u.Value == http.ErrAbortHandler }

// HTTP returns the outcome of a request that was answered with a status.
func HTTP(status int) Outcome {
	end := Outcome{Status: status, ByStatus: true, Message: message(status)}
	if status >= 500 {
		end.Level = slog.LevelError
	}
	return end
}

// message tells a status. Those of most answers take no memory.
func message(status int) string {
	switch status {
	case http.StatusOK:
		return "200 OK"
	case http.StatusCreated:
		return "201 Created"
	case http.StatusNoContent:
		return "204 No Content"
	case http.StatusNotModified:
		return "304 Not Modified"
	case http.StatusNotFound:
		return "404 Not Found"
	}
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}

// grpcCodes are the names of the status codes of gRPC, by their numbers.
var grpcCodes = [...]string{
	"OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
	"ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
}

// GRPC returns the outcome of a call that ended with a status code of gRPC. One that gRPC
// does not know is an Error, as Unknown is.
func GRPC(code int) Outcome {
	end := Outcome{GRPC: strconv.Itoa(code), Message: fmt.Sprintf("gRPC %d", code), Level: slog.LevelError}
	if code < 0 || code >= len(grpcCodes) {
		return end
	}
	end.Message += " " + grpcCodes[code]
	switch grpcCodes[code] {
	case "Unknown", "Unimplemented", "Internal", "Unavailable", "DataLoss":
	case "DeadlineExceeded", "ResourceExhausted":
		end.Level = slog.LevelWarn
	default:
		end.Level = slog.LevelInfo
	}
	return end
}

// byStatus returns the outcome that a status tells, or that of a gRPC call in its trailer.
func (a *Recorder) byStatus(status int) Outcome {
	end := HTTP(status)
	if !strings.HasPrefix(a.request.Header.Get("Content-Type"), "application/grpc") {
		return end
	}
	header := a.writer.Header()
	text := header.Get("Grpc-Status")
	if text == "" {
		text = header.Get(http.TrailerPrefix + "Grpc-Status")
	}
	code, err := strconv.Atoi(text)
	if err != nil || code < 0 || code >= len(grpcCodes) {
		return end
	}
	end = GRPC(code)
	end.Status = status
	return end
}

// sent returns the status that was sent to the client, or 0.
func (a *Recorder) sent() int {
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
