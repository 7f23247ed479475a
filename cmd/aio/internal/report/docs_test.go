package report_test

// The page about the output names everything that there is in it.

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/cmd/aio/internal/report"
)

func TestPageNamesEveryMember(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/fetch.md")
	if err != nil {
		t.Fatal(err)
	}
	s := summary()
	s.Latency.Add(time.Second)
	enc := report.NewEncoder()
	lines := [][]byte{
		enc.Record(nil, &report.Record{Err: &report.Failure{Kind: report.KindOther, Message: "x"}}),
		enc.Summary(nil, s),
	}
	for _, line := range lines {
		var object map[string]any
		if err := json.Unmarshal(line, &object); err != nil {
			t.Fatal(err)
		}
		for _, name := range members(object) {
			if !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("docs/fetch.md does not name the member %s", name)
			}
		}
	}
}

// members are the names in an object and in those inside it, but for tables whose names are data.
func members(object map[string]any) []string {
	var names []string
	for name, v := range object {
		names = append(names, name)
		if inner, ok := v.(map[string]any); ok && name != "errors" && name != "statuses" {
			names = append(names, members(inner)...)
		}
	}
	return names
}

func TestPageNamesEveryKind(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/fetch.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("record.go")
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`Kind = "([a-z-]+)"`).FindAllSubmatch(source, -1)
	if len(kinds) < 10 {
		t.Fatalf("got %d kinds in record.go", len(kinds))
	}
	for _, k := range kinds {
		if !strings.Contains(string(page), "| `"+string(k[1])+"` |") {
			t.Errorf("docs/fetch.md does not name the kind %s", k[1])
		}
	}
}
