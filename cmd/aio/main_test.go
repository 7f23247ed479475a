package main

// The tests of the command run it as users do: as a process of its own, which is this test binary under another role.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const roleVariable = "AIO_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "command" {
		main()
	}
	os.Exit(m.Run())
}

// outcome is what a finished command left.
type outcome struct {
	status         int
	stdout, stderr string
}

// command prepares aio with args in an empty environment and directory.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // not t.Context: that ends before cleanups
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = []string{roleVariable + "=command", "PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir()}
	cmd.Dir = t.TempDir()
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// aio runs the command to its end.
func aio(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	cmd := command(t, args...)
	cmd.Stdin = strings.NewReader(stdin)
	return finish(t, cmd)
}

func finish(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	return result(t, cmd, err, &stdout, &stderr)
}

// finishInto gives the command a file for its standard output.
func finishInto(t *testing.T, cmd *exec.Cmd, stdout *os.File) outcome {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = stdout, &stderr
	err := cmd.Run()
	return result(t, cmd, err, new(bytes.Buffer), &stderr)
}

func result(t *testing.T, cmd *exec.Cmd, err error, stdout, stderr *bytes.Buffer) outcome {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("aio %q: %v\n%s", cmd.Args[1:], err, stderr)
	}
	o := outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	for _, text := range []string{"panic", "goroutine ", "runtime error", "DATA RACE", ".go:"} {
		if strings.Contains(o.stderr, text) {
			t.Errorf("aio %q: %q on standard error:\n%s", cmd.Args[1:], text, o.stderr)
		}
	}
	return o
}

// record is one line of JSON output, results and summaries alike.
type record struct {
	Type     string
	Index    int
	URL      string
	OK       bool
	FinalURL string `json:"final_url"`
	Status   int
	Bytes    int64
	Attempts int
	Path     string
	SHA256   string
	Error    *struct{ Kind, Message string }

	// of summaries
	Retries     int
	Failed      int
	NotStarted  int `json:"not_started"`
	Interrupted bool
	Stopped     string
	Errors      map[string]int
}

// records parses standard output.
func (o outcome) records(t *testing.T) []record {
	t.Helper()
	var list []record
	for line := range strings.Lines(o.stdout) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("not a JSON line: %v: %q", err, line)
		}
		list = append(list, r)
	}
	return list
}

func (o outcome) wantStatus(t *testing.T, want int) {
	t.Helper()
	if o.status != want {
		t.Errorf("exit status: got %d want %d\nstdout: %s\nstderr: %s", o.status, want, o.stdout, o.stderr)
	}
}

// files lists everything in dir, hidden files included.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func matches(pattern, text string) bool { return regexp.MustCompile(pattern).MatchString(text) }
