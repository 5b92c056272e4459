package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWarningsOfOneReasonAreOne(t *testing.T) {
	var w Warnings
	w.Add(LinesSkipped, 1, "line 3")
	w.Add(HiddenText, 0, "nothing")
	w.Add(LinesSkipped, 2, "line 3", "line 9")
	w.Merge(Warnings{{Reason: LinesSkipped, Count: 1, Places: []string{"line 12"}}, {Reason: HiddenText, Count: 4}})
	want := Warnings{{LinesSkipped, 4, []string{"line 3", "line 9", "line 12"}}, {HiddenText, 4, nil}}
	if diff := cmp.Diff(want, w); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, want := w[0].String(), "LinesSkipped: 4 (line 3, line 9, line 12)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPlacesOfWarningsAreBounded(t *testing.T) {
	var w Warnings
	for i := range 1000 {
		w.Add(PartsIgnored, 1, fmt.Sprintf("part\n%d", i)+strings.Repeat("é", 1000))
	}
	if n := len(w[0].Places); n != maxPlaces || w[0].Count != 1000 {
		t.Errorf("%d places of %d", n, w[0].Count)
	}
	for _, place := range w[0].Places {
		if len(place) > maxPlaceBytes+len("…") || strings.Contains(place, "\n") {
			t.Errorf("place %q", place)
		}
	}
	if s := w[0].String(); !strings.HasSuffix(s, "...)") {
		t.Errorf("%q does not say that there are more", s)
	}
}
