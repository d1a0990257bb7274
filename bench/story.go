package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/deepcalls"
)

// A step is a line of the story that the benchmarks tell: an order that a shop
// takes, with values that differ from one order to the next, as they do in practice.
type step struct {
	depth   int
	level   slog.Level
	message string
	attrs   func(r *rand.Rand) []slog.Attr
}

var steps = []step{
	{0, slog.LevelInfo, "POST /orders", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.String("request", token(r)), slog.String("client", address(r))}
	}},
	{2, slog.LevelInfo, "Checking the session", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.String("session", token(r)), slog.Duration("age", millis(r, 1e7))}
	}},
	{3, slog.LevelInfo, "Token accepted", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.String("kid", token(r)[:8]), slog.Int("user", r.IntN(1e6))}
	}},
	{2, slog.LevelInfo, "Reading the basket", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.Int("basket", r.IntN(1e6)), slog.Int("items", 1+r.IntN(9))}
	}},
	{4, slog.LevelInfo, "SELECT items FROM baskets WHERE id = ?", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.Duration("took", millis(r, 30)), slog.Int("rows", r.IntN(20))}
	}},
	{3, slog.LevelInfo, "Pricing an item", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.String("sku", fmt.Sprintf("B-%05d", r.IntN(1e5))), slog.Float64("price", float64(r.IntN(1e5))/100), slog.Int("quantity", 1+r.IntN(5))}
	}},
	{4, slog.LevelInfo, "Discount applied", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.String("campaign", []string{"autumn", "welcome", "loyalty"}[r.IntN(3)]), slog.Int("percent", 5*r.IntN(8))}
	}},
	{3, slog.LevelInfo, "Reserving stock", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.String("warehouse", []string{"north", "harbour", "airport"}[r.IntN(3)]), slog.Int("left", r.IntN(400))}
	}},
	{5, slog.LevelInfo, "UPDATE stock SET reserved = reserved + ? WHERE sku = ?", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.Duration("took", millis(r, 50))}
	}},
	{3, slog.LevelWarn, "Stock is low, an order goes to the supplier", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.String("sku", fmt.Sprintf("B-%05d", r.IntN(1e5))), slog.Int("left", r.IntN(3))}
	}},
	{2, slog.LevelInfo, "Authorising the payment", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.String("provider", "cardworks"), slog.String("reference", token(r)), slog.Float64("amount", float64(r.IntN(1e5))/100)}
	}},
	{3, slog.LevelInfo, "The provider answered", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.Int("status", 200), slog.Duration("took", millis(r, 900))}
	}},
	{3, slog.LevelWarn, "The provider did not answer, trying again", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.Any("error", errors.New("context deadline exceeded")), slog.Int("try", 1+r.IntN(3))}
	}},
	{2, slog.LevelInfo, "Order stored", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.String("order", token(r)), slog.Duration("took", millis(r, 40))}
	}},
	{2, slog.LevelInfo, "Confirmation sent", func(r *rand.Rand) []slog.Attr {
		return []slog.Attr{slog.String("to", fmt.Sprintf("user%d@example.com", r.IntN(1e6))), slog.String("template", "order-confirmed")}
	}},
}

func token(r *rand.Rand) string { return fmt.Sprintf("%016x", r.Uint64()) }

func address(r *rand.Rand) string { return fmt.Sprintf("192.0.2.%d", r.IntN(256)) }

func millis(r *rand.Rand, most int64) time.Duration {
	return time.Duration(r.Int64N(most*1000)) * time.Microsecond
}

// tell logs so many lines of an order.
func tell(ctx context.Context, logger *slog.Logger, r *rand.Rand, lines int) {
	for i := range lines {
		at := i % len(steps)
		if i >= len(steps) { // what repeats are the items
			at = 4 + r.IntN(6)
		}
		steps[at].log(ctx, logger, r)
	}
}

func (s *step) log(ctx context.Context, logger *slog.Logger, r *rand.Rand) {
	deepcalls.At(s.depth, func() { logger.LogAttrs(ctx, s.level, s.message, s.attrs(r)...) })
}
