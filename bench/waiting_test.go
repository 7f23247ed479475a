package bench_test

import (
	"net"
	"testing"

	"github.com/aio-go/aio/bench"
)

func TestEveryRequestWaitsForTheLast(t *testing.T) {
	stop, addrs, served := make(chan struct{}), make(chan []net.Addr, 1), make(chan error, 1)
	go func() { served <- bench.SlowHost.Serve(func(a []net.Addr) { addrs <- a }, stop) }()
	url := "http://" + (<-addrs)[0].String()
	for _, impl := range bench.Waiting[0].Impls {
		t.Run("impl="+impl.Name, func(t *testing.T) {
			for _, n := range []int{1, 20} {
				left := 2
				loop := func() bool { left--; return left >= 0 }
				impl.Run(bench.Round{N: n, Loop: loop, Peak: func() {}, URL: url, Body: bench.Waiting[0].Body})
			}
		})
	}
	close(stop)
	if err := <-served; err != nil {
		t.Error(err)
	}
}
