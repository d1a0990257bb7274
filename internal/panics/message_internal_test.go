package panics

import (
	"encoding/json"
	"strings"
	"testing"
)

// fragile panics when it is encoded, below many functions of the standard library.
type fragile struct{}

func (fragile) MarshalJSON() ([]byte, error) { panic("boom") }

//go:noinline
func encode() { _, _ = json.Marshal([]any{map[string]any{"a": []any{&fragile{}}}}) }

// The program's own functions are told, however many others stand between them, and where
// it was thrown and thrown again, whosever that is.
func TestMessageTellsTheProgramsOwn(t *testing.T) {
	for name, test := range map[string]struct {
		f     func()
		first string
		own   string
	}{
		"below encoding/json":     {encode, "", "panics.fragile.MarshalJSON message_internal_test.go:"},
		"in the standard library": {func() { _ = strings.Repeat("x", -1) }, "strings.Repeat strings.go:", "panics.TestMessageTellsTheProgramsOwn."},
		"in the runtime":          {func() { list := make([]int, 0); _ = list[cap(list)] }, "panics.TestMessageTellsTheProgramsOwn.", ""},
	} {
		var told, message string
		func() {
			defer func() { message = Message(recover()) }()
			Guard(test.f, func(u *Unwinding) { told = u.Message() })
		}()
		for _, text := range []string{told, message} {
			lines := strings.Split(text, "\n")
			if len(lines) > 1+most || !strings.Contains(lines[1], test.first) || !strings.Contains(text, test.own) ||
				strings.Contains(text, "runtime.") || strings.Contains(text, "panics.Guard ") || strings.Contains(text, "panics.tell ") {
				t.Errorf("%s: got\n%s", name, text)
			}
		}
		if name == "below encoding/json" && (!strings.Contains(told, "panics.encode ") || !strings.Contains(message, "panics.encode ")) {
			t.Errorf("%s: got\n%s\n%s", name, told, message)
		}
		if !strings.HasPrefix(message, told) && len(strings.Split(told, "\n")) <= most {
			t.Errorf("%s: by Guard\n%s\nby who recovered\n%s", name, told, message)
		}
	}
}

// deep calls itself.
func deep(left int) {
	if left == 0 {
		panic("deep")
	}
	deep(left - 1)
}

func TestMessageTellsARecursionOnce(t *testing.T) {
	var message string
	func() {
		defer func() { message = Message(recover()) }()
		deep(5000)
	}()
	if strings.Count(message, "panics.deep ") != 2 || !strings.Contains(message, "TestMessageTellsARecursionOnce") { // where it panics, and where it calls itself
		t.Errorf("got\n%s", message)
	}
}

func TestKindOf(t *testing.T) {
	for function, want := range map[string]kind{
		"main.main":                                 program,
		"example.com/shop/orders.(*Store).Save":     program,
		"example.com/shop.Run.func1":                program,
		"example.com/shop_test.TestRun":             program,
		"example.com/shopping.Cart":                 dependency,
		"github.com/go-chi/chi/v5.(*Mux).Handle":    dependency,
		"gopkg.in/yaml%2ev3.Unmarshal":              dependency,
		"net/http.HandlerFunc.ServeHTTP":            standard,
		"strings.Repeat":                            standard,
		"slices.pdqsortCmpFunc[go.shape.struct {}]": standard,
	} {
		if got := kindOf(function, "example.com/shop"); got != want {
			t.Errorf("%s: got %d, want %d", function, got, want)
		}
	}
	if kindOf("shop/orders.Save", "shop") != program {
		t.Error("a module without a dot is taken for the standard library")
	}
}
