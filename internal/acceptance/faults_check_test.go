package acceptance_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

const missingPart = "of this story is missing in the store"

// A result is what became of the lines of a trial.
type result struct {
	lines    int
	found    int            // in the table, each in its story
	lost     int            // neither there, nor in the fallback, nor counted as dropped
	twice    int            // found again
	disorder int            // found behind a later one
	absent   map[string]int // lines that are not in the table
	fallback map[string]int // lines that are in the fallback
	notes    []string       // lines of nobody but the handler itself
}

// check reads all that is in the table and compares it with what was told.
func (tr *trial) check() *result {
	tr.Helper()
	r := &result{absent: make(map[string]int), fallback: make(map[string]int)}
	stored := tr.checkLists()
	for at, want := range tr.told {
		r.lines += len(want)
		var got []story.Line
		header, listed := stored[at]
		if listed || tr.fault.moves {
			s, err := tr.direct.Read(tr.Context(), at.key, at.id)
			if err != nil {
				tr.Errorf("Read %v: %v", at, err)
			}
			got = s.Lines
			delete(stored, at)
			tr.checkCause(header, got)
		}
		r.compare(got, want, tr.maybe)
	}
	for at := range stored {
		if tr.fault.strangers == nil || !tr.fault.strangers(at) {
			tr.Errorf("the table has a story that nobody told: %v", at)
		}
	}
	r.readFallback(tr)
	tr.checkItems()
	tr.checkResult(r)
	tr.checkStats(r)
	return r
}

// checkLists returns the stories that are in the table, by both kinds of lists.
func (tr *trial) checkLists() map[name]story.Header {
	tr.Helper()
	stored := make(map[name]story.Header)
	keys := make(map[story.Key]bool)
	for header, err := range story.All(tr.Context(), tr.direct, story.Query{Limit: 1000}) {
		if err != nil {
			tr.Fatalf("List: %v", err)
		}
		at := name{header.Key, header.ID}
		if _, again := stored[at]; again {
			tr.Errorf("listed twice: %v", at)
		}
		stored[at], keys[header.Key] = header, true
		if header.State == story.Open && !tr.fault.cutOff() {
			tr.Errorf("%v is open, after Shutdown", at)
		}
	}
	if len(keys) > 100 {
		return stored // that many lists would take long
	}
	n := 0
	for key := range keys {
		for header, err := range story.All(tr.Context(), tr.direct, story.Query{Key: key, Limit: 1000}) {
			if err != nil {
				tr.Fatalf("List of %v: %v", key, err)
			}
			if _, listed := stored[name{header.Key, header.ID}]; !listed {
				tr.Errorf("not in the list over all keys: %v %s", header.Key, header.ID)
			}
			n++
		}
	}
	if n != len(stored) {
		tr.Errorf("lists of the keys have %d stories, the one over all keys %d", n, len(stored))
	}
	return stored
}

// checkCause compares what the list over all keys says of a story that went wrong with
// its lines, where all of them are there.
func (tr *trial) checkCause(header story.Header, lines []story.Line) {
	tr.Helper()
	if header.State == story.Open || tr.fault.rejects || tr.fault.damages || tr.fault.note != "" {
		return
	}
	level := slog.LevelInfo
	for _, line := range lines {
		level = max(level, line.Level)
	}
	if cause, _ := story.CauseOf(header.Key.Kind, lines); level >= slog.LevelWarn && (header.MaxLevel != level || header.Cause != cause || header.Problem == "") {
		tr.Errorf("%v %s is listed as %v, %q, %q, want %v, %q", header.Key, header.ID, header.MaxLevel, header.Cause, header.Problem, level, cause)
	}
}

// compare counts what became of the lines of one story.
func (r *result) compare(got []story.Line, want []string, maybe map[string]bool) {
	place := make(map[string]int, len(want))
	for i, message := range want {
		place[message] = i
	}
	seen := make(map[string]bool, len(want))
	last := -1
	for _, line := range got {
		i, told := place[line.Message]
		switch {
		case !told && maybe[line.Message]:
			continue
		case !told:
			r.notes = append(r.notes, line.Message)
			continue
		case seen[line.Message]:
			r.twice++
			continue
		case i < last:
			r.disorder++
		}
		seen[line.Message] = true
		last = max(last, i)
		r.found++
	}
	for _, message := range want {
		if !seen[message] {
			r.absent[message]++
		}
	}
}

// readFallback counts the lines that were told and are in the fallback.
func (r *result) readFallback(tr *trial) {
	told := make(map[string]bool)
	for _, messages := range tr.told {
		for _, message := range messages {
			told[message] = true
		}
	}
	var text strings.Builder
	for line := range strings.Lines(tr.output.String()) {
		if !strings.HasPrefix(line, "dynamoslog: ") {
			text.WriteString(line)
		}
	}
	for _, line := range story.Parse(text.String()) {
		if told[line.Message] {
			r.fallback[line.Message]++
		}
	}
	for message, n := range r.absent {
		if !tr.maybe[message] {
			r.lost += max(n-r.fallback[message], 0)
		}
	}
	r.lost -= int(tr.h.Stats().Dropped)
}

// A slot is the place of an item.
type slot struct{ object, id string }

// checkAliases compares what stories say of their aliases with those that are there: none is
// missing, but where the store rejects some or takes no more, and none leads nowhere.
func (tr *trial) checkAliases(heads map[slot]types.AttributeValue, also map[slot][]string, of map[slot]string) {
	tr.Helper()
	if tr.fault.rejects {
		return
	}
	const longest = 2048 // of an object; of longer keys it is another text
	for at, object := range of {
		if _, there := heads[slot{object, at.id}]; !there && len(object) <= longest {
			tr.Errorf("%v is an alias of %s, which is not there", at, object)
		}
	}
	for at, keys := range also {
		for _, key := range keys {
			if alias := of[slot{key, at.id}]; alias != at.object && len(alias) <= longest && !tr.fault.cutOff() && !strings.HasPrefix(key, story.KindProblem+"_") {
				tr.Errorf("%v is not listed under %s", at, key)
			}
		}
	}
}

// checkItems looks at every item: none of an unknown story, the parts of each
// numbered without a gap, no item ever changed but from open header to final.
func (tr *trial) checkItems() {
	tr.Helper()
	parts := make(map[slot]int)
	also, of := make(map[slot][]string), make(map[slot]string)
	late := make(map[string]bool)
	for at := range tr.late {
		late[at.id] = true
	}
	heads := make(map[slot]types.AttributeValue)
	pages := dynamodb.NewScanPaginator(tr.client, &dynamodb.ScanInput{TableName: &tr.direct.Name, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(tr.Context())
		if err != nil {
			tr.Fatalf("Scan: %v", err)
		}
		for _, it := range page.Items {
			object, _ := it["object"].(*types.AttributeValueMemberS)
			sortKey, _ := it["story"].(*types.AttributeValueMemberS)
			if id, isPart := strings.CutPrefix(sortKey.Value, "part#"); isPart {
				parts[slot{object.Value, id[:strings.LastIndexByte(id, '#')]}]++
				continue
			}
			at := slot{object.Value, sortKey.Value}
			if _, again := heads[at]; again {
				tr.Errorf("two headers of %v", at)
			}
			if alias, is := it["of"].(*types.AttributeValueMemberS); is {
				of[at] = alias.Value
				continue
			}
			heads[at] = it["parts"]
			if keys, has := it["also"].(*types.AttributeValueMemberSS); has {
				also[at] = keys.Value
			}
		}
	}
	tr.checkAliases(heads, also, of)
	for at, n := range parts {
		if tr.fault.rejects || tr.fault.cutOff() {
			break
		}
		got, _ := heads[at].(*types.AttributeValueMemberN)
		if got == nil || got.Value != fmt.Sprint(n) && !late[at.id] && !tr.fault.others {
			tr.Errorf("%v has %d parts, and its header tells of %+v", at, n, got)
		}
	}
	for slot, n := range tr.proxy.Versions() {
		most := 2
		if strings.HasPrefix(slot.Story, "part#") {
			most = 1
		}
		if n > most && tr.fault.strangers == nil && !tr.fault.damages {
			tr.Errorf("%v was sent in %d versions: what is sent never changes", slot, n)
		}
	}
	if seen := tr.proxy.Seen(); seen.Batch > 25 {
		tr.Errorf("a batch had %d items", seen.Batch)
	}
}

// checkResult asserts what every fault has to leave: nothing lost, nothing twice,
// order kept.
func (tr *trial) checkResult(r *result) {
	tr.Helper()
	if r.lost != 0 || r.twice != 0 || r.disorder != 0 {
		tr.Errorf("of %d lines %d are lost, %d there twice, %d out of order", r.lines, r.lost, r.twice, r.disorder)
	}
	for _, note := range r.notes {
		if strings.Contains(note, missingPart) && tr.fault.rejects {
			continue // said by the reader
		}
		if tr.fault.note == "" || !strings.Contains(note, tr.fault.note) {
			tr.Errorf("a line that nobody told: %q", note)
		}
	}
	if tr.fault.fallback == nil {
		if text := tr.output.String(); text != "" {
			tr.Errorf("want nothing in the fallback, got:\n%.2000s", text)
		}
		if tr.flushed != nil || tr.shutDown != nil {
			tr.Errorf("Flush: %v; Shutdown: %v", tr.flushed, tr.shutDown)
		}
	} else {
		for message, n := range r.fallback {
			if n != 1 || r.absent[message] != 1 && !tr.fault.both {
				tr.Errorf("%q is %d times in the fallback, and %d times missing in the table", message, n, r.absent[message])
			}
		}
		tr.fault.fallback(tr, r)
	}
	if tr.fault.trouble != nil {
		tr.checkTrouble()
	}
	if tr.fault.check != nil {
		tr.fault.check(tr, r)
	}
}

func (tr *trial) checkTrouble() {
	tr.Helper()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, err := range tr.troubles {
		if errors.Is(err, tr.fault.trouble) {
			return
		}
	}
	tr.Errorf("OnError heard of %v, want %v", tr.troubles, tr.fault.trouble)
}

// checkStats compares what the handler says of itself with what is there.
func (tr *trial) checkStats(r *result) {
	tr.Helper()
	s := tr.h.Stats()
	want := int64(r.found)
	for _, note := range r.notes {
		if !strings.Contains(note, missingPart) {
			want++
		}
	}
	if s.Lines != want && !tr.fault.both && !tr.fault.others && tr.fault.strangers == nil {
		tr.Errorf("Stats.Lines: got %d, want the %d that are stored", s.Lines, want)
	}
	if s.Dropped != 0 && tr.fault.note == "" {
		tr.Errorf("Stats.Dropped: got %d", s.Dropped)
	}
	if want := tr.fault.rejects; (s.Rejected > 0) != want {
		tr.Errorf("Stats.Rejected: got %d, want some: %v", s.Rejected, want)
	}
	if s.Buffered != 0 || s.Open != 0 || !s.Parked.IsZero() && !tr.fault.stays {
		tr.Errorf("after Shutdown: %+v, want nothing left", s)
	}
	var unwritten *dynamoslog.UnwrittenError
	if errors.As(tr.flushed, &unwritten) && tr.fault.rejects && unwritten.Lines != len(r.fallback) {
		tr.Errorf("Flush: got %v, want an error of %d lines", tr.flushed, len(r.fallback))
	}
}
