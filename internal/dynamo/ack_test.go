package dynamo_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/story"
)

func TestPutUnprocessed(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	id := idAt(at(10, 0), "a")
	parts := texts(id, 3)
	// The emulator leaves nothing unprocessed: take one request out, and name it so.
	b.faults.set(func(_ string, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		var in struct{ RequestItems map[string][]json.RawMessage }
		if err := json.NewDecoder(req.Body).Decode(&in); err != nil {
			return nil, err
		}
		left, err := json.Marshal(map[string][]json.RawMessage{b.name: in.RequestItems[b.name][1:2]})
		if err != nil {
			return nil, err
		}
		return reply(req, 200, `{"UnprocessedItems":`+string(left)+`}`), nil
	})
	failed := failuresOf(t, b.Put(t.Context(), parts))
	if len(failed) != 1 || failed[1].Outcome != story.Busy || !errors.Is(failed[1].Err, story.ErrBusy) {
		t.Errorf("got failures %v, want part 1 to be tried again when the table is less busy", failed)
	}
	if got := b.faults.actions(); got != "BatchWriteItem" {
		t.Errorf("got the calls %s: what is unprocessed is the writer's to send", got)
	}
	b.faults.set(func(_ string, req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		return reply(req, 200, `{"UnprocessedItems":{"`+b.name+`":[{"PutRequest":{"Item":{"object":{"S":"x"}}}}]}}`), nil
	})
	if failed := failuresOf(t, b.Put(t.Context(), parts)); len(failed) != 3 {
		t.Errorf("an item that was not sent is unprocessed: got failures %v, want all", failed)
	}
}

// TestPutAcknowledged checks what counts as "stored".
func TestPutAcknowledged(t *testing.T) {
	t.Parallel()
	consumed := `"ConsumedCapacity":[{"TableName":"t","CapacityUnits":1}]`
	for _, test := range []struct {
		name, body string
		stored     bool
	}{
		{"nothing unprocessed, said so", `{"UnprocessedItems":{}}`, true},
		{"units consumed", `{` + consumed + `}`, true},
		{"both", `{"UnprocessedItems":{},` + consumed + `}`, true},
		{"an empty object", `{}`, false},
		{"an empty body", ``, false},
		{"null", `{"UnprocessedItems":null}`, false},
		{"something else", `{"status":"ok"}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, dynamo.Config{})
			b.faults.set(func(_ string, req *http.Request, _ http.RoundTripper) (*http.Response, error) {
				return reply(req, 200, test.body), nil
			})
			failed := failuresOf(t, b.Put(t.Context(), texts(idAt(at(10, 0), "a"), 2)))
			if stored := len(failed) == 0; stored != test.stored {
				t.Errorf("got stored %v, want %v", stored, test.stored)
			}
			for i, f := range failed {
				if f.Outcome != story.Retry {
					t.Errorf("part %d: got %v, want it to be tried again", i, f.Outcome)
				}
			}
			if got, want := b.faults.actions(), "BatchWriteItem"; got != want {
				t.Errorf("got the calls %s, want %s", got, want)
			}
		})
	}
}

// TestPutUnclearAnswers meets a proxy that swallows all answers to writes: from
// the third on, what the table holds decides.
func TestPutUnclearAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	id := idAt(at(10, 0), "a")
	forward := true
	swallow := func(action string, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		if action == "GetItem" {
			return next.RoundTrip(req)
		}
		if forward {
			resp, err := next.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		return reply(req, 200, "{}"), nil
	}
	b.faults.set(swallow)
	open, sealed := headerOf(user42, id), headerOf(user42, id)
	open.State = story.Open
	long := textPart(user42, id, 1, strings.Repeat("+0.000 I again and again\n", 100))
	for try, want := range []int{1, 1, 0} {
		if got := len(failuresOf(t, b.Put(t.Context(), []story.Part{long}))); got != want {
			t.Errorf("try %d: got %d failures, want %d", try, got, want)
		}
	}
	// The table is asked from now on, and what it says is what counts.
	forward = false
	for _, test := range []struct {
		part   story.Part
		stored bool
		reason string
	}{
		{long, true, "it is there from before"},
		{textPart(user42, id, 1, "+0.000 I other\n"), false, "the item there has another text"},
		{textPart(user42, id, 2, "+0.000 I other\n"), false, "there is no such item"},
		{headPart(open, ""), false, "there is no header"},
	} {
		if got := len(failuresOf(t, b.Put(t.Context(), []story.Part{test.part}))) == 0; got != test.stored {
			t.Errorf("%s: got stored %v, want %v", test.reason, got, test.stored)
		}
	}
	forward = true
	b.put(t, headPart(sealed, ""), headPart(open, ""))
	forward = false
	b.put(t, headPart(open, "")) // there is a header: that is what an open one asks for
	// Asked, the table may be busy or refuse to answer.
	for code, want := range map[string]story.Outcome{"ThrottlingException": story.Busy, "AccessDeniedException": story.Wait, "ValidationException": story.Retry} {
		b.faults.set(func(action string, req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if action == "GetItem" {
				return apiError(req, 400, code, "as told"), nil
			}
			return swallow(action, req, next)
		})
		if failed := failuresOf(t, b.Put(t.Context(), []story.Part{long})); len(failed) != 1 || failed[0].Outcome != want {
			t.Errorf("%s: got %v, want %v", code, failed, want)
		}
	}
	// One clear answer, and unclear ones are not believed again.
	b.faults.set(nil)
	b.put(t, long)
	b.faults.set(swallow)
	if failed := failuresOf(t, b.Put(t.Context(), []story.Part{long})); len(failed) != 1 {
		t.Errorf("after a clear answer: got %v, want the part to be tried again", failed)
	}
}

func TestPutUnclearOpenHeader(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	h := headerOf(user42, idAt(at(10, 0), "a"))
	h.State = story.Open
	b.faults.set(func(_ string, req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		return reply(req, 200, "{}"), nil
	})
	if failed := failuresOf(t, b.Put(t.Context(), []story.Part{headPart(h, "")})); failed[0].Outcome != story.Retry || len(failed) != 1 {
		t.Errorf("got %v, want the header to be tried again", failed)
	}
}
