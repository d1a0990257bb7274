// Week writes the shop's week that ends now to a file, to be looked at:
//
//	go run ./internal/shop/week shop.db
//	go run ./cmd/dynamoslog --file shop.db serve
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/shop"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: week FILE")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "week:", err)
		os.Exit(1)
	}
}

func write(path string) error {
	store, err := sqlitestore.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(shop.Fill(context.Background(), store, time.Now()), store.Close())
}
