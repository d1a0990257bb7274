package viewer

import (
	"net/http"
	"sync"
)

// endings know which servers are shutting down: http.Server.Shutdown waits for
// requests, and a live view is one that never ends by itself. The zero value is
// ready for use, by several goroutines at once.
type endings struct {
	mu       sync.Mutex
	byServer map[*http.Server]chan struct{}
}

// of returns what is closed when the request's server begins to shut down; nil
// where it does not say which server it has.
func (e *endings) of(r *http.Request) <-chan struct{} {
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	ending := e.byServer[server]
	if ending != nil {
		return ending
	}
	ending = make(chan struct{})
	if e.byServer == nil {
		e.byServer = make(map[*http.Server]chan struct{})
	}
	e.byServer[server] = ending
	server.RegisterOnShutdown(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.byServer[server] == ending { // else Shutdown was called before
			delete(e.byServer, server)
			close(ending)
		}
	})
	return ending
}
