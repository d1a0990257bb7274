package dynamotest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// forwardTime bounds a call to the emulator. A call that has come in is done,
// whether or not the client still waits for its answer, as DynamoDB does it.
const forwardTime = 30 * time.Second

// A Proxy stands between a client and the emulator, and makes [Fault]s. It
// listens on loopback only, and ends with its test.
type Proxy struct {
	tb     testing.TB
	addr   string
	target *url.URL
	next   *http.Transport
	active sync.WaitGroup // calls

	mu     sync.Mutex
	server *http.Server // nil while connections are refused
	fault  Fault
	seen   Seen
	sent   map[Slot]map[[sha256.Size]byte]bool
}

// Seen is what a [Proxy] counted.
type Seen struct {
	Calls    map[string]int // by action, as PutItem
	Faults   int            // calls that a fault answered
	Batch    int            // items of the largest batch
	BodySize int            // bytes of the largest request
}

// A Slot is the key of an item.
type Slot struct{ Object, Story string }

// A Call is a request of a client, as a [Fault] sees it.
type Call struct {
	Action string // as PutItem
	Header http.Header
	Body   []byte
	Puts   []Put // what it would store

	ctx   context.Context
	proxy *Proxy
}

// A Put is an item on its way to a table.
type Put struct {
	Slot
	Table string
	Item  json.RawMessage
}

// An Answer is what DynamoDB answers to a call.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// NewProxy starts a proxy of the emulator, as [Endpoint] has it.
func NewProxy(tb testing.TB) *Proxy {
	tb.Helper()
	return NewProxyOf(tb, Endpoint(tb))
}

// NewProxyOf starts a proxy of the emulator at a URL.
func NewProxyOf(tb testing.TB, endpoint string) *Proxy {
	tb.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		tb.Fatalf("the URL of the DynamoDB emulator: %v", err)
	}
	p := &Proxy{tb: tb, addr: "127.0.0.1:0", target: target, next: http.DefaultTransport.(*http.Transport).Clone()}
	p.next.DisableCompression = true
	p.seen.Calls = make(map[string]int)
	p.sent = make(map[Slot]map[[sha256.Size]byte]bool)
	p.Listen()
	tb.Cleanup(p.next.CloseIdleConnections)
	tb.Cleanup(func() {
		p.Refuse()
		p.Idle()
	})
	return p
}

// Client returns a client that calls the proxy. Its connections end with [Proxy.Refuse].
func (p *Proxy) Client(options ...func(*dynamodb.Options)) *dynamodb.Client {
	p.tb.Helper()
	client, closed := ClientOf("http://"+p.addr, http.DefaultTransport.(*http.Transport).Clone())
	p.tb.Cleanup(closed)
	return dynamodb.New(client.Options(), options...)
}

// Environ is as [Environ] for programs that call the proxy.
func (p *Proxy) Environ() []string {
	p.tb.Helper()
	return environ("http://" + p.addr)
}

// Set makes f the fault from the next call on; nil passes every call.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Refuse closes all connections and lets the system refuse new ones.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server != nil {
		p.server.Close() // its error is one of closing a listener
		p.server = nil
	}
}

// Idle waits, after [Proxy.Refuse], until the calls that have come in are done: what they
// store is then in the table.
func (p *Proxy) Idle() { p.active.Wait() }

// Listen takes connections again after [Proxy.Refuse].
func (p *Proxy) Listen() {
	p.tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server != nil {
		return
	}
	var listener net.Listener
	for range 50 { // somebody else may have got the port for a moment
		var err error
		if listener, err = net.Listen("tcp", p.addr); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if listener == nil {
		p.tb.Errorf("the proxy cannot listen on %s again", p.addr)
		return
	}
	p.addr = listener.Addr().String()
	server := &http.Server{Handler: p}
	p.server = server
	go server.Serve(listener) // ends with Refuse
}

// Seen returns what was counted so far.
func (p *Proxy) Seen() Seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.seen
	seen.Calls = make(map[string]int, len(p.seen.Calls))
	for action, n := range p.seen.Calls {
		seen.Calls[action] = n
	}
	return seen
}

// Versions returns how many different items were sent for each key: an item
// that is sent again, unchanged, is of the same version.
func (p *Proxy) Versions() map[Slot]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	versions := make(map[Slot]int, len(p.sent))
	for slot, digests := range p.sent {
		versions[slot] = len(digests)
	}
	return versions
}

// ServeHTTP implements [http.Handler].
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.active.Add(1)
	defer p.active.Done()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c := &Call{Action: action, Header: r.Header, Body: body, ctx: r.Context(), proxy: p}
	if c.Puts, err = putsOf(action, body); err != nil {
		p.tb.Errorf("the proxy cannot read a %s: %v", action, err)
	}
	p.mu.Lock()
	p.count(c)
	fault := p.fault
	p.mu.Unlock()
	if fault == nil {
		Pass(w, c)
		return
	}
	// A fault may end by cutting the connection: it is counted before.
	p.met(1)
	if !fault(w, c) {
		p.met(-1)
		Pass(w, c)
	}
}

func (p *Proxy) met(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen.Faults += n
}

// count takes note of a call. The caller holds p.mu.
func (p *Proxy) count(c *Call) {
	p.seen.Calls[c.Action]++
	p.seen.Batch = max(p.seen.Batch, len(c.Puts))
	p.seen.BodySize = max(p.seen.BodySize, len(c.Body))
	for _, put := range c.Puts {
		if p.sent[put.Slot] == nil {
			p.sent[put.Slot] = make(map[[sha256.Size]byte]bool)
		}
		p.sent[put.Slot][digest(put.Item)] = true
	}
}

// digest is the same for items that differ in the order of their attributes only.
func digest(item json.RawMessage) [sha256.Size]byte {
	var attributes any
	if json.Unmarshal(item, &attributes) == nil {
		if sorted, err := json.Marshal(attributes); err == nil {
			item = sorted
		}
	}
	return sha256.Sum256(item)
}

type writeRequest struct {
	PutRequest *struct{ Item json.RawMessage }
}

// putsOf returns the items that a call would store.
func putsOf(action string, body []byte) ([]Put, error) {
	var in struct {
		TableName    string
		Item         json.RawMessage
		RequestItems map[string][]writeRequest
	}
	if action != "PutItem" && action != "BatchWriteItem" {
		return nil, nil
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	var puts []Put
	if in.Item != nil {
		puts = append(puts, newPut(in.TableName, in.Item))
	}
	for table, requests := range in.RequestItems {
		for _, request := range requests {
			if request.PutRequest != nil {
				puts = append(puts, newPut(table, request.PutRequest.Item))
			}
		}
	}
	return puts, nil
}

func newPut(table string, item json.RawMessage) Put {
	var key struct{ Object, Story struct{ S string } }
	// An item with other keys has empty ones here.
	_ = json.Unmarshal(item, &key)
	return Put{Slot: Slot{key.Object.S, key.Story.S}, Table: table, Item: item}
}

// Context ends when the client gives up.
func (c *Call) Context() context.Context { return c.ctx }

// Forward lets the emulator do the call.
func (c *Call) Forward() (*Answer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), forwardTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.proxy.target.String(), bytes.NewReader(c.Body))
	if err != nil {
		return nil, err
	}
	req.Header = c.Header.Clone()
	req.Header.Del("Content-Length")
	resp, err := c.proxy.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, err
}

// only returns the call with those puts of its batch alone that keep says.
func (c *Call) only(keep func(Put) bool) (rest *Call, left map[string][]json.RawMessage, err error) {
	var in map[string]json.RawMessage
	var items map[string][]json.RawMessage
	if err := json.Unmarshal(c.Body, &in); err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(in["RequestItems"], &items); err != nil {
		return nil, nil, err
	}
	left = make(map[string][]json.RawMessage)
	for table, requests := range items {
		var kept []json.RawMessage
		for _, raw := range requests {
			var request writeRequest
			if err := json.Unmarshal(raw, &request); err != nil {
				return nil, nil, err
			}
			if request.PutRequest == nil || keep(newPut(table, request.PutRequest.Item)) {
				kept = append(kept, raw)
			} else {
				left[table] = append(left[table], raw)
			}
		}
		if items[table] = kept; len(kept) == 0 {
			delete(items, table)
		}
	}
	copied := *c
	if in["RequestItems"], err = json.Marshal(items); err != nil {
		return nil, nil, err
	}
	if copied.Body, err = json.Marshal(in); err != nil {
		return nil, nil, err
	}
	if len(items) == 0 {
		return nil, left, nil
	}
	return &copied, left, nil
}
