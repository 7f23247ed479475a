package main

import (
	"strings"
	"testing"
)

func TestUsageErrorsAreOneLineWithStatus2(t *testing.T) {
	tests := [][]string{
		{"fetch"},
		{"fetch", "--no-such-flag", "http://127.0.0.1/"},
		{"fetch", "-c", "0", "http://127.0.0.1/"},
		{"fetch", "-c", "many", "http://127.0.0.1/"},
		{"fetch", "--timeout", "soon", "http://127.0.0.1/"},
		{"fetch", "--timeout", "-1", "http://127.0.0.1/"},
		{"fetch", "--max-bytes", "lots", "http://127.0.0.1/"},
		{"fetch", "--fsync", "maybe", "http://127.0.0.1/"},
		{"fetch", "-H", "no colon", "http://127.0.0.1/"},
		{"fetch", "-H", "bad name: x", "http://127.0.0.1/"},
		{"fetch", "-X", "NOT A METHOD", "http://127.0.0.1/"},
		{"fetch", "-d", "@/no/such/file", "http://127.0.0.1/"},
		{"fetch", "-O", "x", "-o", "y", "http://127.0.0.1/"},
		{"fetch", "-o", "x", "http://127.0.0.1/", "http://127.0.0.1/"},
		{"fetch", "-o", "-", "--jsonl", "http://127.0.0.1/"},
		{"fetch", "--demo", "http://127.0.0.1/"},
		{"fetch", "-i", "-", "-i", "-"},
		{"serve"},
		{"serve", "--demo", "--port", "x"},
		{"no-such-command"},
		{"--no-such-flag"},
	}
	for _, args := range tests {
		o := aio(t, "", args...)
		if o.status != 2 || strings.Count(o.stderr, "\n") != 1 || !strings.HasPrefix(o.stderr, "aio: ") || o.stdout != "" {
			t.Errorf("%q: got status %d, stdout %q, stderr %q", args, o.status, o.stdout, o.stderr)
		}
	}
}

// What is wrong, and what is wanted, is said in words of the command line, not in those of the libraries behind it.
func TestUsageErrorsSayWhatIsWanted(t *testing.T) {
	const url = "http://127.0.0.1:1/"
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"-c", "many", url}, `"many" for "-c, --concurrency" flag: want a whole number`},
		{[]string{"-c", "9999999999999999999", url}, "want a smaller number"},
		{[]string{"--location=maybe", url}, "want true or false"},
		{[]string{"-O", "x", "-o", "y", url}, "-O and -o exclude each other"},
		{[]string{"-x", "http://127.0.0.1:1", "--unix-socket", "s", url}, "--proxy and --unix-socket exclude each other"},
		{[]string{"-O", "", url}, "--output-dir: the name is empty"},
		{[]string{"-o", "", url}, "--output: the name is empty"},
		{[]string{"-i", "", url}, "--input-file: the name is empty"},
		{[]string{"--unix-socket", "", url}, "--unix-socket: the name is empty"},
		{[]string{"--retries", "-1", url}, "--retries cannot be negative"},
		{[]string{"--per-host", "-1", url}, "--per-host cannot be negative"},
		{[]string{"-i", "-", "-d", "@-"}, "-i - and -d @- both read standard input"},
	}
	for _, tt := range tests {
		o := aio(t, "", append([]string{"fetch"}, tt.args...)...)
		if o.status != 2 || !strings.Contains(o.stderr, tt.want) || strings.Contains(o.stderr, "strconv") {
			t.Errorf("%q: got status %d and %q want 2 and %q in it", tt.args, o.status, o.stderr, tt.want)
		}
	}
}

func TestHelpVersionAndCompletion(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{nil, "Available Commands"},
		{[]string{"--help"}, "Available Commands"},
		{[]string{"help", "fetch"}, "--per-host"},
		{[]string{"fetch", "--help"}, "Examples:"},
		{[]string{"serve", "--help"}, "--demo"},
		{[]string{"--version"}, "aio devel"},
		{[]string{"completion", "bash"}, "bash completion"},
		{[]string{"__complete", "fetch", "--fsync", ""}, "none"},
	}
	for _, tt := range tests {
		o := aio(t, "", tt.args...)
		if o.status != 0 || !strings.Contains(o.stdout, tt.want) {
			t.Errorf("%q: got status %d and %q want %q in it", tt.args, o.status, o.stdout, tt.want)
		}
	}
}
