//go:build gc && !purego && (amd64 || arm64)

package callstack

import (
	"os"
	"runtime"
	"strings"
	"sync"
)

// walk follows the frame pointers from its caller to the goroutine's root and
// notes at most limit frames, the innermost first. It stays inside of the
// goroutine's own stack, goes outwards only, and reads aligned words only. It
// returns the number of frames and a hash of their addresses: none where the
// frame pointers do not lead to the root, and -1 where there are more than limit.
// It also returns the word at distance id in the runtime's descriptor of the
// goroutine.
//
//go:noescape
func walk(to *frame, limit int, id uintptr) (n int, hash, goroutine uintptr)

// retraces reports whether walk would find these n frames, and no more. It also
// returns the word at distance id in the runtime's descriptor of the goroutine.
//
//go:noescape
func retraces(chain *frame, n int, id uintptr) (same bool, goroutine uintptr)

// idAt is where the runtime's descriptor of a goroutine holds its number: behind
// nineteen words, in the versions of Go up to newestGo.
const idAt = 19 * 8

// walks reports whether the fast walk can be used in this process: it is proven with
// this version of Go, and two goroutines have tried it.
var walks = sync.OnceValue(func() bool {
	if !provenHere() || strings.Contains(os.Getenv("GODEBUG"), "tracefpunwindoff=1") {
		return false
	}
	works := true
	for range 2 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			works = works && tryWalk(3)
		}()
		<-done
	}
	return works
})

// tryWalk reports whether the walk agrees with runtime.Callers, some calls
// deeper, and knows the goroutine's number.
//
//go:noinline
func tryWalk(deeper int) (works bool) {
	if deeper > 0 {
		works = tryWalk(deeper - 1)
		return works
	}
	var chain [32]frame
	n, _, goroutine := walk(&chain[0], len(chain), idAt)
	if n <= 0 {
		return false
	}
	var pcs [64]uintptr
	depth := runtime.Callers(2, pcs[:])
	return depth < len(pcs) && explains(chain[:n], pcs[:depth]) && uint64(goroutine) == goroutineNumber()
}

// goroutineNumber returns the number that traces of the goroutine show.
func goroutineNumber() (number uint64) {
	var text [64]byte
	digits, _ := strings.CutPrefix(string(text[:runtime.Stack(text[:], false)]), "goroutine ")
	for _, digit := range []byte(digits) {
		if digit < '0' || digit > '9' {
			break
		}
		number = 10*number + uint64(digit-'0')
	}
	return number
}
