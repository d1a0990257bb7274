package proflabel_test

import (
	"context"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/proflabel"
)

func skipUnsupported(t *testing.T) {
	t.Helper()
	if !proflabel.Supported {
		t.Skip("labels cannot be read here")
	}
}

func TestLabelIsInheritedAndUnset(t *testing.T) {
	skipUnsupported(t)
	pprof.Do(t.Context(), pprof.Labels("tenant", "acme"), func(context.Context) {
		ctx, labels := proflabel.Set(t.Context(), "job_1")
		done := make(chan string)
		go func() {
			done <- proflabel.Get()
			labels.Unset() // not this goroutine's to undo: its own labels are the same ones, and it loses them only
			done <- proflabel.Get()
		}()
		inherited, unset := <-done, <-done
		if inherited != "job_1" || unset != "" || proflabel.Get() != "job_1" {
			t.Errorf("inherited %q, then %q; here %q", inherited, unset, proflabel.Get())
		}
		if tenant, _ := pprof.Label(ctx, "tenant"); tenant != "acme" {
			t.Errorf("the context's tenant is %q", tenant)
		}
		_, inner := proflabel.Set(ctx, "job_2")
		labels.Unset()
		if got := proflabel.Get(); got != "job_2" {
			t.Errorf("the outer one undone first: %q", got)
		}
		inner.Unset()
		labels.Unset()
		if got := proflabel.Get(); got != "" {
			t.Errorf("both undone: %q", got)
		}
	})
	proflabel.Clear()
	if got := proflabel.Get(); got != "" {
		t.Errorf("cleared: %q", got)
	}
}

func TestOwners(t *testing.T) {
	skipUnsupported(t)
	type owner struct{ name string }
	var owners proflabel.Owners[owner]
	a, b := &owner{"a"}, &owner{"b"}
	ofA, ofB := owners.Add(strings.Clone("job_1"), a), owners.Add(strings.Clone("job_1"), b)
	find := func(label string) string {
		_, labels := proflabel.Set(t.Context(), label)
		defer labels.Unset()
		if o := owners.OfGoroutine(); o != nil {
			return o.name
		}
		return "nobody"
	}
	expect := func(label, want string) {
		t.Helper()
		if got := find(label); got != want {
			t.Errorf("found %s, want %s", got, want)
		}
	}
	expect(ofA.Label, "a")
	expect(ofB.Label, "b")
	expect(strings.Clone("job_1"), "nobody")
	owners.Weaken(ofA)
	runtime.GC()
	expect(ofA.Label, "a")
	runtime.KeepAlive(a)
	ofA.Hold(a)
	owners.Remove(ofB)
	owners.Remove(ofB)
	expect(ofA.Label, "a")
	expect(ofB.Label, "nobody")
	a = nil
	owners.Weaken(ofA)
	runtime.GC()
	expect(ofA.Label, "nobody")
}
