package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/dynamoslog/dynamoslog/story"
)

// An alias is a row that leads to the header of its story: what a list shows of it is what
// that says, and where that is gone it is not listed.
const aliasesSQL = `
CREATE TABLE IF NOT EXISTS aliases (
	key TEXT NOT NULL, story TEXT NOT NULL, of TEXT NOT NULL, count INTEGER NOT NULL,
	PRIMARY KEY (key, story)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS aliases_story ON aliases (story, of);
`

// ofAlias joins the aliases with the headers of their stories, walking along the aliases.
const ofAlias = ` FROM aliases CROSS JOIN headers ON object = of AND id = story`

func putAlias(ctx context.Context, tx *statements, part story.Part) error {
	_, err := tx.exec(ctx, `INSERT OR REPLACE INTO aliases (key, story, of, count) VALUES (?, ?, ?, ?)`,
		part.Key.String(), part.ID, part.Header.Of.String(), part.Header.Count)
	return err
}

// findAlias returns the key and the id of the story for which an alias stands: of an id, or
// the latest from oldest on where that is empty.
func findAlias(ctx context.Context, tx *sql.Tx, key story.Key, id, oldest string) (of story.Key, found string, err error) {
	statement, bound := `SELECT of, story FROM aliases WHERE key = ? AND story = ?`, id
	if id == "" {
		statement, bound = `SELECT of, story`+ofAlias+` WHERE key = ? AND story >= ? ORDER BY story DESC LIMIT 1`, oldest
	}
	var object string
	switch err = tx.QueryRowContext(ctx, statement, key.String(), bound).Scan(&object, &found); err {
	case nil:
		of, _ = story.ParseKey(object) // what is none leads to no story
		return of, found, nil
	case sql.ErrNoRows:
		return of, "", nil
	}
	return of, "", err
}

// deleteAliases deletes those of a story, or of all of a key's, and those under the key.
func deleteAliases(ctx context.Context, tx *sql.Tx, key story.Key, id string) (removed int64, err error) {
	object := key.String()
	args := []any{object}
	statements := []string{
		`DELETE FROM aliases WHERE (story, of) IN (SELECT id, object FROM headers WHERE object = ?1)`,
		`DELETE FROM aliases WHERE key = ?1`,
	}
	if id != "" {
		args = append(args, id)
		statements = []string{`DELETE FROM aliases WHERE story = ?2 AND of = ?1`, `DELETE FROM aliases WHERE key = ?1 AND story = ?2`}
	}
	for _, statement := range statements {
		n, err := change(ctx, tx, statement, args...)
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}

// change returns how many rows a statement changes.
func change(ctx context.Context, tx *sql.Tx, statement string, args ...any) (int64, error) {
	result, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// encodeAlso writes keys as a JSON array of their texts.
func encodeAlso(keys []story.Key) sql.NullString {
	if len(keys) == 0 {
		return sql.NullString{}
	}
	texts := make([]string, len(keys))
	for i, key := range keys {
		texts[i] = key.String()
	}
	data, _ := json.Marshal(texts) // strings always marshal
	return sql.NullString{String: string(data), Valid: true}
}

// decodeAlso reads what encodeAlso writes. What is no key is left out.
func decodeAlso(written sql.NullString) (keys []story.Key) {
	var texts []string
	if !written.Valid || json.Unmarshal([]byte(written.String), &texts) != nil {
		return nil
	}
	for _, text := range texts {
		if key, err := story.ParseKey(text); err == nil {
			keys = append(keys, key)
		}
	}
	return keys
}
