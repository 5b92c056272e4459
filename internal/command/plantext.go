package command

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/plan"
)

// planText is the preview for people.
func planText(p plan.Preview) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if !p.Changes {
		line("%s: nothing would change", p.Pipeline)
	} else {
		line("%s", p.Pipeline)
	}
	writeGeneration(line, &p)
	writeObjects(line, p.Objects)
	for _, r := range p.Restarts {
		line("Pods      %s %s: %s replaced%s", strings.ToLower(r.Kind), r.Name, pods(r.Pods), later(r.Later))
	}
	for _, g := range p.GPUs {
		line("GPUs      %s: %d more needed, up to %d on one node; %s", g.Resource, g.Needed, g.Largest, freeGPUs(g))
	}
	for _, v := range p.Volumes {
		line("Storage   a volume of %s is made: %s", v.Size, v.Name)
	}
	if p.IndexBytes > 0 {
		line("Storage   the new index takes about %s in the store, beside the live one until that is retired",
			size(p.IndexBytes))
	}
	if p.Changes {
		line("Downtime  %s", cmp.Or(strings.Join(p.Downtime, "\n          "), "none"))
	}
	for _, note := range p.Notes {
		line("Note      %s", note)
	}
	return b.String()
}

func writeGeneration(line func(string, ...any), p *plan.Preview) {
	g := p.Generation
	switch {
	case g.New && g.Live == "":
		line("Index     the first one is built: generation %s", g.Next)
		return
	case !g.New && g.Run:
		line("Index     generation %s stays, and a run brings it up to date; chunks that do not change are not embedded "+
			"again", g.Live)
		return
	case !g.New:
		line("Index     generation %s stays as it is", g.Live)
		return
	}
	if g.Retained {
		line("Index     generation %s is kept for a way back and takes over from %s: nothing is embedded, because of",
			g.Next, g.Live)
	} else {
		line("Index     generation %s is built beside %s, which serves until the new one is complete, because of",
			g.Next, g.Live)
	}
	for _, change := range g.Changes {
		line("            %s", change)
	}
	if g.Retained {
		return
	}
	if g.TextsFromSources {
		line("Texts     every document is read and parsed again from its source")
	} else {
		line("Texts     from the live generation: no source is read")
	}
	e := g.Estimate
	switch {
	case e.Embed == 0:
		line("Embed     nothing but a sample: %d chunks of %d documents take over their vectors", e.Chunks, e.Documents)
	case e.Estimated:
		line("Embed     about %d chunks of %d documents, estimated from a sample of the texts", e.Embed, e.Documents)
	default:
		line("Embed     %d chunks of %d documents", e.Embed, e.Documents)
	}
	if e.Seconds > 0 {
		line("Time      about %s at %.1f chunks a second, the rate of the last run", roughly(e.Duration()), g.Rate)
	}
}

func writeObjects(line func(string, ...any), objects []plan.ObjectChange) {
	for _, o := range objects {
		sign := map[string]string{"created": "+", "changed": "~", "deleted": "-"}[o.Action]
		line("Object    %s %s %s%s", sign, o.Kind, o.Name, later(o.Later))
	}
}

func later(later bool) string {
	if later {
		return ", once the new index is complete"
	}
	return ""
}

func pods(n int32) string {
	if n == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", n)
}

func freeGPUs(g plan.GPUs) string {
	switch {
	case g.Free == nil:
		return "how many are free is not known"
	case g.Suffices():
		return fmt.Sprintf("free: %d", *g.Free)
	}
	return fmt.Sprintf("free: only %d, at most %d on one node, so the new model waits until there are enough",
		*g.Free, *g.FreeOnOneNode)
}

// roughly rounds a time to what an estimate is worth.
func roughly(d time.Duration) time.Duration {
	if d > 10*time.Minute {
		return d.Round(time.Minute)
	}
	return max(d.Round(time.Second), time.Second)
}

// size is a number of bytes in binary units.
func size(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}
