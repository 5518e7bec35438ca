package cli

import (
	"fmt"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/spf13/cobra"
)

func newModel() *cobra.Command {
	return newGroup(&cobra.Command{
		Use:   "model",
		Short: "Look into ONNX models, export those of the zoo, compute and check gradients, run ONNX's tests",
		Example: `  backstitch model inspect resnet.onnx
  backstitch model export zoo:mlp-2x128 mlp.onnx
  backstitch model gradients mlp.onnx --data batch.npz --loss cross_entropy --out gradients.npz
  backstitch model check mlp.onnx
  backstitch model conformance /usr/share/libonnx-testdata/data`,
	}, newInspect(), newExport(), newGradients(), newCheck(), newConformance())
}

func newExport() *cobra.Command {
	c := &cobra.Command{
		Use:     "export zoo:NAME FILE",
		Short:   "Write a model of the zoo as an .onnx file",
		Example: `  backstitch model export zoo:mlp-2x128 mlp.onnx --seed 3`,
		Args:    cobra.ExactArgs(2),
	}
	seed := c.Flags().Uint64("seed", 0, "seed `S` of the weights")
	c.RunE = func(c *cobra.Command, arguments []string) error {
		reference, path := arguments[0], arguments[1]
		name, zoo := strings.CutPrefix(reference, recipe.ZooPrefix)
		if !zoo {
			return usageError(c, fmt.Errorf("%q is not a model of the zoo: want %sNAME", reference, recipe.ZooPrefix))
		}
		if err := checkTarget(path, onnxFile); err != nil {
			return err
		}
		m, err := buildModel(name, *seed)
		if err != nil {
			return err
		}
		if err := m.Save(path); err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "wrote %s\n", path)
		return nil
	}
	return c
}
