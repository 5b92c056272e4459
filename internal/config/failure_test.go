package config

import (
	"net/http"
	"strings"
	"testing"
)

func TestEveryStageFailureHasItsMeaning(t *testing.T) {
	ofModels, ofIndex := StageFailures()
	if len(ofModels) != 13 || len(ofIndex) != 6 {
		t.Errorf("%d failures of models and %d of the index", len(ofModels), len(ofIndex))
	}
	for _, f := range append(ofModels, ofIndex...) {
		m := f.Meaning()
		if m.HTTPStatus < 400 || http.StatusText(m.HTTPStatus) == "" || m.ForCaller == "" {
			t.Errorf("%s means %+v", f, m)
		}
		if told := strings.Contains(m.ForCaller, contact); told != (m.HTTPStatus == http.StatusBadGateway) && !passes[f] {
			t.Errorf("%s is a %d and says %q", f, m.HTTPStatus, m.ForCaller)
		}
		if m.Permanent && strings.Contains(m.ForCaller, "try again") {
			t.Errorf("%s is permanent and says %q", f, m.ForCaller)
		}
	}
}

// passes are the failures whose status and advice differ: a 502 that a later try may not meet, and an outage that only
// the pipeline's operator can end.
var passes = map[Failure]bool{ModelUnreachable: true, ModelBroken: true, IndexUnavailable: true}

func TestAnUnknownFailureStillHasWords(t *testing.T) {
	if m := Failure("Weird").Meaning(); m.HTTPStatus != http.StatusBadGateway || m.Permanent || m.Conclusive || m.ForCaller == "" {
		t.Errorf("it means %+v", m)
	}
}
