package shop

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// quoted returns a value as the text of a line has it.
func quoted(value string) string {
	if value == "" || strings.ContainsAny(value, " \"=\n\t") {
		return strconv.Quote(value)
	}
	return value
}

func (w *week) product(at time.Time, user int) story.Story {
	id := 100 + w.random.IntN(80)
	t := w.request(at, user, "GET", "/products/{id}", fmt.Sprint("/products/", id))
	t.info("GET /products/{id}", "product", fmt.Sprint(id))
	t.in(func() {
		t.wait(1, 3)
		t.debug("Product is in the cache", "product", fmt.Sprint(id), "generation", fmt.Sprint(400+int(7*24-w.end.Sub(at).Hours())))
		if w.random.IntN(40) == 0 {
			t.wait(20, 60)
			t.say(slog.LevelWarn, "Picture is missing", "product", fmt.Sprint(id))
		}
	})
	t.wait(1, 6)
	if w.random.IntN(60) == 0 {
		return t.end(404, "Not Found")
	}
	return t.end(200, "OK")
}

func (w *week) profile(at time.Time, user int) story.Story {
	t := w.request(at, user, "GET", "/users/{id}", fmt.Sprint("/users/", user))
	t.info("GET /users/{id}")
	t.in(func() {
		t.wait(0, 1)
		t.debug("Token accepted", "kid", w.letters(4))
		t.wait(2, 9)
		t.debug("SELECT name, mail\nFROM users\nWHERE id = ?", "args", fmt.Sprintf("[%d]", user), "rows", "1")
		if w.random.IntN(12) == 0 {
			t.wait(5, 20)
			t.info("Address is asked for", "user", fmt.Sprint(user))
		}
	})
	t.wait(1, 4)
	return t.end(200, "OK")
}

// buy returns the story of an order, and that of its fulfilment where it was paid.
func (w *week) buy(at time.Time, user int) []story.Story {
	w.order++
	order := fmt.Sprint(w.order)
	trace := fmt.Sprintf("%016x%016x", w.random.Uint64(), w.random.Uint64())
	t := w.request(at, user, "POST", "/orders", "/orders")
	t.Attrs["order"], t.Attrs["trace_id"] = order, trace
	t.info("POST /orders", "order", order)
	t.in(func() { w.loadCart(t, at) })
	if w.released(at) && w.random.IntN(25) == 0 {
		t.in(func() {
			t.say(slog.LevelError, "panic: runtime error: invalid memory address or nil pointer dereference\n"+
				"shop.(*Cart).voucher cart.go:88\nshop.(*Cart).Total cart.go:61\nshop.placeOrder orders.go:40")
		})
		t.depth = 0
		return []story.Story{t.end(500, "Internal Server Error")}
	}
	if !w.pay(t, at, order) {
		return []story.Story{t.end(502, "Bad Gateway")}
	}
	t.in(func() {
		t.info("Order is placed", "order", order)
		t.in(func() { t.debug("INSERT INTO orders", "args", "["+order+"]", "rows", "1") })
	})
	t.wait(1, 3)
	placed := t.end(201, "Created")
	return []story.Story{placed, w.fulfil(placed.Start.Add(placed.Duration), order, trace)}
}

func (w *week) loadCart(t *teller, at time.Time) {
	items := 2 + w.random.IntN(5)
	t.info("Cart is loaded", "items", fmt.Sprint(items))
	t.in(func() {
		t.wait(2, 6)
		t.debug("SELECT product, amount\nFROM carts\nWHERE customer = ?", "rows", fmt.Sprint(items))
		for i := range items {
			t.debug("Item is in stock", "product", fmt.Sprint(100+w.random.IntN(80)), "amount", fmt.Sprint(1+i%3))
			if w.released(at) { // which asks for each price by itself
				t.in(func() {
					t.wait(30, 60)
					t.debug("SELECT price FROM prices WHERE product = ?", "rows", "1")
				})
			}
			t.wait(0, 1)
		}
	})
}

// pay returns whether the order was paid.
func (w *week) pay(t *teller, at time.Time, order string) (paid bool) {
	fails := w.payFails(at)
	t.in(func() {
		t.info("Paying", "order", order, "amount", fmt.Sprintf("%d.%02d", 10+w.random.IntN(90), w.random.IntN(100)))
		t.in(func() {
			for try := 1; try <= 3; try++ {
				t.debug("Asking the bank", "url", "https://pay.example/charge", "body", fmt.Sprintf(`{"amount":%d,"order":%s,"currency":"EUR"}`, 100*try, order))
				if !fails {
					t.wait(80, 300)
					t.info("Payment is captured", "order", order)
					paid = true
					return
				}
				t.wait(2000, 2050)
				if try < 3 {
					t.say(slog.LevelWarn, "Waiting before the next attempt", "attempt", fmt.Sprint(try), "backoff", fmt.Sprint(200*try, "ms"))
					t.wait(200*try, 220*try)
				}
			}
			t.say(slog.LevelError, "Payment failed", "order", order, "err", `Post "https://pay.example/charge": context deadline exceeded`)
		})
	})
	return paid
}

func (w *week) fulfil(at time.Time, order, trace string) story.Story {
	t := w.begin(at.Add(w.millis(200, 900)), "order", order, "Fulfilling order "+order)
	t.Attrs["order"], t.Attrs["trace_id"] = order, trace
	t.info("Fulfilling order "+order, "order", order)
	t.in(func() {
		t.wait(3, 9)
		t.debug("Label is printed", "order", order)
		for try := 1; ; try++ {
			t.wait(20, 70)
			if try > 2 || !w.warehouseSilent(at) {
				break
			}
			t.wait(1500, 1600)
			t.say(slog.LevelWarn, "Warehouse did not answer, waiting", "attempt", fmt.Sprint(try))
		}
		t.info("Warehouse has accepted it", "shelf", fmt.Sprint(1+w.random.IntN(40)))
	})
	w.mail(t, order)
	t.wait(1, 3)
	t.info("done", "took", t.now.String())
	return t.seal()
}

// mail adds what a goroutine of its own tells.
func (w *week) mail(t *teller, order string) {
	from := len(t.Lines)
	t.info("Mail is sent", "order", order)
	t.in(func() { t.debug("250 accepted", "size", fmt.Sprint(2000+w.random.IntN(900))) })
	for i := from; i < len(t.Lines); i++ {
		t.Lines[i].Lane = 1
	}
	t.Attrs["lane_1"] = "mail.(*Sender).run"
}

// reindex is a job that takes some 17 seconds, and once 41.
func (w *week) reindex(at time.Time) story.Story {
	t := w.begin(at, "job", "reindex", "Reindexing products")
	t.info("Reindexing products")
	t.in(func() {
		for shelf := range 12 {
			t.info("Shelf is indexed", "shelf", fmt.Sprint(shelf), "products", fmt.Sprint(30+w.random.IntN(60)))
			t.wait(1200, 1500)
			if left := w.end.Sub(at); shelf == 7 && left > 60*time.Hour && left < 62*time.Hour {
				t.wait(24000, 24500)
				t.say(slog.LevelWarn, "Index was locked, waited for it", "shelf", fmt.Sprint(shelf))
			}
		}
	})
	t.info("done", "took", t.now.String())
	return t.seal()
}
