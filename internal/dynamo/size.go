package dynamo

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	writeUnit    = 1 << 10 // bytes
	containerLen = 3       // bytes of a map or list beside what it holds
	elementLen   = 1       // bytes of each of its elements
)

// writeUnits returns what writing an item of a size in bytes costs.
func writeUnits(size int) int { return max(1, (size+writeUnit-1)/writeUnit) }

// itemSize returns the size of an item in bytes, as DynamoDB counts it: names
// and values, see "DynamoDB item sizes and formats" in its guide.
func itemSize(it item) int {
	size := 0
	for name, value := range it {
		size += len(name) + valueSize(value)
	}
	return size
}

func valueSize(value types.AttributeValue) int {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return numberSize(v.Value)
	case *types.AttributeValueMemberSS:
		size := 0
		for _, member := range v.Value {
			size += len(member)
		}
		return size
	case *types.AttributeValueMemberM:
		return containerLen + elementLen*len(v.Value) + itemSize(v.Value)
	}
	return 1 // of the other types, none is ever written but true, false and null
}

// numberSize returns the size of a whole number: a byte for two digits, counted
// without the zeros at its end, a byte for the exponent and one for the sign.
func numberSize(n string) int {
	digits, negative := strings.CutPrefix(n, "-")
	size := (len(strings.TrimRight(digits, "0"))+1)/2 + 1
	if negative {
		size++
	}
	return size
}
