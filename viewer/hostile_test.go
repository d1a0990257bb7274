package viewer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// putText stores a story whose text is somebody else's.
func putText(t *testing.T, store story.Store, minute int, text string) string {
	t.Helper()
	key, begin := story.NewKey("user", "1"), start.Add(time.Duration(minute)*time.Minute)
	id := story.IDPrefix(begin) + "-abcdef"
	h := &story.Header{Key: key, ID: id, Start: begin, Updated: begin, State: story.Sealed, LineCount: 1, Parts: 1, Title: "x"}
	if err := store.Put(t.Context(), []story.Part{{Key: key, ID: id, Header: h}, {Key: key, ID: id, Number: 1, Text: text}}); err != nil {
		t.Fatal(err)
	}
	return id
}

// branches is the text of so many branches, of three lines each, none like another.
func branches(count int) string {
	var text strings.Builder
	for i := range count {
		name := strings.Map(func(r rune) rune { return r - '0' + 'a' }, strconv.Itoa(i))
		fmt.Fprintf(&text, "+0.000 I %s\n+0.000 I   below %[1]s\n+0.000 I   beside %[1]s\n", name)
	}
	return text.String()
}

// A leaving client leaves after so many bytes: what is written then fails, or the
// request's context ends, as in net/http.
type leavingClient struct {
	header http.Header
	left   int
	failed bool // the writes fail
	leave  func()
	after  int // bytes written after it had left
}

func (c *leavingClient) Header() http.Header { return c.header }
func (c *leavingClient) WriteHeader(int)     {}

func (c *leavingClient) Write(p []byte) (int, error) {
	if c.left < 0 {
		c.after += len(p)
	}
	if c.left -= len(p); c.left >= 0 {
		return len(p), nil
	}
	c.leave()
	if c.failed {
		return 0, errors.New("broken pipe")
	}
	return len(p), nil
}

// What nobody reads is not written on, and not worked on.
func TestPageEndsWithItsReader(t *testing.T) {
	store := story.NewMemory()
	putText(t, store, 0, branches(1000))
	id := putText(t, store, 1, branches(10_000))
	h := viewer.New(store, nil)
	for _, target := range []string{"/story?fold=none&repeats=each&", "/download?", "/download?as=markdown&", "/download?as=json&"} {
		for _, failed := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			c := &leavingClient{header: make(http.Header), left: 100_000, failed: failed, leave: cancel}
			r := httptest.NewRequest(http.MethodGet, target+"key=user_1&id="+id, nil).WithContext(ctx)
			if failed {
				c.leave = func() {}
			}
			r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
			h.ServeHTTP(c, r)
			cancel()
			if c.left >= 0 || c.after > 0 {
				t.Errorf("%s, writes fail: %v: %d bytes were left, %d written after the reader had gone", target, failed, c.left, c.after)
			}
		}
	}
}

// A slow store has its answer when its reader has left, whatever it was told.
type slowStore struct {
	story.Store
	leave func()
}

func (s slowStore) Read(ctx context.Context, key story.Key, id string) (story.Story, error) {
	got, err := s.Store.Read(context.WithoutCancel(ctx), key, id)
	s.leave()
	return got, err
}

func (s slowStore) List(ctx context.Context, q story.Query) (story.Page, error) {
	return s.Store.List(context.WithoutCancel(ctx), q)
}

// Who leaves while a story is read is sent no page.
func TestNoPageForNobody(t *testing.T) {
	memory := story.NewMemory()
	putText(t, memory, 0, branches(100))
	id := putText(t, memory, 1, branches(10))
	for _, target := range []string{"/story?key=user_1&id=", "/download?key=user_1&id=", "/diff?key=user_1&is="} {
		ctx, cancel := context.WithCancel(t.Context())
		r := httptest.NewRequest(http.MethodGet, target+id, nil).WithContext(ctx)
		r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
		w := httptest.NewRecorder()
		viewer.New(slowStore{memory, cancel}, nil).ServeHTTP(w, r)
		if w.Body.Len() > 0 {
			t.Errorf("%s: got %d bytes: %.200s", target, w.Body.Len(), w.Body)
		}
		cancel()
	}
}

// A page is as large as a browser bears, says how much it leaves out, and is whole.
func TestPageIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes two minutes with the race detector")
	}
	store := story.NewMemory()
	const count = 40_000
	line := strings.Repeat("<", 900)
	id := putText(t, store, 1, strings.Repeat("+0.000 I "+line+"\n+0.000 I   below\n", count/2))
	putText(t, store, 0, strings.Repeat("+0.000 I other\n", 40_000))
	h := viewer.New(store, nil)
	for target, most := range map[string]int{
		"/story?repeats=each&fold=none&key=user_1&id=":       66 << 20,
		"/story?repeats=each&fold=none&q=%3C&key=user_1&id=": 66 << 20,
		"/diff?all=1&key=user_1&is=":                         17 << 20,
	} {
		page := body(t, ask(h, target+id), 200)
		if len(page) > most {
			t.Errorf("%s: %d bytes, want at most %d", target, len(page), most)
		}
		for _, tag := range []string{"ol", "li", "details", "section"} {
			if opened, closed := strings.Count(page, "<"+tag+">")+strings.Count(page, "<"+tag+" "), strings.Count(page, "</"+tag+">"); opened != closed {
				t.Errorf("%s: %d <%s>, and %d that end", target, opened, tag, closed)
			}
		}
		left := regexp.MustCompile(`(\d+) further lines did not go into this page`).FindStringSubmatch(page)
		if len(page) > most*9/10 && left == nil || left != nil && len(page) < most*9/10 {
			t.Errorf("%s: of %d bytes, it says %q", target, len(page), left)
		}
		if left == nil {
			continue
		}
		n, _ := strconv.Atoi(left[1])
		shown := strings.Count(page, `class="n"`)
		all := count
		if strings.Contains(target, "q=") {
			all /= 2
		}
		if strings.HasPrefix(target, "/story") && n+shown != all {
			t.Errorf("%s: %d lines are shown and %d left out, want %d together", target, shown, n, all)
		}
	}
	if page := body(t, ask(h, "/story?key=user_1&id="+id), 200); strings.Contains(page, "did not go into this page") {
		t.Error("a page that is small leaves something out")
	}
}

// A story nested deeper than any stack is a page.
func TestVeryDeepStory(t *testing.T) {
	store := story.NewMemory()
	var text []byte
	const count = 30_000
	for i := range count {
		text = fmt.Appendf(text, "+0.000 I>%d line %c\n", i, 'a'+i%26)
	}
	id := putText(t, store, 1, string(text))
	putText(t, store, 0, string(text))
	h := viewer.New(store, nil)
	for _, target := range []string{"/story?fold=none&key=user_1&id=", "/story?fold=none&repeats=each&key=user_1&id=", "/story?key=user_1&at=30000&id=", "/story?key=user_1&fold=0&full=30000&id=", "/diff?all=1&key=user_1&is="} {
		page := body(t, ask(h, target+id), 200)
		if strings.Contains(target, "each") && !strings.Contains(page, `<span class="f">28999 callers deeper than is shown</span>`) && !strings.Contains(page, "did not go into") {
			t.Errorf("%s: nothing says how deep the lines are", target)
		}
	}
	for _, as := range []string{"text", "markdown", "json"} {
		body(t, ask(h, "/download?line=30000&as="+as+"&key=user_1&id="+id), 200)
	}
}

// A line of very many attributes is shown as far as a reader can bear.
func TestVeryManyAttributes(t *testing.T) {
	store := story.NewMemory()
	attrs := strings.Repeat("a=b ", 1<<20)
	putText(t, store, 0, "+0.000 I x\t"+strings.ReplaceAll(attrs, "b", "c")+"\n")
	id := putText(t, store, 1, "+0.000 I x\t"+attrs+"\n")
	h := viewer.New(store, nil)
	for target, most := range map[string]int{
		"/story?key=user_1&id=": 20_000, "/story?full=1&key=user_1&id=": 1 << 20, "/diff?key=user_1&is=": 30_000,
		"/download?as=json&key=user_1&id=": 2 << 20,
	} {
		if page := body(t, ask(h, target+id), 200); len(page) > most {
			t.Errorf("%s: %d bytes, want at most %d", target, len(page), most)
		}
	}
	if page := body(t, ask(h, "/story?key=user_1&id="+id), 200); !strings.Contains(page, `full=1`) || !strings.Contains(page, "all 4194304 bytes") {
		t.Error("nothing says how many there are")
	}
}

// A text that is asked for in full is as long as a page bears.
func TestFullTextIsBounded(t *testing.T) {
	store := story.NewMemory()
	id := putText(t, store, 0, "+0.000 I "+strings.Repeat("x", 20<<20)+"\n")
	page := body(t, ask(viewer.New(store, nil), "/story?full=1&key=user_1&id="+id), 200)
	if len(page) > 5<<20 || !strings.Contains(page, "(20971520 bytes, all of them in a download)") {
		t.Errorf("got %d bytes", len(page))
	}
}

// The fence of a download is longer than any in it, and found in one look.
func TestLongFence(t *testing.T) {
	store := story.NewMemory()
	const ticks = 1 << 20
	id := putText(t, store, 0, "+0.000 I a```b\n+0.000 I "+strings.Repeat("`", ticks)+"\n")
	text := body(t, ask(viewer.New(store, nil), "/download?as=markdown&key=user_1&id="+id), 200)
	fence := strings.Repeat("`", ticks+1) + "\n"
	if !strings.HasPrefix(text, fence) || !strings.HasSuffix(text, "\n"+fence) || strings.Count(text, fence) != 2 {
		t.Errorf("the block is not fenced: %d bytes", len(text))
	}
}

// The link that unfolds a branch stays one that the viewer takes.
func TestToggledLinksStayShort(t *testing.T) {
	store := story.NewMemory()
	id := putText(t, store, 0, branches(3000))
	h := viewer.New(store, nil)
	var numbers []string
	for i := range 1000 {
		numbers = append(numbers, strconv.Itoa(3*i+1))
	}
	page := body(t, ask(h, "/story?fold=0&key=user_1&id="+id+"&toggled="+strings.Join(numbers, ".")), 200)
	links := regexp.MustCompile(`<a class="f" href="([^"]*)#L(\d+)"`).FindAllStringSubmatch(page, -1)
	if len(links) != 2000 {
		t.Fatalf("%d branches are folded, want 2000", len(links))
	}
	last := links[len(links)-1]
	opened := body(t, ask(h, "/"+strings.ReplaceAll(last[1], "&amp;", "&")), 200)
	if !strings.Contains(opened, `id="L`+last[2]+`"`) || !regexp.MustCompile(`id="L`+last[2]+`"[^>]*><a[^>]*>\d+</a><details open>`).MatchString(opened) {
		t.Errorf("the branch at line %s is not open", last[2])
	}
}
