package onnx

import (
	"errors"
	"fmt"
)

// Function is a FunctionProto: an operator that the model itself defines by
// nodes. What the nodes use is computed by them or given by an input; an
// attribute whose Reference is set stands for one of the function's.
type Function struct {
	Name       string
	Domain     string // "" is the standard domain, ai.onnx
	Doc        string
	Inputs     []string
	Outputs    []string
	Attributes []string     // names of those that a call must give
	Defaults   []*Attribute // those that a call may leave out
	Nodes      []*Node      // after Decode in topological order, that of the file where it is one
	Opsets     map[string]int64

	imports []opsetImport // how the file lists Opsets, where Encode would list them otherwise
	unknown
}

func (f *Function) fields() []field {
	return []field{
		{1, "name", text{&f.Name}},
		{4, "input", texts{&f.Inputs}},
		{5, "output", texts{&f.Outputs}},
		{6, "attribute", texts{&f.Attributes}},
		{7, "node", repeated(&f.Nodes)},
		{8, "doc_string", text{&f.Doc}},
		{9, "opset_import", opsets{&f.Opsets, &f.imports}},
		{10, "domain", domain{&f.Domain}},
		{11, "attribute_proto", repeated(&f.Defaults)},
	}
}

// String identifies the function in a message.
func (f *Function) String() string {
	if f.Domain == "" {
		return fmt.Sprintf("function %q", f.Name)
	}
	return fmt.Sprintf("function %q", f.Domain+"."+f.Name)
}

// body returns the nodes of the function as a graph.
func (f *Function) body() *Graph {
	return &Graph{Nodes: f.Nodes, Inputs: named(f.Inputs), Outputs: named(f.Outputs)}
}

func named(names []string) []*ValueInfo {
	values := make([]*ValueInfo, len(names))
	for i, name := range names {
		values[i] = &ValueInfo{Name: name}
	}
	return values
}

func (f *Function) validate() error {
	if f.Name == "" {
		return errors.New("it has no name")
	}
	formal := make(formalAttributes, len(f.Attributes)+len(f.Defaults))
	declare := func(name string) error {
		if formal[name] {
			return fmt.Errorf("attribute %q: declared twice", name)
		}
		formal[name] = true
		return nil
	}
	for _, name := range f.Attributes {
		if err := declare(name); err != nil {
			return err
		}
	}
	for _, a := range f.Defaults {
		if err := declare(a.Name); err != nil {
			return err
		}
		if err := a.validate(nil); err != nil {
			return fmt.Errorf("attribute %q: %w", a.Name, err)
		}
	}
	return f.body().validate(formal)
}

// sortNodes puts the nodes into topological order.
func (f *Function) sortNodes() error {
	body := f.body()
	err := body.sortNodes()
	f.Nodes = body.Nodes
	return err
}

// formalAttributes are the names that the nodes of a function may refer to.
// A graph that is not part of a function has none.
type formalAttributes map[string]bool
