package onnx

// eachTensor calls f with every tensor that the model holds: initializers, the
// parts of sparse ones, and the attributes of nodes in graphs and functions.
func (m *Model) eachTensor(f func(*Tensor)) {
	m.Graph.eachTensor(f)
	for _, function := range m.Functions {
		eachTensorOf(function.Nodes, f)
		for _, a := range function.Defaults {
			a.eachTensor(f)
		}
	}
}

func (g *Graph) eachTensor(f func(*Tensor)) {
	for _, t := range g.Initializers {
		f(t)
	}
	for _, sparse := range g.SparseInitializers {
		for _, t := range []*Tensor{sparse.Values, sparse.Indices} {
			if t != nil {
				f(t)
			}
		}
	}
	eachTensorOf(g.Nodes, f)
}

func eachTensorOf(nodes []*Node, f func(*Tensor)) {
	for _, n := range nodes {
		for _, a := range n.Attributes {
			a.eachTensor(f)
		}
	}
}

func (a *Attribute) eachTensor(f func(*Tensor)) {
	if a.T != nil {
		f(a.T)
	}
	for _, t := range a.Tensors {
		f(t)
	}
	for _, g := range a.subgraphs() {
		g.eachTensor(f)
	}
}
