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
	"slices"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// columns are those of a header, whatever somebody else may have put into them: in
// SQLite a value has any type and up to a gigabyte, which no reader should load.
const columns = `object, id, ` + facts

// facts are the columns of a header beside its place.
const facts = `ifnull(CAST(start AS INTEGER), 0), ifnull(CAST(updated AS INTEGER), 0), ifnull(CAST(duration AS INTEGER), 0), ` +
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
	w, err := s.walkOf(q)
	if err != nil {
		return story.Page{}, err
	}
	var page story.Page
	err = s.use(ctx, "reading", false, func(f *file) (err error) {
		page, err = readPage(ctx, f, q, w)
		return s.failed(ctx, "reading", err)
	})
	if err != nil {
		return story.Page{}, err
	}
	return page, nil
}

func readPage(ctx context.Context, f *file, q story.Query, w walk) (page story.Page, err error) {
	has, err := f.layout(ctx, f.reader)
	if err != nil {
		return page, err
	}
	if w.ofKey && has.aliases { // of most keys there are none, and the walk is shorter then
		if has.aliases, err = exist(ctx, f.reader, `SELECT EXISTS (SELECT 1 FROM aliases WHERE key = ?)`, q.Key.String()); err != nil {
			return page, err
		}
	}
	statement, args := w.sql(has, examinedFor(q)+1)
	rows, err := f.reader.QueryContext(ctx, statement, args...)
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

// A walk is along the index that fits a query best.
type walk struct {
	of    string // a condition on the column of the partition
	ofKey bool   // that is a key, which may have aliases too
	args  []any  // of that
	ids   []string
	bound []any // of conditions on the id
	order string
}

// walkOf returns the walk for a query.
func (s *Store) walkOf(q story.Query) (w walk, err error) {
	switch {
	case !q.Key.IsZero():
		w.of, w.ofKey, w.args = `object = ?`, true, []any{q.Key.String()}
	case q.Kind != "":
		w.of, w.args = `state <> 'moved' AND kind = ?`, []any{q.Kind}
	default:
		w.of = `state <> 'moved'`
	}
	and := func(condition string, values ...any) {
		w.ids, w.bound = append(w.ids, condition), append(w.bound, values...)
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
			return w, err
		}
		and(`id `+beyond+`= ? AND (id, object) `+beyond+` (?, ?)`, id, id, object)
	}
	w.order = ` ORDER BY id ` + order + `, object ` + order + ` LIMIT ?`
	return w, nil
}

// sql writes the walk for a file, of so many headers at most.
func (w walk) sql(has layout, most int) (statement string, args []any) {
	ids := strings.Join(w.ids, " AND ")
	args = slices.Concat(w.args, w.bound)
	statement = `SELECT ` + columns + has.added + `, NULL, 0 FROM headers WHERE ` + w.of + ` AND ` + ids
	if w.ofKey && has.aliases {
		inAliases := strings.NewReplacer("object", "key", "id", "story")
		statement += ` UNION ALL SELECT key, story, ` + facts + has.added + `, of, count` + ofAlias +
			` WHERE ` + inAliases.Replace(w.of) + ` AND ` + inAliases.Replace(ids)
		args = slices.Concat(args, args)
	}
	return statement + w.order, append(args, most)
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
	var count int64
	var attrs, cause, problem, also, of sql.NullString
	err = row.Scan(&object, &h.ID, &start, &updated, &duration, &state, &level, &lines, &parts, &h.Title, &attrs, &cause, &problem, &also, &of, &count)
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
	if of.Valid {
		h.Of, _ = story.ParseKey(of.String)
		h.Count = in32(count)
	} else {
		h.Also = decodeAlso(also)
	}
	return h.Bounded(), object, nil
}

func in32(n int64) int { return int(min(max(n, math.MinInt32), math.MaxInt32)) }

// Read implements [story.Store]: header and parts as they were at one moment.
func (s *Store) Read(ctx context.Context, key story.Key, id string) (story.Story, error) {
	parts, err := s.parts(ctx, key, id, true)
	if err != nil {
		return story.Story{}, err
	}
	return story.Assemble(parts[0].Key, parts[0].ID, parts), nil
}

// ReadParts implements [story.PartReader].
func (s *Store) ReadParts(ctx context.Context, key story.Key, id string) ([]story.Part, error) {
	if id == "" {
		return nil, fmt.Errorf("%w: %s", story.ErrNotFound, key)
	}
	return s.parts(ctx, key, id, false)
}

// parts returns the parts of a story, as they were at one moment; of the one that an alias
// stands for if follow is set.
func (s *Store) parts(ctx context.Context, key story.Key, id string, follow bool) (parts []story.Part, err error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	err = s.use(ctx, "reading", false, func(f *file) error {
		tx, err := f.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return s.failed(ctx, "reading", err)
		}
		defer func() { _ = tx.Rollback() }() // nothing was written
		parts, err = s.readParts(ctx, f, tx, key, id, follow)
		return s.failed(ctx, "reading", err)
	})
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("%w: %s %s", story.ErrNotFound, key, story.Escape(id))
	}
	return parts, nil
}

func (s *Store) readParts(ctx context.Context, f *file, tx *sql.Tx, key story.Key, id string, follow bool) ([]story.Part, error) {
	oldest := s.oldest()
	if id != "" && id < oldest {
		return nil, nil
	}
	has, err := f.layout(ctx, tx)
	if err != nil {
		return nil, err
	}
	header, found, err := readHeader(ctx, tx, has, key, id, oldest)
	if err != nil {
		return nil, err
	}
	if follow && has.aliases && (!found || id == "") {
		of, story, err := findAlias(ctx, tx, key, id, oldest)
		if err != nil {
			return nil, err
		}
		if story > header.ID { // where there is a header, its id is the key's latest
			if header, found, err = readHeader(ctx, tx, has, of, story, oldest); err != nil || !found {
				return nil, err
			}
			key = of
		}
	}
	if found {
		id = header.ID
	}
	if id == "" {
		return nil, nil
	}
	return readTexts(ctx, tx, key, id, header, found)
}

// readHeader reads the header of a story, or of the latest of its key from oldest on.
func readHeader(ctx context.Context, tx *sql.Tx, has layout, key story.Key, id, oldest string) (header story.Header, found bool, err error) {
	statement, bound := `SELECT `+columns+has.added+`, NULL, 0 FROM headers WHERE object = ? AND id = ?`, id
	if id == "" {
		statement, bound = `SELECT `+columns+has.added+`, NULL, 0 FROM headers WHERE object = ? AND id >= ? ORDER BY id DESC LIMIT 1`, oldest
	}
	header, _, err = scanHeader(tx.QueryRowContext(ctx, statement, key.String(), bound))
	if errors.Is(err, sql.ErrNoRows) {
		return story.Header{}, false, nil
	}
	return header, err == nil, err
}

// readTexts reads the parts of a story; its header is part 0, if it was found.
func readTexts(ctx context.Context, tx *sql.Tx, key story.Key, id string, header story.Header, found bool) ([]story.Part, error) {
	rows, err := tx.QueryContext(ctx, `SELECT ifnull(CAST(number AS INTEGER), 0), octet_length(text),
		CASE WHEN octet_length(text) <= ? THEN text END
		FROM texts WHERE object = ? AND id = ? ORDER BY number`, story.MaxReadText, key.String(), id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var gathered story.Gathering
	for more := true; more && rows.Next(); {
		part := story.Part{Key: key, ID: id}
		var number int64
		var size sql.NullInt64
		var text sql.NullString
		if err := rows.Scan(&number, &size, &text); err != nil {
			return nil, err
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
	return gathered.Parts, rows.Err()
}
