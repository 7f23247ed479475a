package archtest

// Style rules: the size of files and functions, and the presence of comments.
// They hold for all files that are not tests.

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// Size bounds the length of files and functions, in lines.
type Size struct {
	File, Func int
}

// Check reports what is longer than the bounds.
func (s Size) Check(t *Tree) []Violation {
	var found []Violation
	for _, f := range t.Files {
		if f.Test {
			continue
		}
		if f.Lines > s.File {
			found = append(found, t.at(f, f.ast.Package, "file has %d lines, at most %d: split it by concept", f.Lines, s.File))
		}
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && t.lines(fn) > s.Func {
				found = append(found, t.at(f, fn.Pos(), "%s has %d lines, at most %d: name its steps", fn.Name.Name, t.lines(fn), s.Func))
			}
		}
	}
	return found
}

// Documented asks for a comment on every package and every exported name, and
// for a paragraph at the top of every file of more than Short lines. In a shorter
// one the comment of its first declaration says what it is for.
type Documented struct {
	Short int
}

// Check reports what has no comment. Exported names of main packages, methods of
// types that are not exported, and the methods that package errors looks for need
// none.
func (d Documented) Check(t *Tree) []Violation {
	var found []Violation
	documented := map[string]bool{}
	for _, f := range t.Files {
		if !f.Test && f.ast.Doc.Text() != "" {
			documented[f.Dir] = true
		}
	}
	for _, f := range t.Files {
		if f.Test {
			continue
		}
		if !documented[f.Dir] {
			documented[f.Dir] = true // once is enough
			found = append(found, t.at(f, f.ast.Package, "package %s has no package comment", f.Dir))
		}
		if f.Lines > d.Short && !opensWithComment(f.ast) {
			found = append(found, t.at(f, f.ast.Package, "file has no opening paragraph: say which problem it solves and how"))
		}
		if f.ast.Name.Name == "main" {
			continue
		}
		for _, decl := range f.ast.Decls {
			for _, name := range undocumented(decl) {
				found = append(found, t.at(f, name.Pos(), "exported %s has no doc comment", name.Name))
			}
		}
	}
	return found
}

// opensWithComment reports whether there is text before the first declaration
// that is not an import. That declaration's own comment counts if it is more than
// a line, as it is where a file is all about one type.
func opensWithComment(f *ast.File) bool {
	end, own := f.FileEnd, (*ast.CommentGroup)(nil)
	for _, decl := range f.Decls {
		if gen, ok := decl.(*ast.GenDecl); ok && gen.Tok == token.IMPORT {
			continue
		}
		end, own = decl.Pos(), declDoc(decl)
		break
	}
	for _, group := range f.Comments {
		text := strings.TrimSpace(group.Text())
		if group.Pos() < end && text != "" && (group != own || strings.Contains(text, "\n")) {
			return true
		}
	}
	return false
}

func declDoc(decl ast.Decl) *ast.CommentGroup {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		return d.Doc
	case *ast.GenDecl:
		return d.Doc
	}
	return nil
}

// undocumented lists the exported names that decl declares without a comment.
// Constants and variables may share the comment of their group.
func undocumented(decl ast.Decl) []*ast.Ident {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc.Text() == "" && exportedReceiver(d) && !errorMethod(d) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		var names []*ast.Ident
		for _, spec := range d.Specs {
			names = append(names, undocumentedSpec(d, spec)...)
		}
		return names
	}
	return nil
}

// errorMethod reports whether fn is one of the methods that every error type may
// have and that mean the same in all of them.
func errorMethod(fn *ast.FuncDecl) bool {
	return fn.Recv != nil && slices.Contains([]string{"Error", "Unwrap", "Is", "As"}, fn.Name.Name)
}

func undocumentedSpec(d *ast.GenDecl, spec ast.Spec) []*ast.Ident {
	shared := d.Doc.Text() != ""
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc.Text() == "" && (!shared || d.Lparen.IsValid()) {
			return []*ast.Ident{s.Name}
		}
	case *ast.ValueSpec:
		if shared || s.Doc.Text() != "" || s.Comment.Text() != "" {
			return nil
		}
		var names []*ast.Ident
		for _, name := range s.Names {
			if name.IsExported() {
				names = append(names, name)
			}
		}
		return names
	}
	return nil
}

// exportedReceiver reports whether fn is a plain function or a method of an
// exported type, through pointers and type parameters.
func exportedReceiver(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	expr := fn.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return false
		}
	}
}
