package recipe

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// writer writes a random TOML document and takes down where it first writes each key.
type writer struct {
	*rand.Rand
	text         strings.Builder
	line, column int
	keys         int
	places       map[string]string // "line:column" by path
}

func (w *writer) write(text string) {
	for _, r := range text {
		w.text.WriteRune(r)
		if w.column++; r == '\n' {
			w.line, w.column = w.line+1, 1
		}
	}
}

func (w *writer) writeAny(choices ...string) { w.write(choices[w.IntN(len(choices))]) }

// joined is a path as a text. No generated key has a slash in it.
func joined(path []string) string { return strings.Join(path, "/") }

func extended(path []string, name string) []string { return append(slices.Clone(path), name) }

func (w *writer) record(path []string) {
	if _, known := w.places[joined(path)]; !known {
		w.places[joined(path)] = fmt.Sprintf("%d:%d", w.line, w.column)
	}
}

// key is a part of a key: what it is and how it is written.
type key struct{ name, written string }

func (w *writer) newKey() key {
	w.keys++
	n := w.keys
	forms := []key{
		{fmt.Sprintf("key%d", n), fmt.Sprintf("key%d", n)},
		{fmt.Sprintf("%d", n), fmt.Sprintf("%d", n)},
		{fmt.Sprintf("a-%d_", n), fmt.Sprintf("a-%d_", n)},
		{fmt.Sprintf("a.%d", n), fmt.Sprintf(`"a.%d"`, n)},
		{fmt.Sprintf("]#= %d", n), fmt.Sprintf(`']#= %d'`, n)},
		{fmt.Sprintf("ü\"%d", n), fmt.Sprintf(`"ü\"%d"`, n)},
		{fmt.Sprintf("u%d", n), fmt.Sprintf(`"\u0075%d"`, n)},
		{fmt.Sprintf("\\%d", n), fmt.Sprintf(`'\%d'`, n)},
	}
	return forms[w.IntN(len(forms))]
}

// writeKey writes parts below a path and returns the path that they lead to.
func (w *writer) writeKey(path []string, parts ...key) []string {
	for i, part := range parts {
		if i > 0 {
			w.writeAny(".", " . ", ".\t")
		}
		path = extended(path, part.name)
		w.record(path)
		w.write(part.written)
	}
	return path
}

func (w *writer) pair(path []string, prefix ...key) {
	parts := append(slices.Clone(prefix), w.newKey())
	for w.IntN(4) == 0 {
		parts = append(parts, w.newKey())
	}
	path = w.writeKey(path, parts...)
	w.writeAny("=", " = ", "\t=  ")
	w.value(path, 0)
}

func (w *writer) value(path []string, depth int) {
	kinds := 3
	if depth > 2 {
		kinds = 1
	}
	switch w.IntN(kinds) {
	case 0:
		w.writeAny("1", "-0.5e3", "true", "inf", "1979-05-27 07:32:00", "0xff", `""`, "''", `"# é ] } , ="`, `'\'`, `"\\\""`,
			"\"\"\"\nkey1 = 1\n[key2] # \\\"\"\" \"\" \"\"\"", "'''\n[a]\nb = '' \\'''", `""""quoted"""""`, "'''''quoted'''''", `""""""`)
	case 1:
		w.write("[")
		for i := range w.IntN(4) {
			w.writeAny("", " ", "\n", "\n  # [1, '\n", "\r\n")
			w.value(extended(path, fmt.Sprint(i)), depth+1)
			w.writeAny(",", " , ", "\n, # ] , \"\n\t")
		}
		w.writeAny("", " ", "\n", " \n # ]\n")
		w.write("]")
	case 2:
		w.write("{")
		for i := range w.IntN(4) {
			if i > 0 {
				w.writeAny(",", " , ", "\n, # } , '\n")
			}
			w.writeAny("", " ", "\n\t", "# a = }\n")
			inner := w.writeKey(path, w.newKey())
			w.writeAny("=", " = ")
			w.value(inner, depth+1)
		}
		w.writeAny("", " ")
		w.write("}")
	}
}

func (w *writer) pairs(path []string) {
	for range w.IntN(4) {
		w.blank()
		w.pair(path)
		w.end()
	}
	if w.IntN(3) == 0 { // a dotted key, and another with the same beginning
		first := w.newKey()
		for range 2 {
			w.writeAny("", "  ")
			w.pair(path, first)
			w.end()
		}
	}
}

func (w *writer) blank() {
	w.writeAny("", "", "\n", "# x = 1 \"\"\"\n", "   # ä '\n\n", "  ", "\t", "\r\n")
}
func (w *writer) end() { w.writeAny("\n", " # x = '''\n", "\t\n", "\r\n", " # ], \"\n") }

// header opens a table or the next element of an array of tables. It returns the path.
func (w *writer) header(path []string, array bool, elements map[string]int, parts ...key) []string {
	w.blank()
	opening, closing := "[", "]"
	if array {
		opening, closing = "[[", "]]"
	}
	w.write(opening)
	w.writeAny("", " ")
	// Of the parts, some may be arrays of tables: the path goes through their last elements.
	for i, part := range parts {
		if i > 0 {
			w.writeAny(".", " . ")
		}
		path = extended(path, part.name)
		w.record(path)
		w.write(part.written)
		if n, is := elements[joined(path)]; is && i < len(parts)-1 {
			path = extended(path, fmt.Sprint(n-1))
		}
	}
	if array {
		n := elements[joined(path)]
		elements[joined(path)] = n + 1
		path = extended(path, fmt.Sprint(n))
	}
	w.writeAny("", " ")
	w.write(closing)
	w.end()
	return path
}

func newDocument(seed uint64) *writer {
	w := &writer{Rand: rand.New(rand.NewPCG(seed, 0)), line: 1, column: 1, places: map[string]string{}}
	elements := map[string]int{}
	w.pairs(nil)
	for range w.IntN(4) {
		parent, child, inner := w.newKey(), w.newKey(), w.newKey()
		switch w.IntN(4) {
		case 0:
			w.pairs(w.header(nil, false, elements, parent))
			w.pairs(w.header(nil, false, elements, parent, child))
		case 1: // the parent's header comes last
			w.pairs(w.header(nil, false, elements, parent, child, inner))
			w.pairs(w.header(nil, false, elements, parent))
		case 2:
			for range 1 + w.IntN(3) {
				w.pairs(w.header(nil, true, elements, parent))
				w.pairs(w.header(nil, false, elements, parent, child))
			}
		case 3: // arrays of tables in arrays of tables
			for range 1 + w.IntN(3) {
				w.pairs(w.header(nil, true, elements, parent))
				for range w.IntN(3) {
					w.pairs(w.header(nil, true, elements, parent, child))
					w.pairs(w.header(nil, false, elements, parent, child, inner))
				}
			}
		}
	}
	return w
}

// found lists the places of a scanned document's keys.
func found(n *node, path []string, places map[string]string) {
	for _, child := range n.children {
		below := extended(path, child.name)
		if !n.array {
			p := child.at.problem("")
			places[joined(below)] = fmt.Sprintf("%d:%d", p.Line, p.Column)
		}
		found(child, below, places)
	}
}

func TestEveryKeyOfAGeneratedDocumentIsFoundInItsPlace(t *testing.T) {
	keys := 0
	for seed := range uint64(500) {
		w := newDocument(seed)
		text := w.text.String()
		var values map[string]any
		if _, err := toml.Decode(text, &values); err != nil {
			t.Fatalf("seed %d: the generated document is no TOML: %v\n%s", seed, err, text)
		}
		places := map[string]string{}
		root, twice := scan(&document{text: text})
		if twice != nil {
			t.Fatalf("seed %d: %q is not twice in\n%s", seed, twice.name, text)
		}
		found(root, nil, places)
		if !maps.Equal(places, w.places) {
			t.Fatalf("seed %d:\nfound   %v\nwritten %v\n%s", seed, places, w.places, text)
		}
		keys += len(places)
	}
	if keys < 10000 {
		t.Errorf("only %d keys were generated", keys)
	}
}

// The TOML library brings the TOML project's test suite along.
func TestEveryKeyOfTheTOMLTestSuiteIsFound(t *testing.T) {
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/BurntSushi/toml").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	paths, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(folder)), "internal/toml-test/tests/valid/*/*.toml"))
	if err != nil || len(paths) < 150 {
		t.Skipf("the suite is not there: %d files, %v", len(paths), err)
	}
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		root, problem := parse(&document{name: path, text: string(source)})
		if problem != nil {
			t.Error(problem)
			continue
		}
		compare(t, root, root.value)
	}
}

// compare fails the test unless a scanned node has the keys of a decoded value, each where it is written.
func compare(t *testing.T, n *node, value any) {
	t.Helper()
	switch value := value.(type) {
	case map[string]any:
		if len(n.children) != len(value) {
			t.Fatalf("%q has %d keys, not %d", n.name, len(n.children), len(value))
		}
		for _, child := range n.children {
			v, known := value[child.name]
			if !known {
				t.Fatalf("there is no key %q in %q", child.name, n.name)
			}
			if written := child.at.in.text[child.at.offset:]; !spells(written, child.name) {
				t.Fatalf("%q is not at %q", child.name, written)
			}
			compare(t, child, v)
		}
	case []map[string]any:
		if len(n.children) != len(value) {
			t.Fatalf("%q has %d elements, not %d", n.name, len(n.children), len(value))
		}
		for i, child := range n.children {
			compare(t, child, value[i])
		}
	case []any:
		if len(n.children) != len(value) {
			t.Fatalf("%q has %d elements, not %d", n.name, len(n.children), len(value))
		}
		for i, child := range n.children {
			compare(t, child, value[i])
		}
	}
}

// spells reports whether a text starts with a key, bare or quoted.
func spells(text, name string) bool {
	if text[0] != '"' && text[0] != '\'' {
		return strings.HasPrefix(text, name)
	}
	for end := 1; end <= len(text); end++ {
		var decoded map[string]any
		if _, err := toml.Decode(text[:end]+" = 1", &decoded); err == nil {
			_, is := decoded[name]
			return is
		}
	}
	return false
}

// The TOML library loses one of the values of some of these without a word.
func TestAKeyThatHasAValueIsRefusedInItsSecondPlace(t *testing.T) {
	for text, want := range map[string]string{
		"a.b = 1\na = 2":                   "2:1: ",
		"a.b = 1\n  a = []":                "2:3: ",
		"\"\\\"\".'0' = [[]]\n\"\\\"\"=[]": "2:1: ",
		"a = {}\na.b = 1":                  "2:1: ",
		"a = {b = 1}\n[x]\n[a.c]":          "3:2: ",
		"a = []\na.b = 1":                  "2:1: ",
		"a = [{}]\nx = 1\na.b.c = 1":       "3:1: ",
		"[x]\na.b.c = 1\n'a'.b = 2":        "3:1: ",
		"a = {b.c = 1, b = 2}":             "1:15: ",
		"a = {b = {c = 1}, b.d = 2}":       "1:19: ",
		"a = 1\n# é\nb.c = 1\nb.c = 2":     "4:",
		"[a]\nb = 1\n[a]":                  "3:",
		"a = 1\r\n a = 2\r\n":              "2:",
	} {
		_, problem := parse(&document{name: "twice.toml", text: text})
		if problem == nil || !strings.HasPrefix(problem.String(), "twice.toml:"+want) {
			t.Errorf("%q: %v, want it at %s", text, problem, want)
		}
	}
	for _, text := range []string{"a.b = 1\na.c = 2", "[a]\n[a.b]\n[c]\n", "[a.b]\n[a]\nc = 1", "[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 1", "a = {b.c = 1, b.d = 2}"} {
		if _, problem := parse(&document{name: "once.toml", text: text}); problem != nil {
			t.Errorf("%q: %v", text, problem)
		}
	}
}

func TestAKeyReadsAsItsName(t *testing.T) {
	for _, name := range []string{"time", "x.2", "a b", `"`, `\`, "é\n\t", "input:0", "", "<&>", "'"} {
		var read map[string]int
		if _, err := toml.Decode(plugin.Key(name)+" = 3", &read); err != nil || read[name] != 3 {
			t.Errorf("%q is written %s, which reads as %v (%v)", name, plugin.Key(name), read, err)
		}
	}
	if plugin.Key("x-2_a") != "x-2_a" {
		t.Errorf("a name is written %s", plugin.Key("x-2_a"))
	}
}
