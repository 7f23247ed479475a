// Bench holds the comparisons with other libraries and runtimes. It is a module
// of its own so that nobody who uses the library downloads the rivals; go.work
// joins it to the tree next to it.
module github.com/aio-go/aio/bench

go 1.26.0

require (
	github.com/aio-go/aio v0.1.0
	github.com/sourcegraph/conc v0.3.0
	github.com/valyala/fasthttp v1.77.0
	golang.org/x/sync v0.24.0
)

require (
	github.com/andybalholm/brotli v1.2.8 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/molecule-man/go-brrr v1.3.0 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)
