// Package workout is an example: a small web service that generates workouts, and
// tells the story of each.
package workout

import (
	"context"
	"slices"
)

type exercise struct{ name, component, muscles, needs string }

type phase struct {
	name       string
	components []string
	exercises  int // of each component
}

var exercises = []exercise{
	{"jumping jacks", "cardio", "whole body", ""},
	{"rowing", "cardio", "back, legs", "rower"},
	{"push-ups", "strength", "chest", ""},
	{"pull-ups", "strength", "back", "bar"},
	{"squats", "strength", "legs", ""},
	{"one-leg stand", "balance", "legs", ""},
	{"hamstring stretch", "flexibility", "legs", "mat"},
}

var phases = []phase{
	{"warm-up", []string{"cardio"}, 1},
	{"main", []string{"strength", "balance"}, 2},
	{"cool-down", []string{"flexibility"}, 1},
}

// A generator makes one workout.
type generator struct {
	log       workoutLog
	without   []string // equipment that the user does not have
	committed []string
}

// generate returns the names of the exercises for a user.
func (g *generator) generate(ctx context.Context, user string) []string {
	g.log.starting(ctx, user, len(phases))
	for _, p := range phases {
		g.fill(ctx, p)
	}
	g.log.done(ctx, len(g.committed))
	return g.committed
}

func (g *generator) fill(ctx context.Context, p phase) {
	g.log.phase(ctx, p)
	for _, component := range p.components {
		g.addComponent(ctx, component, p.exercises)
	}
}

func (g *generator) addComponent(ctx context.Context, component string, wanted int) {
	for _, e := range g.filter(ctx, component) {
		if wanted == 0 {
			return
		}
		g.log.committing(ctx, e)
		g.committed = append(g.committed, e.name)
		wanted--
	}
	if wanted > 0 {
		g.log.notCommittingMore(ctx, component)
	}
}

// filter returns the exercises of a component that the user can do and has not yet.
func (g *generator) filter(ctx context.Context, component string) []exercise {
	g.log.recreatingFilter(ctx, component, g.without)
	var left []exercise
	for _, e := range exercises {
		if e.component == component && !slices.Contains(g.without, e.needs) && !slices.Contains(g.committed, e.name) {
			left = append(left, e)
		}
	}
	if len(left) == 0 {
		g.log.noMoreForComponent(ctx, component)
	}
	return left
}
