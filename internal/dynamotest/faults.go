package dynamotest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A Fault answers a call in DynamoDB's place, or spoils DynamoDB's answer, and
// returns true; or it leaves the call alone and returns false. It is called by
// several goroutines at once.
type Fault func(w http.ResponseWriter, c *Call) bool

// Any tries faults in turn, until one answers.
func Any(faults ...Fault) Fault {
	return func(w http.ResponseWriter, c *Call) bool {
		for _, f := range faults {
			if f(w, c) {
				return true
			}
		}
		return false
	}
}

// First lets f answer n calls.
func First(n int, f Fault) Fault {
	var met atomic.Int64
	return func(w http.ResponseWriter, c *Call) bool {
		if met.Add(1) <= int64(n) && f(w, c) {
			return true
		}
		met.Add(-1)
		return false
	}
}

// Every lets f answer one call in n, beginning with the first.
func Every(n int, f Fault) Fault {
	var calls atomic.Int64
	return func(w http.ResponseWriter, c *Call) bool {
		return (calls.Add(1)-1)%int64(n) == 0 && f(w, c)
	}
}

// Writes lets f answer calls that would store something.
func Writes(f Fault) Fault {
	return func(w http.ResponseWriter, c *Call) bool { return len(c.Puts) > 0 && f(w, c) }
}

// Action lets f answer calls of one action, as PutItem.
func Action(action string, f Fault) Fault {
	return func(w http.ResponseWriter, c *Call) bool { return c.Action == action && f(w, c) }
}

// Where lets f answer calls that would store an item of which is says so.
func Where(is func(Put) bool, f Fault) Fault {
	return func(w http.ResponseWriter, c *Call) bool {
		for _, put := range c.Puts {
			if is(put) {
				return f(w, c)
			}
		}
		return false
	}
}

// Token lets f answer calls that are signed with a session token.
func Token(token string, f Fault) Fault {
	return func(w http.ResponseWriter, c *Call) bool {
		return c.Header.Get("X-Amz-Security-Token") == token && f(w, c)
	}
}

// LargerThan lets f answer calls with more than size bytes of JSON.
func LargerThan(size int, f Fault) Fault {
	return func(w http.ResponseWriter, c *Call) bool { return len(c.Body) > size && f(w, c) }
}

// Reply answers with a status and a body. DynamoDB does not hear of the call.
func Reply(status int, contentType, body string) Fault {
	return func(w http.ResponseWriter, _ *Call) bool {
		send(w, &Answer{Status: status, Header: http.Header{"Content-Type": {contentType}}, Body: []byte(body)})
		return true
	}
}

const jsonType = "application/x-amz-json-1.0"

// Exception answers with an error of DynamoDB's.
func Exception(status int, code, message string) Fault {
	body, err := json.Marshal(map[string]string{"__type": "com.amazonaws.dynamodb.v20120810#" + code, "message": message})
	if err != nil {
		panic(err) // two strings can be marshaled
	}
	return Reply(status, jsonType, string(body))
}

// Errors that DynamoDB answers with.
var (
	Throttled = Exception(400, "ProvisionedThroughputExceededException",
		"The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.")
	RateExceeded = Exception(400, "ThrottlingException", "Rate exceeded")
	ServerError  = Exception(500, "InternalServerError", "The request processing has failed because of an unknown error")
	Unavailable  = Exception(503, "ServiceUnavailable", "The service is unavailable")
	NoAccess     = Exception(400, "AccessDeniedException",
		"User: arn:aws:iam::000000000000:user/test is not authorized to perform: dynamodb:BatchWriteItem")
	ExpiredToken = Exception(400, "ExpiredTokenException", "The security token included in the request is expired")
	Invalid      = Exception(400, "ValidationException", "One or more parameter values were invalid")
	TooLarge     = Reply(http.StatusRequestEntityTooLarge, "text/plain", "")
)

// Answers that are no answers.
var (
	HTML        = Reply(200, "text/html", "<!DOCTYPE html><title>Sign in</title><p>Please sign in to the network")
	Empty       = Reply(200, jsonType, "")
	EmptyObject = Reply(200, jsonType, "{}")
)

// Pass lets DynamoDB answer. As a fault it shields a call from others in [Any].
func Pass(w http.ResponseWriter, c *Call) bool {
	if answer := forward(w, c); answer != nil {
		send(w, answer)
	}
	return true
}

// Reset resets the connection. DynamoDB does not hear of the call.
func Reset(w http.ResponseWriter, _ *Call) bool {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // what follows resets, in place of an orderly end
	}
	conn.Close()
	return true
}

// Hang never answers. DynamoDB does not hear of the call.
func Hang(_ http.ResponseWriter, c *Call) bool {
	<-c.Context().Done()
	panic(http.ErrAbortHandler)
}

// Late lets DynamoDB do the call only some time after the client has given up,
// as if the request had been held up on its way.
func Late(after time.Duration) Fault {
	return func(_ http.ResponseWriter, c *Call) bool {
		<-c.Context().Done()
		time.Sleep(after)
		if _, err := c.Forward(); err != nil {
			c.proxy.tb.Errorf("the proxy, late: %v", err)
		}
		panic(http.ErrAbortHandler)
	}
}

// AfterCommit lets DynamoDB do the call, and f answer in its place.
func AfterCommit(f Fault) Fault {
	return func(w http.ResponseWriter, c *Call) bool {
		if forward(w, c) == nil {
			return true
		}
		return f(w, c)
	}
}

// Truncated lets DynamoDB do the call and ends the connection in the middle of
// the answer.
func Truncated(w http.ResponseWriter, c *Call) bool {
	answer := forward(w, c)
	if answer == nil {
		return true
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(answer.Body)))
	w.WriteHeader(answer.Status)
	w.Write(answer.Body[:len(answer.Body)/2])
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// CutShort lets DynamoDB do the call and answers with the first half of what it
// said, as if that were all.
func CutShort(w http.ResponseWriter, c *Call) bool {
	answer := forward(w, c)
	if answer == nil {
		return true
	}
	answer.Body = answer.Body[:len(answer.Body)/2]
	answer.Header.Del("X-Amz-Crc32")
	send(w, answer)
	return true
}

// Drip lets DynamoDB do the call and sends the answer byte by byte, in that time.
func Drip(total time.Duration) Fault {
	return func(w http.ResponseWriter, c *Call) bool {
		answer := forward(w, c)
		if answer == nil {
			return true
		}
		for name, values := range answer.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Status)
		for i := range answer.Body {
			select {
			case <-c.Context().Done():
				panic(http.ErrAbortHandler)
			case <-time.After(total / time.Duration(len(answer.Body))):
			}
			w.Write(answer.Body[i : i+1])
			http.NewResponseController(w).Flush()
		}
		return true
	}
}

// Unprocessed leaves those items of a batch undone of which is says so, and
// names them in the answer; the others are stored. Where nothing of a call is
// left to do, DynamoDB says that it is throttled, and so it does to a PutItem.
func Unprocessed(is func(Put) bool) Fault {
	return func(w http.ResponseWriter, c *Call) bool {
		left := make(map[Slot]bool)
		for _, put := range c.Puts {
			if is(put) {
				left[put.Slot] = true
			}
		}
		if len(left) == 0 {
			return false
		}
		if len(left) == len(c.Puts) {
			return Throttled(w, c)
		}
		rest, requests, err := c.only(func(put Put) bool { return !left[put.Slot] })
		if err != nil {
			return broken(w, err)
		}
		answer := forward(w, rest)
		if answer == nil {
			return true
		}
		if answer.Status != http.StatusOK {
			send(w, answer)
			return true
		}
		var out map[string]json.RawMessage
		if err := json.Unmarshal(answer.Body, &out); err != nil {
			return broken(w, err)
		}
		if out["UnprocessedItems"], err = json.Marshal(requests); err != nil {
			return broken(w, err)
		}
		if answer.Body, err = json.Marshal(out); err != nil {
			return broken(w, err)
		}
		answer.Header.Del("X-Amz-Crc32")
		send(w, answer)
		return true
	}
}

// Half is for [Unprocessed]: every second item.
func Half() func(Put) bool {
	var n atomic.Int64
	return func(Put) bool { return n.Add(1)%2 == 0 }
}

// Of says which items have a partition key.
func Of(object string) func(Put) bool {
	return func(put Put) bool { return put.Object == object }
}

// Beyond is for [Unprocessed]: the items of a partition key that are more than
// so many a second, as of a partition that is hot.
func Beyond(object string, perSecond float64) func(Put) bool {
	var mu sync.Mutex
	var last time.Time
	credit := 1.0
	return func(put Put) bool {
		if put.Object != object {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		if !last.IsZero() {
			credit = min(credit+now.Sub(last).Seconds()*perSecond, max(perSecond, 1))
		}
		last = now
		if credit < 1 {
			return true
		}
		credit--
		return false
	}
}

// forward returns DynamoDB's answer; nil where there is none, which it tells.
func forward(w http.ResponseWriter, c *Call) *Answer {
	answer, err := c.Forward()
	if err != nil {
		broken(w, err)
		return nil
	}
	return answer
}

func broken(w http.ResponseWriter, err error) bool {
	http.Error(w, fmt.Sprintf("the proxy: %v", err), http.StatusBadGateway)
	return true
}

// send sends an answer. A client that went away is of no interest.
func send(w http.ResponseWriter, answer *Answer) {
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(answer.Body)))
	w.WriteHeader(answer.Status)
	w.Write(answer.Body)
}
