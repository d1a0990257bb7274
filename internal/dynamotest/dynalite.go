package dynamotest

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"sync"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/dynamoslog/dynamoslog/internal/npmtest"
)

//go:embed dynalite/package.json dynalite/package-lock.json
var dynaliteFiles embed.FS

// The dynalite of this process: started at most once, ended with the process.
var sharedDynalite = sync.OnceValues(func() (*emulator, error) { return startDynalite(context.Background()) })

func startDynalite(ctx context.Context) (*emulator, error) {
	files, err := fs.Sub(dynaliteFiles, "dynalite")
	if err != nil {
		return nil, err
	}
	folder, err := npmtest.Install(ctx, "dynalite", files)
	if err != nil {
		return nil, err
	}
	return start(ctx, folder, "node", "node_modules/dynalite/cli.js",
		"--host", "127.0.0.1", "--createTableMs", "0", "--deleteTableMs", "0", "--port")
}

// Dynalite returns the URL of dynalite, which it starts if this process has none yet: a
// second implementation of DynamoDB's protocol, made by others than Amazon and from what
// DynamoDB answers, so that nothing rests on the ways of one emulator. Where it cannot be
// had, the test is skipped, or fails if CI=true. It listens on loopback only.
//
// It keeps to the contract of story.Store whole, and to all that a fault of DynamoDB may
// leave behind. What differs from DynamoDB Local, with which all else is tested:
//
//   - It has no UpdateTimeToLive, so that Table.Create makes the table and then says that
//     its stories would not expire, and Check agrees: see [IsUnknownOperation].
//   - The units that it tells of leave out those of an index, and it counts an attribute's
//     name by UTF-16 units: what is written costs more than it says.
//   - A table that is deleted is there for a moment more, as with DynamoDB itself.
func Dynalite(tb testing.TB) (endpoint string) {
	tb.Helper()
	e, err := sharedDynalite()
	if err != nil {
		Missing(tb, "dynalite", err)
	}
	return e.endpoint
}

// IsUnknownOperation reports whether an emulator lacks the operation that was called.
func IsUnknownOperation(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "UnknownOperationException"
}
