package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

const columns = `object, id, start, updated, duration, state, level, lines, parts, title, attrs`

// examined is how many headers a page looks at, where a filter finds little.
const examined = 2000

// List implements [story.Store]. A page is one walk along an index.
func (s *Store) List(ctx context.Context, q story.Query) (story.Page, error) {
	if err := s.ready(ctx); err != nil {
		return story.Page{}, err
	}
	statement, args, err := s.listSQL(q)
	if err != nil {
		return story.Page{}, err
	}
	rows, err := s.reader.QueryContext(ctx, statement, args...)
	if err != nil {
		return story.Page{}, s.failed(ctx, "reading", err)
	}
	defer func() { _ = rows.Close() }()
	var page story.Page
	seen := 0
	for rows.Next() {
		h, err := scanHeader(rows)
		if err != nil {
			return story.Page{}, s.failed(ctx, "reading", err)
		}
		seen++
		if q.Match(h) {
			page.Headers = append(page.Headers, h)
		}
		if len(page.Headers) == q.PageLimit() || seen == examined {
			if rows.Next() { // there is more
				page.Next = cursorOf(h)
			}
			break
		}
	}
	if err := rows.Err(); err != nil {
		return story.Page{}, s.failed(ctx, "reading", err)
	}
	return page, nil
}

// listSQL writes the query that walks along the index that fits best.
func (s *Store) listSQL(q story.Query) (string, []any, error) {
	var where []string
	var args []any
	and := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	switch {
	case !q.Key.IsZero():
		and(`object = ?`, q.Key.String())
	case q.Kind != "":
		and(`state <> 'moved' AND kind = ?`, q.Kind)
	default:
		and(`state <> 'moved'`)
	}
	and(`id >= ?`, max(s.oldest(), sincePrefix(q.Since)))
	if !q.Until.IsZero() {
		until := q.Until.Truncate(time.Microsecond)
		if until.Before(q.Until) { // ids tell microseconds: that one's stories are before Until
			until = until.Add(time.Microsecond)
		}
		and(`id < ?`, story.IDPrefix(until))
	}
	beyond, order := "<", "DESC"
	if q.OldestFirst {
		beyond, order = ">", "ASC"
	}
	if q.Cursor != "" {
		id, object, err := parseCursor(q.Cursor)
		if err != nil {
			return "", nil, err
		}
		and(`id `+beyond+`= ? AND (id, object) `+beyond+` (?, ?)`, id, id, object)
	}
	args = append(args, examined+1)
	return `SELECT ` + columns + ` FROM headers WHERE ` + strings.Join(where, " AND ") +
		` ORDER BY id ` + order + `, object ` + order + ` LIMIT ?`, args, nil
}

func sincePrefix(since time.Time) string {
	if since.IsZero() {
		return ""
	}
	return story.IDPrefix(since)
}

func cursorOf(h story.Header) string {
	data, _ := json.Marshal([]string{h.ID, h.Key.String()}) // strings always marshal
	return base64.RawURLEncoding.EncodeToString(data)
}

func parseCursor(cursor string) (id, object string, err error) {
	var fields []string
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(data, &fields)
	}
	if err != nil || len(fields) != 2 {
		return "", "", fmt.Errorf("%w: %q", story.ErrBadCursor, cursor)
	}
	return fields[0], fields[1], nil
}

type scanner interface{ Scan(...any) error }

func scanHeader(row scanner) (story.Header, error) {
	var h story.Header
	var object, state string
	var start, updated, duration, level int64
	var attrs sql.NullString
	err := row.Scan(&object, &h.ID, &start, &updated, &duration, &state, &level, &h.LineCount, &h.Parts, &h.Title, &attrs)
	if err != nil {
		return h, err
	}
	if h.Key, err = story.ParseKey(object); err != nil {
		return h, err
	}
	if h.Attrs, err = decodeAttrs(attrs); err != nil {
		return h, fmt.Errorf("attributes of %s %s: %w", h.Key, story.Escape(h.ID), err)
	}
	h.Start, h.Updated = time.UnixMicro(start).UTC(), time.UnixMilli(updated).UTC()
	h.Duration = time.Duration(duration) * time.Millisecond
	h.State, h.MaxLevel = story.State(state), slog.Level(level)
	return h, nil
}

// Read implements [story.Store]: header and parts as they were at one moment.
func (s *Store) Read(ctx context.Context, key story.Key, id string) (story.Story, error) {
	if err := s.ready(ctx); err != nil {
		return story.Story{}, err
	}
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return story.Story{}, s.failed(ctx, "reading", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	parts, id, err := s.readParts(ctx, tx, key, id)
	if err != nil {
		return story.Story{}, s.failed(ctx, "reading", err)
	}
	if len(parts) == 0 {
		return story.Story{}, fmt.Errorf("%w: %s %s", story.ErrNotFound, key, story.Escape(id))
	}
	return story.Assemble(key, id, parts), nil
}

func (s *Store) readParts(ctx context.Context, tx *sql.Tx, key story.Key, id string) ([]story.Part, string, error) {
	object := key.String()
	oldest := s.oldest()
	if id != "" && id < oldest {
		return nil, id, nil
	}
	statement, bound := `SELECT `+columns+` FROM headers WHERE object = ? AND id = ?`, id
	if id == "" {
		statement, bound = `SELECT `+columns+` FROM headers WHERE object = ? AND id >= ? ORDER BY id DESC LIMIT 1`, oldest
	}
	header, err := scanHeader(tx.QueryRowContext(ctx, statement, object, bound))
	found := err == nil
	switch {
	case found:
		id = header.ID
	case !errors.Is(err, sql.ErrNoRows):
		return nil, id, err
	case id == "":
		return nil, id, nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT number, text FROM texts WHERE object = ? AND id = ? ORDER BY number`, object, id)
	if err != nil {
		return nil, id, err
	}
	defer func() { _ = rows.Close() }()
	var parts []story.Part
	for rows.Next() {
		part := story.Part{Key: key, ID: id}
		if err := rows.Scan(&part.Number, &part.Text); err != nil {
			return nil, id, err
		}
		if part.Number == 0 && found {
			part.Header = &header
		}
		parts = append(parts, part)
	}
	return parts, id, rows.Err()
}
