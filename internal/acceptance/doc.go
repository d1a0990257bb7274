// Package acceptance tests the handler as a program uses it, by its public API only: against a
// store that fails in every way, and processes that are killed, crash, are told to end and run
// out of memory or disk. What DynamoDB does is asked of its emulator (see internal/dynamotest).
//
//	go test ./internal/acceptance                               # all but what is below, two minutes or so
//	go test -short ./internal/acceptance                        # without what takes a gigabyte or half a minute
//	DYNAMOSLOG_FAULT_TABLE=1 go test -run '^TestFaultTable$' -v -timeout 60m ./internal/acceptance
//	DYNAMOSLOG_KILL_ROUNDS=1000 go test -run '^TestKilled' -v -timeout 0 ./internal/acceptance
//	DYNAMOSLOG_CRASHES=100000 go test -run '^TestCrashes$' -v -timeout 0 ./internal/acceptance
//	DYNAMOSLOG_SOAK_MILLIONS=100 go test -run '^TestSoak$' -v -timeout 0 ./internal/acceptance
package acceptance
