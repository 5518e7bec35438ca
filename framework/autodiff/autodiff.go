// Package autodiff differentiates expressions symbolically: gradients, and Hessian-vector products as gradients of gradients.
//
// Unlike gorgonia.Grad it keeps nothing in the nodes, so it may be applied to its own results. It asks every operator for its
// gradient and knows none of them.
package autodiff

import (
	"errors"
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
)

// Grad returns the gradient of a scalar loss with respect to each of wrt, in their shapes. Where the loss does not depend on
// one, its gradient is zeros.
func Grad(loss ops.Expr, wrt ...ops.Expr) ([]ops.Expr, error) {
	if err := problem(loss); err != nil {
		return nil, fmt.Errorf("autodiff: the loss: %w", err)
	}
	if loss.Rank() != 0 {
		return nil, fmt.Errorf("autodiff: the loss has shape %v, want a scalar", loss.Shape())
	}
	return pullback([]ops.Expr{loss}, []ops.Expr{loss.Fill(1)}, wrt)
}

// HVP returns the product of the loss's Hessian with the vector whose parts are direction, one for each of wrt and of its shape.
// The direction is taken as it is: if it depends on wrt, that is not differentiated.
func HVP(loss ops.Expr, wrt, direction []ops.Expr) ([]ops.Expr, error) {
	if len(direction) != len(wrt) {
		return nil, fmt.Errorf("autodiff: %d directions for %d variables", len(direction), len(wrt))
	}
	gradients, err := Grad(loss, wrt...)
	if err != nil {
		return nil, err
	}
	for i, v := range direction {
		if err := problem(v); err != nil {
			return nil, fmt.Errorf("autodiff: direction %d: %w", i, err)
		}
		if !slices.Equal(v.Shape(), wrt[i].Shape()) {
			return nil, fmt.Errorf("autodiff: direction %d has shape %v, its variable has %v", i, v.Shape(), wrt[i].Shape())
		}
	}
	return pullback(gradients, direction, wrt) // the Hessian is symmetric
}

// pullback returns the sum over all outputs of cotangent·∂output/∂x, for every x of wrt and in its shape.
func pullback(outputs, cotangents, wrt []ops.Expr) ([]ops.Expr, error) {
	for i, x := range wrt {
		if err := problem(x); err != nil {
			return nil, fmt.Errorf("autodiff: variable %d: %w", i, err)
		}
	}
	order, depends := sorted(outputs, wrt)
	gradients := map[*gorgonia.Node]ops.Expr{}
	for i, y := range outputs {
		if depends[y.Node()] {
			accumulate(gradients, y.Node(), cotangents[i])
		}
	}
	for _, n := range slices.Backward(order) {
		if err := backpropagate(n, gradients, depends); err != nil {
			return nil, err
		}
	}
	result := make([]ops.Expr, len(wrt))
	for i, x := range wrt {
		result[i] = gradients[x.Node()]
		if result[i].Absent() {
			result[i] = x.Fill(0)
		}
		if err := result[i].Err(); err != nil {
			return nil, fmt.Errorf("autodiff: gradient of variable %d: %w", i, err)
		}
	}
	return result, nil
}

// backpropagate adds the contribution of node n to the gradients of those of its inputs that depend on a variable.
func backpropagate(n *gorgonia.Node, gradients map[*gorgonia.Node]ops.Expr, depends map[*gorgonia.Node]bool) error {
	g, reached := gradients[n]
	inputs := ops.Inputs(n)
	if !reached || len(inputs) == 0 {
		return nil
	}
	operator := ops.Of(n)
	if operator == nil {
		return fmt.Errorf("autodiff: %v has no operator of package ops", n.Op())
	}
	in := make([]ops.Expr, len(inputs))
	for i, child := range inputs {
		in[i] = ops.FromNode(child)
	}
	for i, part := range operator.Gradient(in, ops.FromNode(n), g) {
		if part.Absent() || !depends[inputs[i]] {
			continue
		}
		if err := part.Err(); err != nil {
			return fmt.Errorf("autodiff: gradient of %v: %w", n.Op(), err)
		}
		accumulate(gradients, inputs[i], part)
	}
	return nil
}

func accumulate(gradients map[*gorgonia.Node]ops.Expr, n *gorgonia.Node, part ops.Expr) {
	if sum, ok := gradients[n]; ok {
		part = sum.Add(part)
	}
	gradients[n] = part
}

// sorted returns the nodes under roots, inputs before the nodes that read them, in an order that the structure of the graph alone
// decides, and which of them depend on one of wrt.
func sorted(roots, wrt []ops.Expr) (order []*gorgonia.Node, depends map[*gorgonia.Node]bool) {
	depends = map[*gorgonia.Node]bool{}
	for _, x := range wrt {
		depends[x.Node()] = true
	}
	// An explicit stack: graphs are deeper than goroutine stacks need to be.
	type visit struct {
		node   *gorgonia.Node
		inputs []*gorgonia.Node
		next   int
	}
	var stack []visit
	seen := map[*gorgonia.Node]bool{}
	push := func(n *gorgonia.Node) {
		if !seen[n] {
			seen[n] = true
			stack = append(stack, visit{node: n, inputs: ops.Inputs(n)})
		}
	}
	for _, root := range roots {
		push(root.Node())
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next < len(top.inputs) {
				top.next++
				push(top.inputs[top.next-1])
				continue
			}
			for _, child := range top.inputs {
				depends[top.node] = depends[top.node] || depends[child]
			}
			order = append(order, top.node)
			stack = stack[:len(stack)-1]
		}
	}
	return order, depends
}

// problem returns why an expression is no node.
func problem(x ops.Expr) error {
	if x.Absent() {
		return errors.New("the expression is absent")
	}
	return x.Err()
}
