//go:build !unix && !windows

package asyncio

import (
	"os"
	"os/exec"
	"syscall"
)

// What a shell, a signal and the end of a process are elsewhere.

var polite = os.Interrupt

func shellCommand(line string) *exec.Cmd { return exec.Command("sh", "-c", line) }

func setAttr(cmd *exec.Cmd, attr *syscall.SysProcAttr) { cmd.SysProcAttr = attr }

func setGroup(*exec.Cmd) {}

func signalGroup(p *os.Process, sig os.Signal) error { return p.Signal(sig) }

func returnCode(state *os.ProcessState) int { return state.ExitCode() }
