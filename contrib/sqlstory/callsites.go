package sqlstory

import (
	"runtime"
	"strings"
	"sync"
)

// callSites finds where a program calls database/sql.
type callSites struct {
	places sync.Map // uintptr → place; bounded by the program's code
}

// A place is what an address on the stack is in.
type place uint8

const (
	program   place = iota
	library         // database/sql
	retry           // its loop that takes another connection
	beginning       // of a goroutine
)

// caller returns where the program called database/sql, or 0 where database/sql is on a
// goroutine of its own, and whether a connection that has gone bad is replaced.
func (s *callSites) caller() (pc uintptr, again bool) {
	var few [12]uintptr // as a rule enough: a stack takes its time
	if n := runtime.Callers(3, few[:]); n < len(few) {
		return s.find(few[:n])
	} else if pc, again = s.find(few[:]); pc != 0 {
		return pc, again
	}
	var more [64]uintptr
	return s.find(more[:runtime.Callers(3, more[:])])
}

func (s *callSites) find(pcs []uintptr) (pc uintptr, again bool) {
	inside := false
	for _, pc := range pcs {
		switch s.place(pc) {
		case retry:
			inside, again = true, true
		case library:
			inside = true
		case program:
			if inside {
				return pc, again
			}
		}
	}
	return 0, again
}

func (s *callSites) place(pc uintptr) place {
	if known, ok := s.places.Load(pc); ok {
		return known.(place)
	}
	p := program
	switch name := function(pc); {
	case name == "database/sql.(*DB).retry":
		p = retry
	case strings.HasPrefix(name, "database/sql."):
		p = library
	case name == "runtime.goexit":
		p = beginning
	}
	s.places.Store(pc, p)
	return p
}

func function(pc uintptr) string {
	if f := runtime.FuncForPC(pc - 1); f != nil {
		return f.Name()
	}
	return ""
}
