// Package cli is the command line of aio: flags, help, exit statuses. What the commands do is in the packages beside it.
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/aio-go/aio/cmd/aio/internal/progress"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1   // at least one URL was not fetched
	exitUsage       = 2   // nothing was tried
	exitHungUp      = 129 // stopped by SIGHUP: the terminal has gone
	exitInterrupted = 130 // stopped by SIGINT, as shells report it
	exitTerminated  = 143 // stopped by SIGTERM
)

// Env is the outside world.
type Env struct {
	Stdin, Stdout, Stderr *os.File
	Getenv                func(string) string
}

// Process returns the world of this process.
func Process() Env {
	return Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
}

// statusError ends the command with a status; what is to be said has been said.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Main runs the command line and returns the exit status.
func Main(args []string, env Env) int {
	root := newRoot(env)
	root.SetArgs(args)
	cmd, err := root.ExecuteC()
	var status statusError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &status):
		return int(status)
	}
	text := progress.Visible(strings.TrimSpace(err.Error()))
	fmt.Fprintf(env.Stderr, "aio: %s (see '%s --help')\n", text, cmd.CommandPath())
	return exitUsage
}

func newRoot(env Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "aio",
		Short: "Fetch very many URLs concurrently",
		Long: "aio fetches very many URLs concurrently: from arguments, a file or a pipe, to files or as JSON Lines.\n" +
			"It keeps going when single URLs fail, says which and why, and never leaves half a file under its final name.",
		Example: "  aio fetch -O pages -i urls.txt       bodies to the directory pages\n" +
			"  aio fetch -i - < urls.txt > results  one JSON object for each URL\n" +
			"  aio fetch --demo                     see it work, without a network",
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetVersionTemplate("aio {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return oneLine(plain(err)) })
	root.AddCommand(newFetch(env), newServe(env))
	return root
}

// plain says what a number or a switch has to be where the library has only the text of package strconv.
func plain(err error) error {
	var (
		invalid *pflag.InvalidValueError
		number  *strconv.NumError
	)
	if !errors.As(err, &invalid) || !errors.As(err, &number) {
		return err
	}
	want := "want a whole number"
	switch {
	case number.Func == "ParseBool":
		want = "want true or false"
	case errors.Is(number, strconv.ErrRange):
		want = "want a smaller number"
	}
	return errors.New(strings.TrimSuffix(err.Error(), number.Error()) + want)
}

// oneLine cuts the advice that some flag errors carry on further lines.
func oneLine(err error) error {
	first, _, more := strings.Cut(err.Error(), "\n")
	if !more {
		return err
	}
	return errors.New(first)
}

// version is the module's version, or the revision it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "devel"
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				v += "-" + s.Value[:12]
			}
		}
	}
	return v + " " + info.GoVersion
}

// say writes a line for people.
func say(w io.Writer, text string) { fmt.Fprintln(w, "aio: "+progress.Visible(text)) }

// shortVersion is what goes into User-Agent.
func shortVersion() string {
	v, _, _ := strings.Cut(version(), " ")
	return v
}
