// Command bench compares dynamoslog with other handlers and other ways to
// DynamoDB, side by side in one run, and prints tables in Markdown:
//
//	go run . handlers   a call of a logger, for handlers people use
//	go run . throughput one goroutine and two, on two processors
//	go run . middleware the same through net/http
//	go run . request    a whole request: processor time, from its beginning until it is stored
//	go run . storage    lines a second and write units on DynamoDB Local
//	go run . memory     bytes held for a line that waits
//	go run . service    a small service under load
//	go run . loss       what a burst loses
//
// It is a module of its own, so that other people's handlers are not dependencies
// of the library.
package main

import (
	"fmt"
	"io"
	"os"
)

var commands = map[string]func(out io.Writer) error{
	"handlers":   handlers,
	"throughput": throughput,
	"middleware": middleware,
	"request":    request,
	"storage":    storage,
	"memory":     memory,
	"loss":       loss,
	"service":    service,
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "serve" { // by service
		if err := serve(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench serve:", err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 2 {
		if run, ok := commands[os.Args[1]]; ok {
			if err := run(os.Stdout); err != nil {
				fmt.Fprintln(os.Stderr, "bench:", err)
				os.Exit(1)
			}
			return
		}
	}
	fmt.Fprintln(os.Stderr, "usage: bench handlers|throughput|middleware|request|storage|memory|service|loss")
	os.Exit(2)
}
