package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os/signal"
	"syscall"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
	"github.com/spf13/cobra"
)

const defaultAddress = "localhost:7133"

func (o *options) serveCommand() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Show the stories in a browser on this machine",
		Args:  arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.withComing(func(store story.Store) error {
				return serve(cmd, address, viewer.New(store, &viewer.Options{Place: o.placeName()}))
			})
		},
	}
	cmd.Flags().StringVar(&address, "address", defaultAddress, "address to listen at; only browsers on this machine get in")
	return cmd
}

// serve serves pages until the command is interrupted, or told to end by SIGTERM.
func serve(cmd *cobra.Command, address string, pages http.Handler) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM) // which the first process of a container would not hear of
	defer stop()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("cannot listen at %s, name another address with --address: %w", address, err)
	}
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), "Stories are at http://%s/ until you press Ctrl-C.\n", reachable(listener.Addr().String())); err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{
		Handler:           pages,
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      2 * time.Minute, // of a page for who does not read it; live views have none
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx }, // ends live views too
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err = server.Shutdown(end); err != nil { // somebody reads a long page slowly
		err = server.Close()
	}
	<-done
	return err
}

// reachable names this machine where an address stands for all its interfaces: by
// another name it refuses browsers.
func reachable(address string) string {
	listening, err := netip.ParseAddrPort(address)
	if err != nil || !listening.Addr().IsUnspecified() {
		return address
	}
	return fmt.Sprintf("localhost:%d", listening.Port())
}
