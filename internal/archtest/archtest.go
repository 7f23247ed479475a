// Package archtest checks the rules of the tree that the compiler does not:
// which package may import which, in which file the clock may be read, how long
// a function may grow, that every exported name is explained.
//
// The mechanism lives here and knows nothing of this project; the rules
// themselves are tables in tree_test.go. A Tree is parsed once, without type
// checking and without regard to build constraints, so that files for every
// platform are held to the same rules on any machine.
package archtest

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A Tree is the parsed source of a repository.
type Tree struct {
	Files []*File // in path order
	fset  *token.FileSet
}

// A File is one parsed Go file.
type File struct {
	Path  string // slash-separated, relative to the root of the tree
	Dir   string // the directory part of Path, "." for the root
	Name  string // the last element of Path
	Test  bool   // the name ends in _test.go
	Lines int
	ast   *ast.File
}

// A Violation is one place that breaks a rule.
type Violation struct {
	File string
	Line int
	Text string // what is wrong there, and what would be right
}

// String formats v the way compilers do, so that editors can jump to it.
func (v Violation) String() string { return fmt.Sprintf("%s:%d: %s", v.File, v.Line, v.Text) }

// A Rule looks at a whole tree and lists what breaks it.
type Rule interface {
	Check(*Tree) []Violation
}

// Load parses every Go file below the root of fsys. Directories named testdata
// or vendor or starting with "." or "_" are left out, as are files that a build
// constraint with the tag "ignore" keeps out of every build.
func Load(fsys fs.FS) (*Tree, error) {
	t := &Tree{fset: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipDir(d.Name()):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		return t.add(fsys, name)
	})
	return t, err
}

func skipDir(name string) bool {
	return name == "testdata" || name == "vendor" ||
		name != "." && (name[0] == '.' || name[0] == '_')
}

func (t *Tree) add(fsys fs.FS, name string) error {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(t.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("parse: %w", err)
	}
	if ignored(parsed) {
		return nil
	}
	t.Files = append(t.Files, &File{
		Path:  name,
		Dir:   path.Dir(name),
		Name:  path.Base(name),
		Test:  strings.HasSuffix(name, "_test.go"),
		Lines: t.fset.File(parsed.FileStart).LineCount(),
		ast:   parsed,
	})
	return nil
}

// ignored reports whether a build constraint of the file mentions the tag
// "ignore", the convention for programs that are run by name only.
func ignored(f *ast.File) bool {
	for _, group := range f.Comments {
		if group.Pos() > f.Package {
			break
		}
		for _, c := range group.List {
			expr, err := constraint.Parse(c.Text)
			if err != nil {
				continue
			}
			found := false
			expr.Eval(func(tag string) bool { found = found || tag == "ignore"; return true })
			if found {
				return true
			}
		}
	}
	return false
}

// at makes the violation that stands at pos in f.
func (t *Tree) at(f *File, pos token.Pos, format string, args ...any) Violation {
	return Violation{File: f.Path, Line: t.fset.Position(pos).Line, Text: fmt.Sprintf(format, args...)}
}

// lines counts the source lines that n spans.
func (t *Tree) lines(n ast.Node) int {
	return t.fset.Position(n.End()).Line - t.fset.Position(n.Pos()).Line + 1
}

// imports returns the file's imports: the name each is used by, "." and "_"
// included, and its path. A package imported without a name is taken to be
// called like the last element of its path, less a version suffix.
func (f *File) imports() map[string]string {
	m := make(map[string]string, len(f.ast.Imports))
	for _, spec := range f.ast.Imports {
		p := importPath(spec)
		name := path.Base(p)
		if len(name) > 1 && name[0] == 'v' && name[1] >= '2' && name[1] <= '9' {
			name = path.Base(path.Dir(p))
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		m[name] = p
	}
	return m
}

func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value // the parser has accepted it; report it as written
	}
	return p
}

// match reports whether name fits one of the patterns. A pattern is a path, or
// a path followed by /... for itself and all below it, or ... for everything.
func match(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		prefix, tree := strings.CutSuffix(p, "/...")
		return p == "..." || prefix == name || tree && strings.HasPrefix(name, prefix+"/")
	})
}
