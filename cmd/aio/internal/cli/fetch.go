package cli

// aio fetch: from flags to a fetch.Config, and from the outcome to an exit status.

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/middleware"
	"github.com/aio-go/aio/cmd/aio/internal/fetch"
	"github.com/aio-go/aio/cmd/aio/internal/sink"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// demoURLs is how many URLs fetch --demo fetches.
const demoURLs = 500

// fetchFlags are the flags as given.
type fetchFlags struct {
	lists       []string
	concurrency int
	perHost     int

	timeout, connectTimeout, idleTimeout, maxTime duration

	retries      int
	retryMaxWait duration
	retryBudget  int

	location     bool
	maxRedirects int
	method       string
	headers      []string
	userAgent    string
	data         string
	compressed   bool
	noDecompress bool
	insecure     bool
	maxBytes     size

	proxy      string
	noEnv      bool
	netrc      bool
	unixSocket string

	outputDir  string
	outputFile string
	overwrite  bool
	sync       sink.SyncPolicy

	jsonl, json       bool
	failFast          bool
	quiet, noProgress bool
	demo              bool
}

func newFetch(env Env) *cobra.Command {
	f := &fetchFlags{
		timeout: duration(5 * time.Minute), connectTimeout: duration(30 * time.Second), idleTimeout: duration(time.Minute),
		retryMaxWait: duration(middleware.DefaultMaxDelay),
	}
	cmd := &cobra.Command{
		Use:   "fetch [flags] [URL...]",
		Short: "Fetch URLs concurrently",
		Long: `Fetches URLs, many at a time, and keeps going when some fail.

URLs come from the arguments and from lists (-i), one a line; blank lines and lines that start with # are skipped.
Bodies go to files in a directory (-O), to one file (-o), or nowhere; without -O and -o, one JSON object for each URL
is written to standard output, with its status, size, times, digest and error. Progress and the summary are on
standard error.

A file gets its name only when it is complete. In a directory (-O) names are the last part of the URL's path; a name that
is taken gets a digest of the URL appended, and a file of an earlier run is replaced only with --overwrite. The file of
-o is replaced.

Durations are seconds, or 500ms, 1m30s, 2h. Connections that fail, timeouts and the statuses 408, 425, 429, 500, 502,
503 and 504 are tried again.

The exit status is 0 if all URLs were fetched with a status of 2xx, 1 if some were not, 2 if the command line or a
list is wrong, 130 after an interrupt, 143 after SIGTERM, 129 after SIGHUP. The first signal stops in order: what is
finished is kept, and nothing half done is left. The second exits at once. A SIGHUP that nohup ignores stays ignored.`,
		Example: `  aio fetch https://example.com/                      what became of it, as JSON
  aio fetch -O pages -c 200 --per-host 8 -i urls.txt  ten million lines are fine
  grep -o 'https://[^"]*' index.html | aio fetch -O pages -i -
  aio fetch -o - https://example.com/ | less          the body itself
  aio fetch -i urls.txt | jq -r 'select(.ok|not) | .url + " " + .error.message'
  aio fetch --demo                                    see it work, without a network`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args, env) },
	}
	f.register(cmd)
	return cmd
}

// register declares the flags. Letters are those of curl where curl has the flag.
func (f *fetchFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringArrayVarP(&f.lists, "input-file", "i", nil, "read URLs from `FILE`, - for standard input; may be repeated")
	fl.StringVarP(&f.outputDir, "output-dir", "O", "", "write bodies to files in `DIR`")
	fl.StringVarP(&f.outputFile, "output", "o", "", "write the body of the one URL to `FILE`, replacing it, - for standard output")
	fl.BoolVar(&f.overwrite, "overwrite", false, "replace files of earlier runs instead of choosing another name")
	fl.Var(&f.sync, "fsync", "forced to disk before a file is named: none, file, all (directories too)")
	fl.IntVarP(&f.concurrency, "concurrency", "c", 64, "requests at the same time")
	fl.IntVar(&f.perHost, "per-host", 0, "requests to one host at the same time (default no limit)")
	fl.Var(&f.timeout, "timeout", "time for one attempt at a URL; 0 is no limit")
	fl.Var(&f.connectTimeout, "connect-timeout", "time to look up, to connect, and to agree on TLS, each")
	fl.Var(&f.idleTimeout, "idle-timeout", "time without a byte of the body")
	fl.VarP(&f.maxTime, "max-time", "m", "time for everything (default no limit)")
	fl.IntVar(&f.retries, "retries", 3, "further attempts after failures that may pass")
	fl.Var(&f.retryMaxWait, "retry-max-wait", "longest wait between attempts, also for Retry-After")
	fl.IntVar(&f.retryBudget, "retry-budget", 0, "at most so many retries per hundred URLs (default no limit)")
	fl.BoolVarP(&f.location, "location", "L", true, "follow redirects; --location=false makes them failures")
	fl.IntVar(&f.maxRedirects, "max-redirects", 10, "redirects to follow for one URL; 0 follows none")
	fl.StringArrayVarP(&f.headers, "header", "H", nil, "send the header `'Name: value'`; may be repeated")
	fl.StringVarP(&f.method, "request", "X", "", "request method (default GET, or POST with --data)")
	fl.StringVarP(&f.userAgent, "user-agent", "A", "", "User-Agent to send (default aio and its version)")
	fl.StringVarP(&f.data, "data", "d", "", "send `DATA` as the body of each request; @FILE is a file's content, @- standard input")
	fl.BoolVar(&f.compressed, "compressed", true, "ask for compressed answers and decode them; or =false")
	fl.BoolVar(&f.noDecompress, "no-decompress", false, "keep bodies as they come, compressed or not")
	fl.BoolVarP(&f.insecure, "insecure", "k", false, "accept any TLS certificate")
	fl.StringVarP(&f.proxy, "proxy", "x", "", "go through the proxy `URL`: http, https, socks5, socks5h, socks4, socks4a; '' is none")
	fl.BoolVar(&f.noEnv, "no-env", false, "go through no proxy that http_proxy, https_proxy or all_proxy names")
	fl.BoolVarP(&f.netrc, "netrc", "n", false, "send the credentials that .netrc, or the file in NETRC, has for a host")
	fl.StringVar(&f.unixSocket, "unix-socket", "", "connect to the Unix socket `PATH` whatever the URL's host is")
	fl.Var(&f.maxBytes, "max-bytes", "largest body to accept, such as 10k or 4MiB (default no limit)")
	fl.BoolVar(&f.jsonl, "jsonl", false, "write one JSON object for each URL to standard output also with -O and -o")
	fl.BoolVar(&f.json, "json", false, "as --jsonl, and the summary as the last object")
	fl.BoolVar(&f.failFast, "fail-fast", false, "stop at the first URL that fails")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "neither progress nor summary")
	fl.BoolVar(&f.noProgress, "no-progress", false, "no progress")
	fl.BoolVar(&f.demo, "demo", false, fmt.Sprintf("fetch %d URLs of a server inside this process", demoURLs))
	cmd.MarkFlagDirname("output-dir")
	cmd.RegisterFlagCompletionFunc("fsync", cobra.FixedCompletions([]string{"none", "file", "all"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("request", cobra.FixedCompletions(
		[]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, cobra.ShellCompDirectiveNoFileComp))
}

// check refuses what makes no sense, alone or together.
func (f *fetchFlags) check(cmd *cobra.Command, args []string) error {
	if err := f.checkValues(cmd); err != nil {
		return err
	}
	switch {
	case f.outputDir != "" && f.outputFile != "":
		return errors.New("-O and -o exclude each other")
	case f.proxy != "" && f.unixSocket != "":
		return errors.New("--proxy and --unix-socket exclude each other")
	case f.data == "@-" && slices.Contains(f.lists, "-"):
		return errors.New("-i - and -d @- both read standard input")
	case f.demo && (len(args) > 0 || len(f.lists) > 0):
		return errors.New("--demo brings its own URLs")
	case !f.demo && len(args) == 0 && len(f.lists) == 0:
		return errors.New("no URLs: give some as arguments, or a list with -i FILE")
	case f.outputFile != "" && (f.demo || len(args) != 1 || len(f.lists) > 0):
		return errors.New("-o takes the body of exactly one URL given as an argument; use -O DIR for more")
	case f.outputFile == "-" && (f.jsonl || f.json):
		return errors.New("-o - and --jsonl both write to standard output")
	}
	return nil
}

// checkValues refuses values that make no sense whatever else is given. A name that is given and empty is mostly a
// variable of a script that is not set; to take it for "none" would throw away what was asked for.
func (f *fetchFlags) checkValues(cmd *cobra.Command) error {
	for _, name := range []string{"output-dir", "output", "unix-socket"} {
		if flag := cmd.Flags().Lookup(name); flag.Changed && flag.Value.String() == "" {
			return fmt.Errorf("--%s: the name is empty", name)
		}
	}
	for _, name := range []string{"per-host", "retries", "retry-budget", "max-redirects"} {
		if n, _ := cmd.Flags().GetInt(name); n < 0 {
			return fmt.Errorf("--%s cannot be negative", name)
		}
	}
	switch {
	case slices.Contains(f.lists, ""):
		return errors.New("--input-file: the name is empty")
	case f.concurrency < 1 || f.concurrency > 100_000:
		return errors.New("--concurrency: want 1 to 100000")
	case f.proxy != "" && badProxy(f.proxy) != nil:
		return fmt.Errorf("--proxy: %w", badProxy(f.proxy))
	case f.method != "" && !isToken(f.method):
		return fmt.Errorf("--request %q is not a method", f.method)
	}
	return nil
}

func badProxy(raw string) error {
	_, err := aiohttp.ParseProxy(raw)
	return err
}

// config turns the flags into what the run needs.
func (f *fetchFlags) config(cmd *cobra.Command, env Env) (*fetch.Config, error) {
	headers, err := parseHeaders(f.headers)
	if err != nil {
		return nil, err
	}
	c := &fetch.Config{
		Concurrency: f.concurrency, PerHost: f.perHost,
		Timeout: time.Duration(f.timeout), ConnectTimeout: time.Duration(f.connectTimeout),
		IdleTimeout: time.Duration(f.idleTimeout), MaxTime: time.Duration(f.maxTime),
		Retry:       middleware.RetryPolicy{MaxAttempts: max(f.retries, 0) + 1, MaxDelay: time.Duration(f.retryMaxWait)},
		RetryBudget: f.retryBudget, Method: f.method, Headers: headers, MaxRedirects: f.maxRedirects,
		Decompress: f.compressed && !f.noDecompress, Insecure: f.insecure, MaxBytes: int64(f.maxBytes),
		Proxy: f.proxy, EnvProxy: !f.noEnv && !cmd.Flags().Changed("proxy"), Netrc: f.netrc, UnixSocket: f.unixSocket,
		OutputDir: f.outputDir, OutputFile: f.outputFile, Overwrite: f.overwrite, Sync: f.sync,
		FailFast: f.failFast, JSONSummary: f.json, Summary: !f.quiet && !f.json,
		Stdin: env.Stdin, Stdout: env.Stdout, Stderr: env.Stderr, Getenv: env.Getenv,
	}
	c.Results = f.jsonl || f.json || f.outputDir == "" && f.outputFile == "" && !f.demo
	// Lines on a terminal and a progress line on the same one would overwrite each other.
	shared := (c.Results || f.outputFile == "-") && term.IsTerminal(int(env.Stdout.Fd())) && term.IsTerminal(int(env.Stderr.Fd()))
	c.Progress = !f.quiet && !f.noProgress && !shared
	if !f.location {
		c.MaxRedirects = 0
	}
	if cmd.Flags().Changed("data") {
		if c.Body, err = readData(f.data, env.Stdin); err != nil {
			return nil, err
		}
	}
	f.defaults(c)
	return c, nil
}

// defaults fills in the method and the headers that depend on others.
func (f *fetchFlags) defaults(c *fetch.Config) {
	if c.Method == "" {
		c.Method = http.MethodGet
		if c.Body != nil {
			c.Method = http.MethodPost
		}
	}
	if c.Body != nil && c.Headers.Get("Content-Type") == "" {
		c.Headers.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if f.userAgent != "" {
		c.Headers.Set("User-Agent", f.userAgent)
	} else if c.Headers.Get("User-Agent") == "" {
		c.Headers.Set("User-Agent", "aio/"+shortVersion())
	}
	if !f.compressed && c.Headers.Get("Accept-Encoding") == "" {
		c.Headers.Set("Accept-Encoding", "identity")
	}
}
