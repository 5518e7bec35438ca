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

// UnusableError says that a file of kept weights is damaged, or another than its name says: they can only be computed again.
type UnusableError struct{ Err error }

func (e *UnusableError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong with the file.
func (e *UnusableError) Unwrap() error { return e.Err }

// ChangedModelError says that a run's model is no longer the one that was trained: weights can neither be read nor be computed again.
type ChangedModelError struct{ Model, Then, Now string } // its name, and SHA-256

func (e *ChangedModelError) Error() string {
	return fmt.Sprintf("run: the model %s was changed since: its SHA-256 was %.12s… and is %.12s…", e.Model, e.Then, e.Now)
}

// Kept reads a state that a run keeps: the newest of an arrangement and seed where the iterate is 0. It returns which one that is. Slots
// are those of the file, as far as the optimizer still has them. The error is a *[ChangedModelError] where the model is another, a
// *[NotKeptError] where the state is not kept, and an *[UnusableError] where it cannot be read.
func (r *Run) Kept(f *Folder, w Wanted) (*optim.State, Wanted, error) {
	_, _, err := r.findChain(w.Arrangement, w.Seed)
	if w.Iterate > 0 {
		_, _, err = r.find(w)
	}
	if err != nil {
		return nil, w, err
	}
	if then := f.Info.Model.SHA256; then != r.modelHash {
		return nil, w, &ChangedModelError{r.Recipe.Model.ONNX, then, r.modelHash}
	}
	c := chain{w.Arrangement, w.Seed}
	folder := filepath.Join(f.Path, WeightsFolder)
	names := []string{c.file()}
	if w.Iterate > 0 {
		names = append(names, c.iterateFile(w.Iterate))
	}
	for _, name := range slices.Backward(names) {
		s, is, err := r.read(filepath.Join(folder, name), c)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, w, &UnusableError{err}
		}
		if w.Iterate == 0 || is.Iterate == w.Iterate {
			return s, is, nil
		}
	}
	kept, err := c.kept(folder)
	if err != nil {
		return nil, w, err
	}
	return nil, w, &NotKeptError{f.Path, w, kept}
}

// read reads a file of a chain's weights.
func (r *Run) read(path string, c chain) (*optim.State, Wanted, error) {
	file, err := weights.Open(path)
	if err != nil {
		return nil, Wanted{}, err
	}
	is, err := r.identify(file, c)
	if err != nil {
		return nil, is, fmt.Errorf("run: %s: %w", path, err)
	}
	s := r.Program.Layout.New(r.Program.Precision)
	return s, is, file.Load(s)
}

// Lost lists, in words, the files of weights that a folder should hold by its lines and does not, or not whole. A run that is resumed does
// not write those again that it had before.
func (r *Run) Lost(f *Folder) (lost []string) {
	if !r.keeps() {
		return nil
	}
	check := func(name string, c chain, iterate int) {
		path := filepath.Join(f.Path, WeightsFolder, name)
		switch _, is, err := r.read(path, c); {
		case errors.Is(err, fs.ErrNotExist):
			lost = append(lost, path+" is gone")
		case err != nil:
			lost = append(lost, err.Error())
		case is.Iterate != iterate:
			lost = append(lost, fmt.Sprintf("%s holds iterate %d, and should hold iterate %d", path, is.Iterate, iterate))
		}
	}
	for _, s := range f.Series() {
		c, newest := chain{s.Arrangement, s.Seed}, 0
		for _, l := range s.Lines {
			if l.Diverged || l.Iterate <= r.keptAfter(c.name) {
				continue
			}
			newest = max(newest, l.Iterate)
			if r.Recipe.Weights.Keeps(l.Iterate) {
				check(c.iterateFile(l.Iterate), c, l.Iterate)
			}
		}
		if newest > 0 {
			check(c.file(), c, newest)
		}
	}
	return lost
}

// keptAfter returns the iterate after which a chain's are kept: an average is the iterate itself before.
func (r *Run) keptAfter(name string) int {
	for _, a := range r.Recipe.Averages {
		if a.Name == name {
			return a.From
		}
	}
	return 0
}

// identify returns which state a file holds, which must be one of the run's model and of the chain that its name says.
func (r *Run) identify(file *weights.File, c chain) (Wanted, error) {
	w := Wanted{Arrangement: c.name, Seed: c.seed}
	if then := file.Metadata[modelHashKey]; then != r.modelHash {
		return w, fmt.Errorf("it holds weights of another model, with SHA-256 %.12s…, not %.12s…", then, r.modelHash)
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
