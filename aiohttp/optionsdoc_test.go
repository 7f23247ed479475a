package aiohttp_test

// The page with all options of the client is made from their doc comments.
// go test ./aiohttp -run OptionsPage -update writes it.

import (
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/client-options.md anew")

const optionsPage = "../docs/client-options.md"

// fits says where an option of a type may stand.
var fits = map[string]string{
	"Option": "session, request", "SessionOption": "session", "RequestOption": "request", "ConnectorOption": "connector",
	"TLSOption": "connector, session, request", "TextOption": "Text", "JSONOption": "JSON",
	"CookieJarOption": "CookieJar", "FieldOption": "FormData.AddField", "MultipartOption": "MultipartWriter",
	"PartOption": "MultipartReader", "ReconnectOption": "ReconnectingWebSocket",
}

func TestOptionsPageIsThatOfTheDocComments(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# The options of the client

Every option with what it means and what holds without it, taken from its doc comment. An option of a session is the default of its requests; given to a
request it replaces that default. ` + "`ClientTimeout`" + ` has its members' defaults in [timeout.go](../aiohttp/timeout.go); Python's
names for all of them are in [parity.md](parity.md).

| option | for | meaning | default |
|---|---|---|---|
`)
	for _, o := range clientOptions(t) {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", o.signature, o.place, o.meaning, o.unset)
	}
	got := b.String()
	if *update {
		if err := os.WriteFile(optionsPage, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(optionsPage)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Error("docs/client-options.md is not what the doc comments say: run go test ./aiohttp -run OptionsPage -update")
	}
}

type optionDoc struct{ signature, place, meaning, unset string }

// clientOptions are the functions With… of package aiohttp that return an option.
func clientOptions(t *testing.T) []optionDoc {
	t.Helper()
	set := token.NewFileSet()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
	}
	pkg, err := doc.NewFromFiles(set, files, "aiohttp")
	if err != nil {
		t.Fatal(err)
	}
	funcs := pkg.Funcs
	for _, typ := range pkg.Types {
		funcs = append(funcs, typ.Funcs...)
	}
	var all []optionDoc
	for _, f := range funcs {
		place := ""
		if r := f.Decl.Type.Results; r != nil && len(r.List) == 1 {
			if name, ok := r.List[0].Type.(*ast.Ident); ok {
				place = fits[name.Name]
			}
		}
		if !strings.HasPrefix(f.Name, "With") || place == "" {
			continue
		}
		text := strings.ReplaceAll(strings.Join(strings.Fields(f.Doc), " "), "|", `\|`)
		o := optionDoc{signature: f.Name + params(t, set, f.Decl.Type.Params), place: place}
		at := strings.LastIndex(text, "Default:")
		if at < 0 {
			if slices.Contains([]string{"session, request", "session", "request", "connector"}, place) {
				t.Errorf("%s: its comment does not say what the default is", f.Name)
				continue
			}
			at, o.unset = len(text), "–"
		}
		o.meaning = strings.TrimSpace(strings.TrimPrefix(text[:at], f.Name))
		if o.unset == "" {
			o.unset, _, _ = strings.Cut(strings.TrimSpace(text[at+len("Default:"):]), ". ")
			o.unset = strings.TrimSuffix(o.unset, ".")
		}
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b optionDoc) int {
		if c := strings.Compare(a.place, b.place); c != 0 {
			return c
		}
		return strings.Compare(a.signature, b.signature)
	})
	if len(all) < 50 {
		t.Fatalf("found %d options, want all of them", len(all))
	}
	return all
}

func params(t *testing.T, set *token.FileSet, list *ast.FieldList) string {
	t.Helper()
	var names []string
	for _, field := range list.List {
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
	}
	return "(" + strings.Join(names, ", ") + ")"
}
