package dynamo

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/story"
)

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
	if part.ID == "" || !utf8.ValidString(part.ID) || strings.HasPrefix(part.ID, partPrefix) || partKeyLen(part.ID) > maxStory {
		return nil, errBadID
	}
	if part.Number < 0 || (part.Number == 0) != (part.Header != nil) {
		return nil, errBadPart
	}
	p := &prepared{store: s, part: part, item: make(item, mostAttrs)}
	p.part.Prepared = nil
	full := part.Key.String()
	p.text(attrObject, bounded(full))
	p.text(attrStory, partKey(part.ID, part.Number))
	if len(full) > maxObject {
		p.text(attrKey, full)
	}
	if s.TTL >= 0 {
		p.number(attrExpires, startOf(part).Add(storyAge+s.TTL).Unix())
	}
	version := layoutVersion
	if h := part.Header; h != nil {
		p.header = *h
		p.header.Attrs = nil
		p.part.Header = &p.header
		p.encodeHeader(h)
		if h.Cause != "" || h.Problem != "" || h.IsAlias() || len(h.Also) > 0 {
			version = secondVersion
		}
	}
	p.add(attrVersion, &types.AttributeValueMemberN{Value: version})
	p.encodeText(part.Text)
	if p.size > maxItem {
		return nil, errLargeItem
	}
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

func (p *prepared) encodeHeader(h *story.Header) {
	// A moved story goes on under its new key and is listed there: the put of this
	// last version, which replaces the whole item, takes it out of the index.
	if h.State != story.Moved && !h.IsAlias() {
		p.text(attrRecent, p.store.shardOf(p.part.ID))
	}
	p.text(attrTitle, h.Title)
	p.number(attrLevel, int64(h.MaxLevel))
	p.number(attrLines, int64(h.LineCount))
	p.text(attrUpdated, h.Updated.UTC().Format(updatedLayout))
	p.number(attrDuration, h.Duration.Milliseconds())
	p.text(attrState, string(h.State))
	p.number(attrParts, int64(h.Parts))
	if h.Cause != "" {
		p.text(attrCause, h.Cause)
	}
	if h.Problem != "" {
		p.text(attrProblem, h.Problem)
	}
	if len(h.Also) > 0 {
		p.add(attrAlso, alsoValue(h.Also))
	}
	if h.IsAlias() {
		p.text(attrOf, h.Of.String())
	}
	if h.Count > 0 {
		p.number(attrCount, int64(h.Count))
	}
	if len(h.Attrs) == 0 {
		return
	}
	attrs, values := make(item, len(h.Attrs)), make([]types.AttributeValueMemberS, 0, len(h.Attrs))
	for name, value := range h.Attrs {
		values = append(values, types.AttributeValueMemberS{Value: value})
		attrs[attrName(name)] = &values[len(values)-1]
	}
	p.add(attrAttrs, &types.AttributeValueMemberM{Value: attrs})
}

// attrName returns the name under which an item has a header's attribute.
func attrName(name string) string {
	if name == "" {
		return `""` // as slog's text has it: DynamoDB takes no empty name
	}
	return name
}

// encodeText adds the text, packed where that makes the item cheaper to write.
func (p *prepared) encodeText(text string) {
	if text == "" {
		return
	}
	plain := p.size + len(attrMessage) + len(text)
	if !p.store.PlainText && writeUnits(plain) > 1 {
		packed := p.store.pack(text)
		if writeUnits(p.size+len(attrZstd)+len(packed)) < writeUnits(plain) {
			p.add(attrZstd, &types.AttributeValueMemberB{Value: packed})
			return
		}
	}
	p.text(attrMessage, text)
}

// pack compresses a text.
func (s *Store) pack(text string) []byte {
	room, _ := s.rooms.Get().(*packRoom)
	if room == nil {
		room = new(packRoom)
	}
	room.text = append(room.text[:0], text...)
	room.packed = s.encoder.EncodeAll(room.text, room.packed[:0])
	packed := bytes.Clone(room.packed)
	s.rooms.Put(room)
	return packed
}

// A packRoom is what packing a text needs beside what it makes.
type packRoom struct{ text, packed []byte }
