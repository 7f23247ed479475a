package archtest

// Import rules: a table with one row per package that says what the package may
// depend on. A package without a row is itself a violation, so a new package
// cannot slip in between the layers unnoticed.

import "strings"

// Layers is the table of who may import whom. Tests are not held to it: a test
// may reach up, for example to the virtual-time runner.
type Layers struct {
	Module string  // the module path that all packages of the tree start with
	Rows   []Layer // the first row that matches a package counts
}

// A Layer says what one package, or a tree of packages, may import.
type Layer struct {
	Package    string   // directory relative to the root, or a pattern ending in /...
	Own        []string // packages of this tree it may import
	ThirdParty []string // packages of other modules it may import
	NotStd     []string // packages of the standard library it may not import
}

// Check reports every import outside the table, every dot import, and every
// package that has no row.
func (l Layers) Check(t *Tree) []Violation {
	var found []Violation
	unknown := map[string]bool{}
	for _, f := range t.Files {
		if f.Test {
			continue
		}
		row, ok := l.row(f.Dir)
		if !ok {
			if !unknown[f.Dir] {
				found = append(found, t.at(f, f.ast.Package, "package %s has no row in the table of layers; add one that says what it may import", f.Dir))
			}
			unknown[f.Dir] = true
			continue
		}
		for _, spec := range f.ast.Imports {
			p := importPath(spec)
			if spec.Name != nil && spec.Name.Name == "." {
				found = append(found, t.at(f, spec.Pos(), "dot import of %s hides where names come from", p))
			}
			if fault := l.fault(row, p); fault != "" {
				found = append(found, t.at(f, spec.Pos(), "%s may not import %s: %s", f.Dir, p, fault))
			}
		}
	}
	return found
}

func (l Layers) row(dir string) (Layer, bool) {
	for _, row := range l.Rows {
		if match([]string{row.Package}, dir) {
			return row, true
		}
	}
	return Layer{}, false
}

// fault says why a package under row may not import p, or "" if it may.
func (l Layers) fault(row Layer, p string) string {
	if own, ok := strings.CutPrefix(p, l.Module+"/"); ok {
		if match(row.Own, own) {
			return ""
		}
		return "of this tree it may import " + list(row.Own)
	}
	if first, _, _ := strings.Cut(p, "/"); strings.Contains(first, ".") {
		if match(row.ThirdParty, p) {
			return ""
		}
		return "of other modules it may import " + list(row.ThirdParty)
	}
	if match(row.NotStd, p) {
		return "it must do without " + list(row.NotStd)
	}
	return ""
}

func list(patterns []string) string {
	if len(patterns) == 0 {
		return "nothing"
	}
	return strings.Join(patterns, ", ")
}
