package status

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// weight is how much a finding matters to the pipeline as a whole. The user is told of the heaviest
// finding first.
type weight int

const (
	fine     weight = iota // there is nothing to report
	waiting                // it follows once other work is done
	progress               // work is going on, and ends by itself
	fault                  // something is wrong that may clear by itself
	terminal               // only the user can help
)

// stallAfter is how long a fault may last before the pipeline is Stalled, unless a model's
// startupTimeout takes its place.
const stallAfter = 10 * time.Minute

// finding is what is known of one component: its condition, and how much it matters.
type finding struct {
	status          metav1.ConditionStatus
	reason, message string
	weight          weight
	// stallAfter is how long the finding may last before the pipeline is Stalled; 0 means for ever.
	stallAfter time.Duration
	// late, if not empty, replaces the message after that time; the reason is then StartupTimedOut.
	late string
}

func ok(reason, message string) finding {
	return finding{status: metav1.ConditionTrue, reason: reason, message: message}
}

func bad(w weight, reason, message string) finding {
	return finding{
		status: metav1.ConditionFalse, reason: reason, message: message, weight: w, stallAfter: stallAfter,
	}
}

func unknown(w weight, reason, message string) finding {
	return finding{status: metav1.ConditionUnknown, reason: reason, message: message, weight: w}
}

// within sets how long the finding may last; 0 leaves it unchanged.
func (f finding) within(d time.Duration) finding {
	if d > 0 {
		f.stallAfter = d
	}
	return f
}

// forever lets the finding last as long as it has to.
func (f finding) forever() finding {
	f.stallAfter = 0
	return f
}

// maxMessage bounds a condition's message, in characters, so that it fits a terminal. The CRD
// accepts more.
const maxMessage = 1024

// cut bounds a text in characters.
func cut(text string, n int) string {
	text = strings.ToValidUTF8(text, "?")
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// clean turns a text from elsewhere into one line of printable characters.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return strings.Join(strings.Fields(text), " ")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(line)
}

var word = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`)

// reasonOf is a failure's word if the API accepts it as a reason, and StageFailed otherwise.
func reasonOf(failure config.Failure) string {
	reason := string(failure)
	if len(reason) > 64 || !word.MatchString(reason) {
		return v1alpha1.ReasonStageFailed
	}
	return reason
}

// short formats a duration without units that are zero: 30m, not 30m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
