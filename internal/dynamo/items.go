package dynamo

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/story"
)

// Names of an item's attributes.
const (
	attrObject   = "object" // partition key
	attrStory    = "story"  // sort key
	attrKey      = "key"
	attrMessage  = "message"
	attrZstd     = "message_zstd"
	attrRecent   = "recent"
	attrTitle    = "title"
	attrLevel    = "level"
	attrLines    = "lines"
	attrUpdated  = "updated"
	attrDuration = "duration_ms"
	attrState    = "state"
	attrParts    = "parts"
	attrAttrs    = "attrs"
	attrCause    = "cause"
	attrProblem  = "problem"
	attrAlso     = "also"
	attrOf       = "of"
	attrCount    = "count"
	attrExpires  = "expires_at"
	attrVersion  = "v"
)

// headerAttrs is what a list shows of a story. The index projects them; the keys
// are there anyway.
var headerAttrs = []string{attrTitle, attrLevel, attrLines, attrUpdated, attrDuration,
	attrState, attrParts, attrAttrs, attrExpires, attrKey, attrVersion, attrCause, attrProblem}

// keyAttrs is what a list of one key shows: aliases are only there.
var keyAttrs = append(slices.Clone(headerAttrs), attrOf, attrCount)

// causeAttrs are those of headerAttrs which tables of the first layout do not project.
var causeAttrs = []string{attrCause, attrProblem}

const (
	layoutVersion = "1"
	secondVersion = "2" // of items that say why a story is bad, that are aliases or have some
	indexRecent   = "recent"

	// partPrefix begins the sort keys of parts, and partEnd is above all of them.
	partPrefix = "part#"
	partEnd    = "part$"

	updatedLayout = "2006-01-02T15:04:05.000Z"

	// storyAge is how long a story may be open: its parts expire no earlier.
	storyAge = 24 * time.Hour

	// Limits of DynamoDB, in bytes.
	maxObject = 2048
	maxStory  = 1024
	maxItem   = 400 << 10
)

type item = map[string]types.AttributeValue

// What an item can't be made of.
var (
	errBadID     = errors.New("dynamoslog: the id of a story is of 1 to 1,000 bytes of valid UTF-8 and does not begin with " + partPrefix)
	errBadPart   = errors.New("dynamoslog: part 0 of a story has a header, and no other is below it")
	errLargeItem = fmt.Errorf("dynamoslog: the item would be larger than DynamoDB takes, %d bytes", maxItem)
)

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// objectOf returns a key's partition key. Of a key that is too long the tail is
// replaced by a hash of the whole.
func objectOf(key story.Key) string {
	full := key.String()
	if len(full) <= maxObject {
		return full
	}
	sum := sha256.Sum256([]byte(full))
	tail := "#" + hex.EncodeToString(sum[:])
	end := maxObject - len(tail)
	for !utf8.RuneStart(full[end]) {
		end--
	}
	return full[:end] + tail
}

// partKey returns the sort key of a part.
func partKey(id string, number int) string {
	if number == 0 {
		return id
	}
	return fmt.Sprintf("%s%06d", partsOf(id), number)
}

// partsOf returns what the sort keys of a story's parts begin with.
func partsOf(id string) string { return partPrefix + id + "#" }

// partNumber returns the number in a part's sort key.
func partNumber(id, sortKey string) (int, bool) {
	digits, ok := strings.CutPrefix(sortKey, partsOf(id))
	if !ok || len(digits) < 6 || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0
}

// shardOf returns the partition of the index recent that a story is in.
func (s *Store) shardOf(id string) string {
	sum := fnv.New32a()
	sum.Write([]byte(id))
	return strconv.Itoa(int(sum.Sum32() % uint32(s.Shards)))
}

// encode makes the item of a part.
func (s *Store) encode(part story.Part) (item, error) {
	p, err := s.prepare(part)
	if err != nil {
		return nil, err
	}
	return p.item, nil
}

// prepare makes the item of a part, and notes what it is made of.
func (s *Store) prepare(part story.Part) (*prepared, error) {
	sortKey := partKey(part.ID, part.Number)
	if part.ID == "" || !utf8.ValidString(part.ID) || strings.HasPrefix(part.ID, partPrefix) || len(partKey(part.ID, 1)) > maxStory {
		return nil, errBadID
	}
	if part.Number < 0 || (part.Number == 0) != (part.Header != nil) {
		return nil, errBadPart
	}
	p := &prepared{store: s, part: part}
	p.part.Prepared = nil
	p.object.Value, p.sortKey.Value = objectOf(part.Key), sortKey
	it := item{
		attrObject:  &p.object,
		attrStory:   &p.sortKey,
		attrVersion: &types.AttributeValueMemberN{Value: layoutVersion},
	}
	if full := part.Key.String(); len(full) > maxObject {
		it[attrKey] = str(full)
	}
	if s.TTL >= 0 {
		it[attrExpires] = num(startOf(part).Add(storyAge + s.TTL).Unix())
	}
	if part.Header != nil {
		p.header = *part.Header
		p.header.Attrs = nil
		p.part.Header = &p.header
		s.encodeHeader(it, part.ID, part.Header)
	}
	s.encodeText(it, part.Text)
	if itemSize(it) > maxItem {
		return nil, errLargeItem
	}
	p.item = it
	return p, nil
}

// startOf returns when a part's story started. All parts must agree on it, or
// they would not expire together; only ids made by others leave a choice.
func startOf(part story.Part) time.Time {
	if start, ok := story.IDTime(part.ID); ok {
		return start
	}
	if part.Header != nil && !part.Header.Start.IsZero() {
		return part.Header.Start
	}
	return time.Now()
}

func (s *Store) encodeHeader(it item, id string, h *story.Header) {
	// A moved story goes on under its new key and is listed there: the put of this
	// last version, which replaces the whole item, takes it out of the index.
	if h.State != story.Moved && !h.IsAlias() {
		it[attrRecent] = str(s.shardOf(id))
	}
	it[attrTitle] = str(h.Title)
	it[attrLevel] = num(int64(h.MaxLevel))
	it[attrLines] = num(int64(h.LineCount))
	it[attrUpdated] = str(h.Updated.UTC().Format(updatedLayout))
	it[attrDuration] = num(h.Duration.Milliseconds())
	it[attrState] = str(string(h.State))
	it[attrParts] = num(int64(h.Parts))
	if h.Cause != "" {
		it[attrCause] = str(h.Cause)
	}
	if h.Problem != "" {
		it[attrProblem] = str(h.Problem)
	}
	encodeAliases(it, h)
	if h.Cause != "" || h.Problem != "" || h.IsAlias() || len(h.Also) > 0 {
		it[attrVersion] = &types.AttributeValueMemberN{Value: secondVersion}
	}
	if len(h.Attrs) == 0 {
		return
	}
	attrs := make(item, len(h.Attrs))
	for name, value := range h.Attrs {
		attrs[attrName(name)] = str(value)
	}
	it[attrAttrs] = &types.AttributeValueMemberM{Value: attrs}
}

// attrName returns the name under which an item has a header's attribute.
func attrName(name string) string {
	if name == "" {
		return `""` // as slog's text has it: DynamoDB takes no empty name
	}
	return name
}

// encodeText adds the text, packed where that makes the item cheaper to write.
func (s *Store) encodeText(it item, text string) {
	if text == "" {
		return
	}
	size := itemSize(it)
	plain := size + len(attrMessage) + len(text)
	if !s.PlainText && writeUnits(plain) > 1 {
		packed := s.encoder.EncodeAll([]byte(text), nil)
		if writeUnits(size+len(attrZstd)+len(packed)) < writeUnits(plain) {
			it[attrZstd] = &types.AttributeValueMemberB{Value: packed}
			return
		}
	}
	it[attrMessage] = str(text)
}
