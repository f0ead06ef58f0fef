package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
)

// figure is one measurement. A zero Limit means that there is nothing to compare with; else it is in the same unit as Value.
type figure struct {
	Name  string
	Value float64
	Unit  string
	Limit float64
	With  []detail
}

// detail is a further member of a figure's line.
type detail struct {
	Name  string
	Value any
}

// report prints a figure, unless another one alone was asked for. Of times, less is better: the ratio is the limit's share of the value.
func (b *bench) report(f figure) error {
	if b.only != "" && b.only != f.Name {
		return nil
	}
	members := []detail{{"figure", f.Name}, {"value", f.Value}, {"unit", f.Unit}}
	if f.Limit > 0 {
		ratio := f.Value / f.Limit
		if isTime(f.Unit) {
			ratio = f.Limit / f.Value
		}
		members = append(members, detail{"ratio_to_limit", ratio}, detail{"limit", f.Limit})
	}
	line := []byte{'{'}
	for i, m := range slices.Concat(members, f.With) {
		if v, ok := m.Value.(float64); ok {
			m.Value = rounded(v)
		}
		value, err := json.Marshal(m.Value)
		if err != nil {
			return err
		}
		if i > 0 {
			line = append(line, ',')
		}
		line = append(fmt.Appendf(line, "%q:", m.Name), value...)
	}
	_, err := fmt.Fprintf(b.out, "%s}\n", line)
	return err
}

func isTime(unit string) bool { return slices.Contains([]string{"s", "ms", "µs"}, unit) }

// rounded leaves four significant digits; more would be noise.
func rounded(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-3)
	return math.Round(math.Round(v/unit)*unit*1e9) / 1e9
}

// perSecond returns the rate of n things in a time.
func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// median returns the middle one of some times.
func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}
