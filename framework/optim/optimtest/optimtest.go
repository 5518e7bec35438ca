// Package optimtest is the conformance suite of optimizer plugins. A plugin joins it with one line in a test:
//
//	func TestConformance(t *testing.T) {
//		optimtest.Run(t, func() optim.Optimizer { return &SGD{LR: 0.01} })
//	}
//
// The suite compiles the plugin with small models that are imported from ONNX, runs it on the tape engine and on plans, and proves that its
// steps are what compositions of steps rely on: functions of the state and the batch, and of nothing else. A failure explains the
// rule that it found broken. A plugin whose options switch parts of its graph on is run once for each such variant.
//
// What a plugin's numbers should be, the suite cannot know: [Golden] compares them with another implementation's. [Refuses] tests
// options that do not go together.
package optimtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// Run tests the optimizers that construct returns: each call returns a new one, with the same options.
func Run(t *testing.T, construct func() optim.Optimizer) {
	for _, c := range checks {
		t.Run(c.rule, func(t *testing.T) {
			if err := c.try(construct); err != nil {
				t.Error(err)
			}
		})
	}
}

// Refuses requires that no program is made with an optimizer whose options do not fit together, or whose Step calls
// [optim.Step.Fail], and that the error says why.
func Refuses(t *testing.T, o optim.Optimizer, why string) {
	t.Helper()
	if _, _, err := compile(o, optim.Policy{}, everyRank, array.Float64); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("error %v, want one that says %q", err, why)
	}
}

// check is one rule and its proof.
type check struct {
	rule  string
	prove func(*lab)
}

var checks = []check{
	{"the constructor returns new values", newValues},
	{"options are documented and their defaults in range", options},
	{"the update is written for parameters of every rank in both precisions", compiles},
	{"Step writes the same update every time", sameUpdate},
	{"the same word on the same state gives the same bits", replay},
	{"a word is its letters one after the other", composition},
	{"a cloned state goes on as the original", clone},
	{"all memory is in the state", memory},
	{"the phase follows from the count", phases},
	{"every arrangement of steps is the same on any number of workers", arrangements},
	{"a plan computes what the tape does", engines},
	{"the first step is finite and moves", firstStep},
	{"an update with the gradient is the step", givenGradient},
	{"a hyperparameter that is changed acts like the option", hyperparameters},
	{"a learning rate can be changed while a run goes on", schedulable},
	{"the loss of convex problems falls", descent},
	{"float32 follows float64", precisions},
	{"a zero gradient gives finite numbers", zeroGradient},
	{"a gradient of NaN is survived", nanGradient},
}

// try returns what the check finds. A plugin that panics is found out, not followed.
func (c check) try(construct func() optim.Optimizer) (err error) {
	l := &lab{construct: construct}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the plugin panics: %v", r)
		}
		l.close()
	}()
	c.prove(l)
	return l.err
}
