package reading_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
)

func TestWhy(t *testing.T) {
	tree := parseTree(`+0.000 I POST /orders
+0.001 I   Paying
+0.002 W     no answer	err=timeout
+0.003 E     Payment failed	order=7 db.err="Post \"https://x\": refused" stack="goroutine 7 [running]:\nshop/pay.(*Gate).Charge(0xc0)\n\t/build/shop/pay/gate.go:41 +0x1d\nnet/http.HandlerFunc.ServeHTTP(0xc0)\n\t/usr/local/go/src/net/http/server.go:2294 +0x29\n"
+0.004 E   later
`)
	why, bad := tree.Why()
	if !bad || why.Number != 4 || why.Error != `Post "https://x": refused` {
		t.Fatalf("got %v, line %d, %q", bad, why.Number, why.Error)
	}
	path := ""
	for _, n := range why.Callers {
		path += n.Message + ">"
	}
	if want := "POST /orders>Paying>"; path != want {
		t.Errorf("callers %s, want %s", path, want)
	}
	if got, want := fmt.Sprint(why.Stack), "{[{shop/pay.(*Gate).Charge pay/gate.go:41}] [{net/http.HandlerFunc.ServeHTTP /usr/local/go/src/net/http/server.go:2294}]}"; got != want {
		t.Errorf("stack %s, want %s", got, want)
	}
	if _, bad := parseTree("+0.000 I calm\n").Why(); bad {
		t.Error("a calm story is bad")
	}
}

func TestParseStack(t *testing.T) {
	for text, want := range map[string]string{
		"shop.(*Cart).voucher cart.go:88\nshop.placeOrder orders.go:40":                                               "{[{shop.(*Cart).voucher cart.go:88} {shop.placeOrder orders.go:40}] []}",
		"main.pay\n\tpay.go:41\nmain.order\n\torder.go:7":                                                             "{[{main.pay pay.go:41} {main.order order.go:7}] []}",
		"example.org/a/shop/pay.Do(...)\n\t/x/pay/do.go:3\ngithub.com/o/lib.Run()\n\t/m/github.com/o/lib@v1.2/r.go:9": "{[{example.org/a/shop/pay.Do pay/do.go:3}] [{github.com/o/lib.Run /m/github.com/o/lib@v1.2/r.go:9}]}",
		"created by shop.serve in goroutine 1\n\t/s/shop/s.go:2 +0x1":                                                 "{[{shop.serve s.go:2}] []}",
		"charge order 443: no answer\nRetry later.\n":                                                                 "{[] []}",
		"": "{[] []}",
	} {
		if got := fmt.Sprint(reading.ParseStack(text)); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func FuzzParseStack(f *testing.F) {
	f.Add("goroutine 1 [running]:\nmain.pay(0x1)\n\t/x/pay.go:41 +0x1\ncreated by main.main in goroutine 7")
	f.Add(").go:1\n( .\n\t.go:\n/./")
	f.Fuzz(func(t *testing.T, text string) {
		for _, frame := range append(reading.ParseStack(text).Own, reading.ParseStack(text).Others...) {
			if frame.Func == "" {
				t.Errorf("%q: a call without a name", text)
			}
		}
	})
}

func TestShares(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"the level at which the time divides": {`+0.000 I POST /orders
+0.000 I   Loading
+0.001 I     rows
+0.100 I   Paying
+0.101 I     asking
+0.900 I   Placed
+1.000 I done
`, "[Paying ×1 800ms 800, Loading ×1 100ms 100, silence after “Placed” ×1 100ms 100]"},
		"silences where nothing branches": {"+0.000 I a\n+0.600 I b\n+1.000 I c\n", "[silence before “b” ×1 600ms 600, silence before “c” ×1 400ms 400]"},
		"turns of a loop together":        {"+0.000 I all\n+0.000 I   item 1\n+0.001 I     x\n+0.400 I   item 2\n+0.401 I     x\n+1.000 I end\n", "[item 2 ×2 1s 1000]"},
		"goroutines are no silence":       {"+0.000 I all\n+0.010 I&1 one\n+0.990 I&1   done\n+1.000 I end\n", "[goroutines, until “end” ×1 1s 1000]"},
		"what a line tells": {
			"+0.000 I all\n+0.100 I   GET /stock/7\ttook=80ms\n+0.110 I   Paying\n+0.600 I     POST /charges\ttook=480ms\n+0.700 I   mailed\ttook=2s\n+1.000 I 200 OK\ttook=1s\n",
			"[Paying ×1 590ms 590, silence after “mailed” ×1 300ms 300, GET /stock/7 ×1 80ms 80, silence before “GET /stock/7” ×1 20ms 20, silence before “Paying” ×1 10ms 10]",
		},
		"what a line tells that has lines below": {
			"+0.000 I all\n+0.110 I   Paying\n+0.700 I     POST /charges\ttook=590ms\n+0.701 I       paid\n+0.990 I   done\n+1.000 I 200 OK\ttook=1s\n",
			"[POST /charges ×1 880ms 880]",
		},
		"a call alone":            {"+0.000 I all\n+0.380 I   Paying\ttook=379.6ms\n+0.395 I 200 OK\ttook=395.1ms\n", "[Paying ×1 379.6ms 961, silence after “Paying” ×1 15ms 37]"},
		"months":                  {"+0.000 I a\n+10000000.000 I b\n+20000000.000 I c\n", "[silence before “b” ×1 2777h46m40s 500, silence before “c” ×1 2777h46m40s 500]"},
		"silence before a branch": {"+0.000 I all\n+0.700 I   Paying\n+0.800 I     x\n+1.000 I   end\n", "[silence before “Paying” ×1 700ms 700, Paying ×1 300ms 300]"},
		"no time":                 {"+0.000 I a\n+0.000 I b\n", "[]"},
	} {
		_, shares := parseTree(tt.text).Shares()
		got := ""
		for i, s := range shares {
			if i > 0 {
				got += ", "
			}
			got += fmt.Sprintf("%s ×%d %s %d", s.Label(), s.Count, s.Took, s.Thousand)
		}
		if got = "[" + got + "]"; got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
}

func TestSpread(t *testing.T) {
	tree := parseTree("+0.000 I turn 1\n+0.001 I   x\n+0.029 I turn 2\n+0.030 I   x\n+0.072 I turn 3\n+0.073 I   x\n+0.100 I end\n")
	groups := reading.Groups(tree.Lanes[0].Roots, tree.Shapes())
	s := reading.SpreadOf(groups[0].Turns())
	if want := (reading.Spread{Total: 100 * time.Millisecond, Least: 28 * time.Millisecond, Most: 43 * time.Millisecond, Slowest: 1}); s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
	if got, want := s.Text(), "100 ms in all, 28 ms to 43 ms each"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// The wait behind the last of some lines is not theirs.
	tree = parseTree("+0.000 I row 1\n+0.001 I row 2\n+0.002 I row 3\n+9.000 I end\n")
	if got := reading.SpreadOf(reading.Groups(tree.Lanes[0].Roots, tree.Shapes())[0].Turns()).Total; got != 2*time.Millisecond {
		t.Errorf("got %s", got)
	}
}

func TestForks(t *testing.T) {
	tree := parseTree("+0.000 I all\n+0.001 I&1 send 1\n+0.002 I&2 send 2\n+0.003 I&3 send 3\n+0.004 I&1   ok\n+0.005 E&2   refused\n+0.009 I&3   ok\n+0.010 I   waiting\n+0.011 I&4 log\n")
	forks := tree.Forks(tree.Shapes())
	got := ""
	for _, number := range []int{1, 8} {
		for _, f := range forks.At(number, number) {
			got += fmt.Sprintf("%d: %d lanes from line %d, %s, %s; ", number, len(f.Lanes), f.First().Number, f.Longest, reading.Summary(f.Counts))
		}
	}
	if want := "1: 1 lanes from line 3, 3ms, 2 lines, 1 error; 1: 2 lanes from line 2, 6ms, 4 lines; 8: 1 lanes from line 9, 0s, 1 line; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if above := forks.Above(tree.Line(9)); len(above) != 2 || above[0].Number != 8 {
		t.Errorf("above line 9 stands %v", above)
	}
	if reading.NewView().Folded(tree, tree.Line(1)) {
		t.Error("a branch in which a lane failed is folded")
	}
}

func TestFilterSpeaksTheSearchLanguage(t *testing.T) {
	tree := parseTree("+0.000 I POST /orders\n+0.001 I   Paying\torder=93\n+2.500 W     no answer	body=\"a b\"\n+2.600 I   done\n")
	for text, want := range map[string]string{
		"level:warn": "[3]", "order=93": "[2]", "took>1s": "[1 2 3]", "pay": "[2]", "-pay level<warn": "[1 4]", `"a b"`: "[3]", "ANSWER no": "[3]", "body=\"a b\"": "[3]", "lines>2": "[1]",
	} {
		f := reading.Filter{Text: text}
		if err := f.ReadSearch(time.Now()); err != nil {
			t.Fatal(err)
		}
		f.Apply(tree)
		var got []int
		for i := range tree.Nodes {
			if tree.Nodes[i].Match {
				got = append(got, i+1)
			}
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: got %v, want %s", text, got, want)
		}
	}
	if err := (&reading.Filter{Text: "level:loud"}).ReadSearch(time.Now()); err == nil {
		t.Error("a wrong term is no error")
	}
}

func TestBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "<1 ms", 97 * time.Millisecond: "97 ms", 6938 * time.Millisecond: "6.94 s", 41262 * time.Millisecond: "41.3 s", 125 * time.Second: "2 m 05 s", 3*time.Hour + 7*time.Minute: "3 h 07 m",
	} {
		if got := reading.Brief(d); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
	}
}
