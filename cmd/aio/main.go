// Command aio fetches very many URLs concurrently, and serves a demo site to try that on.
//
//	aio fetch -O pages -c 100 -i urls.txt
//	aio fetch https://example.com/ | jq .status
//	aio fetch --demo
//	aio serve --demo
//
// Run aio help for everything else.
package main

import (
	"os"

	"github.com/aio-go/aio/cmd/aio/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], cli.Process())) }
