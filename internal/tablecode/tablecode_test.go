package tablecode_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/internal/tablecode"
)

var update = flag.Bool("update", false, "write the golden files")

func printed(t *testing.T, o tablecode.Options) string {
	t.Helper()
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := tablecode.Print(&out, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPrinted(t *testing.T) {
	for name, o := range map[string]tablecode.Options{
		"terraform.tf":           {Format: tablecode.Terraform, Role: tablecode.Writer},
		"terraform-on-demand.tf": {Format: tablecode.Terraform, OnDemand: true},
		"cloudformation.json":    {Format: tablecode.CloudFormation, Role: tablecode.Reader},
		"cdk.ts":                 {Format: tablecode.CDK, Role: tablecode.Admin},
		"cdk-on-demand.ts":       {Format: tablecode.CDK, OnDemand: true},
		"policy-admin.json":      {Format: tablecode.IAM, Role: tablecode.Admin, Region: "eu-west-1", Account: "123456789012"},
		"policy-any.json":        {Format: tablecode.IAM},
		"policy-china.json":      {Format: tablecode.IAM, Role: tablecode.Reader, Region: "cn-north-1"},
	} {
		o.Table = "app-logs"
		got, path := printed(t, o), filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v, got\n%s\nwant\n%s", name, err, got, want)
		}
	}
}

func TestOptionsChecked(t *testing.T) {
	good := tablecode.Options{Format: tablecode.IAM, Table: "app-logs"}
	for want, change := range map[string]func(*tablecode.Options){
		"":          func(*tablecode.Options) {},
		"--table":   func(o *tablecode.Options) { o.Table = "app-logs\"\n" },
		"--format":  func(o *tablecode.Options) { o.Format = "pulumi" },
		"--role":    func(o *tablecode.Options) { o.Role = "root" },
		"--account": func(o *tablecode.Options) { o.Account = "12345678901" },
	} {
		o := good
		change(&o)
		if err := o.Check(); (err != nil) != (want != "") || err != nil && !strings.HasPrefix(err.Error(), want+" is ") {
			t.Errorf("%+v: got %v, want an error of %q", o, err, want)
		}
	}
}

// A template is what CloudFormation takes, as far as it is printed.
type template struct {
	Resources map[string]struct {
		Type       string
		Properties json.RawMessage
	}
}

// of returns the properties of the one resource of a type.
func (tm template) of(t *testing.T, kind string) json.RawMessage {
	t.Helper()
	var found json.RawMessage
	for _, r := range tm.Resources {
		if r.Type == kind {
			if found != nil {
				t.Errorf("there are two resources of the type %s", kind)
			}
			found = r.Properties
		}
	}
	if found == nil {
		t.Fatalf("there is no resource of the type %s", kind)
	}
	return found
}

func parseTemplate(t *testing.T, text string) template {
	t.Helper()
	var tm template
	if err := json.Unmarshal([]byte(text), &tm); err != nil {
		t.Fatal(err)
	}
	return tm
}

// create makes the table at the emulator from what a template says of it, as
// CloudFormation does.
func create(t *testing.T, client *dynamodb.Client, properties json.RawMessage) {
	t.Helper()
	var in struct {
		dynamodb.CreateTableInput
		dynamodb.UpdateTimeToLiveInput
	}
	var name struct{ TableName *string } // which is in both inputs, so that encoding/json fills neither
	if err := errors.Join(json.Unmarshal(properties, &in), json.Unmarshal(properties, &name)); err != nil {
		t.Fatal(err)
	}
	in.CreateTableInput.TableName, in.UpdateTimeToLiveInput.TableName = name.TableName, name.TableName
	if _, err := client.CreateTable(t.Context(), &in.CreateTableInput); err != nil {
		t.Fatal(err)
	}
	if _, err := client.UpdateTimeToLive(t.Context(), &in.UpdateTimeToLiveInput); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, client *dynamodb.Client, name string, onDemand bool) {
	t.Helper()
	store, err := dynamo.New(client, dynamo.Config{Name: name, OnDemand: onDemand})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Check(t.Context()); err != nil {
		t.Errorf("what was printed makes another table: %v", err)
	}
}

func TestCloudFormationMakesTheTable(t *testing.T) {
	client := dynamotest.Start(t)
	for _, onDemand := range []bool{false, true} {
		o := tablecode.Options{Format: tablecode.CloudFormation, Table: dynamotest.TableName(t), OnDemand: onDemand}
		create(t, client, parseTemplate(t, printed(t, o)).of(t, "AWS::DynamoDB::Table"))
		check(t, client, o.Table, onDemand)
	}
}

// TestCloudFormationPolicies holds the policies beside the table against those alone.
func TestCloudFormationPolicies(t *testing.T) {
	for _, role := range tablecode.Roles {
		o := tablecode.Options{Format: tablecode.CloudFormation, Table: "app-logs", Role: role}
		samePolicy(t, o, parseTemplate(t, printed(t, o)))
	}
}

// samePolicy checks that the policy of a template is the one that is printed alone.
func samePolicy(t *testing.T, o tablecode.Options, tm template) {
	t.Helper()
	o.Format, o.Region, o.Account = tablecode.IAM, "eu-west-1", "123456789012"
	alone, arn := printed(t, o), "arn:aws:dynamodb:eu-west-1:123456789012:table/"+o.Table
	var want any
	var properties struct{ PolicyDocument any }
	if err := json.Unmarshal(tm.of(t, "AWS::IAM::ManagedPolicy"), &properties); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(alone), &want); err != nil {
		t.Fatal(err)
	}
	if got, want := marshal(t, resolve(t, tm, arn, properties.PolicyDocument)), marshal(t, resolve(t, tm, arn, want)); got != want {
		t.Errorf("the policy of a %s is\n%s\nand alone\n%s", o.Role, got, want)
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// resolve puts the table's ARN in the place of what refers to it, and a string in that of
// a list of one, which means the same in a policy.
func resolve(t *testing.T, tm template, arn string, v any) any {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = resolve(t, tm, arn, v[i])
		}
		if s, is := v[0].(string); is && len(v) == 1 {
			return s
		}
		return v
	case map[string]any:
		if attribute, is := v["Fn::GetAtt"].([]any); is {
			if tm.Resources[attribute[0].(string)].Type != "AWS::DynamoDB::Table" || attribute[1] != "Arn" {
				t.Errorf("%v is not the table's ARN", v)
			}
			return arn
		}
		if text, is := v["Fn::Sub"].(string); is {
			for name, resource := range tm.Resources {
				if resource.Type == "AWS::DynamoDB::Table" {
					text = strings.ReplaceAll(text, "${"+name+".Arn}", arn)
				}
			}
			return text
		}
		if join, is := v["Fn::Join"].([]any); is {
			var parts []string
			for _, part := range join[1].([]any) {
				parts = append(parts, resolve(t, tm, arn, part).(string))
			}
			return strings.Join(parts, join[0].(string))
		}
		for name := range v {
			v[name] = resolve(t, tm, arn, v[name])
		}
	}
	return v
}
