package origin_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/aio-go/aio/bench/origin"
)

func TestOriginServesWhatIsPutThereAndLeavesNothingBehind(t *testing.T) {
	s, err := origin.Start()
	if errors.Is(err, origin.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("0123456789"), 1024)
	url, err := s.Put("some/file", want)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v, want the %d bytes put there", len(got), err, len(want))
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := os.Stat(s.Root); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("root after close: got %v, want it gone", err)
	}
	if _, err := http.Get(url); err == nil {
		t.Error("the server answers after close")
	}
}
