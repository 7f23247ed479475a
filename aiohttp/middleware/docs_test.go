package middleware_test

// docs/middlewares.md is held to the package: it names every option and every field of a
// policy, and nothing that does not exist.

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestPageNamesEveryOptionAndNothingElse(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "middlewares.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`([A-Z]\\w+(?:\\.[A-Z]\\w+)?)(?:[(`{])").FindAllStringSubmatch(string(page), -1) {
		named[m[1]] = true
	}
	declared, options := declarations(t)
	for _, name := range options {
		if !named[name] {
			t.Errorf("the page does not name %s", name)
		}
	}
	for name := range named {
		owner, _, method := strings.Cut(name, ".")
		if method && declared[owner] && !declared[name] {
			t.Errorf("the page names %s, which does not exist", name)
		}
		if strings.HasPrefix(name, "With") && !method && !declared[name] {
			t.Errorf("the page names the option %s, which does not exist", name)
		}
	}
}

// declarations returns all exported names, methods as Type.Method, and those that the page
// has to name: options, constructors, and the fields of RetryPolicy.
func declarations(t *testing.T) (all map[string]bool, must []string) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(set, files, "github.com/aio-go/aio/aiohttp/middleware")
	if err != nil {
		t.Fatal(err)
	}
	all = map[string]bool{}
	functions := p.Funcs
	for _, typ := range p.Types {
		all[typ.Name] = true
		functions = append(functions, typ.Funcs...)
		for _, m := range typ.Methods {
			all[typ.Name+"."+m.Name] = true
		}
		if typ.Name == "RetryPolicy" {
			for _, field := range typ.Decl.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType).Fields.List {
				must = append(must, field.Names[0].Name)
			}
		}
	}
	for _, f := range functions {
		all[f.Name] = true
		if !strings.HasPrefix(f.Name, "Parse") && f.Name != "Attempt" {
			must = append(must, f.Name)
		}
	}
	return all, must
}
