package config

import "testing"

func TestPruneHoldsBack(t *testing.T) {
	for name, c := range map[string]struct {
		prune           Prune
		gone, documents int
		want            bool
	}{
		"half of a source":                      {Prune{}, 50, 100, false},
		"more than half":                        {Prune{}, 51, 100, true},
		"ten documents, all that there are":     {Prune{}, 10, 10, false},
		"eleven, all that there are":            {Prune{}, 11, 11, true},
		"eleven of many":                        {Prune{}, 11, 100, false},
		"another share":                         {Prune{Max: &Share{Number: 20, Percent: true}}, 21, 100, true},
		"no share, but ten at most":             {Prune{Max: &Share{Percent: true}}, 10, 100, false},
		"no share":                              {Prune{Max: &Share{Percent: true}}, 11, 100, true},
		"the whole":                             {Prune{Max: &Share{Number: 100, Percent: true}}, 100, 100, false},
		"a number":                              {Prune{Max: &Share{Number: 3}}, 3, 100, false},
		"more than a number that is under ten":  {Prune{Max: &Share{Number: 3}}, 4, 100, true},
		"a share that is not rounded":           {Prune{Max: &Share{Number: 33, Percent: true}}, 34, 102, true},
		"one below a share that is not rounded": {Prune{Max: &Share{Number: 33, Percent: true}}, 33, 102, false},
	} {
		if got := c.prune.HoldsBack(c.gone, c.documents); got != c.want {
			t.Errorf("%s: %d of %d are held back: %t", name, c.gone, c.documents, got)
		}
	}
}
