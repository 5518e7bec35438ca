// Backstitch trains ONNX models by composing optimizer steps.
//
// To make a binary with your own plugins, copy this file into your module and add imports of their packages.
package main

import (
	"os"

	"github.com/seed5b471a7e/backstitch/tools/cli"

	_ "github.com/seed5b471a7e/backstitch/framework/engine/plan"
	_ "github.com/seed5b471a7e/backstitch/framework/engine/tape"
	_ "github.com/seed5b471a7e/backstitch/plugins/standard"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
