package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/dynamoslog/dynamoslog/internal/shellwords"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

// What a completion may cost: a shell waits for it.
const (
	completeTime = 2 * time.Second
	completeMost = 500 // headers looked at
)

// completePlace completes the arguments KEY [ID] that begin at the first of args
// after skip, from the newest stories.
func (o *options) completePlace(skip int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var found []cobra.Completion
		switch len(args) - skip {
		case 0:
			found = o.complete(cmd.Context(), story.Query{}, begun, func(h story.Header) (string, string) { return keyWord(h.Key), "" })
		case 1, 2:
			key, err := story.ParseKey(args[skip])
			if err != nil {
				break
			}
			found = o.complete(cmd.Context(), story.Query{Key: key}, begun, func(h story.Header) (string, string) {
				return idWord(h.ID), story.Escape(h.Title)
			})
		}
		if !o.dashes { // it would be taken for a flag
			found = slices.DeleteFunc(found, func(word cobra.Completion) bool { return strings.HasPrefix(word, "-") })
		}
		return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// completeSearch completes the terms of a search that begin at the first of args after
// skip: keys from the newest stories, and the names and values of fields.
func (o *options) completeSearch(skip int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		const inOrder = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
		if len(args) < skip {
			return nil, inOrder
		}
		field, _, valued := strings.Cut(begun, ":")
		switch {
		case valued && field == "kind":
			return o.complete(cmd.Context(), story.Query{}, begun, func(h story.Header) (string, string) {
				return "kind:" + story.NewKey(h.Key.Kind, "").Kind, ""
			}), inOrder
		case valued && story.SearchValues(field) != nil:
			return begunWith(begun, field+":", story.SearchValues(field), ""), inOrder
		}
		found := o.complete(cmd.Context(), story.Query{}, begun, func(h story.Header) (string, string) { return keyTerm(h.Key), "" })
		if !o.dashes {
			found = slices.DeleteFunc(found, func(word cobra.Completion) bool { return strings.HasPrefix(word, "-") })
		}
		if fields := begunWith(begun, "", story.SearchFields(), ":"); len(found) == 0 && begun != "" && len(fields) > 0 {
			return fields, inOrder | cobra.ShellCompDirectiveNoSpace
		}
		return found, inOrder
	}
}

// begunWith returns the words that begin as one does, with something before and behind them.
func begunWith(begun, before string, words []string, behind string) (found []cobra.Completion) {
	for _, word := range words {
		if word = before + word + behind; strings.HasPrefix(word, begun) {
			found = append(found, word)
		}
	}
	return found
}

// keyTerm writes a key as an argument that is read as the term that names it.
func keyTerm(key story.Key) string {
	word := keyWord(key)
	s, err := story.ParseSearch(story.JoinSearch(word), time.Time{})
	if named, rest, found := s.CutKey(); err == nil && found && named == key && rest.IsZero() {
		return word
	}
	return story.SearchTerm("key", word)
}

// keyWord writes a key as an argument that names it. Of blanks at the end, which cobra
// would cut off, it writes the numbers.
func keyWord(key story.Key) string {
	word := key.String()
	kept := strings.TrimRightFunc(word, unicode.IsSpace)
	for _, blank := range word[len(kept):] {
		kept += fmt.Sprintf(`\u%04x`, blank)
	}
	return kept
}

// idWord returns a story's id, or "" for one that no line can hold.
func idWord(id string) string {
	if id != story.Escape(id) || id != strings.TrimSpace(id) {
		return ""
	}
	return id
}

// complete returns what name gives for headers, each once, unless it is "". An error
// completes nothing. Who does not say that words will be quoted gets only those that
// no shell reads as anything else: cobra's own scripts evaluate them.
func (o *options) complete(ctx context.Context, q story.Query, begun string, name func(story.Header) (word, about string)) []cobra.Completion {
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	q.Limit = completeMost
	var found []cobra.Completion
	seen := make(map[string]bool)
	_ = o.withStories(func(store story.Store) error {
		page, err := store.List(ctx, q)
		for _, h := range page.Headers {
			word, about := name(h)
			safe := o.quoted || shellwords.Quote(word, 0) == word
			if word != "" && safe && !seen[word] && strings.HasPrefix(word, begun) {
				seen[word] = true
				found = append(found, cobra.CompletionWithDesc(word, about))
			}
		}
		return err
	})
	return found
}

// completeWords completes the value of a flag from fixed words.
func completeWords(cmd *cobra.Command, flag string, words ...cobra.Completion) {
	// It fails only for a flag that the command does not have.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// completeFiles completes the value of a flag with files.
func completeFiles(cmd *cobra.Command, flag string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault))
}

// completeKinds completes the value of --kind from the newest stories.
func (o *options) completeKinds(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("kind", func(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		kind := func(h story.Header) (string, string) { return story.NewKey(h.Key.Kind, "").Kind, "" }
		return o.complete(cmd.Context(), story.Query{}, begun, kind), cobra.ShellCompDirectiveNoFileComp
	})
}
