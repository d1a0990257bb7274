package callstack

import (
	"go/version"
	"runtime"
	"sync"
)

// newestGo is the newest Go that the walk was proven with. With a newer one, and
// with one that is no release, runtime.Callers serves, with the same result.
//
// The trial at the first line (see walks) does not stand in for the proofs. It shows
// that a goroutine's descriptor and the frames are where they were. It cannot show what
// Stacks relies on: that a function's frame always has the same size where it calls
// from one address, and that a chain once explained stays so, whatever the compiler
// does with panics, iterators, wrappers and inlined calls. Only millions of random
// programs do. The patches of a version change none of this and need no new proof.
//
// When a version of Go comes out:
//
//  1. Read what changed in its runtime: the first fields of g and the place of goid in
//     runtime2.go (idAt in walk.go), tracefpunwindoff, fpTracebackPCs in tracestack.go,
//     how sigpanic and the wrappers save the frame pointer; for control flow, where
//     recovery in panic.go goes on (only calls of deferreturn are known), which functions
//     are called that do not return (endless in controlflow/code.go: one that is missing
//     makes less certain, one that does return would make trees wrong).
//  2. Set newestGo to it.
//  3. Run the proofs with its latest patch: .ci/depth go1.N.P 2000000. They must all
//     pass, and none of them may say that the walk is not used. Where one fails, set
//     newestGo back: the version is served by runtime.Callers until it is understood.
//  4. Let internal/proflabel build with it (the tags of its two files), whose tests say whether
//     labels can still be read.
//  5. Set newest in .ci/run to that patch, and the version into
//     README.md and CHANGELOG.md. The oldest one there is that of go.mod.
const newestGo = "go1.27"

// proven reports whether the walk was proven with a version of Go, as
// runtime.Version tells it.
func proven(goVersion string) bool {
	language := version.Lang(goVersion)
	return language != "" && version.Compare(language, newestGo) <= 0
}

// provenHere reports whether this process runs with a version of Go that the walk, and
// what is read off machine code, was proven with.
var provenHere = sync.OnceValue(func() bool { return proven(runtime.Version()) })
