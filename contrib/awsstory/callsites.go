package awsstory

import (
	"runtime"
	"strings"
	"sync"
)

// callSites finds where a program calls the SDK.
type callSites struct {
	places sync.Map // uintptr → place; bounded by the program's code
}

// A place is what an address on the stack is in.
type place uint8

const (
	program place = iota
	library       // the SDK, what calls this package, and where goroutines begin
	table         // of dynamoslog, where it stores and reads stories
)

// caller returns where the program called the SDK, or 0 where the SDK is on a goroutine of
// its own, and whether that is dynamoslog itself.
func (s *callSites) caller() (pc uintptr, own bool) {
	var few [64]uintptr // as a rule enough: a stack takes its time
	n := runtime.Callers(3, few[:])
	if pc, own = s.find(few[:n]); pc != 0 || n < len(few) {
		return pc, own
	}
	var more [256]uintptr
	return s.find(more[:runtime.Callers(3, more[:])])
}

func (s *callSites) find(pcs []uintptr) (pc uintptr, own bool) {
	for _, pc := range pcs {
		if p := s.place(pc); p != library {
			return pc, p == table
		}
	}
	return 0, false
}

func (s *callSites) place(pc uintptr) place {
	if known, ok := s.places.Load(pc); ok {
		return known.(place)
	}
	p := program
	if f := runtime.FuncForPC(pc - 1); f != nil {
		p = placeOf(f.Name())
	}
	s.places.Store(pc, p)
	return p
}

func placeOf(function string) place {
	const here = "github.com/dynamoslog/dynamoslog/"
	for _, prefix := range []string{"github.com/aws/aws-sdk-go-v2/", "github.com/aws/smithy-go/", here + "contrib/awsstory.(*calls).", "runtime.goexit"} {
		if strings.HasPrefix(function, prefix) {
			return library
		}
	}
	if strings.HasPrefix(function, here+"internal/dynamo.") {
		return table
	}
	return program
}
