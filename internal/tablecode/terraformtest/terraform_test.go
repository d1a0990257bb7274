// Package terraformtest reads what is printed for Terraform with the parser of its
// language. It is a module of its own, so that nobody else gets that parser.
package terraformtest

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/internal/tablecode"
)

const arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/app-logs"

// context is what the expressions of the printed text refer to.
var context = &hcl.EvalContext{
	Variables: map[string]cty.Value{"aws_dynamodb_table": cty.ObjectVal(map[string]cty.Value{
		"stories": cty.ObjectVal(map[string]cty.Value{"arn": cty.StringVal(arn)}),
	})},
	Functions: map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc},
}

type file struct {
	Resources []struct {
		Type string   `hcl:"type,label"`
		Name string   `hcl:"name,label"`
		Body hcl.Body `hcl:",remain"`
	} `hcl:"resource,block"`
}

// table is what the AWS provider takes of an aws_dynamodb_table, as far as it is printed:
// anything else is an error.
type table struct {
	Name       string `hcl:"name"`
	Billing    string `hcl:"billing_mode"`
	ReadUnits  *int64 `hcl:"read_capacity"`
	WriteUnits *int64 `hcl:"write_capacity"`
	HashKey    string `hcl:"hash_key"`
	RangeKey   string `hcl:"range_key"`
	Attributes []struct {
		Name string `hcl:"name"`
		Type string `hcl:"type"`
	} `hcl:"attribute,block"`
	Indexes []struct {
		Name       string   `hcl:"name"`
		HashKey    string   `hcl:"hash_key"`
		RangeKey   string   `hcl:"range_key"`
		Projection string   `hcl:"projection_type"`
		Attributes []string `hcl:"non_key_attributes"`
		ReadUnits  *int64   `hcl:"read_capacity"`
		WriteUnits *int64   `hcl:"write_capacity"`
	} `hcl:"global_secondary_index,block"`
	Expires struct {
		Attribute string `hcl:"attribute_name"`
		Enabled   bool   `hcl:"enabled"`
	} `hcl:"ttl,block"`
}

type policy struct {
	Description string `hcl:"description"`
	Policy      string `hcl:"policy"`
}

// read returns the table and the policy of what is printed; the policy is nil where
// there is none.
func read(t *testing.T, o tablecode.Options) (*table, *policy) {
	t.Helper()
	text := printed(t, o)
	if formatted := hclwrite.Format([]byte(text)); string(formatted) != text {
		t.Errorf("got\n%s\nbut 'terraform fmt' makes it\n%s", text, formatted)
	}
	parsed, diagnostics := hclparse.NewParser().ParseHCL([]byte(text), "stories.tf")
	if diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	var f file
	if diagnostics := gohcl.DecodeBody(parsed.Body, context, &f); diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	var tb *table
	var p *policy
	for _, r := range f.Resources {
		var into any
		switch {
		case r.Type == "aws_dynamodb_table" && r.Name == "stories":
			tb = new(table)
			into = tb
		case r.Type == "aws_iam_policy" && r.Name == "stories_"+string(o.Role):
			p = new(policy)
			into = p
		default:
			t.Fatalf("there is a resource %s %s", r.Type, r.Name)
		}
		if diagnostics := gohcl.DecodeBody(r.Body, context, into); diagnostics.HasErrors() {
			t.Fatal(diagnostics)
		}
	}
	if tb == nil {
		t.Fatal("there is no table")
	}
	return tb, p
}

func printed(t *testing.T, o tablecode.Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := tablecode.Print(&out, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func keys(hash, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{{AttributeName: &hash, KeyType: "HASH"}, {AttributeName: &sort, KeyType: "RANGE"}}
}

func units(read, write *int64) *types.ProvisionedThroughput {
	if read == nil && write == nil {
		return nil
	}
	return &types.ProvisionedThroughput{ReadCapacityUnits: read, WriteCapacityUnits: write}
}

// create makes the table at the emulator, as Terraform's provider does.
func (tb *table) create(t *testing.T, client *dynamodb.Client) {
	t.Helper()
	in := &dynamodb.CreateTableInput{
		TableName: &tb.Name, BillingMode: types.BillingMode(tb.Billing),
		KeySchema: keys(tb.HashKey, tb.RangeKey), ProvisionedThroughput: units(tb.ReadUnits, tb.WriteUnits),
	}
	for _, a := range tb.Attributes {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: &a.Name, AttributeType: types.ScalarAttributeType(a.Type),
		})
	}
	for _, index := range tb.Indexes {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: &index.Name, KeySchema: keys(index.HashKey, index.RangeKey),
			Projection: &types.Projection{
				ProjectionType: types.ProjectionType(index.Projection), NonKeyAttributes: index.Attributes,
			},
			ProvisionedThroughput: units(index.ReadUnits, index.WriteUnits),
		})
	}
	if _, err := client.CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	_, err := client.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName:               &tb.Name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: &tb.Expires.Attribute, Enabled: &tb.Expires.Enabled},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTerraformMakesTheTable(t *testing.T) {
	client := dynamotest.Start(t)
	for _, onDemand := range []bool{false, true} {
		o := tablecode.Options{Format: tablecode.Terraform, Table: dynamotest.TableName(t), OnDemand: onDemand}
		tb, p := read(t, o)
		if p != nil {
			t.Error("there is a policy that nobody asked for")
		}
		tb.create(t, client)
		store, err := dynamo.New(client, dynamo.Config{Name: o.Table, OnDemand: onDemand})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Check(t.Context()); err != nil {
			t.Errorf("what was printed makes another table: %v", err)
		}
	}
}

// TestTerraformPolicies holds the policies beside the table against those alone.
func TestTerraformPolicies(t *testing.T) {
	for _, role := range tablecode.Roles {
		_, p := read(t, tablecode.Options{Format: tablecode.Terraform, Table: "app-logs", Role: role})
		if p == nil || p.Description == "" {
			t.Fatalf("there is no policy of a %s", role)
		}
		alone := printed(t, tablecode.Options{Format: tablecode.IAM, Table: "app-logs", Role: role, Region: "eu-west-1", Account: "123456789012"})
		if got, want := normal(t, p.Policy), normal(t, alone); got != want {
			t.Errorf("the policy of a %s is\n%s\nand alone\n%s", role, got, want)
		}
	}
}

// normal is JSON in one form.
func normal(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(sorted)
}
