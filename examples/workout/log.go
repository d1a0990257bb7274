package workout

import (
	"context"
	"log/slog"
	"runtime"
	"time"
)

// workoutLog says in plain English what the generator does, so that its code
// reads as what it is about and its words stand in one place.
type workoutLog struct{ logger *slog.Logger }

func (l workoutLog) starting(ctx context.Context, user string, phases int) {
	l.say(ctx, slog.LevelInfo, "Starting workout generation", slog.String("user", user), slog.Int("phases", phases))
}

func (l workoutLog) phase(ctx context.Context, p phase) {
	l.say(ctx, slog.LevelInfo, "Filling the "+p.name+" phase", slog.Int("wanted", p.exercises))
}

func (l workoutLog) recreatingFilter(ctx context.Context, component string, without []string) {
	l.say(ctx, slog.LevelDebug, "Recreating exercise filter", slog.String("component", component), slog.Any("without", without))
}

func (l workoutLog) committing(ctx context.Context, e exercise) {
	l.say(ctx, slog.LevelInfo, "Committing "+e.name, slog.String("muscles", e.muscles))
}

func (l workoutLog) noMoreForComponent(ctx context.Context, component string) {
	l.say(ctx, slog.LevelWarn, "No exercises available for current filter", slog.String("component", component))
}

func (l workoutLog) notCommittingMore(ctx context.Context, component string) {
	l.say(ctx, slog.LevelInfo, "Not committing any more exercises", slog.String("component", component))
}

func (l workoutLog) done(ctx context.Context, exercises int) {
	l.say(ctx, slog.LevelInfo, "The workout is ready", slog.Int("exercises", exercises))
}

// say logs for the business function that called the method that called say: its
// place gives the line its depth.
func (l workoutLog) say(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	if !l.logger.Enabled(ctx, level) {
		return
	}
	const skip = 3 // runtime.Callers, say and the method of the log
	var pcs [1]uintptr
	runtime.Callers(skip, pcs[:])
	r := slog.NewRecord(time.Now(), level, message, pcs[0])
	r.AddAttrs(attrs...)
	_ = l.logger.Handler().Handle(ctx, r) // a program goes on without its log
}
