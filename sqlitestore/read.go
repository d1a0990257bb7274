package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// columns are those of a header, whatever somebody else may have put into them: in
// SQLite a value has any type and up to a gigabyte, which no reader should load.
const columns = `object, id, ` +
	`ifnull(CAST(start AS INTEGER), 0), ifnull(CAST(updated AS INTEGER), 0), ifnull(CAST(duration AS INTEGER), 0), ` +
	`CASE WHEN octet_length(state) <= 4096 THEN state ELSE '' END, ifnull(CAST(level AS INTEGER), 0), ` +
	`ifnull(CAST(lines AS INTEGER), 0), ifnull(CAST(parts AS INTEGER), 0), ` +
	`CASE WHEN octet_length(title) <= 65536 THEN title ELSE '' END, CASE WHEN octet_length(attrs) <= 65536 THEN attrs END`

// examined is how many headers a page looks at, where a filter finds little, unless its
// limit is higher.
const examined = 500

func examinedFor(q story.Query) int { return max(examined, q.PageLimit()) }

// List implements [story.Store]. A page is one walk along an index.
func (s *Store) List(ctx context.Context, q story.Query) (story.Page, error) {
	if err := s.ready(ctx); err != nil {
		return story.Page{}, err
	}
	condition, args, err := s.listSQL(q)
	if err != nil {
		return story.Page{}, err
	}
	var page story.Page
	err = s.use(ctx, "reading", false, func(f *file) (err error) {
		page, err = readPage(ctx, f, q, condition, args)
		return s.failed(ctx, "reading", err)
	})
	if err != nil {
		return story.Page{}, err
	}
	return page, nil
}

func readPage(ctx context.Context, f *file, q story.Query, condition string, args []any) (page story.Page, err error) {
	columns, err := f.columns(ctx, f.reader)
	if err != nil {
		return page, err
	}
	rows, err := f.reader.QueryContext(ctx, `SELECT `+columns+condition, args...)
	if err != nil {
		return page, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		h, object, err := scanHeader(rows)
		if err != nil {
			return page, err
		}
		page.Looked++
		page.Back = h.Start
		if !h.Key.IsZero() && q.Match(h) { // one that is no key is somebody else's
			page.Headers = append(page.Headers, h)
		}
		if len(page.Headers) == q.PageLimit() || page.Looked == examinedFor(q) {
			if rows.Next() { // there is more
				page.Next = cursorOf(h.ID, object)
			}
			break
		}
	}
	return page, rows.Err()
}

// listSQL writes the query that walks along the index that fits best, all but its columns.
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
	if q.Key.IsZero() && q.MinLevel != nil && q.MinLevel.Level() >= slog.LevelWarn {
		and(`level >= 4`) // as the index troubled has it, or the planner would not see that it fits
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
	args = append(args, examinedFor(q)+1)
	return ` FROM headers WHERE ` + strings.Join(where, " AND ") +
		` ORDER BY id ` + order + `, object ` + order + ` LIMIT ?`, args, nil
}

func sincePrefix(since time.Time) string {
	if since.IsZero() {
		return ""
	}
	return story.IDPrefix(since)
}

func cursorOf(id, object string) string {
	data, _ := json.Marshal([]string{id, object}) // strings always marshal
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

// scanHeader reads a header, and the object that it is of: its key is zero where
// that is none.
func scanHeader(row scanner) (h story.Header, object string, err error) {
	var state string
	var start, updated, duration, level, lines, parts int64
	var attrs, cause, problem sql.NullString
	err = row.Scan(&object, &h.ID, &start, &updated, &duration, &state, &level, &lines, &parts, &h.Title, &attrs, &cause, &problem)
	if err != nil {
		return h, object, err
	}
	h.Key, _ = story.ParseKey(object)
	h.Cause, h.Problem = cause.String, problem.String
	if h.Attrs, err = decodeAttrs(attrs); err != nil {
		h.Attrs = map[string]string{"…": fmt.Sprintf("the attributes cannot be read: %v", err)}
	}
	h.Start, h.Updated = time.UnixMicro(start).UTC(), time.UnixMilli(updated).UTC()
	h.Duration = time.Duration(min(max(duration, 0), int64(math.MaxInt64/time.Millisecond))) * time.Millisecond
	h.State, h.MaxLevel = story.State(state), slog.Level(in32(level))
	h.LineCount, h.Parts = in32(lines), in32(parts)
	return h.Bounded(), object, nil
}

func in32(n int64) int { return int(min(max(n, math.MinInt32), math.MaxInt32)) }

// Read implements [story.Store]: header and parts as they were at one moment.
func (s *Store) Read(ctx context.Context, key story.Key, id string) (story.Story, error) {
	parts, id, err := s.parts(ctx, key, id)
	if err != nil {
		return story.Story{}, err
	}
	return story.Assemble(key, id, parts), nil
}

// ReadParts implements [story.PartReader].
func (s *Store) ReadParts(ctx context.Context, key story.Key, id string) ([]story.Part, error) {
	if id == "" {
		return nil, fmt.Errorf("%w: %s", story.ErrNotFound, key)
	}
	parts, _, err := s.parts(ctx, key, id)
	return parts, err
}

// parts returns the parts of a story and its id, as they were at one moment.
func (s *Store) parts(ctx context.Context, key story.Key, id string) ([]story.Part, string, error) {
	if err := s.ready(ctx); err != nil {
		return nil, "", err
	}
	var parts []story.Part
	found := id
	err := s.use(ctx, "reading", false, func(f *file) error {
		tx, err := f.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return s.failed(ctx, "reading", err)
		}
		defer func() { _ = tx.Rollback() }() // nothing was written
		parts, found, err = s.readParts(ctx, f, tx, key, id)
		return s.failed(ctx, "reading", err)
	})
	if err != nil {
		return nil, "", err
	}
	if len(parts) == 0 {
		return nil, "", fmt.Errorf("%w: %s %s", story.ErrNotFound, key, story.Escape(found))
	}
	return parts, found, nil
}

func (s *Store) readParts(ctx context.Context, f *file, tx *sql.Tx, key story.Key, id string) ([]story.Part, string, error) {
	object := key.String()
	oldest := s.oldest()
	if id != "" && id < oldest {
		return nil, id, nil
	}
	columns, err := f.columns(ctx, tx)
	if err != nil {
		return nil, id, err
	}
	statement, bound := `SELECT `+columns+` FROM headers WHERE object = ? AND id = ?`, id
	if id == "" {
		statement, bound = `SELECT `+columns+` FROM headers WHERE object = ? AND id >= ? ORDER BY id DESC LIMIT 1`, oldest
	}
	header, _, err := scanHeader(tx.QueryRowContext(ctx, statement, object, bound))
	found := err == nil
	switch {
	case found:
		id = header.ID
	case !errors.Is(err, sql.ErrNoRows):
		return nil, id, err
	case id == "":
		return nil, id, nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT ifnull(CAST(number AS INTEGER), 0), octet_length(text),
		CASE WHEN octet_length(text) <= ? THEN text END
		FROM texts WHERE object = ? AND id = ? ORDER BY number`, story.MaxReadText, object, id)
	if err != nil {
		return nil, id, err
	}
	defer func() { _ = rows.Close() }()
	var gathered story.Gathering
	for more := true; more && rows.Next(); {
		part := story.Part{Key: key, ID: id}
		var number int64
		var size sql.NullInt64
		var text sql.NullString
		if err := rows.Scan(&number, &size, &text); err != nil {
			return nil, id, err
		}
		part.Number = in32(number)
		if part.Number == 0 && found {
			part.Header = &header
		}
		if part.Text = text.String; size.Valid && !text.Valid {
			more = gathered.AddUnreadable(part, fmt.Errorf("its text is of %d bytes", size.Int64))
		} else {
			more = gathered.Add(part)
		}
	}
	return gathered.Parts, id, rows.Err()
}
