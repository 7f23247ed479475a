package archtest_test

// Every rule is shown to fire: one snippet that breaks it, one beside it that
// does not.

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aio-go/aio/internal/archtest"
)

// tree parses files given as name → source.
func tree(t *testing.T, files map[string]string) *archtest.Tree {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, src := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(src)}
	}
	parsed, err := archtest.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestRulesFire(t *testing.T) {
	testLayers := archtest.Layers{Module: "m.org/m", Rows: []archtest.Layer{
		{Package: "low", NotStd: []string{"net", "sync/..."}},
		{Package: "high", Own: []string{"low"}, ThirdParty: []string{"ok.org/x/..."}},
	}}
	clock := archtest.Door{
		Uses: []string{"time.Now", "net.Dial*", "go"}, In: []string{"low/..."},
		Files: map[string][]string{"low": {"clock.go"}}, Why: "ask the clock",
	}
	sleep := archtest.Door{Uses: []string{"time.Sleep"}, In: []string{"..."}, Tests: true, Why: "do not"}

	tests := []struct {
		name string
		rule archtest.Rule
		file string
		src  string
		want string // part of the one message; "" for none
	}{
		{"upward import", testLayers, "low/a.go", `package low; import _ "m.org/m/high"`, "low/a.go:1: low may not import m.org/m/high: of this tree it may import nothing"},
		{"downward import", testLayers, "high/a.go", `package high; import _ "m.org/m/low"`, ""},
		{"upward import in a test", testLayers, "low/a_test.go", `package low_test; import _ "m.org/m/high"`, ""},
		{"foreign module", testLayers, "high/a.go", `package high; import _ "bad.org/x"`, "it may import ok.org/x/..."},
		{"allowed module", testLayers, "high/a.go", `package high; import _ "ok.org/x/y"`, ""},
		{"forbidden standard package", testLayers, "low/a.go", `package low; import _ "sync/atomic"`, "must do without net, sync/..."},
		{"longer name is another package", testLayers, "low/a.go", `package low; import _ "net/url"`, ""},
		{"dot import", testLayers, "low/a.go", `package low; import . "strings"`, "dot import of strings"},
		{"package without a row", testLayers, "new/a.go", `package new`, "package new has no row"},
		{"files for other platforms count", testLayers, "low/a_plan9.go", "//go:build !linux\n\npackage low; import _ \"net\"", "low may not import net"},
		{"files never built do not", testLayers, "low/gen.go", "//go:build ignore\n\npackage main; import _ \"net\"", ""},

		{"clock", clock, "low/a.go", `package low; import "time"; var x = time.Now()`, "time.Now is for clock.go in low only: ask the clock"},
		{"clock as a value", clock, "low/a.go", `package low; import "time"; var x = time.Now`, "time.Now is for"},
		{"clock under another name", clock, "low/a.go", `package low; import tm "time"; var x = tm.Now()`, "time.Now is for"},
		{"another method called Now", clock, "low/a.go", `package low; var x = c.Now()`, ""},
		{"the file that may", clock, "low/clock.go", `package low; import "time"; var x = time.Now()`, ""},
		{"another package", clock, "high/a.go", `package high; import "time"; var x = time.Now()`, ""},
		{"package below", clock, "low/sub/a.go", `package sub; import "time"; var x = time.Now()`, "no file of low/sub"},
		{"wildcard", clock, "low/a.go", `package low; import "net"; var x = net.DialTimeout`, "net.DialTimeout is for"},
		{"goroutine", clock, "low/a.go", `package low; func f() { go f() }`, "go is for clock.go"},
		{"goroutine in a test", clock, "low/a_test.go", `package low; func f() { go f() }`, ""},
		{"sleeping test", sleep, "low/a_test.go", `package low; import "time"; func f() { time.Sleep(1) }`, "time.Sleep is for no file"},
		{"sleep outside tests", sleep, "low/a.go", `package low; import "time"; func f() { time.Sleep(1) }`, ""},

		{"long function", archtest.Size{File: 100, Func: 3}, "low/a.go", "package low\nfunc f() {\n\n\n}\n", "low/a.go:2: f has 4 lines, at most 3"},
		{"long method of a test", archtest.Size{File: 100, Func: 3}, "low/a_test.go", "package low\nfunc f() {\n\n\n}\n", ""},
		{"long file", archtest.Size{File: 3, Func: 100}, "low/a.go", "package low\n\n\n\n", "file has 4 lines, at most 3"},
		{"short file", archtest.Size{File: 3, Func: 3}, "low/a.go", "package low\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.rule.Check(tree(t, map[string]string{tt.file: tt.src}))
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("got %v, want nothing", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0].String(), tt.want)):
				t.Errorf("got %v, want one violation with %q", got, tt.want)
			}
		})
	}
}

func TestDocumentedNamesWhatHasNoComment(t *testing.T) {
	const head = "// Package p is explained.\npackage p\n\n"
	tests := []struct {
		name, src string
		want      []string // the messages without their places
	}{
		{"no package comment", "package p\n\n// Chapter.\n\nvar x = 1", []string{"package p has no package comment"}},
		{"directive is no comment", "//go:build linux\n\npackage p", []string{"package p has no package comment", "file has no opening paragraph: say which problem it solves and how"}},
		{"func", head + "func F() {}", []string{"exported F has no doc comment"}},
		{"func with comment", head + "// F does it.\nfunc F() {}", nil},
		{"type", head + "type T int", []string{"exported T has no doc comment"}},
		{"types share no comment", head + "// Some types.\ntype (\n\tT int\n)", []string{"exported T has no doc comment"}},
		{"method", head + "// T is one.\ntype T[A any] int\n\nfunc (t *T[A]) M() {}", []string{"exported M has no doc comment"}},
		{"method that every error has", head + "// T is one.\ntype T int\n\nfunc (T) Unwrap() error { return nil }", nil},
		{"function of that name", head + "func Unwrap() {}", []string{"exported Unwrap has no doc comment"}},
		{"method of a private type", head + "type t int\n\nfunc (t) M() {}", nil},
		{"constants may share", head + "// The modes.\nconst (\n\tA = 1\n\tB = 2\n)", nil},
		{"constants need something", head + "const (\n\tA = 1 // the first\n\tB = 2\n)", []string{"exported B has no doc comment"}},
		{"main exports nothing", "// Command p runs.\npackage main\n\nfunc F() {}", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, v := range (archtest.Documented{}).Check(tree(t, map[string]string{"p/a.go": tt.src})) {
				got = append(got, v.Text)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOpeningParagraphMayStandBeforeOrAfterTheImports(t *testing.T) {
	const doc = "// Package p is explained.\npackage p\n"
	tests := []struct {
		name, src string
		want      int
	}{
		{"after the package clause", "package p\n\n// Chapter.\n\nimport _ \"os\"", 0},
		{"after the imports", "package p\n\nimport _ \"os\"\n\n// Chapter.\n\n// f is one.\nfunc f() {}", 0},
		{"the first declaration's, long", "package p\n\n// f is one\n// of many.\nfunc f() {}", 0},
		{"the first declaration's, short", "package p\n\nimport _ \"os\"\n\n// f is one.\nfunc f() {}", 1},
		{"none", "package p\n\nfunc f() {}", 1},
		{"none in a short file", "package p", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"p/doc.go": doc, "p/a.go": tt.src}
			if got := (archtest.Documented{Short: 1}).Check(tree(t, files)); len(got) != tt.want {
				t.Errorf("got %v, want %d", got, tt.want)
			}
		})
	}
}

func TestLoadLeavesOutWhatIsNotSource(t *testing.T) {
	parsed := tree(t, map[string]string{
		"a/a.go":          "package a",
		"a/a_test.go":     "package a",
		"a/testdata/x.go": "this is not Go",
		".hidden/x.go":    "this is not Go",
		"_old/x.go":       "this is not Go",
		"b/README.md":     "text",
		"c/c_test.go":     "package c",
	})
	var got []string
	for _, f := range parsed.Files {
		got = append(got, f.Path)
	}
	if want := []string{"a/a.go", "a/a_test.go", "c/c_test.go"}; !slices.Equal(got, want) {
		t.Errorf("files: got %v, want %v", got, want)
	}
}

func TestLoadReportsFilesThatDoNotParse(t *testing.T) {
	fsys := fstest.MapFS{"a/a.go": &fstest.MapFile{Data: []byte("package")}}
	if _, err := archtest.Load(fsys); err == nil || !strings.Contains(err.Error(), "a/a.go") {
		t.Errorf("got %v, want an error that names a/a.go", err)
	}
}
