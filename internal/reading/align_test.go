package reading_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/reading"
)

// checkPairs checks that pairs of indexes increase and hold equal elements.
func checkPairs(t *testing.T, a, b []uint64, pairs [][2]int) {
	t.Helper()
	before := [2]int{-1, -1}
	for _, p := range pairs {
		if p[0] <= before[0] || p[1] <= before[1] || p[0] >= len(a) || p[1] >= len(b) {
			t.Fatalf("got the pair %v after %v, want increasing ones below %d and %d", p, before, len(a), len(b))
		}
		if a[p[0]] != b[p[1]] {
			t.Fatalf("pair %v: got %d and %d, want equal elements", p, a[p[0]], b[p[1]])
		}
		before = p
	}
}

// commonLength is the length of a longest common subsequence, by the textbook.
func commonLength(a, b []uint64) int {
	before := make([]int, len(b)+1)
	for i := range a {
		row := make([]int, len(b)+1)
		for j := range b {
			if a[i] == b[j] {
				row[j+1] = before[j] + 1
			} else {
				row[j+1] = max(before[j+1], row[j])
			}
		}
		before = row
	}
	return before[len(b)]
}

func randomElements(rng *rand.Rand, count, alphabet int) []uint64 {
	elements := make([]uint64, count)
	for i := range elements {
		elements[i] = uint64(rng.IntN(alphabet))
	}
	return elements
}

func TestAlignFindsALongestCommonSubsequence(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		alphabet := 1 + rng.IntN(5)
		a, b := randomElements(rng, rng.IntN(20), alphabet), randomElements(rng, rng.IntN(20), alphabet)
		pairs := reading.Align(a, b)
		checkPairs(t, a, b, pairs)
		if got, want := len(pairs), commonLength(a, b); got != want {
			t.Fatalf("Align(%v, %v): got %d pairs, want %d", a, b, got, want)
		}
	}
}

func TestAlignWhatIsFarApart(t *testing.T) {
	const count = 20_000
	rng := rand.New(rand.NewPCG(5, 6))
	distinct := func(from int) []uint64 {
		elements := make([]uint64, count)
		for i, v := range rng.Perm(count) {
			elements[i] = uint64(from + v)
		}
		return elements
	}
	random := func(alphabet int) []uint64 { return randomElements(rng, count, alphabet) }
	for _, tt := range []struct {
		name string
		a, b []uint64
	}{
		{"nothing in common", distinct(0), distinct(count)},
		{"another order", distinct(0), distinct(0)},
		{"few elements", random(3), random(3)},
		{"many elements", random(1000), random(1000)},
		{"nothing on one side", distinct(0), nil},
	} {
		t.Run(tt.name, func(t *testing.T) { checkPairs(t, tt.a, tt.b, reading.Align(tt.a, tt.b)) })
	}
}

// Where there are more changes than the search allows, what stands between them
// is still found.
func TestAlignFindsMostOfWhatIsFarApart(t *testing.T) {
	change := map[string]func(i int) (was, is []uint64){
		"replaced": func(i int) (was, is []uint64) {
			return []uint64{uint64(1_000_000 + i)}, []uint64{uint64(2_000_000 + i)}
		},
		"new":  func(i int) (was, is []uint64) { return nil, []uint64{uint64(i % 5)} },
		"gone": func(i int) (was, is []uint64) { return []uint64{uint64(i % 5)}, nil },
	}
	for name, change := range change {
		for _, every := range []int{3, 10, 30} {
			t.Run(fmt.Sprintf("a line in %d is %s", every, name), func(t *testing.T) {
				var a, b []uint64
				same := 0
				for i := range 40 * reading.MaxEdits {
					if i%every == 0 {
						was, is := change(i)
						a, b = append(a, was...), append(b, is...)
						continue
					}
					v := uint64(i % 17) // as the same statements come again and again
					a, b = append(a, v), append(b, v)
					same++
				}
				pairs := reading.Align(a, b)
				checkPairs(t, a, b, pairs)
				if got, want := len(pairs), same*9/10; got < want {
					t.Errorf("got %d pairs of %d, want %d at least", got, same, want)
				}
			})
		}
	}
}
