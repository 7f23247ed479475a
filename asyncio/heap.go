package asyncio

// The pace of the garbage collector.
//
// What a loop keeps is small and what it drops is much: bodies, heads, finished tasks. By
// default Go collects when the heap has doubled, and never below 4 MiB, which for such a
// program means after every other body of 1 MiB, or some hundred times a second. A reserve
// that counts as heap and is never touched lets that much more garbage gather before each
// collection. It costs address space, no memory; the garbage does, up to as much again.
// Figures are in docs/adr/0007-a-reserve-for-the-collector.md.

import (
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// heapReserve is the size of the reserve, in bytes.
const heapReserve = 8 << 20

// reserveHeap takes the reserve, once in a process, and keeps it, unless somebody else has set the
// pace.
var reserveHeap = sync.OnceValue(func() []byte {
	if paceIsSet() {
		return nil
	}
	return make([]byte, heapReserve)
})

// paceIsSet reports whether the environment or the program has set a GOGC or a memory limit.
func paceIsSet() bool {
	if _, ok := os.LookupEnv("GOGC"); ok {
		return true // to whatever: GOGC=100 is how to do without the reserve
	}
	percent := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(percent)
	if v := percent[0].Value; v.Kind() != metrics.KindUint64 || v.Uint64() != 100 {
		return true
	}
	return debug.SetMemoryLimit(-1) != math.MaxInt64 // a negative limit only asks
}
