//go:build unix

package asyncio

import (
	"os"
	"os/exec"
	"syscall"
)

// What a shell, a signal and the end of a process are on Unix.

// polite is the signal that asks a process to end.
const polite = syscall.SIGTERM

// shellCommand returns a command that has the shell run line.
func shellCommand(line string) *exec.Cmd {
	const shell = "/bin/sh" // as POSIX has it
	return exec.Command(shell, "-c", line)
}

// setAttr gives cmd what the caller wants of the system.
func setAttr(cmd *exec.Cmd, attr *syscall.SysProcAttr) { cmd.SysProcAttr = attr }

// setGroup makes cmd the first of a group of processes.
func setGroup(cmd *exec.Cmd) {
	attr := syscall.SysProcAttr{}
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	attr.Setpgid = true
	cmd.SysProcAttr = &attr
}

// signalGroup sends sig to the group of p, which has not been waited for on the loop. Where a
// goroutine waits, p may have been without the loop knowing it yet: hence the probe.
func signalGroup(p *os.Process, sig os.Signal) error {
	s, ok := sig.(syscall.Signal)
	if !ok {
		return p.Signal(sig)
	}
	if err := p.Signal(syscall.Signal(0)); err != nil {
		return err
	}
	return os.NewSyscallError("kill", syscall.Kill(-p.Pid, s))
}

// returnCode is the exit code of a process, or minus the signal that ended it.
func returnCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return -int(status.Signal())
	}
	return state.ExitCode()
}
