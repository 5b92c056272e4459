package extract

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRulesMakeCells(t *testing.T) {
	level := func(y, from, to float64) rule { return rule{at: y, from: from, to: to} }
	upright := func(x, from, to float64) rule { return rule{upright: true, at: x, from: from, to: to} }
	frame := []rule{level(100, 0, 90), level(40, 0, 90), upright(0, 40, 100), upright(90, 40, 100)}
	for name, c := range map[string]struct {
		rules []rule
		cells [][]int
	}{
		"a frame":      {frame, nil},
		"one column":   {append([]rule{level(70, 0, 90)}, frame...), nil},
		"four cells":   {append([]rule{level(70, 0, 90), upright(45, 40, 100)}, frame...), [][]int{{0, 1}, {2, 3}}},
		"a wide cell":  {append([]rule{level(70, 0, 90), upright(45, 40, 70)}, frame...), [][]int{{0, 0}, {2, 3}}},
		"a tall cell":  {append([]rule{level(70, 45, 90), upright(45, 40, 100)}, frame...), [][]int{{0, 1}, {0, 3}}},
		"double rules": {append([]rule{level(70, 0, 90), level(71, 0, 90), upright(45, 40, 100)}, frame...), [][]int{{0, 1}, {2, 3}}},
		"no sides": {[]rule{level(100, 0, 90), level(70, 0, 90), level(40, 0, 90), upright(45, 40, 100)},
			[][]int{{0, 1}, {2, 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			elsewhere := level(500, 0, 90)
			var got [][]int
			for _, l := range lattices(append([]rule{elsewhere}, c.rules...)) {
				got, _ = l.merged()
			}
			if diff := cmp.Diff(c.cells, got); diff != "" {
				t.Errorf("cells (-want +got):\n%s", diff)
			}
		})
	}
}
