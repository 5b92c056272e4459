package config

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The summary of several workers counts everything that each of them counts.
func TestSummariesAddUp(t *testing.T) {
	one, want := Summary{}, Summary{}
	set := func(s *Summary, n int64) {
		for _, field := range reflect.ValueOf(s).Elem().Fields() {
			if field.CanInt() {
				field.SetInt(n)
			}
		}
	}
	set(&one, 1)
	set(&want, 3)
	one.Pipeline, one.Seconds, one.Error = "rag/papers", 2, "the first"
	one.Failures = []FailedDocument{{Document: "papers/b"}}
	one.Losses = Losses{Reasons: map[Reason]int{Malformed: 2}, Warned: 1,
		WarningReasons:  map[WarningReason]int{HiddenText: 1},
		WarnedDocuments: []WarnedDocument{{Document: "papers/w"}}}
	one.Synced = Synced{Sources: []SourceSync{{Name: "papers", Scanned: 2, Skipped: 1, LastSuccess: time.Unix(9, 0)}}}
	two := one
	set(&two, 2)
	two.Seconds, two.Error = 5, "the second"
	two.Failures = []FailedDocument{{Document: "papers/a"}}
	two.Losses = Losses{Reasons: map[Reason]int{Malformed: 1, Encrypted: 1}, Warned: 1,
		WarnedDocuments: []WarnedDocument{{Document: "papers/c"}}}

	two.Synced = Synced{Sources: []SourceSync{{Name: "notes", Added: 1},
		{Name: "papers", Scanned: 3, HeldBack: 4, LastSuccess: time.Unix(8, 0), Error: "no such bucket"}}}
	want.Synced = Synced{Sources: []SourceSync{{Name: "notes", Added: 1},
		{Name: "papers", Scanned: 5, Skipped: 1, HeldBack: 4, LastSuccess: time.Unix(8, 0), Error: "no such bucket"}}}
	want.Pipeline, want.Seconds, want.Error = "rag/papers", 5, "the first"
	want.Failures = []FailedDocument{{Document: "papers/a"}, {Document: "papers/b"}}
	want.Losses = Losses{Reasons: map[Reason]int{Malformed: 3, Encrypted: 1}, Warned: 2,
		WarningReasons:  map[WarningReason]int{HiddenText: 1},
		WarnedDocuments: []WarnedDocument{{Document: "papers/c"}, {Document: "papers/w"}}}
	sum := Summary{}
	for _, s := range []Summary{one, two} {
		sum.Add(s)
	}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if one.Reasons[Malformed] != 2 {
		t.Error("adding changed the first summary")
	}
}
