package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/examples/workout"
	"github.com/dynamoslog/dynamoslog/internal/shellwords"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
	"github.com/spf13/cobra"
)

func (o *options) demoCommand() *cobra.Command {
	var once bool
	var address string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run an example service, send it some requests, show a story of it and serve the others",
		Long: "Runs an example service, sends it some requests, shows a story of it and serves the others.\n" +
			"They are written to what --table or --file names, and else to a file in your cache folder,\n" +
			"whatever DYNAMOSLOG_TABLE and DYNAMOSLOG_FILE say.",
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			to, err := o.ownSource()
			if err != nil {
				return err
			}
			return to.write(func(store story.Store) error {
				if err := o.demo(cmd, store, to); err != nil || once {
					return err
				}
				return serve(cmd, address, viewer.New(store, nil))
			})
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end after the story; for scripts")
	cmd.Flags().StringVar(&address, "address", defaultAddress, "address at which the stories are served")
	return cmd
}

func (o *options) demo(cmd *cobra.Command, store story.Store, to source) error {
	h := dynamoslog.New(store, &dynamoslog.Options{Level: slog.LevelDebug, Fallback: cmd.ErrOrStderr()})
	server := httptest.NewServer(workout.NewServer(slog.New(h)))
	var err error
	for _, path := range []string{"/users/7/workouts", "/users/42/workouts", "/users/42/workouts?without=mat"} {
		err = errors.Join(err, post(server.URL+path))
	}
	server.Close()
	if err = errors.Join(err, h.Close()); err != nil {
		return err
	}
	s, err := store.Read(cmd.Context(), story.NewKey("user", "42"), "")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), `A small web service answered three requests. This is the story of the last one, as it
is stored: indented by call depth, under the key %s.

%s
Read it and the others:

    %[3]s ls
    %[3]s show user_42
    %[3]s diff user_42
`, s.Key, story.Format(s.Lines), again(to))
	return err
}

// again is how this program is run again, on the same stories.
func again(on source) string {
	again := "dynamoslog"
	if info, ok := debug.ReadBuildInfo(); !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		again = "go run ./cmd/dynamoslog"
	}
	switch {
	case on.table != "":
		again += " --table " + quoted(on.table)
	case !isDefault(on):
		again += " --file " + quoted(on.file)
	}
	return again
}

// isDefault reports whether stories are read from there where no flag says so.
func isDefault(s source) bool {
	usual, err := (&options{}).source()
	return err == nil && usual == s
}

// quoted writes a word so that a shell reads it as it is.
func quoted(word string) string {
	if runtime.GOOS == "windows" {
		return `"` + word + `"` // which no name there can hold
	}
	return shellwords.Quote(word, 0)
}

func post(url string) error {
	resp, err := http.Post(url, "application/json", nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}
