package riverstory

import (
	"context"
	"encoding/json"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/dynamoslog/dynamoslog"
)

var _ rivertype.JobInsertMiddleware = (*middleware)(nil)

// InsertMany implements rivertype.JobInsertMiddleware.
func (m *middleware) InsertMany(ctx context.Context, jobs []*rivertype.JobInsertParams, insert func(context.Context) ([]*rivertype.JobInsertResult, error)) ([]*rivertype.JobInsertResult, error) {
	if len(jobs) == 0 {
		return insert(ctx)
	}
	span := dynamoslog.Inject(ctx, func(name, value string) {
		for _, job := range jobs {
			job.Metadata = withMetadata(job.Metadata, name, value)
		}
	})
	if span.Equal(slog.Attr{}) { // beside any story
		return insert(ctx)
	}
	start := time.Now()
	inserted, err := insert(ctx)
	m.tell(ctx, jobs, time.Since(start), span, err)
	return inserted, err
}

// withMetadata adds a value to a job's metadata, unless they have one of that name or are
// no object.
func withMetadata(text []byte, name, value string) []byte {
	values := make(map[string]json.RawMessage)
	if len(text) > 0 && json.Unmarshal(text, &values) != nil || values == nil {
		return text
	}
	if _, given := values[name]; given {
		return text
	}
	values[name], _ = json.Marshal(value) // of a string, which never fails
	if added, err := json.Marshal(values); err == nil {
		return added
	}
	return text
}

// tell logs that jobs were inserted, as a line of who has called river.
func (m *middleware) tell(ctx context.Context, jobs []*rivertype.JobInsertParams, took time.Duration, span slog.Attr, err error) {
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
	}
	logger := m.Logger
	if logger == nil {
		logger = slog.Default()
	}
	if !logger.Enabled(ctx, level) {
		return
	}
	record := slog.NewRecord(time.Now(), level, "inserted "+jobs[0].Kind, caller())
	if err != nil {
		record.Message = "not inserted: " + jobs[0].Kind
	}
	if len(jobs) > 1 {
		record.AddAttrs(slog.Int("jobs", len(jobs)))
	}
	if err != nil {
		record.AddAttrs(slog.Any("error", err))
	}
	record.AddAttrs(slog.Duration("took", took.Round(time.Microsecond)), span)
	_ = logger.Handler().Handle(ctx, record) // what it refuses is in its fallback
}

// caller returns where the program has called river.
func caller() uintptr {
	var pcs [64]uintptr
	inside := false
	for _, pc := range pcs[:runtime.Callers(2, pcs[:])] {
		frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		switch of := strings.HasPrefix(frame.Function, "github.com/riverqueue/river"); {
		case of:
			inside = true
		case inside && !strings.HasPrefix(frame.Function, "github.com/dynamoslog/dynamoslog/contrib/riverstory."):
			return pc
		}
	}
	return 0
}
