// Package bench compares the event loop with its rivals.
//
// The benchmarks in this package run the same work on the loop and on what a
// Go programmer would use instead, in one process and one run: goroutines with
// a WaitGroup or a channel, errgroup, conc, a bare coroutine. Sub-benchmarks
// are named op=…/impl=…, so that benchstat can put the rivals side by side:
//
//	go test -bench=. -cpu=1,2 -count=6 ./bench | benchstat -col /impl -
//
// Package bench/peers compares with programs in other languages.
package bench
