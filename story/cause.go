package story

import (
	"log/slog"

	"github.com/dynamoslog/dynamoslog/internal/problem"
)

// Cause returns what the line says that went wrong, as a [Header] has it: the first line of
// its message and of the text of its first attribute named err or error, in a group or
// not, where the message does not hold that already; at most [MaxCause] bytes.
func (l Line) Cause() string { return problem.Shorten(problem.Text(l.Message, l.AllAttrs()), MaxCause) }

// CauseOf returns what the header of a story of a kind with these lines says of why it is
// bad: see [Header].Cause and Problem. Both are empty where no line is at Warn or above.
func CauseOf(kind string, lines []Line) (cause, id string) {
	worst, level := -1, slog.LevelWarn-1
	for i, line := range lines {
		if line.Level > level {
			worst, level = i, line.Level
		}
	}
	if worst < 0 {
		return "", ""
	}
	line := lines[worst]
	if cause = line.Cause(); cause == "" {
		return "", ""
	}
	path := problem.Above(worst, Parents(lines[:worst+1]), func(i int) (slog.Level, string) { return lines[i].Level, lines[i].Message })
	return cause, path.Under(problem.Text(line.Message, line.AllAttrs())).ID(kind)
}
