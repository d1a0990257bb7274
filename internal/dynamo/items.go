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

// objectOf returns a key's partition key.
func objectOf(key story.Key) string {
	return bounded(key.String())
}

// bounded returns a text that is no longer than a partition key. Of one that is too long
// the tail is replaced by a hash of the whole.
func bounded(full string) string {
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

// partKeyLen is how long the sort keys of a story's first million parts are.
func partKeyLen(id string) int { return len(partPrefix) + len(id) + len("#000001") }

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
