package lambdastory

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	extensionName = "dynamoslog"
	// An invocation of which Lambda has told begins so soon, or never: aws-lambda-go refuses
	// a payload that does not fit the handler.
	beginsWithin = 100 * time.Millisecond
	// registerWithin bounds what a cold start waits for.
	registerWithin = time.Second
)

// An extension is one within the process: Lambda freezes the environment when both the
// function and its extensions have asked for what comes next. A nil one stores nothing.
type extension struct {
	client *http.Client
	url    string
	id     string // that Lambda gave it

	mu   sync.Mutex
	turn *turn // the newest; nil before
	over bool  // run has returned
}

// A turn is an invocation, of which the function and the extension hear in either order.
type turn struct {
	id     string
	began  chan struct{} // closed when the function has begun it
	ended  chan struct{} // closed when its story has
	heard  bool          // the extension has heard of it; guarded by extension.mu, as are those below
	begun  bool          // the function has
	missed bool          // the extension does not wait for it any more
}

// register makes an extension of the process, which Lambda allows before the first
// invocation.
func register(address string) (*extension, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	e := &extension{client: &http.Client{Transport: transport}, url: "http://" + address + "/2020-01-01/extension/"}
	request, err := http.NewRequest(http.MethodPost, e.url+"register", strings.NewReader(`{"events":["INVOKE"]}`))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Lambda-Extension-Name", extensionName)
	client := http.Client{Transport: transport, Timeout: registerWithin}
	header, _, err := answerOf(&client, request)
	if err != nil {
		return nil, err
	}
	e.id = header.Get("Lambda-Extension-Identifier")
	return e, nil
}

// run has what is logged stored after each invocation, until Lambda answers no more.
func (e *extension) run(store func(deadline time.Time)) error {
	for {
		event, err := e.next()
		if err != nil {
			e.mu.Lock()
			e.over = true
			e.mu.Unlock()
			store(time.Time{}) // what has ended meanwhile, and left it to the extension
			return err
		}
		if event.EventType == "INVOKE" && e.await(event.RequestID) {
			store(time.UnixMilli(event.DeadlineMs))
		}
	}
}

// An event is what Lambda tells an extension.
type event struct {
	EventType  string
	RequestID  string
	DeadlineMs int64
}

// next says that the extension is ready, and returns what happens then.
func (e *extension) next() (event, error) {
	request, err := http.NewRequest(http.MethodGet, e.url+"event/next", nil)
	if err != nil {
		return event{}, err
	}
	request.Header.Set("Lambda-Extension-Identifier", e.id)
	_, body, err := answerOf(e.client, request)
	if err != nil {
		return event{}, err
	}
	var happens event
	if err := json.Unmarshal(body, &happens); err != nil {
		return event{}, fmt.Errorf("the extensions API's event: %w", err)
	}
	return happens, nil
}

func answerOf(client *http.Client, request *http.Request) (http.Header, []byte, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("the extensions API answers %q to %s", response.Status, request.URL.Path)
	}
	return response.Header, body, err
}

// turnOf returns the newest turn, if it is of this invocation and only the other side has
// heard of it, and else another: one that is tried again has the same id.
func (e *extension) turnOf(id string, heard func(*turn) *bool) *turn {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.turn == nil || e.turn.id != id || *heard(e.turn) {
		e.turn = &turn{id: id, began: make(chan struct{}), ended: make(chan struct{})}
	}
	*heard(e.turn) = true
	return e.turn
}

// await waits until the story of an invocation has ended, and returns false where there is
// none.
func (e *extension) await(id string) bool {
	t := e.turnOf(id, func(t *turn) *bool { return &t.heard })
	timer := time.NewTimer(beginsWithin)
	defer timer.Stop()
	select {
	case <-t.began:
	case <-timer.C:
		if e.miss(t) {
			return false
		}
	}
	<-t.ended
	return true
}

// miss gives a turn up, if it has not begun.
func (e *extension) miss(t *turn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	t.missed = !t.begun
	return t.missed
}

// begin says that the function has begun an invocation, and returns its turn.
func (e *extension) begin(id string) *turn {
	if e == nil {
		return nil
	}
	t := e.turnOf(id, func(t *turn) *bool { return &t.begun })
	close(t.began)
	return t
}

// stores reports whether the extension will have the story of a turn stored, once it has
// ended.
func (e *extension) stores(t *turn) bool {
	if e == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.over && !t.missed
}

// end says that the story of an invocation has ended.
func (t *turn) end() {
	if t != nil {
		close(t.ended)
	}
}
