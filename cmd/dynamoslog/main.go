// Command dynamoslog reads stories from a DynamoDB table or a local file.
package main

import (
	"os"

	"github.com/dynamoslog/dynamoslog/internal/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr)) }
