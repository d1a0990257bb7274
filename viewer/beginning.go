package viewer

import "net/http"

// firstPiece is how much of a page is made before its beginning goes out, in bytes: its
// head, so that a browser fetches what that names while the store is still asked for the rest.
const firstPiece = 512

// A beginning is the writer of a page whose first piece goes to the browser at once.
type beginning struct {
	buffer
	to     http.ResponseWriter // that of the buffer
	status int
	begun  bool // set with the first piece, with which the status goes out
}

func (b *beginning) Write(text []byte) (int, error) {
	b.page = append(b.page, text...)
	if !b.begun && len(b.page) >= firstPiece {
		if b.flush() == nil {
			_ = http.NewResponseController(b.to).Flush() // who cannot sends it with the rest
		}
	}
	b.pass()
	return len(text), b.err
}

// flush hands on what was gathered, behind the status.
func (b *beginning) flush() error {
	if !b.begun {
		b.to.WriteHeader(b.status)
		b.begun = true
	}
	return b.buffer.flush()
}
