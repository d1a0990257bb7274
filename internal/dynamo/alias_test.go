package dynamo_test

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/story"
)

// aliased returns a story and its aliases.
func aliased(key story.Key, id string, also ...story.Key) (parts []story.Part) {
	h := headerOf(key, id)
	h.Also = also
	parts = append(parts, headPart(h, "+0.000 I POST /order\n"))
	for _, key := range also {
		alias := h.Alias(key)
		parts = append(parts, headPart(alias, ""))
	}
	return parts
}

// TestAliasLayout pins the items of aliases, of which the index has none.
func TestAliasLayout(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{TTL: 48 * time.Hour, Shards: 1})
	start := at(10, 3*time.Hour+407123*time.Microsecond)
	id := idAt(start, "7f3k2m")
	order, problem := story.NewKey("order", "93"), story.NewKey("problem", "a2b3c4d5e6")
	parts := aliased(user42, id, order, problem)
	parts[2].Header.Count = 49
	b.put(t, parts...)

	expires := num(strconv.FormatInt(start.Add(72*time.Hour).Unix(), 10))
	got := b.get(t, "user_42", id)
	if want := (&types.AttributeValueMemberSS{Value: []string{"order_93", "problem_a2b3c4d5e6"}}); !reflect.DeepEqual(got["also"], want) || !reflect.DeepEqual(got["v"], num("2")) {
		t.Errorf("header: got %s", show(got))
	}
	want := item{
		"object": str("order_93"), "story": str(id), "of": str("user_42"),
		"title": str("POST /order"), "level": num("4"), "lines": num("1"),
		"updated":     str(start.Add(1500 * time.Millisecond).Format("2006-01-02T15:04:05.000Z")),
		"duration_ms": num("1500"), "state": str("sealed"), "parts": num("0"),
		"attrs":      &types.AttributeValueMemberM{Value: item{"host": str("a1")}},
		"expires_at": expires, "v": num("2"),
	}
	if got := b.get(t, "order_93", id); !reflect.DeepEqual(got, want) {
		t.Errorf("alias:\ngot  %s\nwant %s", show(got), show(want))
	}
	want["object"], want["count"] = str("problem_a2b3c4d5e6"), num("49")
	if got := b.get(t, "problem_a2b3c4d5e6", id); !reflect.DeepEqual(got, want) {
		t.Errorf("alias of a problem:\ngot  %s\nwant %s", show(got), show(want))
	}
	out, err := b.client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &b.name, IndexName: aws.String("recent")})
	if err != nil || out.Count != 1 {
		t.Errorf("index: got %d items, %v, want the header", out.Count, err)
	}
}

// An alias expires with its story, and is one unit of writing, whatever its story's header has.
func TestAliasIsOneUnit(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{TTL: time.Hour, Shards: 1})
	id := story.NewID(time.Now())
	h := headerOf(story.NewKey("http", "POST /users/{id}/orders/{order}/payments"), id)
	h.Title, h.Cause, h.Problem, h.MaxLevel = strings.Repeat("t", story.MaxTitle), strings.Repeat("é", story.MaxCause/2), "a2b3c4d5e6", slog.LevelError
	h.Attrs = make(map[string]string)
	for i := range 20 {
		h.Attrs[fmt.Sprint("attribute_", i)] = strings.Repeat("v", 30+i)
		h.Attrs[fmt.Sprint("lane_", i)] = "mail.notify"
	}
	key := story.NewKey("request-id", strings.Repeat("r", 100))
	h.Also = []story.Key{key}
	b.put(t, headPart(h, "+0.000 E POST /order\n"))
	before, _ := b.Consumed()
	b.put(t, headPart(h.Alias(key), ""))
	if after, _ := b.Consumed(); after-before != 1 {
		t.Errorf("the alias took %v units", after-before)
	}
	if got, want := b.get(t, key.String(), id)["expires_at"], b.get(t, h.Key.String(), id)["expires_at"]; !reflect.DeepEqual(got, want) || got == nil {
		t.Errorf("it expires at %v, its story at %v", got, want)
	}
	page, err := b.List(t.Context(), story.Query{Key: key})
	if err != nil || len(page.Headers) != 1 || len(page.Headers[0].Attrs) < 4 {
		t.Errorf("got %+v, %v", page, err)
	}
}

// What is found under an indexed key is one query of two units at most, for 20 results.
func TestLookUpByAliasIsOneQuery(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{TTL: time.Hour, Shards: 1})
	order := story.NewKey("order", "93")
	for i := range 20 {
		b.put(t, aliased(story.NewKey("user", fmt.Sprint(i)), story.NewID(time.Now().Add(time.Duration(i)*time.Second-time.Minute)), order)...)
	}
	_, before := b.Consumed()
	page, err := b.List(t.Context(), story.Query{Key: order, Limit: 20})
	_, after := b.Consumed()
	if err != nil || len(page.Headers) != 20 || after-before > 2 {
		t.Errorf("got %d of 20 stories for %v read units, %v", len(page.Headers), after-before, err)
	}
	t.Logf("20 aliases: %v read units", after-before)
}

// Others may write anything: an alias that leads nowhere, to itself or to another alias is
// no story, and keys that are none do not keep a story from being deleted.
func TestForeignAliases(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{TTL: time.Hour, Shards: 1})
	id := story.NewID(time.Now())
	b.put(t, aliased(user42, id, story.NewKey("order", "93"))...)
	putRaw := func(it item) {
		t.Helper()
		if _, err := b.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.name, Item: it}); err != nil {
			t.Fatal(err)
		}
	}
	for object, of := range map[string]string{"order_1": "order_1", "order_2": "order_93", "order_3": "no key", "order_4": "user_gone"} {
		putRaw(item{"object": str(object), "story": str(id), "of": str(of), "v": num("2")})
		key, err := story.ParseKey(object)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Read(t.Context(), key, id); !errors.Is(err, story.ErrNotFound) {
			t.Errorf("an alias of %s: got %v", of, err)
		}
		if _, err := b.List(t.Context(), story.Query{Key: key}); err != nil {
			t.Errorf("an alias of %s: %v", of, err)
		}
	}
	it := b.get(t, "user_42", id)
	it["also"] = &types.AttributeValueMemberSS{Value: []string{"no key", "order_93"}}
	putRaw(it)
	if err := b.Delete(t.Context(), user42, ""); err != nil {
		t.Fatal(err)
	}
	if it := b.get(t, "order_93", id); it != nil {
		t.Errorf("an alias is left: %s", show(it))
	}
}
