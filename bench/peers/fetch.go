package main

// Fetching many small files to disk: the whole job is one operation. Every run
// gets a fresh directory, and none is deleted before the end, because ext4 looks
// for inodes that were not freed within the last minutes: after the deletion of
// many files it creates others several times more slowly. For the same reason the
// row is best not run twice within five minutes on one file system.

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/aio-go/aio/bench"
)

const (
	fetchFiles = 20_000
	fetchSize  = 1 << 10
)

// prepareFetch puts the files on the server and writes the lists that the
// programs read.
func prepareFetch(ctx context.Context, s settings) ([]contestant, error) {
	if s.origin == nil {
		return nil, fmt.Errorf("nginx: %w", errAbsent)
	}
	var urls, config strings.Builder
	for i := range fetchFiles {
		name := fetchName(i)
		url, err := s.origin.Put("fetch/"+name, fetchBody(i))
		if err != nil {
			return nil, err
		}
		fmt.Fprintln(&urls, url)
		fmt.Fprintf(&config, "url = %q\noutput = %q\n", url, name)
	}
	list, curlConfig := filepath.Join(s.tmp, "urls.txt"), filepath.Join(s.tmp, "curl.txt")
	if err := os.WriteFile(list, []byte(urls.String()), 0o644); err != nil {
		return nil, err
	}
	if err := os.WriteFile(curlConfig, []byte(config.String()), 0o644); err != nil {
		return nil, err
	}
	program := filepath.Join(s.tmp, "aio")
	if _, err := output(exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/aio-go/aio/cmd/aio")); err != nil {
		return nil, err
	}
	inFlight := strconv.Itoa(bench.Connections)
	aio := []string{program, "fetch", "-c", inFlight, "-i", list, "-O"}
	return []contestant{
		{name: ourName, procs: 1, ours: true, run: fetchRun(s, []string{"GOMAXPROCS=1"}, aio...)},
		{name: ourName, procs: 2, ours: true, run: fetchRun(s, []string{"GOMAXPROCS=2"}, aio...)},
		{name: "curl", run: fetchRun(s, nil, "curl", "-sS", "--parallel", "--parallel-max", inFlight, "-K", curlConfig, "--output-dir")},
		{name: "wget2", run: fetchRun(s, nil, "wget2", "-q", "--max-threads="+inFlight, "-i", list, "-P")},
	}, nil
}

// fetchRun makes a run of a command whose last argument is the directory to fetch to.
func fetchRun(s settings, env []string, command ...string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		dir, err := os.MkdirTemp(s.tmp, "fetched-")
		if err != nil {
			return sample{}, err
		}
		if _, err := exec.LookPath(command[0]); err != nil {
			return sample{}, err
		}
		cmd := exec.CommandContext(ctx, s.self, append(append([]string{startCommand}, command...), dir)...)
		cmd.Env = append(os.Environ(), env...)
		c, err := printedCost(cmd)
		if err != nil {
			return sample{}, fmt.Errorf("%s: %w", filepath.Base(command[0]), err)
		}
		if err := verifyFetched(dir); err != nil {
			return sample{}, fmt.Errorf("%s: %w", command[0], err)
		}
		return sample{wall: c.Wall * 1e9, cpu: c.CPU * 1e9, mem: c.Peak}, nil
	}
}

// verifyFetched checks that dir holds, at any depth, exactly the files that were
// put on the server, byte for byte.
func verifyFetched(dir string) error {
	seen := make([]bool, fetchFiles)
	got := make([]byte, fetchSize+1) // one more than there should be to read
	count := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		i, err := strconv.Atoi(strings.TrimSuffix(d.Name(), ".bin"))
		if err != nil || i < 0 || i >= fetchFiles || d.Name() != fetchName(i) || seen[i] {
			return fmt.Errorf("unexpected file %s", path)
		}
		seen[i] = true
		count++
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		n, err := io.ReadFull(f, got)
		if closeErr := f.Close(); closeErr != nil {
			return closeErr
		}
		if err != io.ErrUnexpectedEOF || !bytes.Equal(got[:n], fetchBody(i)) {
			return fmt.Errorf("%s is not what the server has", path)
		}
		return nil
	})
	if err == nil && count != fetchFiles {
		err = fmt.Errorf("%d files, want %d", count, fetchFiles)
	}
	return err
}

func fetchName(i int) string { return fmt.Sprintf("%05d.bin", i) }

// fetchBody is the content of file i: bytes that no other file has.
func fetchBody(i int) []byte {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(i))
	body := make([]byte, fetchSize)
	if _, err := rand.NewChaCha8(seed).Read(body); err != nil {
		panic(err) // ChaCha8 never fails
	}
	return body
}
