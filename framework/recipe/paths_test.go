package recipe

import (
	"path/filepath"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

func TestPathsAreRelativeToTheRecipeAndThoseOfOverridesAreNot(t *testing.T) {
	absolute, err := filepath.Abs("net.onnx")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ onnx, path, train, test, set, wantONNX, wantPath, wantTrain, wantTest string }{
		{onnx: "net.onnx", path: "a.npz", wantONNX: "lab/net.onnx", wantPath: "lab/a.npz"},
		{onnx: "../net.onnx", path: "x/../a.npz", wantONNX: "net.onnx", wantPath: "lab/a.npz"},
		{onnx: absolute, train: "a.npz", test: "b.npz", wantONNX: absolute, wantTrain: "lab/a.npz", wantTest: "lab/b.npz"},
		{onnx: "zoo:convnet", path: "a.npz", wantONNX: "zoo:convnet", wantPath: "lab/a.npz"},
		{onnx: "net.onnx", path: "a.npz", set: "model.onnx=net.onnx", wantONNX: "here/net.onnx", wantPath: "lab/a.npz"},
		{onnx: "net.onnx", path: "a.npz", set: `data={name = "npz", path = "b.npz", batch = 1}`, wantONNX: "lab/net.onnx", wantPath: "here/b.npz"},
		{onnx: "net.onnx", path: "a.npz", set: "model.onnx=zoo:convnet", wantONNX: "zoo:convnet", wantPath: "lab/a.npz"},
	} {
		text := "name = \"paths\"\nsteps = 1\nmodel = {init = \"he\", onnx = '" + c.onnx + "'}\nloss = {name = \"mse\"}\noptimizer = {sgd = {}}\n" +
			"arrangement = {forward = {}}\ndata = {name = \"npz\", batch = 1, path = '" + c.path + "', train = '" + c.train + "', test = '" + c.test + "'}\n"
		o := Options{Models: zoo, Folder: "lab", SetFolder: "here"}
		if c.set != "" {
			o.Set = []string{c.set}
		}
		r, err := Parse("lab/paths.toml", []byte(text), o)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		data := r.Data.Source.(*dataset.NPZ)
		if r.Model.ONNX != c.wantONNX || data.Path != c.wantPath || data.Train != c.wantTrain || data.Test != c.wantTest {
			t.Errorf("%+v: the model is %s, the data are %+v", c, r.Model.ONNX, data)
		}
		if r.Folder != "lab" || r.SetFolder != "here" {
			t.Errorf("the recipe remembers %q and %q", r.Folder, r.SetFolder)
		}
	}
}

// Every option of a data set that says where it lies is one.
func TestOptionsThatArePathsAreMarked(t *testing.T) {
	for _, name := range dataset.Names() {
		source, err := dataset.New(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range plugin.Options(source) {
			isPath := o.Name == "path" || o.Name == "train" || o.Name == "test"
			if o.IsPath != isPath {
				t.Errorf("%s of data set %s is a path: %v", o.Name, name, o.IsPath)
			}
		}
	}
}
