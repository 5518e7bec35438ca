package plugin

import (
	"strings"
	"testing"
)

func TestPatternsThatMatchNoNameAreRefused(t *testing.T) {
	names := []string{"fc1.weight", "fc1.bias", "bn1.scale", "bn1.bias", "gain"}
	for _, c := range []struct {
		patterns, want string // "" for no error
	}{
		{"", ""},
		{"fc?.bias *.scale gain", ""},
		{"*.bias bn2.*", `no parameter matches the pattern "bn2.*": there are ["bn1.scale" "bn1.bias" `},
		{"bias", `matches the pattern "bias": there are ["fc1.bias" "bn1.bias" `},
		{"[", `pattern "[": syntax error in pattern`},
	} {
		err := CheckPatterns("parameter", strings.Fields(c.patterns), names)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.patterns, err, c.want)
		}
	}
	many := append(names, "a", "b", "c", "d", "e")
	if err := CheckPatterns("parameter", []string{"x"}, many); err == nil || !strings.HasSuffix(err.Error(), "and 2 more") {
		t.Errorf("of %d names: error %v", len(many), err)
	}
}

func TestAStarCrossesSlashes(t *testing.T) {
	for pattern, want := range map[string]bool{
		"*": true, "encoder*": true, "*bias": true, "encoder/*/bias": true, "*layer*b?as": true, "encoder?layer/0/bias": true, "encoder/layer/*": true,
		"*weight": false, "encoder": false, "*/kernel": false,
	} {
		if got := Match([]string{pattern}, "encoder/layer/0/bias"); got != want {
			t.Errorf("%q matches: %v, want %v", pattern, got, want)
		}
	}
}

func TestACloneHasOptionsOfItsOwn(t *testing.T) {
	type options struct {
		Rate  float64   `toml:"rate"`
		Betas []float64 `toml:"betas"`
	}
	original := &options{0.5, []float64{0.9}}
	clone := Clone(any(original))
	for _, o := range Options(clone) {
		if err := o.Set(map[string]any{"rate": 2.0, "betas": []any{0.1}}[o.Name]); err != nil {
			t.Fatal(err)
		}
	}
	if original.Rate != 0.5 || original.Betas[0] != 0.9 {
		t.Errorf("setting the clone's options made the original %+v", original)
	}
	if c := clone.(*options); c.Rate != 2 || c.Betas[0] != 0.1 {
		t.Errorf("the clone is %+v", c)
	}
	if Clone(any(options{Rate: 3})).(options).Rate != 3 {
		t.Error("a plugin that is no pointer is not its own clone")
	}
}
