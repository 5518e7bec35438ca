package standard

import (
	"os"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

func TestEveryPluginOfThisModuleIsRegisteredUnderItsFolder(t *testing.T) {
	folders, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range folders {
		if f.IsDir() && f.Name() != "standard" && f.Name() != "testdata" {
			want = append(want, f.Name())
		}
	}
	if got := optim.Names(); !slices.Equal(got, want) || len(got) == 0 {
		t.Errorf("registered are %v, the folders are %v", got, want)
	}
}
