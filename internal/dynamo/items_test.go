package dynamo_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
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

// TestLayout pins what is in the table: other programs, and later versions, rely on it.
func TestLayout(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{TTL: 48 * time.Hour, Shards: 1})
	start := at(10, 3*time.Hour+407123*time.Microsecond)
	id := idAt(start, "7f3k2m")
	h := headerOf(user42, id)
	h.Parts = 1
	b.put(t, headPart(h, "+0.000 I POST /order\n"), textPart(user42, id, 1, "+0.001 W late\n"))

	expires := num(strconv.FormatInt(start.Add(72*time.Hour).Unix(), 10))
	want := item{
		"object": str("user_42"), "story": str(id), "message": str("+0.000 I POST /order\n"),
		"recent": str("0"), "title": str("POST /order"), "level": num("4"), "lines": num("1"),
		"updated":     str(start.Add(1500 * time.Millisecond).Format("2006-01-02T15:04:05.000Z")),
		"duration_ms": num("1500"), "state": str("sealed"), "parts": num("1"),
		"attrs":      &types.AttributeValueMemberM{Value: item{"host": str("a1")}},
		"expires_at": expires, "v": num("1"),
	}
	if got := b.get(t, "user_42", id); !reflect.DeepEqual(got, want) {
		t.Errorf("header:\ngot  %s\nwant %s", show(got), show(want))
	}
	want = item{
		"object": str("user_42"), "story": str("part#" + id + "#000001"),
		"message": str("+0.001 W late\n"), "expires_at": expires, "v": num("1"),
	}
	if got := b.get(t, "user_42", "part#"+id+"#000001"); !reflect.DeepEqual(got, want) {
		t.Errorf("part:\ngot  %s\nwant %s", show(got), show(want))
	}

	out, err := b.client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &b.name, IndexName: aws.String("recent")})
	if err != nil {
		t.Fatal(err)
	}
	if out.Count != 1 {
		t.Fatalf("index: got %d items, want the header", out.Count)
	}
	if _, has := out.Items[0]["message"]; has || len(out.Items[0]) != 13 {
		t.Errorf("index: got %s, want all of the header but its text", show(out.Items[0]))
	}

	// One that says why the story is bad is of the second version.
	h.Cause, h.Problem = "late", "abcdefgh22"
	b.put(t, headPart(h, ""))
	got := b.get(t, "user_42", id)
	if got["v"].(*types.AttributeValueMemberN).Value != "2" || !reflect.DeepEqual(got["cause"], str("late")) || !reflect.DeepEqual(got["problem"], str("abcdefgh22")) {
		t.Errorf("header with a cause: got %s", show(got))
	}

	// The last version of a moved story leaves the index.
	h.State = story.Moved
	b.put(t, headPart(h, ""))
	if got := b.count(t, aws.String("recent")); got != 0 {
		t.Errorf("index: got %d items after the story was moved, want none", got)
	}
}

func show(it item) string {
	var all strings.Builder
	for name, value := range it {
		fmt.Fprintf(&all, "%s=%T%v ", name, value, value)
	}
	return all.String()
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{TTL: time.Hour})
	forever := newStore(t, b.client, dynamo.Config{Name: b.name, TTL: -1})
	odd := headerOf(user42, "run-1")
	odd.Start = at(10, 0)
	for _, test := range []struct {
		store  *dynamo.Store
		part   story.Part
		want   any
		reason string
	}{
		{b.Store, headPart(headerOf(user42, idAt(at(10, 0), "a")), ""), at(11, time.Hour).Unix(), "a header, from the id"},
		{b.Store, textPart(user42, idAt(at(10, 0), "a"), 7, "x"), at(11, time.Hour).Unix(), "its parts at the same time"},
		{b.Store, headPart(odd, ""), at(11, time.Hour).Unix(), "an id that tells no time: from the header"},
		{forever, headPart(odd, ""), nil, "a negative time to live"},
	} {
		it, err := test.store.ItemOf(test.part)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		if n, ok := it["expires_at"].(*types.AttributeValueMemberN); ok {
			got, _ = strconv.ParseInt(n.Value, 10, 64)
		}
		if got != test.want {
			t.Errorf("%s: got expires_at %v, want %v", test.reason, got, test.want)
		}
	}
}

func TestLongKey(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	for _, test := range []struct {
		id     string
		hashed bool
		reason string
	}{
		{strings.Repeat("x", 2048-len("user_")), false, "the longest that fits"},
		{strings.Repeat("x", 2049-len("user_")), true, "a byte too long"},
		{strings.Repeat("x", 2049-len("user_")) + "y", true, "the same beginning: another object"},
		{strings.Repeat("語", 900), true, "no character is cut"},
		{strings.Repeat("\xff", 700), true, "escaped, it is four times as long"},
		{"\xff", false, "invalid UTF-8 stays apart"},
		{"\xfe", false, "from other invalid UTF-8"},
	} {
		key := story.NewKey("user", test.id)
		h := headerOf(key, idAt(at(10, 0), "a"))
		b.put(t, headPart(h, "+0.000 I x\n"))
		object := dynamo.ObjectOf(key)
		it := b.get(t, object, h.ID)
		if it == nil {
			t.Fatalf("%s: no item", test.reason)
		}
		sum := sha256.Sum256([]byte(key.String()))
		if hashed := strings.HasSuffix(object, "#"+hex.EncodeToString(sum[:])); hashed != test.hashed || len(object) > 2048 {
			t.Errorf("%s: got hashed %v of %d bytes, want %v of at most 2048", test.reason, hashed, len(object), test.hashed)
		}
		if got := it["key"] != nil; got != test.hashed {
			t.Errorf("%s: got attribute key %v, want %v", test.reason, got, test.hashed)
		}
		got, err := b.Read(t.Context(), key, "")
		if err != nil || !reflect.DeepEqual(got.Header, h) {
			t.Errorf("%s: Read: got %.200v, %v", test.reason, got.Header, err)
		}
	}
	keys := make(map[string]bool)
	for h, err := range story.All(t.Context(), b, story.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		keys[h.Key.ID] = true
	}
	if len(keys) != 7 {
		t.Errorf("list over all keys: got %d different keys, want 7", len(keys))
	}
}

// TestItemSize compares what is reckoned with what the emulator charges: the
// size at which an item begins to cost a second unit.
func TestItemSize(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	n := 0
	units := func(it item) int {
		n++
		it["story"] = str(fmt.Sprintf("%04d", n)) // a new item: overwriting costs the larger of two
		out, err := b.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.name, Item: it, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
		if err != nil {
			t.Fatal(err)
		}
		return int(*out.ConsumedCapacity.CapacityUnits)
	}
	for _, test := range []struct {
		what  string
		value types.AttributeValue
	}{
		{"string", str("0123456789")}, {"characters of three bytes", str("語語")}, {"binary", &types.AttributeValueMemberB{Value: []byte{1, 2, 3}}},
		{"one digit", num("5")}, {"zero", num("0")}, {"negative", num("-4")}, {"three digits", num("123")}, {"four", num("1234")}, {"zeros at the end", num("1700000000")},
		{"ten digits", num("1795432101")}, {"empty map", &types.AttributeValueMemberM{Value: item{}}},
		{"map", &types.AttributeValueMemberM{Value: item{"ab": str("cd"), "e": num("12")}}},
	} {
		it := item{"object": str("a"), "story": str("0000"), "x": test.value, "pad": str("")}
		fill := 1024 - dynamo.ItemSize(it)
		got := make([]int, 2)
		for i := range got {
			it["pad"] = str(strings.Repeat("p", fill+i))
			got[i] = units(it)
			if want := dynamo.WriteUnits(dynamo.ItemSize(it)); got[i] != want {
				t.Errorf("%s: %d bytes as reckoned cost %d units, want %d", test.what, dynamo.ItemSize(it), got[i], want)
			}
		}
	}
}

// TestLargestItem finds the limit where DynamoDB has it.
func TestLargestItem(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{PlainText: true})
	id := idAt(at(10, 0), "a")
	it, err := b.ItemOf(textPart(user42, id, 1, "x"))
	if err != nil {
		t.Fatal(err)
	}
	room := 400<<10 - dynamo.ItemSize(it) + 1
	failed := failuresOf(t, b.Put(t.Context(), []story.Part{
		textPart(user42, id, 1, strings.Repeat("x", room)),
		textPart(user42, id, 2, strings.Repeat("x", room+1)),
		textPart(user42, id, 3, "small"),
	}))
	if len(failed) != 1 || failed[1].Outcome != story.Reject || failed[1].Err == nil {
		t.Errorf("got failures %v, want only the part that is a byte too large rejected", failed)
	}
	if got := b.count(t, nil); got != 2 {
		t.Errorf("got %d items, want the two others stored", got)
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	plain := newStore(t, b.client, dynamo.Config{Name: b.name, PlainText: true})
	id := idAt(at(10, 0), "a")
	noise := make([]byte, 3000) // without a pattern, so that only what is repeated is saved
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(' ' + random.IntN(64))
	}
	for _, test := range []struct {
		store  *dynamo.Store
		text   string
		packed bool
		reason string
	}{
		{b.Store, "+0.000 I short\n", false, "one unit is the least"},
		{b.Store, strings.Repeat("x", 800), false, "still one unit, though it would shrink"},
		{b.Store, strings.Repeat("+0.000 I again and again\n", 100), true, "it saves units"},
		{b.Store, strings.Repeat(string(noise[:550]), 2), true, "from two units to one"},
		{b.Store, string(noise[:1500]) + string(noise[:400]), false, "it would shrink, and still cost two units"},
		{plain, strings.Repeat("+0.000 I again and again\n", 100), false, "PlainText"},
	} {
		part := textPart(user42, id, 1, test.text)
		it, err := test.store.ItemOf(part)
		if err != nil {
			t.Fatal(err)
		}
		_, packed := it["message_zstd"].(*types.AttributeValueMemberB)
		_, raw := it["message"]
		if packed != test.packed || raw == packed {
			t.Errorf("%s: got packed %v, raw %v, want packed %v", test.reason, packed, raw, test.packed)
		}
		got := b.DecodeParts(user42, id, []item{it})
		if len(got) != 1 || got[0].Text != test.text {
			t.Errorf("%s: the text does not come back: %v", test.reason, got)
		}
	}
}
