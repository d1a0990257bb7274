package timetable_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/timetable"
)

type thing struct{ slot timetable.Slot }

func (x *thing) Slot() *timetable.Slot { return &x.slot }

// A table is compared with a map, which tells the same slowly.
func TestTable(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		var table timetable.Table[*thing]
		dues, things := make(map[*thing]time.Duration), make([]*thing, 100)
		for i := range things {
			things[i] = new(thing)
		}
		now := time.Duration(0)
		for range 1000 {
			now += time.Duration(random.IntN(2))
			switch x := things[random.IntN(len(things))]; random.IntN(4) {
			case 0:
				dues[x] = time.Duration(random.IntN(1000))
				table.Put(x, dues[x])
			case 1, 2:
				dues[x] = now
				table.Queue(x, now)
			default:
				delete(dues, x)
				table.Remove(x)
			}
			compare(t, &table, dues, things)
		}
		for len(dues) > 0 && !t.Failed() { // in order
			first, _, _ := table.First()
			table.Remove(first)
			delete(dues, first)
			compare(t, &table, dues, things)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func compare(t *testing.T, table *timetable.Table[*thing], dues map[*thing]time.Duration, things []*thing) {
	t.Helper()
	for _, x := range things {
		if _, has := dues[x]; table.Has(x) != has {
			t.Errorf("a thing is there: %v, want %v", !has, has)
		}
	}
	var all []*thing
	for some, from := table.Some(0, 7); len(some) > 0; some, from = table.Some(from, 7) {
		all = append(all, some...)
	}
	for _, x := range all {
		if _, has := dues[x]; !has {
			t.Error("some are there that were removed")
		}
	}
	slices.SortFunc(all, func(a, b *thing) int { return int(dues[a] - dues[b]) })
	if len(slices.Compact(all)) != len(dues) || table.Len() != len(dues) {
		t.Errorf("there are %d things, %d by their number, want %d", len(all), table.Len(), len(dues))
	}
	first, due, ok := table.First()
	if ok != (len(dues) > 0) || ok && (due != dues[first] || due != dues[all[0]]) {
		t.Errorf("the first one is due at %v, %v", due, ok)
	}
}

// Things that are queued out of order are due when the one before them is.
func TestQueueKeepsItsOrder(t *testing.T) {
	var table timetable.Table[*thing]
	a, b := new(thing), new(thing)
	table.Queue(a, 5)
	table.Queue(b, 3)
	table.Remove(a)
	if first, due, ok := table.First(); first != b || due != 5 || !ok {
		t.Errorf("the first one is due at %v, %v", due, ok)
	}
}
