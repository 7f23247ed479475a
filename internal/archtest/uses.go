package archtest

// Use rules: things with an effect on the outside (the clock, the network, new
// goroutines, random numbers) that only a few named files may touch, so that a
// simulation has to replace those files and nothing else.

import (
	"go/ast"
	"slices"
	"strings"
)

// A Door names functions and the only files that may mention them, called or not.
type Door struct {
	Uses  []string            // "time.Now", "net.Dial*", "math/rand.*", or "go" for a go statement
	In    []string            // the packages the rule holds in: patterns as in Layer
	Files map[string][]string // package directory → the files there that may
	Tests bool                // hold test files to the rule too, instead of the others
	Why   string              // ends the message: where to go instead
}

// Check reports every forbidden mention outside the files that may.
func (d Door) Check(t *Tree) []Violation {
	var found []Violation
	for _, f := range t.Files {
		if f.Test != d.Tests || !match(d.In, f.Dir) || slices.Contains(d.Files[f.Dir], f.Name) {
			continue
		}
		imports := f.imports()
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if use := mention(n, imports); use != "" && d.covers(use) {
				found = append(found, t.at(f, n.Pos(), "%s is for %s: %s", use, d.allowed(f.Dir), d.Why))
			}
			return true
		})
	}
	return found
}

// mention names what n uses, as written in Door.Uses: "go" for a go statement,
// "path.Name" for a name of an imported package, otherwise "".
func mention(n ast.Node, imports map[string]string) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "go"
	case *ast.SelectorExpr:
		if pkg, ok := n.X.(*ast.Ident); ok && imports[pkg.Name] != "" {
			return imports[pkg.Name] + "." + n.Sel.Name
		}
	}
	return ""
}

func (d Door) covers(use string) bool {
	return slices.ContainsFunc(d.Uses, func(pattern string) bool {
		prefix, open := strings.CutSuffix(pattern, "*")
		return pattern == use || open && strings.HasPrefix(use, prefix)
	})
}

func (d Door) allowed(dir string) string {
	if len(d.Files[dir]) == 0 {
		return "no file of " + dir
	}
	return strings.Join(d.Files[dir], ", ") + " in " + dir + " only"
}
