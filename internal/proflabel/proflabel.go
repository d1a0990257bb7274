// Package proflabel gives a goroutine, and those that it starts, a profiler label that
// can be read again.
//
// The runtime hands the labels of runtime/pprof on to every goroutine that is started,
// which is what nothing else in Go does. pprof can set them and not read them: reading
// takes runtime_getProfLabel, which the runtime keeps for those who ask by its name (see
// https://go.dev/issue/67401).
package proflabel

// Name is the label's.
const Name = "story"
