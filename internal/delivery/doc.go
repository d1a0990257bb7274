// Package delivery brings stories to their store: what happens to a piece of a story
// after it was handed over. It knows neither handlers nor tables.
//
// A piece is a chunk. It waits in a queue until a writer makes parts of it, puts them in
// batches, and hears what became of each. This is the way of a part:
//
//	open ──End──▶ sealed ──Keep──▶ queued ──▶ requested ──▶ acknowledged
//	  └─── age, size, Flush ─────────▲ ▲          │
//	                                   ├─ backing off (Retry): after a delay, the same bytes again
//	                                   ├─ paced (Busy): slower, for all or for one key
//	                                   └─ parked (Wait): one part now and then probes the store
//	                                              └─ rejected (Reject) ──▶ Config.Fallback
//
// Where memory is short, what is queued waits in the journal, or is dropped and counted.
// The parts of one story are stored in order: text first, the final header last, and
// one request at a time has parts of it. Where Shutdown's time is up, what is not
// acknowledged stays in the journal, or goes to the fallback.
//
// # Locks
//
// They are taken in this order, and no later one while an earlier is wanted:
//
//	Scope → open story → what its scope knows → open stories → Delivery.mu → storylog → journal
//
// The reporter's, the counters' and the fallback's are leaves: nothing is locked while
// one of them is held. Under no lock is anything of the user's called (ReplaceAttr, Keep,
// OnError, Fallback, Store, LogValuer) or a file opened. A method whose name ends in
// Locked wants Delivery.mu held. What a writer has is its goroutine's alone, but for
// what says otherwise.
package delivery
