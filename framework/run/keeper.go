package run

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/framework/weights"
)

// WeightsFolder holds the states that a run keeps, see package weights: of each arrangement, average and seed the newest, in
// NAME-seedS.safetensors, and those that the recipe asks for, in NAME-seedS-iterateN.safetensors.
const WeightsFolder = "weights"

// The metadata of a kept state.
const (
	runKey         = "run" // the recipe's name
	modelKey       = "model"
	modelHashKey   = "model_sha256"
	arrangementKey = "arrangement"
	seedKey        = "seed"
	iterateKey     = "iterate"
)

// heldBytes is how much of the newest states waits in memory to be written.
const heldBytes = 1 << 30

// chain is an arrangement or average with a seed, whose iterates follow one another.
type chain struct {
	name string
	seed uint64
}

// keeper writes the states that a run keeps. A state is kept if it is recorded and measures finite numbers. The newest of a chain waits
// until flush, which a checkpoint needs: what a resumed run does not compute again is in the folder.
type keeper struct {
	run    *Run
	folder string
	newest map[chain]heldState
}

type heldState struct {
	iterate int
	state   *optim.State
}

func newKeeper(r *Run, folder string) (*keeper, error) {
	k := &keeper{run: r, folder: filepath.Join(folder, WeightsFolder), newest: map[chain]heldState{}}
	if !r.keeps() {
		return k, nil
	}
	if err := os.Mkdir(k.folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("run: %w", err)
	}
	return k, nil
}

func (r *Run) keeps() bool { return r.Recipe.Weights.Keep != recipe.KeepNone }

// take keeps the states of a result, of which there is none where the run keeps nothing. Only here is it certain that no iterate before
// diverged.
func (k *keeper) take(result compose.Result) error {
	a, seed := k.run.arrangement(result.Job)
	if err := k.takeOne(chain{a.Name, seed}, result.Iterate, result.Evaluated); err != nil {
		return err
	}
	for i, average := range k.run.averages(a.Name) {
		if result.Iterate <= average.From { // it is the iterate
			continue
		}
		if err := k.takeOne(chain{average.Name, seed}, result.Iterate, result.Averages[i]); err != nil {
			return err
		}
	}
	return nil
}

func (k *keeper) takeOne(c chain, iterate int, e compose.Evaluated) error {
	if e.State == nil || diverges(e.Value) {
		return nil
	}
	h := heldState{iterate, e.State}
	if k.run.Recipe.Weights.Keeps(iterate) {
		if err := k.write(c.iterateFile(iterate), c, h); err != nil {
			return err
		}
	}
	k.newest[c] = h
	if int64(len(k.newest))*k.run.StateBytes() < heldBytes {
		return nil
	}
	return k.flush()
}

// flush writes the newest states.
func (k *keeper) flush() error {
	for c, h := range k.newest {
		if err := k.write(c.file(), c, h); err != nil {
			return err
		}
	}
	clear(k.newest)
	return nil
}

func (k *keeper) write(file string, c chain, h heldState) error {
	rc := k.run.Recipe
	return WriteFile(filepath.Join(k.folder, file), func(w io.Writer) error {
		return weights.Write(w, h.state, map[string]string{
			runKey: rc.Name, modelKey: rc.Model.ONNX, modelHashKey: k.run.modelHash,
			arrangementKey: c.name, seedKey: strconv.FormatUint(c.seed, 10), iterateKey: strconv.Itoa(h.iterate),
		})
	})
}

const weightsExtension = ".safetensors"

func (c chain) file() string { return c.stem() + weightsExtension }

func (c chain) iterateFile(iterate int) string {
	return c.stem() + iterateMark + strconv.Itoa(iterate) + weightsExtension
}

const iterateMark = "-iterate"

// stem begins the names of a chain's files. Recipes have names that every file can have.
func (c chain) stem() string { return fmt.Sprintf("%s-seed%d", c.name, c.seed) }

// WeightsBytes returns the space that the kept states take at the end, and how many there are.
func (r *Run) WeightsBytes() (bytes int64, files int) {
	if !r.keeps() {
		return 0, 0
	}
	count := func(from int) { // the files of iterates after that one
		if r.LastIterate() > from {
			files++
		}
		for _, n := range r.iterates {
			if n > from && r.Recipe.Weights.Keeps(n) {
				files++
			}
		}
	}
	for _, j := range r.jobs {
		count(0)
		for _, a := range j.Averages {
			count(a.From)
		}
	}
	return int64(files) * r.StateBytes(), files
}
