package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// Change is something in which a recorded run and a prepared one differ.
type Change struct {
	What      string // such as data, or the key of a recipe
	Then, Now string // "" where there is nothing of that name
}

// String says it in words.
func (c Change) String() string {
	value := func(v string) string {
		if v == "" {
			return "not there"
		}
		return v
	}
	return fmt.Sprintf("%s was %s and is %s", c.What, value(c.Then), value(c.Now))
}

// Changes lists what decides about numbers and is no longer as it was recorded in a run: keys of the recipe, the model with its
// weights, the data as they were loaded, and what computes. Where a file lies does not count, only what it holds.
func (r *Run) Changes(then Info) ([]Change, error) {
	now, err := r.info(Options{Workers: 1})
	if err != nil {
		return nil, err
	}
	var content []Change
	add := func(what, then, now string) {
		if then != now {
			content = append(content, Change{what, then, now})
		}
	}
	hash := func(sum string) string {
		if sum == "" {
			return ""
		}
		return "SHA-256 " + sum[:min(12, len(sum))] + "…"
	}
	add("the model "+now.Model.Source, hash(then.Model.SHA256), hash(now.Model.SHA256))
	add("the data set "+now.Data.Name, hash(then.Data.SHA256), hash(now.Data.SHA256))
	add("the architecture", then.CPU.Architecture, now.CPU.Architecture)
	add("the instruction set", then.CPU.InstructionSet, now.CPU.InstructionSet)
	add("the kernels (BACKSTITCH_KERNELS chooses)", then.Kernels, now.Kernels)
	versions := len(content)
	for _, name := range sortedKeys(then.Versions, now.Versions) {
		add("the version of "+name, then.Versions[name], now.Versions[name])
	}
	if len(content) == versions { // else that is why
		add("the build of Backstitch", then.Build, now.Build)
	}
	keys, err := changedKeys(then.Recipe, now.Recipe)
	if err != nil {
		return nil, err
	}
	same := func(what string) bool {
		return !slices.ContainsFunc(content, func(c Change) bool { return strings.HasPrefix(c.What, what) })
	}
	keys = slices.DeleteFunc(keys, func(c Change) bool {
		return c.What == "doc" || c.What == "model.onnx" && same("the model ") || r.describesData(c.What) && same("the data set ")
	})
	return append(keys, content...), nil
}

// describesData reports whether a key of the recipe only says which data are loaded.
func (r *Run) describesData(key string) bool {
	option, is := strings.CutPrefix(key, "data.")
	return is && slices.ContainsFunc(plugin.Options(r.Recipe.Data.Source), func(o plugin.Option) bool { return o.Name == option })
}

// inWords joins changes to a sentence's end.
func inWords(changes []Change) string {
	var list []string
	for _, c := range changes {
		list = append(list, c.String())
	}
	return strings.Join(list, "; ")
}

// changedKeys compares recipes as run.json has them, option by option. Tables whose order has a meaning are compared in it.
func changedKeys(then, now json.RawMessage) (changes []Change, err error) {
	var was, is flat
	if err := was.read("", then); err != nil {
		return nil, fmt.Errorf("run: the recorded recipe: %w", err)
	}
	if err := is.read("", now); err != nil {
		return nil, fmt.Errorf("run: the recipe: %w", err)
	}
	for _, key := range append(slices.Clone(is.keys), was.keys...) {
		known := slices.ContainsFunc(changes, func(c Change) bool { return c.What == key })
		if !known && was.values[key] != is.values[key] {
			changes = append(changes, Change{key, was.values[key], is.values[key]})
		}
	}
	if len(changes) > 0 {
		return changes, nil
	}
	for i, key := range is.keys {
		if key != was.keys[i] {
			return []Change{{"the order of tables in the recipe", table(was.keys[i]), table(key)}}, nil
		}
	}
	return nil, nil
}

// table returns the name of the table that a key stands in.
func table(key string) string { return key[:max(0, strings.LastIndexByte(key, '.'))] }

// flat is a JSON object with the values of objects in it under keys such as optimizer.sgd.lr.
type flat struct {
	keys   []string
	values map[string]string
}

func (f *flat) read(prefix string, text json.RawMessage) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		if value[0] == '{' {
			if err := f.read(prefix+key+".", value); err != nil {
				return err
			}
			continue
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			return err
		}
		if f.values == nil {
			f.values = map[string]string{}
		}
		f.keys, f.values[prefix+key] = append(f.keys, prefix+key), compact.String()
	}
	_, err := decoder.Token()
	return err
}

func sortedKeys(maps ...map[string]string) (keys []string) {
	for _, m := range maps {
		for key := range m {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
