package acceptance_test

import (
	"net/http"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/story/storetest"
)

// TestTableIsAStoreOnDynalite runs the conformance suite on the second implementation of
// DynamoDB's protocol, whole.
func TestTableIsAStoreOnDynalite(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	client, closed := dynamotest.ClientOf(dynamotest.Dynalite(t), http.DefaultTransport.(*http.Transport).Clone())
	t.Cleanup(closed)
	table := &dynamoslog.Table{Name: dynamotest.TableName(t), Client: client}
	if err := table.Create(t.Context()); !dynamotest.IsUnknownOperation(err) {
		t.Fatalf("Create: got %v, want that there is no UpdateTimeToLive", err)
	}
	storetest.Run(t, func(*testing.T) story.Store { return table })
}

// TestFaultsOnDynalite runs the faults in which it matters what DynamoDB answers and then
// holds. The others are about the process, its callers and its journal, which make the
// same calls whoever answers them.
func TestFaultsOnDynalite(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	runFaults(t, dynamotest.Dynalite(t), faultsOf(passingFaults, configFaults, itemFaults, textFaults, lateFaults, aliasFaults))
}
