package asyncio_test

// The pages under docs that speak of this package are held to it: what docs/parity.md names
// must exist where the page says, and docs/migration.md quotes its examples word for word.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var docs = filepath.Join("..", "docs")

var (
	link     = regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)
	exported = regexp.MustCompile("`([A-Z]\\w*(?:\\.[A-Z]\\w*)?)`")
	differs  = regexp.MustCompile(`\(new\)|[A-Z]+-\d+`) // a row of a deviation
	testName = regexp.MustCompile("`((?:Test|Example)\\w+)`")
)

func TestParityPageNamesWhatThereIs(t *testing.T) {
	tests := declarations(t, ".", true)
	packages := map[string]map[string]string{}
	rows := tableRows(t, filepath.Join(docs, "parity.md"))
	if len(rows) < 200 {
		t.Fatalf("got %d rows of tables, want the whole page", len(rows))
	}
	for _, cells := range rows {
		if absent := strings.HasPrefix(cells[1], "–"); absent != (cells[2] == "") && !differs.MatchString(cells[0]) {
			t.Errorf("%s: want Go names and their files, or a dash", cells[0])
		}
		var files []string
		for _, target := range links(cells[2]) {
			files = append(files, filepath.Join(docs, target))
		}
		if len(files) > 0 {
			dir := filepath.Dir(files[0])
			if packages[dir] == nil {
				packages[dir] = declarations(t, dir, false)
			}
			wantDeclared(t, cells, packages[dir], files)
		}
		if len(cells) == 4 && cells[3] == "" {
			t.Errorf("%s: want a test, or the reason why there is none", cells[0])
		}
		for _, m := range testName.FindAllStringSubmatch(cells[len(cells)-1], -1) {
			if tests[m[1]] == "" {
				t.Errorf("%s: no test of this package is called %s", cells[0], m[1])
			}
		}
	}
}

// wantDeclared checks that the Go names of a row are declared in the files of that row, and
// each file declares one.
func wantDeclared(t *testing.T, cells []string, declared map[string]string, files []string) {
	t.Helper()
	unused := slices.Clone(files)
	for _, m := range exported.FindAllStringSubmatch(cells[1], -1) {
		file, ok := declared[m[1]]
		switch {
		case !ok:
			t.Errorf("%s: %s does not exist beside %s", cells[0], m[1], files[0])
		case !slices.Contains(files, file):
			t.Errorf("%s: %s is in %s, not in %v", cells[0], m[1], file, files)
		}
		unused = slices.DeleteFunc(unused, func(f string) bool { return f == file })
	}
	for _, file := range unused {
		t.Errorf("%s: nothing that the row names is in %s", cells[0], file)
	}
}

func TestDifferencesOnThePageHaveTheirTests(t *testing.T) {
	sources := testSources(t)
	found := 0
	for _, cells := range tableRows(t, filepath.Join(docs, "parity.md")) {
		if !differs.MatchString(cells[0]) {
			continue
		}
		found++
		var shown strings.Builder
		for _, m := range testName.FindAllStringSubmatch(cells[3], -1) {
			shown.WriteString(sources[m[1]])
		}
		for _, id := range differs.FindAllString(cells[0], -1) {
			if !strings.Contains(shown.String(), id) && id != "(new)" {
				t.Errorf("no test in the row of %s has it in a comment", id)
			}
		}
	}
	if found < 12 {
		t.Errorf("got %d deviations, want the dozen that there are", found)
	}
}

// The first thing that anybody tries. Its last comment is what it prints.
func TestFirstProgramOfTheReadmeRunsAsItStands(t *testing.T) {
	page := read(t, filepath.Join(docs, "..", "README.md"))
	block := regexp.MustCompile("(?s)```go\n(.*?)```").FindStringSubmatch(page)
	if block == nil {
		t.Fatal("README.md has no program")
	}
	promised := regexp.MustCompile(`fmt\.Println\(.*\) // (.*), after one second`).FindStringSubmatch(block[1])
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(block[1]), 0o600); err != nil || promised == nil {
		t.Fatalf("%v, promised %q", err, promised)
	}
	run := exec.CommandContext(t.Context(), "go", "run", file)
	run.Dir = filepath.Join(docs, "..")
	got, err := run.CombinedOutput()
	if err != nil || strings.TrimSpace(string(got)) != promised[1] {
		t.Errorf("got %q, %v, want %q", got, err, promised[1])
	}
}

func TestMigrationPageQuotesItsExamples(t *testing.T) {
	const file = "example_migration_test.go"
	page := read(t, filepath.Join(docs, "migration.md"))
	var quoted []string
	for _, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1) {
		quoted = append(quoted, block[1])
	}
	var written []string
	for _, body := range regexp.MustCompile(`(?ms)^func Example\w*\(\) \{\n(.*?)^\}$`).FindAllStringSubmatch(read(t, file), -1) {
		written = append(written, regexp.MustCompile(`(?m)^\t`).ReplaceAllString(body[1], ""))
	}
	if len(written) != 10 || len(quoted) != len(written) {
		t.Fatalf("got %d quotations of %d examples, want 10 of 10", len(quoted), len(written))
	}
	for i := range written {
		if quoted[i] != written[i] {
			t.Errorf("program %d of the page is not that of %s:\n%s\nwant\n%s", i+1, file, quoted[i], written[i])
		}
	}
}

func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(docs, "*.md"))
	if err != nil || len(pages) < 10 {
		t.Fatalf("got %d pages, %v", len(pages), err)
	}
	for _, page := range append(pages, filepath.Join(docs, "..", "README.md"), filepath.Join(docs, "..", "ARCHITECTURE.md")) {
		text := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`").ReplaceAllString(read(t, page), "")
		for _, target := range links(text) {
			if strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), target)); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func links(text string) (targets []string) {
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		targets = append(targets, m[1])
	}
	return targets
}

// testSources returns the text of each test of the package with its comments.
func testSources(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{}
	start := regexp.MustCompile(`(?m)^(?://.*\n)*func (\w+)`)
	for _, name := range files {
		text := read(t, name)
		end := len(text)
		for _, at := range slices.Backward(start.FindAllStringSubmatchIndex(text, -1)) {
			sources[text[at[2]:at[3]]] = text[at[0]:end]
			end = at[0]
		}
	}
	return sources
}

// tableRows returns the cells of all rows of a page's tables, without their heads.
func tableRows(t *testing.T, page string) (rows [][]string) {
	t.Helper()
	head := true
	for line := range strings.Lines(read(t, page)) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "|"):
			head = true
		case strings.HasPrefix(line, "|---"):
			head = false
		case !head:
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
	}
	return rows
}

// declarations maps the names that the files of a directory declare at top level, and those
// of methods and fields as Type.Name, to the files. Promoted ones count as the outer type's.
func declarations(t *testing.T, dir string, tests bool) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	d := declared{names: map[string]string{}, embedded: map[string][]string{}}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") != tests {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			d.add(name, decl)
		}
	}
	for outer := range d.embedded {
		d.promote(outer, outer)
	}
	return d.names
}

type declared struct {
	names    map[string]string   // to files
	embedded map[string][]string // types by the type they are embedded in
}

func (d *declared) add(file string, decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		name := decl.Name.Name
		if decl.Recv != nil {
			name = typeName(decl.Recv.List[0].Type) + "." + name
		}
		d.names[name] = file
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				for _, n := range spec.Names {
					d.names[n.Name] = file
				}
			case *ast.TypeSpec:
				d.names[spec.Name.Name] = file
				d.addMembers(file, spec)
			}
		}
	}
}

func (d *declared) addMembers(file string, spec *ast.TypeSpec) {
	var members *ast.FieldList
	switch body := spec.Type.(type) {
	case *ast.StructType:
		members = body.Fields
	case *ast.InterfaceType:
		members = body.Methods
	default:
		return
	}
	outer := spec.Name.Name
	for _, m := range members.List {
		for _, n := range m.Names {
			d.names[outer+"."+n.Name] = file
		}
		if len(m.Names) == 0 {
			d.embedded[outer] = append(d.embedded[outer], typeName(m.Type))
		}
	}
}

// promote gives outer the members of what inner embeds, at any depth.
func (d *declared) promote(outer, inner string) {
	for _, e := range d.embedded[inner] {
		for _, name := range slices.Collect(maps.Keys(d.names)) {
			if member, ok := strings.CutPrefix(name, e+"."); ok && d.names[outer+"."+member] == "" {
				d.names[outer+"."+member] = d.names[name]
			}
		}
		d.promote(outer, e)
	}
}

// typeName returns the name in the type of a receiver or an embedded field.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
