package sqlitestore

import (
	"database/sql"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// encodeAttrs writes attributes as a JSON object. JSON holds no invalid UTF-8:
// where there is any, they are a list of names and values, each quoted as in Go.
func encodeAttrs(attrs map[string]string) (sql.NullString, error) {
	if len(attrs) == 0 {
		return sql.NullString{}, nil
	}
	valid := true
	var quoted []string
	for name, value := range attrs {
		valid = valid && utf8.ValidString(name) && utf8.ValidString(value)
		quoted = append(quoted, strconv.Quote(name), strconv.Quote(value))
	}
	var written any = attrs
	if !valid {
		written = quoted
	}
	data, err := json.Marshal(written)
	return sql.NullString{String: string(data), Valid: true}, err
}

// decodeAttrs reads what encodeAttrs writes.
func decodeAttrs(written sql.NullString) (map[string]string, error) {
	var attrs map[string]string
	if !written.Valid {
		return nil, nil
	}
	if !strings.HasPrefix(written.String, "[") {
		err := json.Unmarshal([]byte(written.String), &attrs)
		return attrs, err
	}
	var quoted []string
	if err := json.Unmarshal([]byte(written.String), &quoted); err != nil {
		return nil, err
	}
	attrs = make(map[string]string)
	for i := 1; i < len(quoted); i += 2 {
		name, err := strconv.Unquote(quoted[i-1])
		if err != nil {
			return nil, err
		}
		if attrs[name], err = strconv.Unquote(quoted[i]); err != nil {
			return nil, err
		}
	}
	return attrs, nil
}
