package recipe

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostile are values that a recipe may give anywhere.
var hostile = []string{"50000000", "9223372036854775807", "-1", "1e300", "nan", "[9223372036854775807]", "[[1000000, 9223372036854775807]]", `"x"`, "{}", "true"}

// TestReadingIsBoundedWhateverTheValues puts large values in the place of every option.
func TestReadingIsBoundedWhateverTheValues(t *testing.T) {
	arrangements := []string{
		"arrangement.a={kind=\"words\",words=[[1,1000000],[1000000,1]],window=1000000}",
		"arrangement.a={kind=\"order_average\",method=\"sampled\",window=3,orders=1000000}",
		"arrangement.a={kind=\"backward\",reset_every=1,reset_when=\"improves\"}",
		"arrangement.a={kind=\"lie\"}",
	}
	for _, arrangement := range arrangements {
		for _, option := range []string{
			"steps", "seeds", "data.batch", "data.cycle", "data.resize", "model.head.classes", "evaluate.every", "evaluate.at", "evaluate.train_samples",
			"arrangement.a.window", "arrangement.a.orders", "arrangement.a.words", "arrangement.a.reset_every", "arrangement.a.start",
			"average.m.window", "average.m.from", "schedule.steps", "schedule.warmup", "schedule.scale",
		} {
			for _, value := range hostile {
				set := []string{"steps=1000000", "evaluate.every=1000", arrangement, "average.m.of=a", option + "=" + value}
				bounded(t, strings.Join(set, " "), func() { _, _ = Parse("bounds.toml", []byte(small), Options{Models: zoo, Set: set}) })
			}
		}
	}
}

// bounded calls f, which may take a second and 64 MiB.
func bounded(t *testing.T, name string, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	f()
	runtime.ReadMemStats(&after)
	if took, memory := time.Since(start), after.TotalAlloc-before.TotalAlloc; took > 2*time.Second || memory > 64<<20 {
		t.Errorf("%s: %v and %d MiB", name, took, memory>>20)
	}
}

func TestAValueThatIsRefusedIsNotUsed(t *testing.T) {
	_, err := Parse("r.toml", []byte(small), Options{Models: zoo, Set: []string{"steps=50000000", "evaluate.at=[20000000]"}})
	var problems Errors
	if !errors.As(err, &problems) || len(problems) != 1 || !strings.Contains(problems[0].Message, "steps = 50000000 is out of range [1,1000000]") {
		t.Errorf("problems %v, want that of steps alone", err)
	}
}

func TestARunOfMoreThanCanBePlannedSaysWhatIsPossible(t *testing.T) {
	for _, c := range []struct {
		set  []string
		want string
	}{
		{[]string{"steps=1000000", "seeds=[1,2,3]"}, "(evaluate fewer iterates: every = "},
		{[]string{"seeds=[" + strings.Repeat("1,", 1500) + "]"}, "seeds has 1500 seeds: a run has at most 1000"},
		{[]string{"seeds=[" + strings.Repeat("1,", 100000) + "]"}, "the value has 200002 bytes, more than a recipe may have"},
	} {
		_, err := Parse("r.toml", []byte(small), Options{Models: zoo, Set: c.set})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60v: error %.200v, want %q", c.set, err, c.want)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("%.60v: the error has %d characters", c.set, len(err.Error()))
		}
	}
	// What it says is possible.
	every := "evaluate.every=12"
	if _, err := Parse("r.toml", []byte(small), Options{Models: zoo, Set: []string{"steps=1000000", "seeds=[1,2,3]", every}}); err != nil {
		t.Errorf("%s: %v", every, err)
	}
}

func TestMessagesAreShort(t *testing.T) {
	long := strings.Repeat("x", 20000)
	for _, text := range []string{
		small + "\n[" + long + "]\n",
		strings.Replace(small, "mlp-digits", long, 1),
		small + "\n[evaluate]\nmetrics = [\"" + long + "\"]\n",
		small + "\n[evaluate]\nat = [" + strings.Repeat("7000,", 5000) + "]\n",
		strings.Replace(small, "name", fmt.Sprintf("%q", long), 1),
	} {
		_, err := Parse("r.toml", []byte(text), Options{Models: zoo, Set: []string{"optimizer." + long + "=1", "model.onnx=" + long}})
		var problems Errors
		if !errors.As(err, &problems) {
			t.Errorf("%.60q…: error %v", text, err)
		}
		for _, p := range problems {
			if len(p.String()) > 800 {
				t.Errorf("a problem of %d characters: %.200s…", len(p.String()), p)
			}
		}
	}
}
