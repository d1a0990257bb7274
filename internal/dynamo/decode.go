package dynamo

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/story"
)

// Items are read as they are found. Others may have written to the table, so
// that any attribute may be missing or of another type: it then counts as zero.

func getString(it item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func getInt(it item, name string) int64 {
	if v, ok := it[name].(*types.AttributeValueMemberN); ok {
		if n, err := strconv.ParseInt(v.Value, 10, 64); err == nil {
			return n
		}
	}
	return 0
}

// getCount returns a number in the range of 32 bits.
func getCount(it item, name string) int {
	return int(min(max(getInt(it, name), math.MinInt32), math.MaxInt32))
}

// isForeign reports whether an item was written by something else than this package.
func isForeign(it item) bool {
	_, ours := it[attrVersion].(*types.AttributeValueMemberN)
	return !ours
}

// expired reports whether an item should be gone. DynamoDB deletes it some days
// later, and shows it until then.
func expired(it item, now time.Time) bool {
	v, ok := it[attrExpires].(*types.AttributeValueMemberN)
	if !ok {
		return false
	}
	at, err := strconv.ParseFloat(v.Value, 64)
	return err == nil && at > 0 && at <= float64(now.Unix())
}

// keyOf returns the key of an item, and false where its object is none.
func keyOf(it item) (story.Key, bool) {
	object := getString(it, attrObject)
	if full := getString(it, attrKey); full != "" {
		if key, err := story.ParseKey(full); err == nil && objectOf(key) == object {
			return key, true
		}
	}
	key, err := story.ParseKey(object)
	return key, err == nil
}

// decodeHeader returns the header in an item. That of a foreign item is made up
// from what it says.
func decodeHeader(key story.Key, it item) story.Header {
	if isForeign(it) {
		return decodeForeign(key, it).Header
	}
	const most = int64(math.MaxInt64 / time.Millisecond)
	h := story.Header{
		Key:       key,
		ID:        getString(it, attrStory),
		Duration:  time.Duration(min(max(getInt(it, attrDuration), 0), most)) * time.Millisecond,
		State:     story.State(getString(it, attrState)),
		MaxLevel:  slog.Level(getCount(it, attrLevel)),
		LineCount: getCount(it, attrLines),
		Parts:     getCount(it, attrParts),
		Title:     getString(it, attrTitle),
		Cause:     getString(it, attrCause),
		Problem:   getString(it, attrProblem),
	}
	if h.State == "" {
		h.State = story.Sealed
	}
	h.Updated, _ = time.Parse(updatedLayout, getString(it, attrUpdated))
	var ok bool
	if h.Start, ok = idTime(h.ID); !ok {
		h.Start = h.Updated.Add(-h.Duration)
	}
	decodeAliases(it, &h)
	if attrs, ok := it[attrAttrs].(*types.AttributeValueMemberM); ok && len(attrs.Value) > 0 {
		h.Attrs = make(map[string]string, len(attrs.Value))
		for name := range attrs.Value {
			h.Attrs[name] = getString(attrs.Value, name)
		}
	}
	return h.Bounded()
}

// decodeText returns the text in an item.
func (s *Store) decodeText(it item) (string, error) {
	packed, ok := it[attrZstd].(*types.AttributeValueMemberB)
	if !ok {
		return getString(it, attrMessage), nil
	}
	text, err := s.decoder.DecodeAll(packed.Value, nil)
	if err != nil {
		return "", fmt.Errorf("%s: %w", attrZstd, err)
	}
	return string(text), nil
}

// errDamaged stands for what was not even tried.
var errDamaged = errors.New("so many parts of this story are damaged that this one was not unpacked")

// A partReader makes parts of a story's items, by number. Text that cannot be read is
// replaced by a line that says so, so that the rest is shown.
type partReader struct {
	store     *Store
	key       story.Key
	id        string
	gathered  story.Gathering
	unpacking int // bytes that may still be lost on what cannot be unpacked
	last      int // the highest number so far
}

func (s *Store) newPartReader(key story.Key, id string) *partReader {
	return &partReader{store: s, key: key, id: id, unpacking: maxDamaged}
}

// add takes an item, and reports whether more are wanted.
func (r *partReader) add(it item) bool {
	part := story.Part{Key: r.key, ID: r.id}
	if sortKey := getString(it, attrStory); sortKey == r.id {
		h := decodeHeader(r.key, it)
		part.Header = &h
	} else if number, ok := partNumber(r.id, sortKey); ok {
		part.Number = number
		r.last = max(r.last, number)
	} else {
		return true // somebody else's
	}
	err := errDamaged
	if r.unpacking > 0 {
		part.Text, err = r.store.decodeText(it)
	}
	if err != nil {
		r.unpacking -= maxDecoded
		return r.gathered.AddUnreadable(part, err)
	}
	return r.gathered.Add(part)
}

// decodeForeign makes a story of an item that something else has written: its
// message, as far as it is text, is what the story tells.
func decodeForeign(key story.Key, it item) story.Story {
	st := story.Story{
		Header: story.Header{Key: key, ID: getString(it, attrStory), State: story.Sealed},
		Lines:  story.Parse(foreignText(it[attrMessage])),
	}
	st.Start, _ = idTime(st.ID)
	st.LineCount = len(st.Lines)
	for i, line := range st.Lines {
		if i == 0 {
			st.Title = story.TitleOf(line.Message)
			st.MaxLevel = line.Level
		}
		st.MaxLevel = max(st.MaxLevel, line.Level)
		st.Duration = max(st.Duration, line.Offset)
	}
	st.Cause, st.Problem = story.CauseOf(key.Kind, st.Lines)
	st.Updated = st.Start.Add(st.Duration).Truncate(time.Millisecond)
	st.Header = st.Bounded()
	return st
}

func foreignText(value types.AttributeValue) string {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	case *types.AttributeValueMemberBOOL:
		return strconv.FormatBool(v.Value)
	case *types.AttributeValueMemberB:
		if utf8.Valid(v.Value) {
			return string(v.Value)
		}
		return fmt.Sprintf("%d bytes", len(v.Value))
	case *types.AttributeValueMemberSS:
		return strings.Join(v.Value, "\n")
	}
	return ""
}

// foreignLayouts are ways in which others write times in sort keys.
var foreignLayouts = []string{
	"2006-01-02T15:04:05Z07:00", // a fraction is read with it
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05",
	"2006-01-02",
}

// idTime returns the start that a sort key tells: of our own ids, or where the
// whole is a time as others write it, seconds or milliseconds since 1970 too.
func idTime(id string) (time.Time, bool) {
	if start, ok := story.IDTime(id); ok {
		return start, true
	}
	for _, layout := range foreignLayouts {
		if start, err := time.Parse(layout, id); err == nil {
			return start.UTC().Truncate(time.Microsecond), true
		}
	}
	if n, err := strconv.ParseInt(id, 10, 64); err == nil {
		switch len(id) {
		case len("1700000000"):
			return time.Unix(n, 0).UTC(), true
		case len("1700000000000"):
			return time.UnixMilli(n).UTC(), true
		}
	}
	return time.Time{}, false
}
