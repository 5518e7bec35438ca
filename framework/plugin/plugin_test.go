package plugin

import (
	"strings"
	"testing"
)

type rate struct {
	LR       float64   `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	Beta     float64   `toml:"beta" range:"[0,1)"`
	Steps    int       `toml:"steps" range:"[1,100]"`
	Seed     uint64    `toml:"seed"`
	Kind     string    `toml:"kind" oneof:"iid shuffle"`
	Nesterov bool      `toml:"nesterov"`
	Mean     []float64 `toml:"mean" range:"[0,1]"`
	hidden   int
	Internal int
}

func TestOptionsDescribeTheTaggedFieldsInOrder(t *testing.T) {
	var names []string
	for _, o := range Options(&rate{LR: 0.5, hidden: 1}) {
		names = append(names, o.Name+":"+o.Type())
	}
	want := "lr:number beta:number steps:integer seed:integer kind:string nesterov:boolean mean:list of numbers"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("options are %q, want %q", got, want)
	}
	if o := Options(&rate{LR: 0.5})[0]; o.Default != 0.5 || o.Doc != "learning rate" {
		t.Errorf("lr has default %v and doc %q", o.Default, o.Doc)
	}
}

func TestSetChecksTypeAndRange(t *testing.T) {
	for _, c := range []struct {
		option string
		value  any
		want   string // part of the error, "" for none
	}{
		{"lr", 0.1, ""},
		{"lr", int64(1), ""},
		{"lr", 0.0, "lr = 0 is out of range (0,inf)"},
		{"lr", "fast", `lr must be a number, not the string "fast"`},
		{"beta", 1.0, "beta = 1 is out of range [0,1)"},
		{"beta", int64(0), ""},
		{"steps", int64(101), "steps = 101 is out of range [1,100]"},
		{"steps", 1.5, "steps must be an integer, not the number 1.5"},
		{"seed", int64(-1), "out of range"},
		{"kind", "shufle", `kind = "shufle" is not known (did you mean "shuffle"?)`},
		{"kind", "cycle", "one of iid, shuffle"},
		{"nesterov", true, ""},
		{"nesterov", int64(1), "nesterov must be a boolean, not the integer 1"},
		{"mean", []any{0.5, int64(1)}, ""},
		{"mean", []any{0.5, int64(2)}, "mean = 2 is out of range [0,1]"},
		{"mean", 0.5, "mean must be a list of numbers"},
	} {
		var v rate
		for _, o := range Options(&v) {
			if o.Name != c.option {
				continue
			}
			err := o.Set(c.value)
			if (c.want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s = %v: error %v, want %q", c.option, c.value, err, c.want)
			}
		}
	}
}

func TestSetStoresTheValue(t *testing.T) {
	var v rate
	for _, o := range Options(&v) {
		value := map[string]any{"lr": 0.25, "beta": 0.5, "steps": int64(3), "seed": int64(4), "kind": "iid", "nesterov": true, "mean": []any{0.5}}[o.Name]
		if err := o.Set(value); err != nil {
			t.Fatal(err)
		}
	}
	if v.LR != 0.25 || v.Beta != 0.5 || v.Steps != 3 || v.Seed != 4 || v.Kind != "iid" || !v.Nesterov || v.Mean[0] != 0.5 {
		t.Errorf("stored %+v", v)
	}
}

func TestRegistryNamesWhatWasProbablyMeant(t *testing.T) {
	r := NewRegistry[int]("optimizer")
	r.Register("sgd", "plain", func() int { return 1 })
	r.Register("adamw", "decoupled", func() int { return 2 })
	if v, err := r.New("adamw"); v != 2 || err != nil {
		t.Errorf("New(adamw) = %v, %v", v, err)
	}
	for name, want := range map[string]string{
		"sdg":     `unknown optimizer "sdg" (did you mean "sgd"?)`,
		"AdamW":   `unknown optimizer "AdamW" (did you mean "adamw"?)`,
		"shampoo": `unknown optimizer "shampoo" (forgotten import?)`,
	} {
		if _, err := r.New(name); err == nil || err.Error() != want {
			t.Errorf("New(%q): %v, want %s", name, err, want)
		}
	}
	if got := strings.Join(r.Names(), " "); got != "adamw sgd" {
		t.Errorf("names are %q", got)
	}
}

func TestRegisterPanicsOnMisuse(t *testing.T) {
	r := NewRegistry[int]("engine")
	construct := func() int { return 0 }
	r.Register("tape", "", construct)
	for name, register := range map[string]func(){
		"twice":          func() { r.Register("tape", "", construct) },
		"no name":        func() { r.Register("", "", construct) },
		"dot in name":    func() { r.Register("a.b", "", construct) },
		"no constructor": func() { r.Register("plan", "", nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			register()
		}()
	}
}
