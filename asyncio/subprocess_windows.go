package asyncio

import (
	"os"
	"os/exec"
	"syscall"
)

// What a shell, a signal and the end of a process are on Windows: there is no signal but the
// one that kills.

var polite = os.Kill

// shellCommand returns a command that has the command interpreter run line, which gets it as
// it is: its rules of quoting are not those of other programs.
func shellCommand(line string) *exec.Cmd {
	shell := os.Getenv("ComSpec")
	if shell == "" {
		shell = "cmd.exe"
	}
	cmd := exec.Command(shell)
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `"` + shell + `" /d /s /c "` + line + `"`}
	return cmd
}

// setAttr gives cmd what the caller wants of the system, but for a shell's command line.
func setAttr(cmd *exec.Cmd, attr *syscall.SysProcAttr) {
	merged := *attr
	if cmd.SysProcAttr != nil {
		merged.CmdLine = cmd.SysProcAttr.CmdLine
	}
	cmd.SysProcAttr = &merged
}

// setGroup makes cmd the first of a group of processes.
func setGroup(cmd *exec.Cmd) {
	attr := syscall.SysProcAttr{}
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	attr.CreationFlags |= syscall.CREATE_NEW_PROCESS_GROUP
	cmd.SysProcAttr = &attr
}

func signalGroup(p *os.Process, sig os.Signal) error { return p.Signal(sig) }

func returnCode(state *os.ProcessState) int { return state.ExitCode() }
