package journal

import (
	"encoding/binary"
	"iter"
)

// Damage is what recovery found besides intact records. A record whose Append
// had not returned when the process died is no damage.
type Damage struct {
	Records int   // damaged records; neighbours that cannot be told apart count as one
	Bytes   int64 // of damaged records and cut off the ends of files
	Files   int   // files cut short, foreign, or not readable
	Err     error // why files could not be read; [Remains.Remove] keeps those
}

// records yields the intact records of a segment's bytes by their offset. After
// a hole or damage it goes on at the next place where a record begins.
func (id *identity) records(data []byte, damage *Damage) iter.Seq2[int64, []byte] {
	return func(yield func(int64, []byte) bool) {
		data = data[:min(int64(len(data)), id.end())]
		g := gap{first: -1}
		for off := int64(headerSize); off+wordSize <= int64(len(data)); {
			commit, length, ok := id.at(data, off)
			if !ok {
				g.add(off, commit)
				off += wordSize
				continue
			}
			g.close(damage)
			size := recordSize(length)
			if end := off + recordHeader + length; end > int64(len(data)) {
				damage.Records++ // its bytes are counted as cut off
				break
			} else if commit == id.commit(data[off+wordSize:end]) {
				if !yield(off, data[off+recordHeader:end:end]) {
					return
				}
			} else if commit != 0 {
				damage.Records++
				damage.Bytes += size
			}
			off += size
		}
		g.close(damage)
	}
}

// at returns the commit word at an offset, and the length of the record that
// begins there, if one does.
func (id *identity) at(data []byte, off int64) (commit uint64, length int64, ok bool) {
	commit = binary.LittleEndian.Uint64(data[off:])
	if off+recordHeader > int64(len(data)) {
		return commit, 0, false
	}
	head := binary.LittleEndian.Uint64(data[off+wordSize:])
	if head == 0 {
		return commit, 0, false
	}
	length, ok = id.length(off, head)
	return commit, length, ok
}

// A gap is what lies between two records. One of zeros is the rest of an extent, or a
// reservation that was never written to.
type gap struct{ first, last int64 }

func (g *gap) add(off int64, word uint64) {
	if word == 0 {
		return
	}
	if g.first < 0 {
		g.first = off
	}
	g.last = off
}

func (g *gap) close(damage *Damage) {
	if g.first >= 0 {
		damage.Records++
		damage.Bytes += g.last + wordSize - g.first
	}
	g.first = -1
}
