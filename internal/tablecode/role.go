package tablecode

import (
	"fmt"
	"strings"
)

// A Role is what somebody does with the table.
type Role string

// All roles.
const (
	Writer Role = "writer" // a program that logs, with a journal or without
	Reader Role = "reader" // the viewer, and each command that only reads
	Admin  Role = "admin"  // makes and checks the table, and removes stories
)

// Roles are all of them.
var Roles = []Role{Writer, Reader, Admin}

// A Grant allows actions on the table, or on its index.
type Grant struct {
	OnIndex bool
	Actions []string
}

// Grants returns what a role needs, and nothing else; nil if there is no such role.
func (r Role) Grants() []Grant {
	onTable := func(actions ...string) Grant { return Grant{Actions: actions} }
	onIndex := Grant{OnIndex: true, Actions: []string{"dynamodb:Query"}}
	switch r {
	case Writer: // it reads where an answer was unclear, and what the process of a journal had stored
		return []Grant{onTable("dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"), onIndex}
	case Reader:
		return []Grant{onTable("dynamodb:GetItem", "dynamodb:Query"), onIndex}
	case Admin:
		return []Grant{onTable("dynamodb:BatchWriteItem", "dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive",
			"dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateTimeToLive"), onIndex}
	}
	return nil
}

// Title is the role's name with a capital, as names of resources have it.
func (r Role) Title() string { return strings.ToUpper(string(r[:1])) + string(r[1:]) }

// Purpose says what the role is for.
func (r Role) Purpose() string {
	switch r {
	case Writer:
		return "Writes stories"
	case Reader:
		return "Reads stories"
	}
	return "Makes and checks the table of stories, and removes stories"
}

// A policy is a document of IAM. Its resources are ARNs, or what names them in a template.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid      string
	Effect   string
	Action   []string
	Resource any
}

// policyFor returns the policy of a role for a table and its index.
func policyFor(role Role, table, index any) policy {
	p := policy{Version: "2012-10-17"}
	for _, grant := range role.Grants() {
		s := statement{Sid: "Table", Effect: "Allow", Action: grant.Actions, Resource: table}
		if grant.OnIndex {
			s.Sid, s.Resource = "Index", index
		}
		p.Statement = append(p.Statement, s)
	}
	return p
}

// policyOf returns the policy alone, of which nobody but the options knows where the
// table is.
func policyOf(o Options) policy {
	role, region, account := o.Role, o.Region, o.Account
	if role == "" {
		role = Writer
	}
	if region == "" {
		region = "*"
	}
	if account == "" {
		account = "*"
	}
	table := fmt.Sprintf("arn:%s:dynamodb:%s:%s:table/%s", partition(region), region, account, o.Table)
	return policyFor(role, table, table+"/index/"+describe(o).Index.Name)
}

// partition returns the part of AWS that a region belongs to.
func partition(region string) string {
	for _, p := range []struct{ prefix, name string }{
		{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"us-iso-", "aws-iso"}, {"us-isob-", "aws-iso-b"},
		{"eu-isoe-", "aws-iso-e"}, {"us-isof-", "aws-iso-f"}, {"eusc-", "aws-eusc"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p.name
		}
	}
	return "aws"
}
