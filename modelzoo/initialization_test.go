package modelzoo_test

import (
	"math"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// law is a distribution with mean zero, by its moments at scale one.
type law struct{ second, secondVariance, fourth, fourthVariance float64 }

var (
	normal  = law{1, 2, 3, 96}
	uniform = law{1. / 3, 4. / 45, 1. / 5, 16. / 225} // on [-1, 1]
)

// The scales are those of torchvision's constructors and of PyTorch's layers.
func TestWeightsBeginAsInTorchvision(t *testing.T) {
	zoo := weights{}
	for _, c := range []struct {
		model, tensor string
		law           law
		scale         float64
	}{
		{"lenet5", "conv1.weight", uniform, 1. / 5},
		{"lenet5", "fc1.weight", uniform, 1. / 20},
		{"lenet5", "fc1.bias", uniform, 1. / 20},
		{"lstm-classifier", "lstm.weight_ih_l0", uniform, 1. / 8},
		{"lstm-classifier", "lstm.bias_hh_l0", uniform, 1. / 8},
		{"lstm-classifier", "fc.weight", uniform, 1. / 8},
		{"resnet18-cifar", "conv1.weight", normal, math.Sqrt(2. / (64 * 9))},
		{"resnet18-cifar", "layer2.0.conv1.weight", normal, math.Sqrt(2. / (128 * 9))},
		{"resnet18-cifar", "layer2.0.downsample.0.weight", normal, math.Sqrt(2. / 128)},
		{"resnet18-cifar", "fc.weight", uniform, 1 / math.Sqrt(512)},
		{"resnet18-cifar", "fc.bias", uniform, 1 / math.Sqrt(512)},
		{"resnet26-small100", "layer4.1.conv3.weight", normal, math.Sqrt(2. / 256)},
		{"resnet26-small100", "fc.weight", uniform, 1. / 16},
		{"vgg11-bn-cifar", "features.4.weight", normal, math.Sqrt(2. / (128 * 9))},
		{"vgg11-bn-cifar", "classifier.weight", normal, 0.01},
		{"vit-small", "conv_proj.weight", normal, 1. / 4},
		{"vit-small", "encoder.pos_embedding", normal, 0.02},
		{"vit-small", "encoder.layers.encoder_layer_1.self_attention.in_proj_weight", uniform, math.Sqrt(6. / (64 + 192))},
		{"vit-small", "encoder.layers.encoder_layer_1.self_attention.out_proj.weight", uniform, 1. / 8},
		{"vit-small", "encoder.layers.encoder_layer_3.mlp.0.weight", uniform, math.Sqrt(6. / (64 + 256))},
		{"vit-small", "encoder.layers.encoder_layer_3.mlp.3.bias", normal, 1e-6},
	} {
		data := zoo.find(t, c.model, c.tensor)
		n := float64(len(data))
		var sum, second, fourth float64
		for _, f := range data {
			z := float64(f) / c.scale
			sum, second, fourth = sum+z/n, second+z*z/n, fourth+z*z*z*z/n
		}
		// To five standard errors.
		for moment, test := range map[string]struct{ got, want, variance float64 }{
			"mean":   {sum, 0, c.law.second},
			"second": {second, c.law.second, c.law.secondVariance},
			"fourth": {fourth, c.law.fourth, c.law.fourthVariance},
		} {
			if !(math.Abs(test.got-test.want) <= 5*math.Sqrt(test.variance/n)) {
				t.Errorf("%s: %s: %s moment %v, want %v", c.model, c.tensor, moment, test.got, test.want)
			}
		}
	}
}

func TestConstantsBeginAsInTorchvision(t *testing.T) {
	zoo := weights{}
	for _, c := range []struct {
		model, tensor string
		want          float32
	}{
		{"resnet18-cifar", "layer1.0.bn1.weight", 1},
		{"resnet18-cifar", "layer1.0.bn1.bias", 0},
		{"resnet18-cifar", "layer1.0.bn1.running_mean", 0},
		{"resnet18-cifar", "layer1.0.bn1.running_var", 1},
		{"vgg11-bn-cifar", "features.4.bias", 0},
		{"vgg11-bn-cifar", "classifier.bias", 0},
		{"vit-small", "class_token", 0},
		{"vit-small", "conv_proj.bias", 0},
		{"vit-small", "encoder.ln.weight", 1},
		{"vit-small", "encoder.ln.bias", 0},
		{"vit-small", "encoder.layers.encoder_layer_0.self_attention.in_proj_bias", 0},
		{"vit-small", "encoder.layers.encoder_layer_0.self_attention.out_proj.bias", 0},
		{"vit-small", "heads.head.weight", 0},
		{"vit-small", "heads.head.bias", 0},
	} {
		for _, got := range zoo.find(t, c.model, c.tensor) {
			if got != c.want {
				t.Errorf("%s: %s holds %v, want %v", c.model, c.tensor, got, c.want)
				break
			}
		}
	}
}

// weights are the models that were built so far.
type weights map[string]*onnx.Model

func (z weights) find(t *testing.T, model, tensor string) []float32 {
	t.Helper()
	if z[model] == nil {
		z[model] = build(t, model, 1)
	}
	for _, w := range z[model].Graph.Initializers {
		if w.Name == tensor {
			return floats(t, w)
		}
	}
	t.Fatalf("%s has no %s", model, tensor)
	return nil
}
