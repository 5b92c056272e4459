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
		if told := strings.Contains(m.ForCaller, contact); told != (m.HTTPStatus == http.StatusFailedDependency) && f != IndexUnavailable {
			t.Errorf("%s is a %d and says %q", f, m.HTTPStatus, m.ForCaller)
		}
		if m.Permanent && strings.Contains(m.ForCaller, "try again") {
			t.Errorf("%s is permanent and says %q", f, m.ForCaller)
		}
	}
}

// OpenAI's SDKs for Python, JavaScript and Go repeat a request after these statuses, unless x-should-retry forbids it.
func repeated(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusConflict || status == http.StatusTooManyRequests ||
		status >= http.StatusInternalServerError
}

func TestClientsRepeatOnlyWhatMayPass(t *testing.T) {
	ofModels, ofIndex := StageFailures()
	for _, f := range append(ofModels, ofIndex...) {
		m := f.Meaning()
		lasts := m.Permanent || m.Conclusive || f == ModelRejected || f == InputTooLong || f == IndexUnauthorized
		if repeated(m.HTTPStatus) == lasts {
			t.Errorf("%s is a %d", f, m.HTTPStatus)
		}
		if lasts && (m.HTTPStatus == 401 || m.HTTPStatus == 403 || m.HTTPStatus == 404) {
			t.Errorf("%s is a %d, as if the caller's own key or request were wrong", f, m.HTTPStatus)
		}
	}
}

func TestAnUnknownFailureStillHasWords(t *testing.T) {
	if m := Failure("Weird").Meaning(); m.HTTPStatus != http.StatusBadGateway || m.Permanent || m.Conclusive || m.ForCaller == "" {
		t.Errorf("it means %+v", m)
	}
}
