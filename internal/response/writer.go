package response

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/felixge/httpsnoop"
)

// wrap returns a ResponseWriter that tells the recorder what is written to w, and has the
// same optional methods. Those of net/http, and one that has none, cost no memory.
func (a *Recorder) wrap(w http.ResponseWriter) http.ResponseWriter {
	_, pushes := w.(http.Pusher)
	_, hijacks := w.(http.Hijacker)
	_, common := w.(methods)
	_, readsFrom := w.(io.ReaderFrom)
	switch {
	case common && hijacks && readsFrom && !pushes:
		return http1Writer{commonWriter{a}}
	case common && pushes && !hijacks && !readsFrom:
		return http2Writer{commonWriter{a}}
	case !common && !pushes && !hijacks && !readsFrom && isPlain(w):
		return plainWriter{a}
	}
	return httpsnoop.Wrap(w, a.hooks())
}

// methods are the optional ones that all writers of net/http's servers have.
type methods interface {
	http.Flusher
	http.CloseNotifier //lint:ignore SA1019 programs still ask for it
	io.StringWriter
	flushError
	deadlines
	fullDuplex
}

type (
	flushError interface{ FlushError() error }
	deadlines  interface {
		SetReadDeadline(time.Time) error
		SetWriteDeadline(time.Time) error
	}
	fullDuplex interface{ EnableFullDuplex() error }
)

// isPlain reports whether a writer has none of the methods.
func isPlain(w http.ResponseWriter) bool {
	switch w.(type) {
	case http.Flusher, flushError, io.StringWriter, deadlines, fullDuplex, http.CloseNotifier: //lint:ignore SA1019 as above
		return false
	}
	return true
}

// A plainWriter has no optional methods.
type plainWriter struct{ told *Recorder }

func (w plainWriter) Unwrap() http.ResponseWriter       { return w.told.writer }
func (w plainWriter) Header() http.Header               { return w.told.writer.Header() }
func (w plainWriter) WriteHeader(status int)            { w.told.writeHeader(w.told.writer.WriteHeader, status) }
func (w plainWriter) Write(p []byte) (n int, err error) { return w.told.write(w.told.writer.Write, p) }

// A commonWriter has the methods that all writers of net/http's servers have.
type commonWriter struct{ told *Recorder }

func (w commonWriter) Unwrap() http.ResponseWriter       { return w.told.writer }
func (w commonWriter) Header() http.Header               { return w.told.writer.Header() }
func (w commonWriter) WriteHeader(status int)            { w.told.writeHeader(w.told.writer.WriteHeader, status) }
func (w commonWriter) Write(p []byte) (n int, err error) { return w.told.write(w.told.writer.Write, p) }
func (w commonWriter) Flush()                            { w.told.flush(w.common().Flush) }
func (w commonWriter) FlushError() error                 { return w.told.flushError(w.common().FlushError) }
func (w commonWriter) CloseNotify() <-chan bool          { return w.common().CloseNotify() }
func (w commonWriter) EnableFullDuplex() error           { return w.common().EnableFullDuplex() }

func (w commonWriter) WriteString(s string) (n int, err error) {
	return w.told.writeString(w.common().WriteString, s)
}

func (w commonWriter) SetReadDeadline(t time.Time) error  { return w.common().SetReadDeadline(t) }
func (w commonWriter) SetWriteDeadline(t time.Time) error { return w.common().SetWriteDeadline(t) }

func (w commonWriter) common() methods { return w.told.writer.(methods) }

// An http1Writer is for HTTP/1.
type http1Writer struct{ commonWriter }

func (w http1Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.told.hijack(w.told.writer.(http.Hijacker).Hijack)
}

func (w http1Writer) ReadFrom(src io.Reader) (int64, error) {
	return w.told.readFrom(w.told.writer.(io.ReaderFrom).ReadFrom, src)
}

// An http2Writer is for HTTP/2.
type http2Writer struct{ commonWriter }

func (w http2Writer) Push(target string, opts *http.PushOptions) error {
	return w.told.writer.(http.Pusher).Push(target, opts)
}

// hooks are for a writer that has other methods.
func (a *Recorder) hooks() httpsnoop.Hooks {
	return httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(status int) { a.writeHeader(next, status) }
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(p []byte) (int, error) { return a.write(next, p) }
		},
		WriteString: func(next httpsnoop.WriteStringFunc) httpsnoop.WriteStringFunc {
			return func(s string) (int, error) { return a.writeString(next, s) }
		},
		ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(src io.Reader) (int64, error) { return a.readFrom(next, src) }
		},
		Flush: func(next httpsnoop.FlushFunc) httpsnoop.FlushFunc {
			return func() { a.flush(next) }
		},
		FlushError: func(next httpsnoop.FlushErrorFunc) httpsnoop.FlushErrorFunc {
			return func() error { return a.flushError(next) }
		},
		Hijack: func(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) { return a.hijack(next) }
		},
	}
}

func (a *Recorder) writeHeader(next func(int), status int) {
	gone := a.clientGone()
	next(status) // which refuses what is no status by a panic
	if status >= 200 || status == http.StatusSwitchingProtocols {
		a.commit(status, gone)
	}
}

func (a *Recorder) write(next func([]byte) (int, error), p []byte) (int, error) {
	gone := a.clientGone()
	n, err := next(p)
	a.wrote(int64(n), err, gone)
	return n, err
}

func (a *Recorder) writeString(next func(string) (int, error), s string) (int, error) {
	gone := a.clientGone()
	n, err := next(s)
	a.wrote(int64(n), err, gone)
	return n, err
}

func (a *Recorder) readFrom(next func(io.Reader) (int64, error), src io.Reader) (int64, error) {
	gone := a.clientGone()
	n, err := next(src)
	if n > 0 { // else the source was empty, or has failed
		a.wrote(n, err, gone)
	}
	return n, err
}

func (a *Recorder) flush(next func()) {
	gone := a.clientGone()
	next()
	a.commit(http.StatusOK, gone)
}

func (a *Recorder) flushError(next func() error) error {
	gone := a.clientGone()
	err := next()
	a.wrote(0, err, gone)
	return err
}

func (a *Recorder) hijack(next func() (net.Conn, *bufio.ReadWriter, error)) (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := next()
	a.hijacked = a.hijacked || err == nil
	return conn, rw, err
}
