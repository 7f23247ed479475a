//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// interrupted starts a run that cannot end by itself, waits until the server has seen its last request, and signals it.
func interrupted(t *testing.T, h *hostile, sig os.Signal, requests int, args ...string) outcome {
	t.Helper()
	cmd := command(t, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range requests {
		<-h.seen
	}
	cmd.Process.Signal(sig)
	err := cmd.Wait()
	return result(t, cmd, err, &stdout, &stderr)
}

func TestInterruptKeepsWhatIsFinishedAndSaysSo(t *testing.T) {
	h := newHostile(t)
	for _, tt := range []struct {
		sig    os.Signal
		status int
	}{{os.Interrupt, 130}, {syscall.SIGTERM, 143}, {syscall.SIGHUP, 129}} {
		out := filepath.Join(t.TempDir(), "out")
		o := interrupted(t, h, tt.sig, 5, "fetch", "-O", out, "-c", "2", "--no-progress",
			h.url+"/ok/1", h.url+"/ok/2", h.url+"/ok/3", h.url+"/half-then-never", h.url+"/never", h.url+"/ok/4", h.url+"/ok/5")
		o.wantStatus(t, tt.status)
		if got := strings.Join(files(t, out), " "); got != "1 2 3" {
			t.Errorf("files: got %q want the finished ones", got)
		}
		if !strings.Contains(o.stderr, "interrupted; what was finished is kept; 2 not started") {
			t.Errorf("summary: got %q", o.stderr)
		}
	}
}

func TestIgnoredHangUpStaysIgnored(t *testing.T) {
	h := newHostile(t)
	cmd := exec.Command("sh", append([]string{"-c", `trap '' HUP; exec "$0" "$@"`}, command(t, "fetch", "--no-progress", h.url+"/never").Args...)...)
	cmd.Env = command(t).Env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-h.seen
	cmd.Process.Signal(syscall.SIGHUP)
	cmd.Process.Signal(syscall.SIGTERM)
	err := cmd.Wait()
	result(t, cmd, err, &stdout, &stderr).wantStatus(t, 143)
}

func TestInterruptWithEverythingStartedDoesNotCountNothing(t *testing.T) {
	h := newHostile(t)
	o := interrupted(t, h, os.Interrupt, 1, "fetch", "--no-progress", h.url+"/never")
	o.wantStatus(t, 130)
	if !strings.HasSuffix(o.stderr, "interrupted; what was finished is kept\n") {
		t.Errorf("summary: got %q", o.stderr)
	}
}

func TestInterruptEndsTheWaitForTheList(t *testing.T) {
	h := newHostile(t)
	cmd := command(t, "fetch", "-q", "-i", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in, h.url+"/ok/1")
	<-h.seen
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 130 {
		t.Errorf("exit status: got %d want 130", got)
	}
}

func TestReaderThatGoesAwayEndsTheRun(t *testing.T) {
	h := newHostile(t)
	cmd := command(t, "fetch", "-q", "-i", "-", "-O", "out", "--jsonl")
	cmd.Stdin = io.LimitReader(repeating(h.url+"/ok/1\n"), 10<<20)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.Read(make([]byte, 10))
	out.Close()
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 1 || stderr.Len() > 0 {
		t.Errorf("got status %d and %q want 1 and nothing", got, &stderr)
	}
}
