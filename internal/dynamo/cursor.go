package dynamo

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"github.com/dynamoslog/dynamoslog/story"
)

// A place is the last item that a list has looked at. All behind it are older, or
// newer where the oldest come first, in every shard, so that one place is a
// cursor; zero is the beginning.
type place struct {
	Object string `json:"o"`
	Story  string `json:"s"`
}

func encodeCursor(at place) string {
	data, err := json.Marshal(at)
	if err != nil {
		return "" // cannot be: strings always marshal
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

func decodeCursor(cursor string) (place, error) {
	if cursor == "" {
		return place{}, nil
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return place{}, badCursor("not base64")
	}
	var at place
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&at); err != nil {
		return place{}, badCursor("not JSON")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return place{}, badCursor("more than JSON")
	}
	if at.Object == "" || at.Story == "" || len(at.Object) > maxObject || len(at.Story) > maxStory {
		return place{}, badCursor("it says no place")
	}
	return at, nil
}

func badCursor(why string) error {
	return fmt.Errorf("dynamoslog: %w: %s", story.ErrBadCursor, why)
}
