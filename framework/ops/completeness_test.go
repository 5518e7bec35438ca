package ops_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
)

func TestEveryOperatorIsInTheTables(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range operatorCases() {
		tested[reflect.TypeOf(c.op).Name()] = true
	}
	drawn := map[string]bool{}
	for _, draw := range randomApplications {
		op, _ := draw(rand.New(rand.NewPCG(0, 0)))
		drawn[reflect.TypeOf(op).Name()] = true
	}
	for _, name := range methodReceivers(t, "Gradient") {
		if ast.IsExported(name) && !tested[name] {
			t.Errorf("operator %s has no row in operatorCases", name)
		}
		if ast.IsExported(name) && !drawn[name] {
			t.Errorf("operator %s has no row in randomApplications", name)
		}
	}
}

func TestEveryFunctionIsInTheTables(t *testing.T) {
	functions, arithmetics := constants(t, "Function"), constants(t, "Arithmetic")
	if len(functions) == 0 || len(arithmetics) == 0 {
		t.Fatal("the source has no constants of type Function or Arithmetic")
	}
	for name, value := range functions {
		if _, ok := functionCases[ops.Function(value)]; !ok {
			t.Errorf("function %s has no row in functionCases", name)
		}
	}
	for name, value := range arithmetics {
		if _, ok := arithmeticCases[ops.Arithmetic(value)]; !ok {
			t.Errorf("arithmetic %s has no row in arithmeticCases", name)
		}
	}
}

func TestEveryFunctionIsAMethodOfExpressions(t *testing.T) {
	x := ops.Input(gorgonia.NewGraph(), "x", array.Float64, 3)
	check := func(name string, want ops.Operator, operands ...reflect.Value) {
		t.Helper()
		method := reflect.ValueOf(x).MethodByName(name)
		if !method.IsValid() {
			t.Errorf("expressions have no method %s", name)
			return
		}
		if got := ops.Of(method.Call(operands)[0].Interface().(ops.Expr).Node()); got != want {
			t.Errorf("the method %s applies %+v", name, got)
		}
	}
	for name, value := range constants(t, "Function") {
		check(name, ops.Unary{Func: ops.Function(value)})
	}
	for name, value := range constants(t, "Arithmetic") {
		check(name, ops.Binary{Func: ops.Arithmetic(value)}, reflect.ValueOf(x))
	}
}

// declarations returns what the package's source declares at top level.
func declarations(t *testing.T) []ast.Decl {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []ast.Decl
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, file.Decls...)
	}
	return all
}

func methodReceivers(t *testing.T, method string) []string {
	t.Helper()
	var names []string
	for _, d := range declarations(t) {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv == nil || f.Name.Name != method {
			continue
		}
		receiver := f.Recv.List[0].Type
		if pointer, ok := receiver.(*ast.StarExpr); ok {
			receiver = pointer.X
		}
		names = append(names, receiver.(*ast.Ident).Name)
	}
	if len(names) == 0 {
		t.Fatalf("no type has a method %s", method)
	}
	return names
}

// constants returns the source's constants of a string type.
func constants(t *testing.T, typeName string) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, d := range declarations(t) {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, s := range group.Specs {
			spec := s.(*ast.ValueSpec)
			if named, ok := spec.Type.(*ast.Ident); !ok || named.Name != typeName {
				continue
			}
			for i, name := range spec.Names {
				values[name.Name] = strings.Trim(spec.Values[i].(*ast.BasicLit).Value, `"`)
			}
		}
	}
	return values
}
