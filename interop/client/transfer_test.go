package interop_test

// The cases of the suite that are about bodies: up, down, refused, in parts, and broken off.

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// pieces is a body that the task produces while it is sent.
func pieces(ctx context.Context, body []byte, size int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for piece := range slices.Chunk(body, size) {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				yield(nil, err)
				return
			}
			if !yield(piece, nil) {
				return
			}
		}
	}
}

func bodies(ctx context.Context, t *target) {
	some := huge[:300_000]
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, some, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		opt  func() aiohttp.RequestOption
		want []byte
	}{
		{"string", func() aiohttp.RequestOption { return aiohttp.WithData("größer") }, []byte("größer")},
		{"nothing", func() aiohttp.RequestOption { return aiohttp.WithData("") }, nil},
		{"bytes", func() aiohttp.RequestOption { return aiohttp.WithData(some) }, some},
		{"seekable reader", func() aiohttp.RequestOption { return aiohttp.WithData(bytes.NewReader(some)) }, some},
		{"reader", func() aiohttp.RequestOption { return aiohttp.WithData(io.MultiReader(bytes.NewReader(some))) }, some},
		{"file", func() aiohttp.RequestOption {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			return aiohttp.WithData(f)
		}, some},
		{"iterator", func() aiohttp.RequestOption { return aiohttp.WithData(pieces(ctx, some, 7777)) }, some},
		{"JSON", func() aiohttp.RequestOption { return aiohttp.WithJSON([]int{1, 2}) }, []byte("[1,2]")},
		{"form", func() aiohttp.RequestOption { return aiohttp.WithForm(url.Values{"a": {"b c"}}) }, []byte("a=b+c")},
	} {
		if got := t.deliver(ctx, c.opt()); got != string(c.want) {
			t.Errorf("%s: %d bytes arrived, want %d", c.name, len(got), len(c.want))
		}
		if got := t.deliver(ctx, c.opt(), aiohttp.WithExpect100()); got != string(c.want) {
			t.Errorf("%s, when asked for: %d bytes arrived, want %d", c.name, len(got), len(c.want))
		}
	}
	t.oneConnection()
}

func multiparts(ctx context.Context, t *target) {
	const boundary = "b0undary"
	form := func() aiohttp.RequestOption {
		f := aiohttp.NewFormData(aiohttp.WithBoundary(boundary))
		f.AddField("name", "größer")
		f.AddField("file", bytes.NewReader(huge[:200_000]), aiohttp.WithFilename("größe 1.bin"), aiohttp.WithContentType("image/png"))
		f.AddField("stream", io.MultiReader(strings.NewReader("streamed")), aiohttp.WithFilename("s"), aiohttp.WithContentType("text/x"))
		return aiohttp.WithData(f)
	}
	want := "name=größer\nfile=größe 1.bin image/png 200000\nstream=s text/x 8\n"
	if t.parses {
		if _, got := t.fetch(ctx, "POST", "/form", form()); got != want {
			t.Errorf("the server understood %q, want %q", got, want)
		}
	}
	arrived, err := multipart.NewReader(strings.NewReader(t.deliver(ctx, form())), boundary).ReadForm(1 << 20)
	if err != nil || arrived.Value["name"][0] != "größer" || arrived.File["file"][0].Size != 200_000 || arrived.File["stream"][0].Size != 8 {
		t.Errorf("got %+v and %v", arrived, err)
	}
}

// C36, C87: a body that is asked for first, and one that is not wanted then.
func expectations(ctx context.Context, t *target) {
	if got := t.deliver(ctx, aiohttp.WithData(huge[:100_000]), aiohttp.WithExpect100()); got != string(huge[:100_000]) {
		t.Errorf("%d bytes arrived", len(got))
	}
	for tries := 1; ; tries++ {
		began := asyncio.RunningLoop(ctx).Time()
		resp, _ := t.fetch(ctx, "PUT", "/expected", aiohttp.WithData(huge[:100_000]), aiohttp.WithExpect100())
		if resp.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("got %d, want the body refused", resp.Status)
		}
		took := asyncio.RunningLoop(ctx).Time() - began
		if took <= 900*time.Millisecond || resp.Proto != "HTTP/1.1" {
			break
		}
		if tries == 10 { // a busy machine takes that long now and then
			t.Errorf("took %v: the answer was not waited for, the second was", took)
			break
		}
	}
	t.fetch(ctx, "GET", "/method")
}

// C03, C04: a server that does not read an upload to its end answers it all the same.
func refusals(ctx context.Context, t *target) {
	for _, body := range []func() any{
		func() any { return huge[:1<<20] },
		func() any { return io.MultiReader(bytes.NewReader(huge[:4<<20])) },
		func() any { return pieces(ctx, huge[:4<<20], 50_000) },
	} {
		resp, _ := t.fetch(ctx, "PUT", "/refuse", aiohttp.WithData(body()))
		if resp.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("%T: got %d, want the body refused", body(), resp.Status)
		}
		if _, got := t.fetch(ctx, "GET", "/method"); got != "GET" {
			t.Errorf("%T: then got %q", body(), got)
		}
	}
}

func largeBodies(ctx context.Context, t *target) {
	if got := t.deliver(ctx, aiohttp.WithData(pieces(ctx, huge, 100_000))); got != string(huge) {
		t.Errorf("%d bytes arrived, want %d", len(got), len(huge))
	}
	resp, err := t.session.Get(ctx, t.base+"/files/big")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	sum := sha256.New()
	for piece, err := range resp.Content.IterChunked(100_000) {
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(piece)
	}
	if want := sha256.Sum256(huge); !bytes.Equal(sum.Sum(nil), want[:]) {
		t.Error("the file did not arrive as it is")
	}
}

func ranges(ctx context.Context, t *target) {
	resp, got := t.fetch(ctx, "GET", "/files/big", aiohttp.WithHeaders(http.Header{"Range": {"bytes=1000-1099"}}))
	if resp.Status != http.StatusPartialContent || got != string(huge[1000:1100]) {
		t.Errorf("got %d and %d bytes", resp.Status, len(got))
	}
	resp, _ = t.fetch(ctx, "GET", "/files/text", aiohttp.WithHeaders(http.Header{"Range": {"bytes=9999999-"}}))
	if resp.Status != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("got %d, want 416", resp.Status)
	}
}

// A download that was broken off goes on where it was.
func downloads(ctx context.Context, t *target) {
	d := aiohttp.Download{URL: t.base + "/files/big", Path: filepath.Join(t.TempDir(), "big"), Hash: sha256.New()}
	limited, cancel := asyncio.WithTimeout(ctx, time.Minute)
	defer cancel()
	d.Progress = func(written, _ int64) {
		if written > 1<<20 {
			cancel()
		}
	}
	if _, err := t.session.Download(limited, d); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the cancellation", err)
	}
	sum := sha256.Sum256(huge)
	d.Hash, d.Sum, d.Progress = sha256.New(), sum[:], nil
	got, err := t.session.Download(ctx, d)
	if err != nil || got.Resumed == 0 || got.Bytes != int64(len(huge)) {
		t.Errorf("got %+v and %v, want a download that goes on", got, err)
	}
	if saved, err := os.ReadFile(d.Path); !bytes.Equal(saved, huge) {
		t.Errorf("got %d bytes and %v, want the file", len(saved), err)
	}
}

func timeouts(ctx context.Context, t *target) {
	short := 100 * time.Millisecond
	if _, err := t.session.Get(ctx, t.base+"/silent", aiohttp.WithTimeout(aiohttp.ClientTimeout{ResponseHeader: short})); !errors.Is(err, aiohttp.ErrResponseHeaderTimeout) {
		t.Errorf("got %v, want the header timeout", err)
	}
	if _, err := t.session.Get(ctx, t.base+"/silent", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: short})); !errors.Is(err, aiohttp.ErrTotalTimeout) {
		t.Errorf("got %v, want the total timeout", err)
	}
	resp, err := t.session.Get(ctx, t.base+"/stall", aiohttp.WithTimeout(aiohttp.ClientTimeout{ReadIdle: short}))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	if _, err := resp.Read(ctx); !errors.Is(err, aiohttp.ErrReadIdleTimeout) {
		t.Errorf("got %v, want the idle timeout", err)
	}
	if _, got := t.fetch(ctx, "GET", "/method"); got != "GET" {
		t.Errorf("then got %q", got)
	}
}

func cancellation(ctx context.Context, t *target) {
	for _, path := range []string{"/silent", "/stall", "/files/big"} {
		task := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			resp, err := t.session.Get(ctx, t.base+path)
			if err != nil {
				return struct{}{}, err
			}
			defer resp.Close()
			if path == "/files/big" {
				asyncio.CurrentTask(ctx).Cancel(nil)
			}
			_, err = resp.Read(ctx)
			return struct{}{}, err
		})
		if path != "/files/big" {
			asyncio.Sleep(ctx, 50*time.Millisecond)
			task.Cancel(nil)
		}
		if _, err := task.Await(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want the cancellation", path, err)
		}
		if _, got := t.fetch(ctx, "GET", "/method"); got != "GET" {
			t.Errorf("after %s: got %q", path, got)
		}
	}
}

func brokenBodies(ctx context.Context, t *target) {
	if !t.breaks {
		t.Skip("this server does not break off")
	}
	resp, err := t.session.Get(ctx, t.base+"/broken")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	got, err := resp.Read(ctx)
	var broken *aiohttp.ClientPayloadError
	if !errors.As(err, &broken) || string(got) != "0123456789" || broken.Phase != aiohttp.PhaseBody {
		t.Errorf("got %q and %v, want what came and a ClientPayloadError", got, err)
	}
	if _, got := t.fetch(ctx, "GET", "/method"); got != "GET" {
		t.Errorf("then got %q", got)
	}
}
