package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/weights"
)

// NotKeptError says that a run does not keep a state: its weights can only be computed again.
type NotKeptError struct {
	Folder string
	Wanted Wanted // with iterate 0 for the newest
	Kept   []int  // iterates of the same arrangement and seed
}

func (e *NotKeptError) Error() string {
	which := fmt.Sprintf("of %s, seed %d", e.Wanted.Arrangement, e.Wanted.Seed)
	if len(e.Kept) == 0 {
		return fmt.Sprintf("run: %s keeps no weights %s", e.Folder, which)
	}
	return fmt.Sprintf("run: %s does not keep the weights %s, iterate %d: kept are %v", e.Folder, which, e.Wanted.Iterate, e.Kept)
}

// Kept reads a state that a run keeps: the newest of an arrangement and seed where the iterate is 0. It returns which one that is. Slots
// are those of the file, as far as the optimizer still has them. Where the state is not kept, the error is a *[NotKeptError].
func (r *Run) Kept(f *Folder, w Wanted) (*optim.State, Wanted, error) {
	_, _, err := r.findChain(w.Arrangement, w.Seed)
	if w.Iterate > 0 {
		_, _, err = r.find(w)
	}
	if err != nil {
		return nil, w, err
	}
	c := chain{w.Arrangement, w.Seed}
	folder := filepath.Join(f.Path, WeightsFolder)
	names := []string{c.file()}
	if w.Iterate > 0 {
		names = append(names, c.iterateFile(w.Iterate))
	}
	for _, name := range slices.Backward(names) {
		file, err := weights.Open(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, w, err
		}
		is, err := r.identify(file, c)
		if err != nil {
			return nil, w, fmt.Errorf("run: %s: %w", filepath.Join(folder, name), err)
		}
		if w.Iterate == 0 || is.Iterate == w.Iterate {
			s := r.Program.Layout.New(r.Program.Precision)
			return s, is, file.Load(s)
		}
	}
	kept, err := c.kept(folder)
	if err != nil {
		return nil, w, err
	}
	return nil, w, &NotKeptError{f.Path, w, kept}
}

// identify returns which state a file holds, which must be one of the run's model and of the chain that its name says.
func (r *Run) identify(file *weights.File, c chain) (Wanted, error) {
	w := Wanted{Arrangement: c.name, Seed: c.seed}
	if then := file.Metadata[modelHashKey]; then != r.modelHash {
		return w, fmt.Errorf("the model %s was changed since: its SHA-256 was %.12s… and is %.12s…", r.Recipe.Model.ONNX, then, r.modelHash)
	}
	if name, seed := file.Metadata[arrangementKey], file.Metadata[seedKey]; name != c.name || seed != strconv.FormatUint(c.seed, 10) {
		return w, fmt.Errorf("it holds weights of %s, seed %s", name, seed)
	}
	var err error
	if w.Iterate, err = strconv.Atoi(file.Metadata[iterateKey]); err != nil || w.Iterate < 1 {
		return w, fmt.Errorf("its metadata's %s is %q", iterateKey, file.Metadata[iterateKey])
	}
	return w, nil
}

// kept lists the iterates of a chain whose states are in a folder.
func (c chain) kept(folder string) ([]int, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	var iterates []int
	for _, entry := range entries {
		text, of := strings.CutPrefix(strings.TrimSuffix(entry.Name(), weightsExtension), c.stem()+iterateMark)
		if n, err := strconv.Atoi(text); of && err == nil && entry.Name() == c.iterateFile(n) {
			iterates = append(iterates, n)
		}
	}
	if newest, err := weights.Open(filepath.Join(folder, c.file())); err == nil {
		if n, err := strconv.Atoi(newest.Metadata[iterateKey]); err == nil {
			iterates = append(iterates, n)
		}
	}
	slices.Sort(iterates)
	return slices.Compact(iterates), nil
}
