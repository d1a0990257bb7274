// Package storyid writes the ids of stories. An id is long, and an open story does
// without it: it is written of what the story knows anyway.
package storyid

import (
	"math/rand/v2"
	"time"
)

// Layout is that of the time with which an id begins, in UTC. It is of fixed width, so that
// ids sort by it.
const Layout = "2006-01-02T15:04:05.000000Z"

// An id ends with a hyphen and so many characters of an alphabet.
const (
	Alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	Suffix   = 6
)

const suffixes = 36 * 36 * 36 * 36 * 36 * 36 // that there are

// Random returns a number that tells apart stories which start at once.
func Random() uint32 { return rand.Uint32N(suffixes) }

// Of returns the id of a story by its start and its [Random] number.
func Of(start time.Time, random uint32) string {
	id := make([]byte, 0, len(Layout)+1+Suffix)
	id = start.UTC().AppendFormat(id, Layout)
	id = append(id, '-')
	for range Suffix {
		id = append(id, Alphabet[random%uint32(len(Alphabet))])
		random /= uint32(len(Alphabet))
	}
	return string(id)
}
