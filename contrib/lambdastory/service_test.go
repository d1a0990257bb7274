//go:build unix

package lambdastory_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A service is a fake of Lambda, which runs one function in one environment: it speaks the
// runtime API and the extensions API, stops the process by SIGSTOP as soon as it may, and
// kills it at the time-out.
type service struct {
	t            testing.TB
	program      []string // the function's variables
	path         string   // of its program; this one by default
	noExtensions bool     // Lambda takes none
	sticky       string   // the request id of each invocation; another for each by default

	process *process // nil where none runs
	begun   int      // invocations
	output  syncBuffer
}

// A process is one of the environment, with APIs of its own.
type process struct {
	s          *service
	cmd        *exec.Cmd
	server     *httptest.Server
	extensions atomic.Int32
	ends       atomic.Bool     // the extensions API answers no more
	invoke     chan invocation // for the runtime
	tell       chan invocation // for the extension
	events     chan happening
	stopped    atomic.Bool // at its answer, before it asks for the next invocation
}

type invocation struct {
	id, payload string
	deadline    time.Time
	traceID     string
}

// What a process does.
type happening struct {
	what happens
	body string
}

type happens int

const (
	runtimeWaits happens = iota
	extensionWaits
	answers
	fails
	exits
)

// A result is how an invocation went.
type result struct {
	body             string
	answered, frozen time.Duration // since it began; 0 where it was not
	failed           bool          // with an error
	timedOut, exited bool
}

func newService(t testing.TB, program ...string) *service {
	s := &service{t: t, program: program, path: os.Args[0]}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the function printed\n%s", s.output.String())
		}
	})
	return s
}

// start starts a process and waits until its first phase is over.
func (s *service) start() *process {
	s.t.Helper()
	p := &process{s: s, invoke: make(chan invocation), tell: make(chan invocation), events: make(chan happening, 100)}
	p.server = httptest.NewServer(p.api())
	p.cmd = exec.Command(s.path)
	p.cmd.Env = append(os.Environ(),
		"AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(p.server.URL, "http://"), "AWS_LAMBDA_FUNCTION_NAME=orders",
		"AWS_LAMBDA_FUNCTION_VERSION=7", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128")
	p.cmd.Env = append(p.cmd.Env, s.program...)
	p.cmd.Stdout, p.cmd.Stderr = &s.output, &s.output
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended the test tells
		p.events <- happening{what: exits}
	}()
	s.process = p
	seen := p.await(time.Now().Add(30*time.Second), func(seen map[happens]int) bool {
		return seen[exits] > 0 || seen[runtimeWaits] > 0 && seen[extensionWaits] >= int(p.extensions.Load())
	})
	if seen == nil || seen[exits] > 0 {
		s.t.Fatalf("the function does not start: %v", seen)
	}
	return p
}

// await waits for what a process does until that is enough, and returns it; nil at a time.
func (p *process) await(until time.Time, enough func(map[happens]int) bool) (seen map[happens]int) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	seen = make(map[happens]int)
	for !enough(seen) {
		select {
		case h := <-p.events:
			seen[h.what]++
		case <-timer.C:
			return nil
		}
	}
	return seen
}

// call invokes the function.
func (s *service) call(payload string, timeout time.Duration) (r result) {
	s.t.Helper()
	p := s.process
	if p == nil {
		p = s.start()
	}
	s.begun++
	inv := invocation{id: fmt.Sprintf("request-%d", s.begun), payload: payload, traceID: "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"}
	if s.sticky != "" {
		inv.id = s.sticky
	}
	p.signal(syscall.SIGCONT)
	if p.stopped.Swap(false) && p.await(time.Now().Add(10*time.Second), func(seen map[happens]int) bool { return seen[runtimeWaits] > 0 }) == nil {
		s.t.Fatal("the function does not ask for an invocation")
	}
	began := time.Now()
	inv.deadline = began.Add(timeout)
	if p.extensions.Load() > 0 {
		go func() {
			select {
			case p.tell <- inv:
			case <-time.After(time.Minute): // the process has gone
			}
		}()
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	p.invoke <- inv
	runtimeDone, extensionsDone := false, p.extensions.Load() == 0
	for {
		select {
		case h := <-p.events:
			switch h.what {
			case answers, fails:
				r.body, r.failed, r.answered = h.body, h.what == fails, time.Since(began)
			case runtimeWaits:
				runtimeDone = true
			case extensionWaits:
				extensionsDone = true
			case exits:
				r.exited = true
				s.gone()
				return r
			}
			if !p.stopped.Load() && runtimeDone && extensionsDone {
				p.signal(syscall.SIGSTOP)
			}
			if p.stopped.Load() || runtimeDone && extensionsDone {
				r.frozen = time.Since(began)
				return r
			}
		case <-timer.C:
			r.timedOut = true
			s.kill()
			return r
		}
	}
}

// prints lets the process run, even one that is frozen, until it has printed a text.
func (s *service) prints(text string) {
	s.t.Helper()
	s.process.signal(syscall.SIGCONT)
	if !s.output.await(text, time.Now().Add(10*time.Second)) {
		s.t.Fatalf("it does not print %q", text)
	}
}

func (p *process) signal(sig syscall.Signal) {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.s.t.Error(err)
	}
}

// shutdown ends the environment as Lambda does that is not needed any more.
func (s *service) shutdown() {
	p := s.process
	if p == nil {
		return
	}
	if p.extensions.Load() > 0 {
		p.signal(syscall.SIGCONT)
		p.signal(syscall.SIGTERM)
		p.await(time.Now().Add(500*time.Millisecond), func(seen map[happens]int) bool { return seen[exits] > 0 })
	}
	s.kill()
}

func (s *service) kill() {
	if p := s.process; p != nil {
		p.signal(syscall.SIGKILL)
		p.await(time.Now().Add(10*time.Second), func(seen map[happens]int) bool { return seen[exits] > 0 })
		s.gone()
	}
}

// gone takes note that the process has ended.
func (s *service) gone() {
	s.process.server.CloseClientConnections()
	s.process.server.Close()
	s.process = nil
}

func (p *process) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		p.events <- happening{what: runtimeWaits}
		select {
		case inv := <-p.invoke:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", inv.id)
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(inv.deadline.UnixMilli()))
			w.Header().Set("Lambda-Runtime-Trace-Id", inv.traceID)
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:orders:live")
			_, _ = io.WriteString(w, inv.payload)
		case <-r.Context().Done():
		}
	})
	answer := func(what happens) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if p.extensions.Load() == 0 {
				p.signal(syscall.SIGSTOP) // what it does after its answer comes too late
				p.stopped.Store(true)
			}
			p.events <- happening{what, string(body)}
			w.WriteHeader(http.StatusAccepted)
		}
	}
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", answer(answers))
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", answer(fails))
	mux.HandleFunc("POST /2020-01-01/extension/register", func(w http.ResponseWriter, r *http.Request) {
		var wants struct{ Events []string }
		err := json.NewDecoder(r.Body).Decode(&wants)
		if p.s.noExtensions || err != nil || r.Header.Get("Lambda-Extension-Name") == "" || len(wants.Events) != 1 || wants.Events[0] != "INVOKE" {
			http.Error(w, `{"errorType":"Extension.RegistrationError"}`, http.StatusForbidden)
			return
		}
		p.extensions.Add(1)
		w.Header().Set("Lambda-Extension-Identifier", "extension-1")
		_, _ = io.WriteString(w, `{"functionName":"orders","functionVersion":"7","handler":"bootstrap"}`)
	})
	mux.HandleFunc("GET /2020-01-01/extension/event/next", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Lambda-Extension-Identifier") != "extension-1" {
			http.Error(w, `{"errorType":"Extension.UnknownExtensionIdentifier"}`, http.StatusForbidden)
			return
		}
		p.events <- happening{what: extensionWaits}
		if p.ends.Load() {
			p.extensions.Store(0)
			http.Error(w, "no more", http.StatusInternalServerError)
			return
		}
		select {
		case inv := <-p.tell:
			fmt.Fprintf(w, `{"eventType":"INVOKE","deadlineMs":%d,"requestId":%q,"invokedFunctionArn":"","tracing":{}}`, inv.deadline.UnixMilli(), inv.id)
		case <-r.Context().Done():
		}
	})
	return mux
}
