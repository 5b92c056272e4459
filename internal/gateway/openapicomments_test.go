package gateway

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// comments are those of types, by package and type.
type comments map[string]*commented

// commented is what the source says of a type.
type commented struct {
	text   string
	fields map[string]string // are the comments of its fields
	values []string          // are those of its constants, if it is a string
}

func (c comments) of(t reflect.Type) *commented {
	if found := c[path.Base(t.PkgPath())+"."+t.Name()]; found != nil {
		return found
	}
	return &commented{}
}

// readComments reads the packages whose types the gateway sends and takes.
func readComments(t *testing.T) comments {
	t.Helper()
	all := comments{}
	for _, dir := range []string{".", "../query", "../index", "../config", "../model"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				if g, ok := d.(*ast.GenDecl); ok {
					all.read(file.Name.Name, g)
				}
			}
		}
	}
	return all
}

func (c comments) at(pkg, name string) *commented {
	key := pkg + "." + name
	if c[key] == nil {
		c[key] = &commented{fields: map[string]string{}}
	}
	return c[key]
}

func (c comments) read(pkg string, g *ast.GenDecl) {
	for _, spec := range g.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			of := c.at(pkg, spec.Name.Name)
			of.text = plain(g.Doc, spec.Doc)
			if structure, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range structure.Fields.List {
					for _, name := range f.Names {
						of.fields[name.Name] = plain(f.Doc, f.Comment)
					}
				}
			}
		case *ast.ValueSpec:
			of, ok := spec.Type.(*ast.Ident)
			if g.Tok != token.CONST || !ok || len(spec.Values) != 1 {
				continue
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
				value, _ := strconv.Unquote(literal.Value)
				c.at(pkg, of.Name).values = append(c.at(pkg, of.Name).values, value)
			}
		}
	}
}

// plain is the first comment that there is, in one line.
func plain(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if text := strings.Join(strings.Fields(g.Text()), " "); text != "" {
			return text
		}
	}
	return ""
}
