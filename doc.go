// Package dynamoslog is a [log/slog] handler that tells stories instead of
// scattering lines.
//
// # Stories
//
// All records of one unit of work on one object (a request of user_42, a run of
// a job) are gathered in memory, each line indented by the depth of its call, so
// that the block mimics the code in plain English. When the work ends the story
// is written to a store: a DynamoDB table, or one local file (package
// sqlitestore). It is found again by its object's key.
//
//	+0.000 I Starting workout generation	user=42
//	+0.001 D   Recreating exercise filter
//	+0.013 W     No exercises available for current filter	component=flexibility
//	+0.013 I   Not committing any more exercises	component=flexibility
//
// # Use
//
//	h := dynamoslog.New(store, nil)
//	defer h.Close() // before the program ends, also by a signal: see the example of Handler.Shutdown
//	slog.SetDefault(slog.New(h))
//	http.ListenAndServe(addr, dynamoslog.Middleware(nil)(mux)) // a story per request
//
// Outside of requests [Begin] opens a story and [Scope.End] ends it, and
// [Handler.Run] does both around a function. What is logged without a context joins the
// scope that its goroutine works for (see [Scope.Enter]), or is bound by [Key]. What
// belongs to nothing goes to the process's own story.
//
// # Depth
//
// The depth of a line is that of its call site: the frame of the record's PC.
// Wrappers, helpers and handlers in between do not shift it. Depth alone does not
// tell a call tree, so a line whose parent is not the one that its indent implies
// carries a mark; package story reads the tree from it: each line stands under the
// last line of the nearest caller that has logged and is still running. Goroutines stand in
// lanes of their own, named by the functions that they began with; [Lane] makes one
// with a name of yours.
//
// A stack does not tell one call of a function from the next one. The machine code
// does, on amd64 and arm64: where control cannot come from the place of the one line
// to that of the other, the function was called anew, and the line does not stand under
// one of the call before. What was logged in an earlier turn of a loop is no parent
// either: of two turns of the same call, the second stands beside the last line of the
// first, where that came behind the call in the loop.
//
// Nothing tells whether a function that logged, and could have gone on to the next call,
// did so or returned and was called again; nor whether a turn that did not log is
// still the one before. There a line may stand under one of the call or the turn before.
// A first line in each function, or in each turn of a loop, leaves no doubt. Code that
// is not understood decides nothing: a function that jumps by a table (a switch of many
// cases), assembly, other processors, and a newer Go than this package was tested with.
//
// A stack of more than 16,384 frames is not looked at further, which takes some half a
// millisecond: such a line stands beside the one before it.
//
// # Delivery
//
// Handle, End and the middleware touch memory only. One goroutine brings stories
// to the store, tries again what did not arrive, and counts a part as stored only
// when the store has said so for that part. [Handler.Flush], [Handler.Shutdown]
// and [Handler.Close] wait for it, as long as their context lets them, and say
// how many lines are not stored. log.Fatal and log.Panic wait for two seconds at most. What
// can never be stored goes to Options.Fallback as text.
//
// Until a story is stored it is in memory only, unless Options.Journal names a
// directory: what is in it outlives the process, and the next one stores it.
// Without a journal a process that is killed loses what was not written; see
// Options.MaxAge.
package dynamoslog
