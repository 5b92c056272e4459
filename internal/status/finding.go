package status

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// weight is how much a finding matters to the pipeline as a whole. The heaviest one is what the user is told first.
type weight int

const (
	fine     weight = iota // nothing to say
	waiting                // it follows when something else is done
	progress               // work goes on, and ends by itself
	fault                  // something is wrong that may clear by itself
	terminal               // only the user can help
)

// patience is how long a fault may last before the pipeline is Stalled, unless a model's startupTimeout is longer or
// shorter.
const patience = 10 * time.Minute

// finding is what is known of one thing: its condition, and what it means for the pipeline.
type finding struct {
	status          metav1.ConditionStatus
	reason, message string
	weight          weight
	// patience is how long the finding may last until the pipeline is Stalled; 0 for ever.
	patience time.Duration
	// late, when not empty, replaces the message after that time; the reason is then StartupTimedOut.
	late string
}

func ok(reason, message string) finding {
	return finding{status: metav1.ConditionTrue, reason: reason, message: message}
}

func bad(w weight, reason, message string) finding {
	return finding{status: metav1.ConditionFalse, reason: reason, message: message, weight: w, patience: patience}
}

func unknown(w weight, reason, message string) finding {
	return finding{status: metav1.ConditionUnknown, reason: reason, message: message, weight: w}
}

// within gives the finding another patience; 0 keeps it.
func (f finding) within(d time.Duration) finding {
	if d > 0 {
		f.patience = d
	}
	return f
}

// forever lets the finding last: it goes on as long as it has to.
func (f finding) forever() finding {
	f.patience = 0
	return f
}

// check looks for one thing, and says whether it found it.
type check func() (finding, bool)

// decide is what the first check finds that finds something. The last one always must.
func decide(checks ...check) finding {
	for _, c := range checks {
		if f, found := c(); found {
			return f
		}
	}
	return none
}

// none is what a check gives that has found nothing.
var none finding
