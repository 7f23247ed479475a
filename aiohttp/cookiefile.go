package aiohttp

// Cookies of a request, and cookies in files.

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aio-go/aio/asyncio"
)

// cookieHeader makes the Cookie header of a request: what the caller put into that
// header, the cookies of the request, then those of the jar. The first of a name
// wins. Values go out as they came in.
func (r *ClientRequest) cookieHeader(explicit []string) string {
	c := r.call
	jar := c.session.jar
	if len(explicit) == 0 && len(c.opts.cookies) == 0 && (jar == nil || jar.count == 0) {
		return ""
	}
	var b strings.Builder
	seen := make(map[string]bool)
	add := func(name, value string) {
		if seen[name] || name == "" {
			return
		}
		seen[name] = true
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(value)
	}
	for _, line := range explicit {
		for pair := range strings.SplitSeq(line, ";") {
			name, value, _ := strings.Cut(trimBlank(pair), "=")
			add(name, value)
		}
	}
	for _, cookie := range c.opts.cookies {
		add(cookie.Name, cookie.Value)
	}
	if jar != nil {
		for _, e := range jar.match(r.loc) {
			add(e.Name, e.Value)
		}
	}
	return b.String()
}

// storeCookies takes the cookies of a response into the jar.
func (c *call) storeCookies(resp *ClientResponse) {
	if lines := resp.Headers["Set-Cookie"]; len(lines) > 0 && c.session.jar != nil {
		c.session.jar.receive(&resp.loc, lines)
	}
}

// cookieFile is the form of a jar on disk.
type cookieFile struct {
	Version int            `json:"version"`
	Cookies []*cookieEntry `json:"cookies"`
}

const cookieFileVersion = 1

// Save writes all cookies to a file that only its owner can read. It suspends while
// the file is written; a file that was there is replaced when the new one is
// complete.
func (j *CookieJar) Save(ctx context.Context, path string) error {
	data, err := json.MarshalIndent(cookieFile{cookieFileVersion, j.entries()}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode cookies: %w", err)
	}
	_, err = asyncio.ToThread(ctx, func(context.Context) (struct{}, error) {
		return struct{}{}, replaceFile(path, data)
	})
	return err
}

// replaceFile writes beside path, under a name that nobody else has or can prepare.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // its owner's alone
	if err != nil {
		return fmt.Errorf("save cookies: %w", err)
	}
	temporary := f.Name()
	_, err = f.Write(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		os.Remove(temporary)
		return fmt.Errorf("save cookies: %w", err)
	}
	return nil
}

// Load adds the cookies of a file that Save wrote. It suspends while the file is
// read. A file of another version, or one that is no cookie file, is an error and
// changes nothing.
func (j *CookieJar) Load(ctx context.Context, path string) error {
	data, err := asyncio.ToThread(ctx, func(context.Context) ([]byte, error) { return os.ReadFile(path) })
	if err != nil {
		return fmt.Errorf("load cookies: %w", err)
	}
	var file cookieFile
	if err := json.Unmarshal(data, &file); err != nil {
		return fmt.Errorf("load cookies from %s: %w", path, err)
	}
	if file.Version != cookieFileVersion {
		return fmt.Errorf("load cookies from %s: version %d is not known", path, file.Version)
	}
	for _, e := range file.Cookies {
		if e == nil || e.Name == "" || !strings.HasPrefix(e.Path, "/") || hasCookieControl(e.Name+e.Value) {
			return fmt.Errorf("load cookies from %s: not a cookie file", path)
		}
	}
	for _, e := range file.Cookies {
		j.store(e)
	}
	return nil
}
