package story

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrAmbiguous says that several stories have the short id that was asked for. The error
// that wraps it names them.
var ErrAmbiguous = errors.New("story: several stories have this id")

const (
	shortDigits = 10 // of the time; enough until 2085, later ones have up to 12
	shortSuffix = 2
	shortBase   = 36
	shortPage   = 100 // headers of one microsecond that are looked at
)

// ShortID returns an id as a list shows it: 12 letters and digits for one of [NewID].
// The first ten are the microseconds since 1970 in base 36, so that the story is found
// by a query of one microsecond; the last two are the first of the id's suffix, for
// stories that began in the same one. What others append to such an id stays. Ids of
// another form are returned as they are.
func ShortID(id string) string {
	start, ok := IDTime(id)
	if !ok || start.UnixMicro() < 0 {
		return id
	}
	suffix := id[len(idTime):]
	if len(suffix) <= idSuffix || suffix[0] != '-' || !isBase36(suffix[1:1+idSuffix]) {
		return id
	}
	more := suffix[1+idSuffix:]
	if more != "" && more[0] != '-' {
		return id
	}
	digits := strconv.FormatInt(start.UnixMicro(), shortBase)
	return strings.Repeat("0", max(shortDigits-len(digits), 0)) + digits + suffix[1:1+shortSuffix] + more
}

func isBase36(s string) bool {
	for i := range len(s) {
		if !strings.Contains(idAlphabet, s[i:i+1]) {
			return false
		}
	}
	return true
}

// idStart returns the start that an id tells, whole or short.
func idStart(id string) (time.Time, bool) {
	if start, ok := IDTime(id); ok {
		return start, true
	}
	short, _, _ := strings.Cut(id, "-")
	digits := len(short) - shortSuffix
	if digits < shortDigits || digits > shortDigits+2 || !isBase36(short) {
		return time.Time{}, false
	}
	micros, err := strconv.ParseInt(short[:digits], shortBase, 64)
	start := time.UnixMicro(micros).UTC()
	return start, err == nil && start.Year() <= 9999
}

// IsID reports whether a text has the form of a story's id, whole or short.
func IsID(text string) bool {
	_, ok := idStart(text)
	return ok
}

// FindID returns the header of the story of an id, whole or short, of the key or, where
// that is zero, of any. It is one query of the microsecond in which the story began.
//
// Errors wrap [ErrNotFound] where there is none, also where the text is no id, and
// [ErrAmbiguous] where there are several.
func FindID(ctx context.Context, s Store, key Key, id string) (Header, error) {
	start, ok := idStart(id)
	if !ok {
		return Header{}, fmt.Errorf("%w: %.100q is not the id of a story, as 2026-11-22T16:41:41.407123Z-7f3k2m or a list's short one", ErrNotFound, id)
	}
	var found []Header
	looked := 0
	q := Query{Key: key, Since: start, Until: start.Add(time.Microsecond), Limit: shortPage}
	for h, err := range All(ctx, s, q) {
		if err != nil {
			return Header{}, err
		}
		if h.ID == id || ShortID(h.ID) == id {
			found = append(found, h)
		}
		if looked++; looked == shortPage {
			break
		}
	}
	switch len(found) {
	case 0:
		return Header{}, fmt.Errorf("%w: no story has the id %s", ErrNotFound, shown(id))
	case 1:
		return found[0], nil
	}
	var names []string
	for _, h := range found {
		names = append(names, h.Key.String()+" "+Escape(h.ID))
	}
	return Header{}, fmt.Errorf("%w, %s; name one of them whole: %s", ErrAmbiguous, shown(id), strings.Join(names, ", "))
}
