package aiohttp

// Credentials from the netrc file.
//
// The file is read once, outside the loop, when the first request wants to know. An
// entry is for a host, not for an origin, so what is asked is the host of each hop; the
// default entry is for hosts that the user names, and not for those a redirect leads to.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/netrc"
)

// WithNetrc gives requests that have no credentials those for their host in a netrc file,
// as Basic authentication; its default entry is used for the host of the first URL only,
// not after a redirect to another one, and nothing of it is sent unencrypted after a redirect from
// an encrypted origin. An empty path means the file that NETRC names, or
// .netrc (on Windows _netrc) in the home directory, which must be readable by its owner
// alone; that the file is unreadable or malformed is then logged once and otherwise
// ignored. A path that was given must be good: requests fail if it is not. Default: none.
func WithNetrc(path string) SessionOption {
	return sessionOption(func(s *ClientSession) {
		s.netrc = &netrcSource{path: path, must: path != ""}
		if path == "" {
			s.netrc.path = os.Getenv("NETRC")
		}
	})
}

// netrcSource is a netrc file of one session.
type netrcSource struct {
	path    string // "": the one at home
	must    bool   // a file that cannot be used is an error
	file    *netrc.File
	reading *asyncio.Task[*netrc.File] // nil: not asked for yet
}

// entries returns the file. The first who asks has it read, the others wait.
func (n *netrcSource) entries(ctx context.Context) (*netrc.File, error) {
	if n.file != nil {
		return n.file, nil
	}
	if n.reading == nil {
		n.reading = asyncio.CreateTask(context.WithoutCancel(ctx), func(ctx context.Context) (*netrc.File, error) {
			file, err := asyncio.ToThread(ctx, func(context.Context) (*netrc.File, error) { return n.read() })
			switch {
			case err == nil:
			case n.must:
				return nil, fmt.Errorf("netrc file: %w", err)
			case !errors.Is(err, fs.ErrNotExist):
				slog.Warn("aiohttp: netrc file ignored", "reason", err)
				fallthrough
			default:
				file = new(netrc.File)
			}
			n.file = file
			return file, nil
		}, asyncio.WithName("aiohttp read netrc"))
	}
	return n.reading.Await(ctx)
}

// read blocks.
func (n *netrcSource) read() (*netrc.File, error) {
	path, private := n.path, false
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, fs.ErrNotExist
		}
		name := ".netrc"
		if runtime.GOOS == "windows" {
			name = "_netrc"
		}
		path, private = filepath.Join(home, name), runtime.GOOS != "windows"
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case info.Size() > netrc.MaxSize:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, netrc.MaxSize)
	case private && info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s can be read by others: chmod 600 it", path)
	}
	data := make([]byte, info.Size())
	if k, err := f.ReadAt(data, 0); int64(k) < info.Size() {
		return nil, err
	}
	file, err := netrc.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// useNetrc gives the request the credentials for its host, if nobody gave any.
func (c *call) useNetrc(ctx context.Context, r *ClientRequest) error {
	source := c.session.netrc
	switch {
	case source == nil, c.opts.authorize != "", hasField(r.own, "Authorization"):
		return nil
	case !r.step.crossOrigin && hasField(c.session.headers, "Authorization"):
		return nil
	case len(c.history) > 0 && c.history[0].loc.tls && !r.loc.tls:
		return nil // what began encrypted does not end with a password in the clear
	}
	file, err := source.entries(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		return r.invalid(err)
	}
	entry, ok := file.Lookup(r.loc.host)
	if !ok || entry.Default && r.step.crossOrigin {
		return nil
	}
	v, err := EncodeBasicAuth(entry.Login, entry.Password)
	if err != nil {
		return r.invalid(fmt.Errorf("netrc entry of %s: %w", r.loc.host, err))
	}
	c.opts.change().authorize = v
	return nil
}
