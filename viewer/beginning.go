package viewer

import (
	"fmt"
	"net/http"
)

// firstPiece is how much of a page is made before its beginning goes out, in bytes: its
// head, so that a browser fetches what that names while the store is still asked for the rest.
const firstPiece = 512

// A beginning is the writer of a page whose first piece goes to the browser at once.
type beginning struct {
	to     http.ResponseWriter
	status int
	begun  bool   // set with the first piece, with which the status goes out
	page   []byte // what did not go out yet
	err    error  // of the first write that failed
}

func (b *beginning) Write(text []byte) (int, error) {
	b.page = append(b.page, text...)
	switch {
	case b.err != nil:
	case !b.begun && len(b.page) >= firstPiece:
		if b.flush() == nil {
			_ = http.NewResponseController(b.to).Flush() // who cannot sends it with the rest
		}
	case len(b.page) >= pieceSize:
		_ = b.flush() // it is remembered
	}
	return len(text), b.err
}

// flush hands on what was gathered.
func (b *beginning) flush() error {
	if !b.begun {
		b.to.WriteHeader(b.status)
		b.begun = true
	}
	if b.err == nil {
		_, b.err = b.to.Write(b.page)
	}
	b.page = b.page[:0]
	return b.err
}

// aside does what a goroutine beside that of the request does for its page. A panic of a store,
// from which net/http saves the program only where the request is served, is an error.
func aside(do func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("reading panicked: %v", value)
		}
	}()
	return do()
}
