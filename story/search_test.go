package story_test

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

var searchNow = time.Date(2026, 11, 22, 16, 41, 41, 0, time.FixedZone("CET", 3600))

func parseSearch(t *testing.T, text string) story.Search {
	t.Helper()
	s, err := story.ParseSearch(text, searchNow)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return s
}

// order is a header that the tables below look for.
func order() story.Header {
	start := time.Date(2026, 11, 22, 15, 30, 0, 7000, time.UTC)
	return story.Header{
		Key: story.NewKey("user", "42"), ID: story.IDPrefix(start) + "-7f3k2m", Start: start, Updated: start, Duration: 1500 * time.Millisecond,
		State: story.Sealed, MaxLevel: slog.LevelError, LineCount: 44, Title: "POST /orders", Cause: "Payment failed: deadline", Problem: "ab23cd45ef",
		Attrs: map[string]string{
			"order": "93", "status": "502", "route": "POST /orders", "latency": "400ms", "empty": "", "big": "9007199254740993",
			"level": "3", "a b": "x", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "version": "v2.8.1", "größe": "7", "kid": "abc",
		},
	}
}

func TestSearchMatch(t *testing.T) {
	h := order()
	short := story.ShortID(h.ID)
	for text, want := range map[string]bool{
		"": true, "  \t\n": true,
		"user_42": true, "user_43": false, "-user_42": false, "-user_43": true, "key:user_42": true, "key!=user_42": false, `user_"42"`: true, `"user_42"`: false,
		"payment": true, `"PAYMENT FAILED"`: true, "orders payment": true, "orders refused": false, "-refused": true, "-payment": false, `-"payment failed"`: false, "failed:": true, "payment failed: deadline": true,
		"4bf92f3577b34da6a3ce929d0e0e4736": true, "4bf92f3577b34da6a3ce929d0e0e473": false, "https://example.org/x": false, "16:00": false,
		"order=93": true, "order:93": true, "order=093": true, "order=93.0": true, "order=94": false, "order!=93": false, "order!=94": true, "-order=93": false, "-order=94": true,
		"none=1": false, "none!=1": false, "-none=1": true, "-none!=1": true, "none<1": false, "none>1": false,
		"status>=500": true, "status>502": false, "status<1000": true, "status<=501": false, "status!=200": true, "status<1e3": true, "status>=abc": false, "status<abc": true, "status:>=500": true,
		"latency>1s": false, "latency<1s": true, "latency=0.4s": true, "latency<9": true, // as text
		"empty=\"\"": true, "empty!=\"\"": false, "order=\"\"": false,
		"big=9007199254740992": false, "big=9007199254740993": true, "big>9007199254740992": true,
		"version=v2.8.1": true, "version<v2.9": true,
		`route:"POST /orders"`: true, `route="post /orders"`: false, "route=POST": false,
		`"level"=3`: true, `"level">2`: true, `"a b"=x`: true, `"a b"=y`: false, "größe=7": true, "kid=abc": true,
		"level:warn": true, "level:ERROR": true, "level:error+1": false, "level=error": true, "level=warn": false, "level<error": false, "level>warn": true, "level>=error": true, "level!=error": false, "-level:error": false, "-level:error+4": true, "LEVEL:warn": true, "level<=error": true,
		"kind:user": true, "kind:USER": true, "kind=job": false, "-kind:job": true, "kind!=user": false,
		"state:sealed": true, "state:Open": false, "-state:open": true, "state!=sealed": false,
		"title:orders": true, "title:payment": false, "cause:PAYMENT": true, "cause:orders": false, `title="POST /orders"`: true, "title=orders": false, "title!=orders": true, "-title:orders": false,
		"problem:ab23cd45ef": true, "problem:ab": false, "problem!=ab": true,
		"took>1s": true, "took<1s": false, "took:>1s": true, "took>=1500ms": true, "took<=1.5s": true, "took=1.5s": true, "took!=1.5s": false, "took<1d": true, "-took>1s": false,
		"lines>100": false, "lines<100": true, "lines=44": true, "lines>=44": true, "lines!=44": false,
		"since:-5m": false, "since:-1h": true, "since:16:00": true, "since:16:30": true, "since:15:30Z": true, "since:16:31": false, "since:2026-11-22": true, "since:today": true, `since:"2026-11-22 16:31"`: false,
		"until:16:31": true, "before:16:31": true, "until:16:30": false, "until:today": false, "since:yesterday until:today": false, "since:yesterday until:now": true, "since:15:00 until:16:00": false, "since=16:00Z": true, // yesterday's
		"id:" + h.ID: true, "id:" + short: true, h.ID: true, "-" + h.ID: false, "id:" + short[:11] + "z": false, "id=" + short: true,
		"user_42 level:error order=93 payment": true, "user_42 level:error order=93 refused": false,
	} {
		s := parseSearch(t, text)
		if got := s.Match(h); got != want {
			t.Errorf("%q matches: %v, want %v", text, got, want)
		}
		again := parseSearch(t, s.String())
		if !reflect.DeepEqual(again, s) {
			t.Errorf("%q is written as %q, which is something else", text, s)
		}
		if q, rest := s.Query(); (q.Match(h) && rest.Match(h)) != want {
			t.Errorf("%q as the query %+v and %q does not select the same", text, q, rest)
		}
	}
}

func TestSearchErrors(t *testing.T) {
	for text, want := range map[string]string{
		"level:warm":              "at 1: level:warm: no such level; one of debug, info, warn, error",
		"kind:job level:warm x":   "at 10: level:warm: no such level; one of debug, info, warn, error",
		"level:":                  "level wants a value, as in level:warn",
		"sicne:-1h":               "there is no sicne; did you mean since:-1h? An attribute of that name is sicne=-1h",
		"sinces:-1h":              "did you mean since:-1h?",
		"levl:warn":               "did you mean level:warn?",
		"untli:16:00":             "did you mean until:16:00?",
		"since:soon":              `not a time; a time is -3h, -2d, 16:00, yesterday,`,
		"until:":                  "until wants a value, as in until:-1h",
		"-since:-1h":              "since: and until: are each other's opposite",
		"since>-1h":               "since is not compared with >: write since:-1h",
		"state:paid":              `one of open, sealed, continued, moved, closed, abandoned, interrupted; for the attribute write "state"=paid`,
		"state>open":              `for the attribute write "state">open`,
		`kind:"job x"`:            "a kind is of the letters a-z, digits and '-'",
		"key:42":                  "a key is kind_id, as in user_42",
		"took:1s":                 "say whether more or less, as in took>1s or took<1s",
		"took:\x1b[31m":           `as in took>1s or took<\x1b[31m`,
		"took>soon":               "a time is 500ms, 1s, 2m or 1h30m, as in took>1s",
		"took>-1s":                "as in took>1s",
		"lines>many":              "a number is wanted, as in lines>100",
		"lines>-1":                "as in lines>100",
		"id:93":                   `for the attribute write "id"=93`,
		"title>x":                 `title is not compared with >: write title:"payment failed"`,
		`"payment failed`:         `the quote has no end: close it with "`,
		`x route="GET /`:          `at 3: route="GET /: the quote has no end`,
		"order=":                  `a value is missing; the empty one is order=""`,
		`""=3`:                    "the name of an attribute is missing",
		`""`:                      "a word is missing",
		"-":                       "text that begins with a minus stands in quotes",
		"a - b":                   "at 3: -: a word is missing",
		"user_1 user_2":           "user_2: it contradicts user_1: a story is of one key",
		"user_1 kind:job":         "it contradicts user_1: the key is of another kind",
		"kind:job user_1":         "it contradicts kind:job: the key is of another kind",
		"kind:job kind:user":      "it contradicts kind:job: a story has one kind",
		"state:open state:closed": "it contradicts state:open: a story has one state",
		"since:-1h until:-2h":     "it contradicts since:-1h: nothing is from 2026-11-22 15:41:41 CET on and before 2026-11-22 14:41:41 CET",
		"before:-2h since:-1h":    "it contradicts until:-2h",
		"level:\x1b[2J":           `level:\x1b[2J: no such level`,
	} {
		s, err := story.ParseSearch(text, searchNow)
		var bad *story.SearchError
		if !errors.As(err, &bad) || !s.IsZero() || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
			continue
		}
		if bad.Text != text || bad.Term() == "" || strings.TrimSpace(bad.Term()) != bad.Term() {
			t.Errorf("%q: the wrong term is %q", text, bad.Term())
		}
	}
	long := strings.Repeat("ä", 5000)
	for _, text := range []string{"level:" + long, "state:" + long, "since:" + long, "sicne:" + long, "kind:" + long, "id:" + long, "title>" + long, "user_" + long + " user_1", long + "="} {
		if _, err := story.ParseSearch(text, searchNow); err == nil || len(err.Error()) > 1200 {
			t.Errorf("%.10s: the error says it all again: %v", text, err)
		}
	}
}

// What a search asks a store, and what it decides itself.
func TestSearchQuery(t *testing.T) {
	at := func(hour, minute int) time.Time {
		return time.Date(2026, 11, 22, hour, minute, 0, 0, searchNow.Location())
	}
	start := time.Date(2026, 11, 22, 15, 30, 0, 7000, time.UTC)
	for text, want := range map[string]struct {
		query story.Query
		rest  string
	}{
		"":                                    {},
		"user_42 payment":                     {story.Query{Key: story.NewKey("user", "42")}, "payment"},
		"kind:job took>1s":                    {story.Query{Kind: "job"}, "took>1s"},
		"level:warn level:error":              {story.Query{MinLevel: slog.LevelError}, ""},
		"level:error level>=warn":             {story.Query{MinLevel: slog.LevelError}, ""},
		"level=warn":                          {story.Query{MinLevel: slog.LevelWarn}, "level=warn"},
		"level<warn":                          {story.Query{}, "level<warn"},
		"since:16:00 since:15:00 until:16:30": {story.Query{Since: at(16, 0), Until: at(16, 30)}, ""},
		"-user_42 -kind:job -level:warn":      {story.Query{}, "-user_42 -kind:job -level:warn"},
		"title:orders title:x":                {story.Query{Text: "orders"}, "title:x"},
		"title=orders":                        {story.Query{}, "title=orders"},
		"status>=500 order:93 trace=7":        {story.Query{Key: story.NewKey("order", "93")}, "status>=500 trace=7"},
		"-order=93 order!=93 order>9":         {story.Query{}, "-order=93 order!=93 order>9"},
		"user_42 order=93":                    {story.Query{Key: story.NewKey("user", "42")}, "order=93"},
		"id:" + story.ShortID(story.IDPrefix(start)+"-7f3k2m"): {
			story.Query{Since: start, Until: start.Add(time.Microsecond)}, "id:" + story.ShortID(story.IDPrefix(start)+"-7f3k2m")},
	} {
		q, rest := parseSearch(t, text).Query("order", "trace")
		if !q.Since.Equal(want.query.Since) || !q.Until.Equal(want.query.Until) {
			t.Errorf("%q: from %v to %v", text, q.Since, q.Until)
		}
		q.Since, q.Until = want.query.Since, want.query.Until
		if !reflect.DeepEqual(q, want.query) || rest.String() != want.rest {
			t.Errorf("%q: got %+v and %q", text, q, rest)
		}
	}
	key, rest, found := parseSearch(t, `http_"GET /x" took>1s -user_1`).CutKey()
	if !found || key != story.NewKey("http", "GET /x") || rest.String() != "took>1s -user_1" {
		t.Errorf("got %v, %q, %v", key, rest, found)
	}
	if _, rest, found := parseSearch(t, "-user_1").CutKey(); found || rest.String() != "-user_1" {
		t.Errorf("got %q, %v", rest, found)
	}
}

// A search is written as people would type it.
func TestSearchString(t *testing.T) {
	for text, want := range map[string]string{
		"  user_42\tpayment ": "user_42 payment", `"payment failed"`: `"payment failed"`, `"payment"`: "payment", `"user_42"`: `"user_42"`,
		"level>=warn": "level:warn", "kind!=job": "-kind:job", "took:>1s": "took>1s", "before:16:00": "until:16:00", "order:93": "order=93",
		`route:"GET /x"`: `route="GET /x"`, `key:"http_GET /x"`: `key:"http_GET /x"`, `http_"GET /x"`: `key:"http_GET /x"`, "url_https://x": "url_https://x",
		`"a \"b\" \\c \d"`: `"a \"b\" \\c \\d"`, `"level"=3`: `"level"=3`, `-"-x"`: `-"-x"`, `"=x"`: "=x", `a==b`: `a="=b"`, `"a:"`: `"a:"`, "failed:": `"failed:"`, `x=""`: `x=""`,
	} {
		if got := parseSearch(t, text).String(); got != want {
			t.Errorf("%q is written as %s, want %s", text, got, want)
		}
	}
}

// What a shell leaves of words in quotes is what was meant.
func TestJoinSearch(t *testing.T) {
	for args, want := range map[string]string{
		"": "", "user_42": "user_42", "user_42|payment": "user_42 payment", "payment failed": `"payment failed"`, "-payment failed": `-"payment failed"`,
		"http_GET /users/{id}": `key:"http_GET /users/{id}"`, "http_GET /users:batch": `key:"http_GET /users:batch"`, "route=GET /x": `route="GET /x"`, "route:GET /x": `route="GET /x"`,
		"kind:job level:warn": "kind:job level:warn", "payment -retry": "payment -retry", "since:2026-11-22 16:00": `since:"2026-11-22 16:00"`, `"payment failed"`: `"payment failed"`,
		`route="GET /x" payment`: `route="GET /x" payment`, "a - b": `"a - b"`, "status>=500|since:yesterday 16:00": `status>=500 since:"yesterday 16:00"`, " x ": "x", "took:>1s": "took>1s",
	} {
		if got := parseSearch(t, story.JoinSearch(strings.Split(args, "|")...)).String(); got != want {
			t.Errorf("%q: got %s, want %s", args, got, want)
		}
	}
	for _, value := range []string{"a b", `"`, `\\`, "", ">x", "-x", "//", "=x", "\xff \x00"} {
		for _, field := range []string{"", "title"} {
			if s, err := story.ParseSearch(story.SearchTerm(field, value), searchNow); value != "" && (err != nil || !s.Match(story.Header{Title: "_" + value + "_"})) {
				t.Errorf("%s %q: %v", field, value, err)
			}
		}
	}
}

func FuzzSearch(f *testing.F) {
	for _, text := range []string{
		`user_42 order=93 status>=500 took>1s level:warn kind:job since:-1h "payment failed"`, `-"a \" b" -x=y "q q"<=3 a:"":b`, `key:"http_GET /x" -state:open`,
		"id:hoejm7nd777f 2026-11-22T16:41:41.407123Z-7f3k2m", "since:yesterday until:16:00Z", "\xff\x00=\u2028 _x -_ a:://", `"level"=3 ""`, "sicne:1", `"`, "a!b!=c!:d", "lines>1 took:<2d", `title=x\`, "x:=:y",
	} {
		f.Add(text)
	}
	h := order()
	f.Fuzz(func(t *testing.T, text string) {
		s, err := story.ParseSearch(text, searchNow)
		if bad := (*story.SearchError)(nil); errors.As(err, &bad) {
			if bad.At < 0 || bad.At >= bad.End || bad.End > len(text) || bad.Reason == "" || bad.Error() != story.Escape(bad.Error()) {
				t.Fatalf("%q: %d to %d: %v", text, bad.At, bad.End, err)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: an error of another kind: %v", text, err)
		}
		again, err := story.ParseSearch(s.String(), searchNow)
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Fatalf("%q is written as %q, which is %q, %v", text, s, again, err)
		}
		q, rest := s.Query("order")
		if q.Key != story.NewKey("order", "93") && s.Match(h) != (q.Match(h) && rest.Match(h)) {
			t.Fatalf("%q: as the query %+v and %q it selects something else", text, q, rest)
		}
	})
}

func ExampleParseSearch() {
	_, err := story.ParseSearch("kind:job level:warm", time.Now())
	fmt.Println(err)
	// Output: story: search, at 10: level:warm: no such level; one of debug, info, warn, error
}

func TestSearchWithin(t *testing.T) {
	since, until := searchNow.Add(-time.Hour), searchNow
	for text, want := range map[string]string{
		"":                                  "since:2026-11-22T14:41:41Z until:2026-11-22T15:41:41Z",
		"user_42 since:yesterday -status=5": "user_42 -status=5 since:2026-11-22T14:41:41Z until:2026-11-22T15:41:41Z",
		"until:16:00":                       "since:2026-11-22T14:41:41Z until:2026-11-22T15:41:41Z",
	} {
		s := parseSearch(t, text)
		before := s.String()
		within := s.Within(since, until)
		if got := within.String(); got != want || s.String() != before {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if q, rest := within.Query(); !q.Since.Equal(since) || !q.Until.Equal(until) || parseSearch(t, want).String() != want {
			t.Errorf("%q: the query is %+v, the rest %q", text, q, rest)
		}
		if got := within.Within(time.Time{}, time.Time{}); strings.Contains(got.String(), ":2026") {
			t.Errorf("without times: %q", got)
		}
	}
}

// What a search says of a field can be left out of it, and what goes wrong is looked for
// among what went wrong.
func TestSearchWithout(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "since:-1h": "", "since:-1h until:now kind:user order=93": "kind:user order=93", "before:today x": "x", "-kind:job since:today": "-kind:job",
	} {
		if got := parseSearch(t, text).Without("since", "until").String(); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := parseSearch(t, "kind:user since:today -kind:job x").Without("kind").String(); got != "since:today x" {
		t.Errorf("got %q", got)
	}
	for text, want := range map[string]slog.Leveler{"problem:ab": slog.LevelWarn, "problem=ab level:error": slog.LevelError, "problem!=ab": nil, "-problem:ab": nil} {
		if q, rest := parseSearch(t, text).Query(); q.MinLevel != want || rest.IsZero() {
			t.Errorf("%q: got %v and %q, want %v", text, q.MinLevel, rest, want)
		}
	}
}
