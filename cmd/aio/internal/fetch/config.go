// Package fetch fetches many URLs concurrently on one event loop.
//
// A list is read in batches off the loop into a bounded window; a fixed number of workers take URLs from it, one task
// each; bodies go to the executor in few, large hand-offs; results go to standard output, what people read to standard
// error. Everything that grows with the number of URLs is counted, not kept.
package fetch

import (
	"net/http"
	"os"
	"time"

	"github.com/aio-go/aio/aiohttp/middleware"
	"github.com/aio-go/aio/cmd/aio/internal/sink"
)

// Config is what the user asked for. New fills in nothing: the command line has the defaults.
type Config struct {
	Concurrency int // requests at the same time
	PerHost     int // of these to one host; 0 means no limit

	Timeout        time.Duration // of one attempt; 0 means none
	ConnectTimeout time.Duration // to resolve, connect and agree on TLS
	IdleTimeout    time.Duration // without a byte from the server
	MaxTime        time.Duration // of the whole run; 0 means none

	Retry       middleware.RetryPolicy
	RetryBudget int // retries per hundred requests; 0 means no limit

	Method       string
	Headers      http.Header
	Body         []byte
	MaxRedirects int // 0 means that redirects are answers like others
	Decompress   bool
	Insecure     bool
	MaxBytes     int64 // of one body, decoded; 0 means no limit

	Proxy      string // its URL; "" for the environment's, if EnvProxy says so, or none
	EnvProxy   bool
	Netrc      bool   // credentials from the user's netrc file
	UnixSocket string // connect there instead of to the host

	OutputDir  string // bodies to files there
	OutputFile string // the one body to this file; "-" is standard output
	Overwrite  bool
	Sync       sink.SyncPolicy

	Results     bool // JSON Lines of results to Stdout
	JSONSummary bool // the summary as the last of them
	FailFast    bool
	Progress    bool // on Stderr
	Summary     bool // on Stderr

	Stdin, Stdout, Stderr *os.File
	Getenv                func(string) string
}

// window is how many URLs are held at most: enough for hosts at their limit not to hide others.
func (c *Config) window() int { return max(4*c.Concurrency, 4096) }

// hash reports whether the digest of bodies is wanted by anyone.
func (c *Config) hash() bool { return c.Results }
