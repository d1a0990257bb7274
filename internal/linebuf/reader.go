package linebuf

import "unsafe"

// A Reader reads lines one after the other. The message and the attributes of each are
// valid until the lines are released or the reader's memory is used by another one.
type Reader struct {
	Meta           Meta
	Message, Attrs string

	data   []byte // of a block, behind the line
	next   *block
	memory []byte // what is used of it are lines that begin in one block and go on in another
}

// Read returns a reader of the lines, which may use memory.
func (l *Lines) Read(memory []byte) Reader { return Reader{next: l.first, memory: memory[:0]} }

// Memory returns the reader's memory, for another one.
func (r *Reader) Memory() []byte { return r.memory[:0] }

// Next reads the next line, and returns false where there is none.
func (r *Reader) Next() bool {
	for len(r.data) == 0 {
		if r.next == nil {
			return false
		}
		r.data, r.next = r.next.data, r.next.next
	}
	if rest, ok := r.line(r.data); ok {
		r.data = rest
		return true
	}
	return r.join()
}

// line reads the line that text begins with, and returns what follows it.
func (r *Reader) line(text []byte) (rest []byte, ok bool) {
	message, attrs, rest, ok := r.Meta.decode(text)
	r.Message, r.Attrs = view(message), view(attrs)
	return rest, ok
}

// join reads a line that goes on in the next block.
func (r *Reader) join() bool {
	const leastHead = 8
	start := len(r.memory)
	for wanted := start + leastHead; ; wanted++ { // no more than the line's may be taken
		if r.gather(wanted); len(r.memory) < wanted {
			return false
		}
		if _, ok := r.Meta.decodeHead(r.memory[start:]); ok {
			r.gather(wanted + int(r.Meta.Message) + int(r.Meta.Attrs))
			_, ok = r.line(r.memory[start:])
			return ok
		}
	}
}

// gather lets the reader's memory hold so many bytes, as far as there are any.
func (r *Reader) gather(size int) {
	for len(r.memory) < size {
		if len(r.data) == 0 {
			if r.next == nil {
				return
			}
			r.data, r.next = r.next.data, r.next.next
			continue
		}
		n := min(size-len(r.memory), len(r.data))
		r.memory = append(r.memory, r.data[:n]...)
		r.data = r.data[n:]
	}
}

// view returns bytes as a string, without a copy.
func view(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

// Each calls f for every line with its message and attributes, which are valid
// until f returns.
func (l *Lines) Each(f func(m Meta, message, attrs string)) {
	for r := l.Read(nil); r.Next(); {
		f(r.Meta, r.Message, r.Attrs)
	}
}

// First returns the message of the first line, which is valid until the lines are released;
// empty where there are none.
func (l *Lines) First() string {
	r := l.Read(nil)
	if !r.Next() {
		return ""
	}
	return r.Message
}
