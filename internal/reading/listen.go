package reading

import (
	"bufio"
	"context"
	"io"
)

// While returns a writer to out that fails once the context is done: whoever has
// left or pressed Ctrl-C is written nothing more.
func While(ctx context.Context, out io.Writer) io.Writer { return &listener{ctx, out} }

type listener struct {
	ctx context.Context
	out io.Writer
}

func (l *listener) Write(text []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	return l.out.Write(text)
}

// Failed reports whether something could not be written. A bufio.Writer remembers
// that, and what goes on to write to it does so for nobody.
func Failed(out *bufio.Writer) bool {
	_, err := out.Write(nil)
	return err != nil
}
