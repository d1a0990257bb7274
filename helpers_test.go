package dynamoslog_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
)

// What nearly every test uses, by short names.
var (
	open   = handlertest.Open
	read   = handlertest.Read
	noTime = handlertest.NoTime
)

func TestMain(m *testing.M) { handlertest.Main(m) }

// expect checks the text of a story.
func expect(t *testing.T, s story.Story, want string) {
	t.Helper()
	if got := story.Format(s.Lines); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// newServer starts a server that ends with the test.
func newServer(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}
