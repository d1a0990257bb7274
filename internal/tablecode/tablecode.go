// Package tablecode prints the table for those who keep their infrastructure as code,
// made from the calls with which Table.Create makes it, and the policy of an identity
// that uses it.
package tablecode

import (
	"fmt"
	"io"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
)

// A Format is a language that infrastructure is written in.
type Format string

// All formats.
const (
	Terraform      Format = "terraform"
	CloudFormation Format = "cloudformation"
	CDK            Format = "cdk" // in TypeScript
	IAM            Format = "iam" // a policy alone, as JSON
)

// Formats are all of them.
var Formats = []Format{Terraform, CloudFormation, CDK, IAM}

// Options say what is printed.
type Options struct {
	Format   Format
	Table    string // its name
	OnDemand bool   // as that of dynamoslog.Table
	Role     Role   // whose policy is printed; none beside the table if empty, the writer's alone
	// Region and Account are those of the table, for the policy alone: "*", any, if empty.
	Region, Account string
}

var (
	tableName = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`)
	account   = regexp.MustCompile(`^[0-9]{12}$`)
)

// Check says what is wrong with the options, in the words of the command's flags.
func (o Options) Check() error {
	switch {
	case !tableName.MatchString(o.Table):
		return fmt.Errorf("--table is a name of 3 to 255 letters, digits, '_', '.' and '-', not %q", o.Table)
	case o.Role != "" && o.Role.Grants() == nil:
		return fmt.Errorf("--role is writer, reader or admin, not %q", o.Role)
	case o.Account != "" && !account.MatchString(o.Account):
		return fmt.Errorf("--account is a number of 12 digits, not %q", o.Account)
	case !slices.Contains(Formats, o.Format):
		return fmt.Errorf("--format is terraform, cloudformation, cdk or iam, not %q", o.Format)
	}
	return nil
}

// Print writes the table in a format, or a policy alone. It makes no call. The options
// are checked before.
func Print(w io.Writer, o Options) error {
	switch o.Format {
	case Terraform:
		return templates.ExecuteTemplate(w, "terraform.tmpl", describe(o))
	case CDK:
		return templates.ExecuteTemplate(w, "cdk.tmpl", describe(o))
	case CloudFormation:
		return printJSON(w, cloudFormation(describe(o)))
	}
	return printJSON(w, policyOf(o))
}

// A description is the table as the calls of Create have it, in the words that the
// formats have in common.
type description struct {
	Name       string
	OnDemand   bool
	Units      units
	Attributes []types.AttributeDefinition // of keys
	Keys       keys
	Index      index
	Expires    string // the attribute of the time to live
	Role       Role
}

// units are zero on demand.
type units struct{ Read, Write int64 }

type keys struct {
	Schema          []types.KeySchemaElement
	Partition, Sort string
}

type index struct {
	Name      string
	Keys      keys
	Projected []string
	Units     units
}

func describe(o Options) description {
	config := dynamo.Config{Name: o.Table, OnDemand: o.OnDemand}
	table := config.TableInput()
	recent := table.GlobalSecondaryIndexes[0] // it has one
	return description{
		Name: o.Table, OnDemand: o.OnDemand, Role: o.Role,
		Units:      unitsOf(table.ProvisionedThroughput),
		Attributes: table.AttributeDefinitions,
		Keys:       keysOf(table.KeySchema),
		Index: index{
			Name: aws.ToString(recent.IndexName), Keys: keysOf(recent.KeySchema),
			Projected: recent.Projection.NonKeyAttributes, Units: unitsOf(recent.ProvisionedThroughput),
		},
		Expires: aws.ToString(config.TimeToLiveInput().TimeToLiveSpecification.AttributeName),
	}
}

func unitsOf(t *types.ProvisionedThroughput) units {
	if t == nil {
		return units{}
	}
	return units{Read: aws.ToInt64(t.ReadCapacityUnits), Write: aws.ToInt64(t.WriteCapacityUnits)}
}

func keysOf(schema []types.KeySchemaElement) keys {
	k := keys{Schema: schema}
	for _, element := range schema {
		if element.KeyType == types.KeyTypeHash {
			k.Partition = aws.ToString(element.AttributeName)
		} else {
			k.Sort = aws.ToString(element.AttributeName)
		}
	}
	return k
}
