package tablecode

import (
	"encoding/json"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The logical names of what a template has.
const (
	cfnTable  = "StoriesTable"
	cfnPolicy = "Stories" // and the role
)

type cfnTemplate struct {
	AWSTemplateFormatVersion string
	Description              string
	Resources                map[string]any // which are printed in the order of their names
}

type cfnTableResource struct {
	Type                string
	DeletionPolicy      string // what happens to the stories when the stack goes
	UpdateReplacePolicy string
	Properties          cfnTableProperties
}

type cfnTableProperties struct {
	TableName               string
	BillingMode             types.BillingMode
	ProvisionedThroughput   *cfnUnits `json:",omitempty"`
	AttributeDefinitions    []types.AttributeDefinition
	KeySchema               []types.KeySchemaElement
	GlobalSecondaryIndexes  []cfnIndex
	TimeToLiveSpecification cfnTimeToLive
}

type cfnIndex struct {
	IndexName             string
	KeySchema             []types.KeySchemaElement
	Projection            cfnProjection
	ProvisionedThroughput *cfnUnits `json:",omitempty"`
}

type cfnProjection struct {
	ProjectionType   types.ProjectionType
	NonKeyAttributes []string
}

type cfnUnits struct{ ReadCapacityUnits, WriteCapacityUnits int64 }

type cfnTimeToLive struct {
	AttributeName string
	Enabled       bool
}

type cfnPolicyResource struct {
	Type       string
	Properties struct {
		Description    string
		PolicyDocument policy
	}
}

func cloudFormation(d description) cfnTemplate {
	table := cfnTableResource{
		Type: "AWS::DynamoDB::Table", DeletionPolicy: "Retain", UpdateReplacePolicy: "Retain",
		Properties: cfnTableProperties{
			TableName: d.Name, BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: d.Attributes, KeySchema: d.Keys.Schema,
			GlobalSecondaryIndexes: []cfnIndex{{
				IndexName: d.Index.Name, KeySchema: d.Index.Keys.Schema,
				Projection: cfnProjection{types.ProjectionTypeInclude, d.Index.Projected},
			}},
			TimeToLiveSpecification: cfnTimeToLive{d.Expires, true},
		},
	}
	if !d.OnDemand {
		p := &table.Properties
		p.BillingMode = types.BillingModeProvisioned
		p.ProvisionedThroughput = &cfnUnits{d.Units.Read, d.Units.Write}
		p.GlobalSecondaryIndexes[0].ProvisionedThroughput = &cfnUnits{d.Index.Units.Read, d.Index.Units.Write}
	}
	resources := map[string]any{cfnTable: table}
	if d.Role != "" {
		arn := map[string]any{"Fn::GetAtt": []string{cfnTable, "Arn"}}
		index := map[string]any{"Fn::Sub": "${" + cfnTable + ".Arn}/index/" + d.Index.Name}
		p := cfnPolicyResource{Type: "AWS::IAM::ManagedPolicy"}
		p.Properties.Description = d.Role.Purpose()
		p.Properties.PolicyDocument = policyFor(d.Role, arn, index)
		resources[cfnPolicy+d.Role.Title()] = p
	}
	return cfnTemplate{
		AWSTemplateFormatVersion: "2010-09-09",
		Description:              "The table in which dynamoslog keeps stories",
		Resources:                resources,
	}
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
