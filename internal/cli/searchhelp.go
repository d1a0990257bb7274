package cli

import (
	"strings"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

// seeSearch ends the help of commands that search.
const seeSearch = "'dynamoslog help search' tells how to search."

// searchHelp is a page of help without a command.
func searchHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "search",
		Short: "How to search, in the commands and in the browser",
		Long: `How to search, in 'ls', 'errors', 'slow', 'grep', 'tail', 'export' and in the browser's
field.
All terms are to hold; each is an argument, or several with blanks between them.

  user_42                   stories of this key
  payment                   the title or the cause contains it, in upper or lower case, or
                            it is an attribute's value: a request id, a trace id
  "payment failed"          the same for several words; never taken for a key
  order=93  status>=500     an attribute of the header: = != < <= > >=, as numbers or
                            durations where both are, else as text; order:93 is order=93
  route="GET /users/{id}"   a value with blanks
  level:warn                reached this level; level=warn, level<error
  kind:job  state:open      of a kind of keys; in a state
  title:order  cause:time   contains it; title=order is it
  problem:ab23cd45ef        what went wrong, as it is called
  took>1s  lines>100        how long it took, how many lines it has
  since:-1h  until:16:00    began then or later, before that (before: is the same);
                            since:yesterday until:today, since:2026-11-20, since:16:00Z
  id:hoejm7nd777f           the story of this id, whole or as a list shows it
  -status=500 -retry        not what follows the minus; on a command line behind --:
                            dynamoslog ls -- -status=500

Times without a zone are this machine's; Z is UTC. 16:00 is the last one, -2d is 48 hours
ago, and of a time that a day has twice, as clocks are put back, the first is meant.
status!=200 selects stories that have another status, -status=200 also those without one.
"level"=3 is an attribute, whatever it is called; within quotes \" is a quote.

A key, an id, a kind in a file and times are found at once. For all else headers are looked
at, the newest first, and at most --look of them: the last line says how far.

States: ` + strings.Join(story.SearchValues("state"), ", ") + `.`,
	}
}
