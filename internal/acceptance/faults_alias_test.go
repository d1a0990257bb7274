package acceptance_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/story"
)

// aliasFaults are about the items by which stories are listed under further keys. That none
// is missing, and none leads nowhere, is checked of every fault.
var aliasFaults = []fault{
	{
		name: "the header stored, its aliases throttled", fault: same(dynamotest.Where(isAliased, dynamotest.Throttled)), lasts: 2 * time.Second,
		setup: indexed, tell: tellAliased, during: storiesAreStored, check: allListed,
	},
	{
		name: "the header stored, its aliases unprocessed", lasts: 2 * time.Second,
		fault: func() dynamotest.Fault { return dynamotest.Unprocessed(isAliased) },
		setup: indexed, tell: tellAliased, during: storiesAreStored, check: allListed,
	},
	{
		name: "aliases in an outage", fault: same(dynamotest.ServerError), lasts: 2 * time.Second,
		setup: indexed, tell: tellAliased, check: allListed,
	},
	{
		name: "aliases reset after the commit", lasts: time.Second,
		fault: func() dynamotest.Fault {
			return dynamotest.First(3, dynamotest.Where(isAliased, dynamotest.AfterCommit(dynamotest.Reset)))
		},
		setup: indexed, tell: tellAliased, check: allListed,
	},
	{
		name: "an alias rejected", stays: true, rejects: true,
		fault: same(dynamotest.Where(dynamotest.Of("order_103"), dynamotest.Invalid)),
		setup: indexed, tell: tellAliased, fallback: exactly(), check: allListedBut("order_103"),
	},
	{
		name: "no time left for the aliases", stays: true, patience: 2 * time.Second, noFlush: true, alone: true,
		fault: same(dynamotest.Where(isAliased, dynamotest.Throttled)),
		setup: indexed, tell: tellAliased, during: storiesAreStored, fallback: tellsOfAliases,
	},
	{
		name: "killed between story and alias", others: true, late: 1,
		check: func(tr *trial, r *result) {
			recoveredAll(tr, r)
			allListed(tr, r)
		},
		setup: func(tr *trial) {
			inJournal(tr)
			tr.proxy.Set(dynamotest.Where(dynamotest.Of("alias_of a child"), dynamotest.Hang))
			c := tr.child(flushes)
			tr.await(flushPatience, "an alias to be stored, with its story stored", func() bool {
				return tr.proxy.Seen().Faults > 0
			})
			c.kill()
			tr.proxy.Set(nil)
		},
	},
	{
		name: "stories deleted with their aliases, some throttled", setup: indexed, tell: tellAliased,
		check: func(tr *trial, r *result) {
			allListed(tr, r)
			tr.proxy.Set(dynamotest.Action("BatchWriteItem", dynamotest.First(3, dynamotest.Throttled)))
			deleteAll(tr)
		},
	},
}

func indexed(tr *trial) { tr.opts.Index = []string{"order", "item"} }

func isAliased(put dynamotest.Put) bool {
	return strings.HasPrefix(put.Object, "order_") || strings.HasPrefix(put.Object, "item_")
}

const aliasedStories = 8

// tellAliased tells stories about orders and items, which are told by a line or the scope,
// the last two of which went wrong alike.
func tellAliased(tr *trial) {
	for i := range aliasedStories {
		b := tr.begin("aliased", i)
		b.scope.Also("order", 100+i)
		b.log(slog.LevelInfo, fmt.Sprintf("aliased story %d", i), "item", i)
		if i >= aliasedStories-2 {
			b.log(slog.LevelError, fmt.Sprintf("aliased story %d failed", i))
		}
		b.end()
		tr.ended = append(tr.ended, b)
	}
}

// storiesAreStored checks that the stories come through while their aliases do not.
func storiesAreStored(tr *trial) {
	tr.await(flushPatience, "the stories stored without their aliases", func() bool {
		return !slices.ContainsFunc(tr.ended, func(b *book) bool { return !tr.isStored(b.name()) })
	})
}

func allListed(tr *trial, r *result) { allListedBut("")(tr, r) }

// allListedBut checks that every story is found by what it is about, but for one key, and
// that the problem counts those that have it.
func allListedBut(missing string) func(*trial, *result) {
	return func(tr *trial, _ *result) {
		counted := 0
		problems := make(map[story.Key]bool)
		for i, b := range tr.ended {
			s, err := tr.direct.Read(tr.Context(), b.name().key, b.name().id)
			if err != nil {
				tr.Fatal(err)
			}
			for _, key := range []story.Key{{Kind: "order", ID: fmt.Sprint(100 + i)}, {Kind: "item", ID: fmt.Sprint(i)}} {
				got, err := tr.direct.Read(tr.Context(), key, "")
				if key.String() == missing {
					if !errors.Is(err, story.ErrNotFound) || !strings.Contains(tr.output.String(), "is not listed under "+missing) {
						tr.Errorf("%s was rejected: got %v, and in the fallback %s", key, err, tr.output.String())
					}
				} else if err != nil || got.ID != s.ID || got.Key != s.Key {
					tr.Errorf("%s: got %s %s, %v, want %s %s", key, got.Key, got.ID, err, s.Key, s.ID)
				}
			}
			if s.MaxLevel >= slog.LevelError {
				problems[story.Key{Kind: story.KindProblem, ID: s.Problem}] = true
			}
		}
		for key := range problems {
			for h, err := range story.All(tr.Context(), tr.direct, story.Query{Key: key}) {
				if err != nil {
					tr.Fatal(err)
				}
				counted += h.Stories()
			}
		}
		if want := min(2, len(tr.ended)); counted != want || len(problems) > 1 {
			tr.Errorf("%d problems count %d stories, want %d", len(problems), counted, want)
		}
	}
}

// tellsOfAliases checks that the fallback names the keys under which stories are not listed.
func tellsOfAliases(tr *trial, _ *result) {
	for i := range tr.ended {
		for _, key := range []string{fmt.Sprint("order_", 100+i), fmt.Sprint("item_", i)} {
			if !strings.Contains(tr.output.String(), fmt.Sprintf(" is not listed under %s: not stored before the handler was closed\n", key)) {
				tr.Errorf("the fallback does not tell of %s:\n%s", key, tr.output.String())
			}
		}
	}
}

// deleteAll deletes the stories through the fault, and checks that nothing of them is left.
func deleteAll(tr *trial) {
	for _, b := range tr.ended {
		if err := tr.table.Delete(tr.Context(), b.name().key, b.name().id); err != nil {
			tr.Errorf("Delete: %v", err)
		}
	}
	for i, b := range tr.ended {
		for _, key := range []story.Key{b.name().key, {Kind: "order", ID: fmt.Sprint(100 + i)}, {Kind: "item", ID: fmt.Sprint(i)}} {
			if page, err := tr.direct.List(tr.Context(), story.Query{Key: key}); err != nil || len(page.Headers) > 0 {
				tr.Errorf("after Delete, %s has %d stories, %v", key, len(page.Headers), err)
			}
		}
	}
}
