package urllist_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/aio-go/aio/cmd/aio/internal/urllist"
)

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

func readAll(t *testing.T, r *urllist.Reader, limit int) (urls []string, errs []error) {
	t.Helper()
	defer r.Close()
	var batch []urllist.Entry
	for {
		var err error
		batch, err = r.ReadBatch(t.Context(), batch[:0], limit)
		if len(batch) > limit {
			t.Fatalf("batch of %d, limit %d", len(batch), limit)
		}
		for _, e := range batch {
			if got, want := e.Index, int64(len(urls)); got != want {
				t.Errorf("index of %q: got %d want %d", e.Raw, got, want)
			}
			urls = append(urls, e.Raw)
			if e.Err != nil {
				errs = append(errs, e.Err)
			}
		}
		if err == io.EOF {
			return urls, errs
		}
		if err != nil {
			return urls, append(errs, err)
		}
	}
}

func TestLinesAreTrimmedAndCommentsSkipped(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"empty", "", nil},
		{"only blanks and comments", "\n  \n# x\n\t# y\r\n", nil},
		{"no newline at the end", "http://a/\nhttp://b/", []string{"http://a/", "http://b/"}},
		{"CRLF", "http://a/\r\nhttp://b/\r\n", []string{"http://a/", "http://b/"}},
		{"byte-order mark", "\xEF\xBB\xBFhttp://a/\n", []string{"http://a/"}},
		{"byte-order mark alone", "\xEF\xBB\xBF", nil},
		{"mark before comment", "\xEF\xBB\xBF# c\nhttp://a/\n", []string{"http://a/"}},
		{"fragment is no comment", "http://a/#x\n", []string{"http://a/#x"}},
		{"spaces around", "  http://a/ \t\n", []string{"http://a/"}},
		{"one byte", "x", []string{"x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := urllist.Open(nil, []string{write(t, tt.text)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, errs := readAll(t, r, 3)
			if !slices.Equal(got, tt.want) || len(errs) > 0 {
				t.Errorf("got %q %v want %q", got, errs, tt.want)
			}
		})
	}
}

func TestArgumentsComeBeforeListsInOrder(t *testing.T) {
	one, two := write(t, "c\nd\n"), write(t, "e\n")
	r, err := urllist.Open([]string{"a", "b"}, []string{one, two}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := readAll(t, r, 1)
	if want := []string{"a", "b", "c", "d", "e"}; !slices.Equal(got, want) {
		t.Errorf("got %q want %q", got, want)
	}
	if n, known := r.Total(); n != 5 || !known {
		t.Errorf("total: got %d %v want 5 true", n, known)
	}
}

func TestOverLongLineFailsAloneAtEveryLength(t *testing.T) {
	for _, n := range []int{urllist.MaxLine - 1, urllist.MaxLine, urllist.MaxLine + 1, urllist.MaxLine + 5000, 5 * urllist.MaxLine} {
		long := strings.Repeat("x", n)
		r, err := urllist.Open(nil, []string{write(t, "http://a/\n"+long+"\nhttp://b/\n")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, errs := readAll(t, r, 100)
		if len(got) != 3 || got[0] != "http://a/" || got[2] != "http://b/" {
			t.Fatalf("length %d: got %d entries", n, len(got))
		}
		if n > urllist.MaxLine {
			if len(errs) != 1 || !errors.Is(errs[0], urllist.ErrLineTooLong) || len(got[1]) != 200 {
				t.Errorf("length %d: got %v, %d bytes kept", n, errs, len(got[1]))
			}
		} else if len(errs) != 0 && n < urllist.MaxLine {
			t.Errorf("length %d: got %v want none", n, errs)
		}
	}
}

func TestUnreadableListIsNamedBeforeAnythingIsRead(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{filepath.Join(dir, "missing"), dir} {
		_, err := urllist.Open([]string{"a"}, []string{name}, nil)
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v want one line naming it", name, err)
		}
	}
	if _, err := urllist.Open(nil, []string{"-", "-"}, os.Stdin); err == nil {
		t.Error("standard input twice: got no error")
	}
}

func TestUTF16IsRefusedByName(t *testing.T) {
	name := write(t, "\xFF\xFEh\x00t\x00")
	r, err := urllist.Open(nil, []string{name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, errs := readAll(t, r, 10)
	if len(got) != 0 || len(errs) != 1 || !strings.Contains(errs[0].Error(), "UTF-16") {
		t.Errorf("got %q %v want an error about UTF-16", got, errs)
	}
}

func TestPipeDeliversLinesAsTheyCome(t *testing.T) {
	rd, wr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r, err := urllist.Open(nil, []string{"-"}, rd)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, want := range []string{"http://a/", "http://b/"} {
		io.WriteString(wr, want+"\nhttp://unfin")
		batch, err := r.ReadBatch(t.Context(), nil, 10)
		if err != nil || len(batch) != 1 || !strings.HasSuffix(batch[0].Raw, want) {
			t.Fatalf("got %v %v want %q", batch, err, want)
		}
	}
	if total, known := r.Total(); total != 0 || known {
		t.Errorf("total of a pipe: got %d %v want 0 false", total, known)
	}
	wr.Close()
	if batch, err := r.ReadBatch(t.Context(), nil, 10); err != nil || len(batch) != 1 {
		t.Errorf("unfinished last line: got %v %v", batch, err)
	}
	if _, err := r.ReadBatch(t.Context(), nil, 10); err != io.EOF {
		t.Errorf("end: got %v want EOF", err)
	}
}

func TestCancelEndsTheWaitForAPipe(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a read cannot be interrupted there")
	}
	rd, wr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer wr.Close()
	r, err := urllist.Open(nil, []string{"-"}, rd)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	go cancel(why)
	if _, err := r.ReadBatch(ctx, nil, 10); !errors.Is(err, why) {
		t.Errorf("got %v want the cause", err)
	}
}

func TestMemoryDoesNotGrowWithTheList(t *testing.T) {
	name := write(t, strings.Repeat("http://127.0.0.1:8080/some/path/that/is/typical\n", 200_000))
	r, err := urllist.Open(nil, []string{name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var batch []urllist.Entry
	n := 0
	for {
		batch, err = r.ReadBatch(t.Context(), batch[:0], 256)
		n += len(batch)
		if err != nil {
			break
		}
		if n == 50_048 {
			total, known := r.Total()
			if known || total < 150_000 || total > 250_000 {
				t.Errorf("projected total: got %d want about 200000", total)
			}
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n != 200_000 || err != io.EOF {
		t.Fatalf("got %d %v", n, err)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("live heap grew by %d bytes", grown)
	}
}
