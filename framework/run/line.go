package run

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Line is one line of metrics.jsonl: what was measured at one iterate.
type Line struct {
	Arrangement   string
	Seed          uint64
	Iterate       int
	Metrics       []Metric // in the recipe's order; NaN where the chain diverged
	GradientSteps int      // spent on this iterate alone
	HVPs          int      // Hessian-vector products, likewise
	Seconds       float64
	Diverged      bool
	Merged        bool    // with another iterate's trajectory
	MergeError    float64 // what merging would have changed, where that was measured, else 0
	Accepted      bool    // a trial of an adaptive arrangement that became a base
}

// Metric is a measured number.
type Metric struct {
	Name  string
	Value float64
}

// Metric returns the value of a metric, and NaN if the line has none of that name.
func (l Line) Metric(name string) float64 {
	for _, m := range l.Metrics {
		if m.Name == name {
			return m.Value
		}
	}
	return math.NaN()
}

// diverged reports whether a number is missing that every finite state has.
func diverged(metrics []Metric) bool {
	return slices.ContainsFunc(metrics, func(m Metric) bool { return math.IsNaN(m.Value) && !slices.Contains(diagnostics, m.Name) })
}

// MarshalJSON writes the fields in a fixed order, and numbers that JSON does not have as null.
func (l Line) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	arrangement, err := json.Marshal(l.Arrangement)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, `{"arrangement":%s,"seed":%d,"iterate":%d`, arrangement, l.Seed, l.Iterate)
	for _, m := range l.Metrics {
		value := []byte("null")
		if !math.IsNaN(m.Value) && !math.IsInf(m.Value, 0) {
			if value, err = json.Marshal(m.Value); err != nil {
				return nil, err
			}
		}
		fmt.Fprintf(&b, `,%q:%s`, m.Name, value)
	}
	seconds, err := json.Marshal(math.Round(l.Seconds*1e6) / 1e6)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, `,"gradient_steps":%d`, l.GradientSteps)
	if l.HVPs > 0 {
		fmt.Fprintf(&b, `,"hessian_vector_products":%d`, l.HVPs)
	}
	fmt.Fprintf(&b, `,"seconds":%s`, seconds)
	if l.Diverged {
		b.WriteString(`,"diverged":true`)
	}
	if l.Merged {
		b.WriteString(`,"merged":true`)
	}
	if l.MergeError > 0 {
		fmt.Fprintf(&b, `,"merge_error":%g`, l.MergeError)
	}
	if l.Accepted {
		b.WriteString(`,"accepted":true`)
	}
	b.WriteString("}")
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON writes. Every field that is not one of the line's own is a metric.
func (l *Line) UnmarshalJSON(data []byte) error {
	*l = Line{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return cmp.Or(err, errors.New("it is no object"))
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		var target any
		var metric *float64
		switch name {
		case "arrangement":
			target = &l.Arrangement
		case "seed":
			target = &l.Seed
		case "iterate":
			target = &l.Iterate
		case "gradient_steps":
			target = &l.GradientSteps
		case "hessian_vector_products":
			target = &l.HVPs
		case "seconds":
			target = &l.Seconds
		case "diverged":
			target = &l.Diverged
		case "merged":
			target = &l.Merged
		case "merge_error":
			target = &l.MergeError
		case "accepted":
			target = &l.Accepted
		default:
			target = &metric
		}
		if err := decoder.Decode(target); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if target == any(&metric) {
			value := math.NaN()
			if metric != nil {
				value = *metric
			}
			l.Metrics = append(l.Metrics, Metric{name, value})
		}
	}
	if l.Arrangement == "" || l.Iterate < 1 {
		return errors.New("it does not say which iterate of which arrangement it is about")
	}
	return nil
}

// compare returns an error that names what was recorded and is computed otherwise. The time that it took does not count.
func (l Line) compare(computed Line) error {
	recorded, now := l, computed
	recorded.Seconds, now.Seconds = 0, 0
	was, err := json.Marshal(recorded)
	if err != nil {
		return err
	}
	is, err := json.Marshal(now)
	if err != nil || bytes.Equal(was, is) {
		return err
	}
	return fmt.Errorf("recorded was %s, but computed again it is %s: the file was changed, or the run's numbers are not the same any more", was, is)
}
