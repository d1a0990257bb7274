package dynamoslog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// under returns how the stories and aliases of a key are listed, the newest first, once all
// is stored: the key of each, and what it stands for beside one story.
func under(t *testing.T, h *dynamoslog.Handler, store story.Store, key string) string {
	t.Helper()
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	k, err := story.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for header, err := range story.All(t.Context(), store, story.Query{Key: k}) {
		if err != nil {
			t.Fatal(err)
		}
		name := header.Key.String()
		if header.IsAlias() {
			name = header.Of.String()
			if s, err := store.Read(t.Context(), header.Key, header.ID); err != nil || s.Key != header.Of || s.ID != header.ID || !slices.Contains(s.Also, k) {
				t.Errorf("%s of %s is read as %+v, %v", header.Key, header.Of, s.Header, err)
			}
		}
		if header.Count > 0 {
			name += fmt.Sprint(" ×", header.Count)
		}
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}

type wanted struct{ key, want string }

func wantUnder(t *testing.T, h *dynamoslog.Handler, store story.Store, all ...wanted) {
	t.Helper()
	for _, w := range all {
		if got := under(t, h, store, w.key); got != w.want {
			t.Errorf("under %s: got %q, want %q", w.key, got, w.want)
		}
	}
}

// A story is found by what it is about beside its key, wherever the program says so.
func TestStoryIsListedUnder(t *testing.T) {
	h, store := open(t, dynamoslog.Options{Index: []string{"order", "cart.item", "build", "plan", "with"}, Attrs: []slog.Attr{slog.String("build", "v7")}})
	logger := slog.New(h)
	ctx, scope := dynamoslog.Begin(t.Context(), "user", 42)
	scope.Also("item", 7)
	scope.Also("item", 7)
	scope.Also("user", 42)
	scope.Set(slog.String("plan", "free"), slog.Int("seats", 3))
	logger.InfoContext(ctx, "Ordering", "order", 93)
	logger.With("with", "a b").WithGroup("cart").InfoContext(ctx, "Adding", "item", 8, "order", 94)
	scope.End()
	scope.Also("item", 9)
	logger.InfoContext(ctx, "late", "order", 95)
	wantUnder(t, h, store,
		wanted{"order_93", "user_42"}, wanted{"item_7", "user_42"}, wanted{"cart-item_8", "user_42"}, wanted{"plan_free", "user_42"}, wanted{"with_a b", "user_42"},
		wanted{"user_42", "user_42"}, wanted{"order_94", ""}, wanted{"order_95", ""}, wanted{"item_9", ""}, wanted{"build_v7", ""}, wanted{"seats_3", ""})
	if n := h.Stats(); n.Aliases != 5 || n.Stories != 1 {
		t.Errorf("Stats has %d aliases, %d stories", n.Aliases, n.Stories)
	}
	var none *dynamoslog.Scope
	none.Also("item", 1)
}

// A story that is stored in parts, and rekeyed, is listed under all that its parts tell, as
// one of its last key.
func TestStoryInPartsIsListedUnder(t *testing.T) {
	h, store := open(t, dynamoslog.Options{Index: []string{"order"}, MaxStory: 64})
	ctx, scope := dynamoslog.Begin(t.Context(), "http", "POST /orders")
	for i := range 5 {
		slog.New(h).InfoContext(ctx, strings.Repeat("x", 64), "order", i)
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	scope.Rekey("user", 42)
	scope.Also("http", "POST /orders")
	slog.New(h).InfoContext(ctx, "done", "order", 5)
	wantUnder(t, h, store, wanted{"order_0", ""})
	scope.End()
	for i := range 6 {
		wantUnder(t, h, store, wanted{fmt.Sprint("order_", i), "user_42"})
	}
	wantUnder(t, h, store, wanted{"http_POST /orders", "http_POST /orders"}) // the moved header stays
}

// What ReplaceAttr makes of a value is the key; what it takes away is none.
func TestRedactedValuesAreNoKeys(t *testing.T) {
	redact := func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case "card":
			return slog.String("card", "…"+a.Value.String()[3:])
		case "mail":
			return slog.Attr{}
		}
		return a
	}
	h, store := open(t, dynamoslog.Options{Index: []string{"card", "mail"}, ReplaceAttr: redact})
	ctx, scope := dynamoslog.Begin(t.Context(), "user", 42)
	scope.Set(slog.String("card", "411111"), slog.String("mail", "a@example.com"))
	slog.New(h).InfoContext(ctx, "Paying", "card", "422222", "mail", "b@example.com")
	scope.End()
	wantUnder(t, h, store, wanted{"card_…111", "user_42"}, wanted{"card_…222", "user_42"},
		wanted{"card_411111", ""}, wanted{"card_422222", ""}, wanted{"mail_a@example.com", ""}, wanted{"mail_b@example.com", ""})
}

// A story says which keys found no room.
func TestMoreKeysThanRoom(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTime})
	ctx, scope := dynamoslog.Begin(t.Context(), "user", 42)
	for i := range story.MaxAlso + 5 {
		scope.Also("item", i)
	}
	slog.New(h).InfoContext(ctx, "Ordering")
	scope.End()
	s := read(t, h, store, "user_42", "")
	if len(s.Also) != story.MaxAlso || len(s.Lines) != 2 || s.LineCount != 2 || !strings.HasPrefix(s.Lines[1].Message, "not listed under item_16 nor under further keys") {
		t.Errorf("got %v and\n%s", s.Also, story.Format(s.Lines))
	}
}

// A story is listed under its trace where another service has called, and not where a load
// balancer only has begun one.
func TestStoryIsListedUnderItsTrace(t *testing.T) {
	const id = "0af7651916cd43dd8448eb211c80319c"
	for _, test := range []struct {
		name, value, trace string
		opts               dynamoslog.Options
		want               string
	}{
		{"Traceparent", "00-" + id + "-b7ad6b7169203331-01", id, dynamoslog.Options{}, "http_GET /"},
		{"X-Amzn-Trace-Id", "Root=1-2-3;Parent=4;Sampled=1", "1-2-3", dynamoslog.Options{}, "http_GET /"},
		{"X-Amzn-Trace-Id", "Root=1-2-3", "1-2-3", dynamoslog.Options{}, ""},
		{"X-Request-Id", id, id, dynamoslog.Options{}, ""},
		{"Traceparent", "00-" + id + "-b7ad6b7169203331-01", "other", dynamoslog.Options{
			Trace: func(context.Context) (string, string) { return "other", "1" },
		}, "http_GET /"},
		{"X-Request-Id", id, "other", dynamoslog.Options{
			Trace: func(context.Context) (string, string) { return "other", "1" },
		}, ""},
	} {
		h, store := open(t, test.opts)
		ctx, request := dynamoslog.BeginRequest(t.Context(), "http", "GET /", &dynamoslog.RequestOptions{
			Logger: slog.New(h), Header: func(name string) string {
				if name == test.name {
					return test.value
				}
				return ""
			},
		})
		slog.New(h).InfoContext(ctx, "a line")
		request.Finish(dynamoslog.HTTPOutcome(200, nil))
		if got := under(t, h, store, "trace_"+test.trace); got != test.want {
			t.Errorf("%s: %s: got %q, want %q", test.name, test.value, got, test.want)
		}
	}
}

// A problem is a key, under which the stories of everybody are listed; an outage makes few
// aliases of it, which count.
func TestProblemIsAKey(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	var last string
	for i := range 50 {
		ctx, scope := dynamoslog.Begin(t.Context(), "user", i)
		slog.New(h).ErrorContext(ctx, "Payment failed", "err", errors.New("no answer"), "order", i)
		scope.End()
		last = fmt.Sprint("user_", i)
	}
	s := read(t, h, store, last, "")
	key := "problem_" + s.Problem
	got := under(t, h, store, key)
	sum := 0
	for header, err := range story.All(t.Context(), store, story.Query{Key: story.NewKey("problem", s.Problem)}) {
		if err != nil {
			t.Fatal(err)
		}
		sum += header.Stories()
	}
	if sum != 50 || !strings.HasPrefix(got, last+" ×") {
		t.Errorf("the aliases of %s stand for %d stories: %s", key, sum, got)
	}
	if err := store.Delete(t.Context(), s.Key, ""); err != nil {
		t.Fatal(err)
	}
	if got := under(t, h, store, key); strings.Contains(got, last) {
		t.Errorf("after %s was deleted: %s", last, got)
	}
}

// A late Error is seen under every key, and in its problem.
func TestLateErrorIsListedUnder(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	ctx, scope := dynamoslog.Begin(t.Context(), "user", 42)
	scope.Also("order", 93)
	slog.New(h).InfoContext(ctx, "Ordering")
	scope.End()
	wantUnder(t, h, store, wanted{"order_93", "user_42"})
	slog.New(h).ErrorContext(ctx, "Payment failed")
	wantUnder(t, h, store, wanted{"order_93", "user_42"})
	page, err := store.List(t.Context(), story.Query{Key: story.NewKey("order", "93"), MinLevel: slog.LevelError})
	if err != nil || len(page.Headers) != 1 || page.Headers[0].Cause != "Payment failed" {
		t.Fatalf("got %+v, %v", page, err)
	}
	wantUnder(t, h, store, wanted{"problem_" + page.Headers[0].Problem, "user_42"})
}
