package asyncio_test

// Whole processes that tell how large their heap may grow before the next collection.

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

const (
	gogcInCode  = "ASYNCIO_TEST_GOGC" // what a child passes to debug.SetGCPercent
	reserveSize = 8 << 20
	usualGoal   = 4 << 20 // of the heap, by default and with next to nothing on it
)

func init() {
	children["heap goal"] = func() {
		if percent, err := strconv.Atoi(os.Getenv(gogcInCode)); err == nil {
			debug.SetGCPercent(percent)
		}
		for range 3 { // the reserve is taken once
			loop := asyncio.NewEventLoop()
			defer loop.Close()
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println(m.NextGC)
	}
}

// heapGoal returns the size of heap at which a child with a loop next collects its garbage.
func heapGoal(t *testing.T, env ...string) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GOGC=") && !strings.HasPrefix(v, "GOMEMLIMIT=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, childProgram+"=heap goal")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	goal, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	return goal
}

func TestReserveLetsGarbageGather(t *testing.T) {
	if goal := heapGoal(t); goal < 2*reserveSize || goal > 2*(reserveSize+usualGoal) {
		t.Errorf("the heap is collected at %d bytes, want it to be twice the reserve and a little", goal)
	}
}

func TestReserveIsLeftAloneWhereThePaceIsSet(t *testing.T) {
	for name, env := range map[string]string{
		"GOGC in the environment":       "GOGC=100",
		"GOMEMLIMIT in the environment": "GOMEMLIMIT=1GiB",
		"GOGC set by the program":       gogcInCode + "=90",
	} {
		t.Run(name, func(t *testing.T) {
			if goal := heapGoal(t, env); goal > reserveSize {
				t.Errorf("the heap is collected at %d bytes, want at about %d", goal, usualGoal)
			}
		})
	}
}
