//go:build unix

package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOutputIsLabelledAndFailuresAreListed(t *testing.T) {
	var out bytes.Buffer
	r := &runner{
		command: `echo "from $0" {}; case {} in b) echo broken >&2; exit 3;; d) sleep 1000;; *) printf unfinished;; esac`,
		limit:   2, timeout: 5 * time.Second, out: &out,
	}
	start := time.Now()
	failed, err := r.program([]string{"a", "b", "it's", "d"})
	if err != nil || failed != 2 {
		t.Errorf("got %d failed, %v, want 2", failed, err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	summary := lines[max(0, len(lines)-3):]
	if want := []string{"b: ended with 3", "d: took too long", "2 of 4 succeeded"}; !slices.Equal(summary, want) {
		t.Errorf("got summary %q, want %q", summary, want)
	}
	labelled := lines[:max(0, len(lines)-3)]
	slices.Sort(labelled) // hosts overtake each other
	want := []string{
		"a | from /bin/sh a", "a | unfinished", "b ! broken", "b | from /bin/sh b",
		"d | from /bin/sh d", "it's | from /bin/sh it's", "it's | unfinished",
	}
	if !slices.Equal(labelled, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(labelled, "\n"), strings.Join(want, "\n"))
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it took %v", took)
	}
}

func TestCommandThatCannotBeStartedFailsForItsHostAlone(t *testing.T) {
	var out bytes.Buffer
	r := &runner{command: "no-such-command-anywhere {} 2>/dev/null", limit: 1, timeout: time.Minute, out: &out}
	failed, err := r.program([]string{"a", "b"})
	if err != nil || failed != 2 {
		t.Errorf("got %d failed, %v, want 2", failed, err)
	}
	if want := "a: ended with 127\nb: ended with 127\n0 of 2 succeeded\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
