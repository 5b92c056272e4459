package status

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// retained are the generations that are kept for a way back. What is known of one stays until a run
// has ended.
func (v *view) retained() (list []v1alpha1.RetainedGeneration) {
	for _, r := range v.Retained {
		entry := v1alpha1.RetainedGeneration{
			Generation:     cut(r.Generation, 64),
			ReplacedTime:   *stamp(r.Replaced),
			Until:          *stamp(r.Until),
			EmbeddingModel: cut(r.EmbeddingModel, 256),
		}
		if before := v.retainedBefore(r.Generation); before != nil {
			entry.LastSyncTime, entry.Problem = before.LastSyncTime, before.Problem
		}
		switch run := r.Run; {
		case run == nil:
		case run.State == RunSucceeded:
			entry.Problem, entry.LastSyncTime = "", stamp(run.Finished)
		case run.State == RunFailed:
			entry.Problem = cut(upkeepProblem(run, ingestSubject(v.p)), maxMessage)
		}
		list = append(list, entry)
	}
	return list
}

func (v *view) retainedBefore(generation string) *v1alpha1.RetainedGeneration {
	if v.p.Status.Index == nil {
		return nil
	}
	for i, r := range v.p.Status.Index.Retained {
		if r.Generation == generation {
			return &v.p.Status.Index.Retained[i]
		}
	}
	return nil
}

// upkeepProblem is why a run could not bring a retained generation up to date.
func upkeepProblem(run *Run, s subject) string {
	if run.Summary != nil && run.Summary.Error != "" {
		return clean(run.Summary.Error)
	}
	if f, found := run.fault(s); found {
		return f.message
	}
	return "its last ingestion run failed; see the log (" + s.logs() + ")"
}

// wayBack says, in a clause for IndexReady, what is kept and what that costs, or that going back is
// unavailable.
func (v *view) wayBack() string {
	if v.index == nil || len(v.index.Retained) == 0 {
		return ""
	}
	const where = "(see status.index.retained; spec.index.retain 0s deletes %s)"
	kept, one := count(int64(len(v.index.Retained)), "earlier generation"), len(v.index.Retained) == 1
	message := kept + " " + either(one, "is", "are") + " kept up to date for a way back"
	var models []string
	for _, r := range v.Retained {
		if r.Runs {
			models = append(models, r.EmbeddingModel)
		}
	}
	if len(models) > 0 {
		slices.Sort(models)
		message += ", for which the embedding model " + models[0] + " keeps running"
		if more := len(slices.Compact(models)) - 1; more > 0 {
			message += fmt.Sprintf(" (and %d more)", more)
		}
	}
	for _, r := range v.index.Retained {
		if r.Problem == "" {
			continue
		}
		message = fmt.Sprintf("going back to the generation of %s is unavailable, because a run could not bring it up to "+
			"date: %s",
			cmp.Or(r.EmbeddingModel, "another model"), cut(r.Problem, maxMessage/2))
		break
	}
	return message + " " + fmt.Sprintf(where, either(one, "it", "them"))
}

func either(first bool, one, other string) string {
	if first {
		return one
	}
	return other
}
