package retrieval

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// companies have two reports each, and all reports look alike: only its company and year tell one from another.
var companies = strings.Fields(`Alder Birch Cedar Dogwood Elm Fir Ginkgo Hazel Ironwood Juniper Katsura Larch Maple Nutmeg
	Oak Pine Quince Rowan Spruce Teak Umbra Viburnum Willow Yew Zelkova Acacia Beech Cypress Ebony Hemlock`)

// rules are documents about something else.
var rules = map[string]string{
	"leave": "# Parental leave\nEmployees get 14 weeks of parental leave, paid in full. It begins at the earliest four weeks " +
		"before the birth.",
	"travel":   "# Travel\nTrips by train under four hours are booked in second class. Hotels cost at most 140 euros a night.",
	"parking":  "# Parking\nThe car park is behind building C. Visitors report at the gate; employees use their badge.",
	"security": "# Passwords\nA password has at least 14 characters. Report a lost laptop to the service desk within a day.",
	"vacation": "# Vacation\nEvery employee has 28 days of vacation a year; up to five days may be carried over until March.",
	"remote":   "# Remote work\nUp to three days a week may be worked from home. Working from abroad needs the approval of HR.",
}

// dialogue ends in a question that some chunk answers.
type dialogue struct {
	questions []string
	documents []string // any of them holds the answer
	text      string   // stands in the chunk that answers
}

// dialogues returns conversations that end in a question that means something only there, and others that end in one
// that stands on its own.
func dialogues() (followUps, changes []dialogue) {
	const figures = "million euros"
	for i, name := range companies {
		lower, other := strings.ToLower(name), companies[(i+7)%len(companies)]
		first := "What was the revenue of " + name + " in 2022?"
		both := []string{lower + "-2022", lower + "-2023"}
		followUps = append(followUps,
			dialogue{[]string{first, "And in 2023?"}, both[1:], figures},
			dialogue{[]string{first, "How many employees did it have in 2023?"}, both[1:], figures},
			dialogue{[]string{first, "Where was its headquarters?"}, both, figures},
			dialogue{[]string{first, "What about " + other + "?"}, []string{strings.ToLower(other) + "-2022"}, figures},
			dialogue{[]string{first, "And in 2023?", "How many employees?"}, both[1:], figures},
			dialogue{[]string{first, "Thanks.", "And in 2023?"}, both[1:], figures},
			dialogue{[]string{"How many weeks of parental leave do employees get?", "When does it begin?"}, []string{"leave"}, ""},
		)
		changes = append(changes,
			dialogue{[]string{first, "How many employees did " + other + " have in 2023?"}, []string{strings.ToLower(other) + "-2023"}, figures},
			dialogue{[]string{first, "How many weeks of parental leave do employees get?"}, []string{"leave"}, ""},
			dialogue{[]string{first, "Where can I park?"}, []string{"parking"}, ""},
			dialogue{[]string{first, "How many days of vacation may be carried over?"}, []string{"vacation"}, ""},
			dialogue{[]string{first, "I lost my laptop, what now?"}, []string{"security"}, ""},
			dialogue{[]string{first, "Hotel price limit"}, []string{"travel"}, ""},
			dialogue{[]string{"How many vacation days are there?", first}, both[:1], figures},
		)
	}
	return followUps, changes
}

// writeReports writes the documents: each report has a chunk with the figures and eight that go on about the company.
func writeReports(t *testing.T) (directory string) {
	t.Helper()
	directory = t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(directory, name+".md"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range rules {
		write(name, text)
	}
	for i, name := range companies {
		for year := 2022; year <= 2023; year++ {
			text := fmt.Sprintf("# %s annual report %d\nThe revenue of %s in %d was %d million euros. %s had %d employees, and its "+
				"headquarters was in town %d.\n", name, year, name, year, 10+i+year%100, name, 100+7*i, i)
			for section := range strings.FieldsSeq("Regions Risks Outlook Research Board Dividend Sustainability Audit") {
				text += "\n## " + section + "\n" + strings.Repeat(fmt.Sprintf("This section of the report of %s for %d explains how "+
					"the revenue developed, and what %s plans about it. ", name, year, name), 6) + "\n"
			}
			write(fmt.Sprintf("%s-%d", strings.ToLower(name), year), text)
		}
	}
	return directory
}

// TestAConversationIsUnderstood compares what reaches the LLM with what the last question alone finds: follow-ups must be
// found, and questions that stand on their own must not be lost to what was asked before.
func TestAConversationIsUnderstood(t *testing.T) {
	standIn := startStandIn(t)
	embeddings := []config.Model{{URL: standIn, Name: config.StandInEmbedding}}
	if url, name, ok := strings.Cut(os.Getenv("RAGPIPELINE_EMBEDDING"), ","); ok {
		embeddings = append(embeddings, config.Model{URL: url, Name: name})
	}
	documents := writeReports(t)
	followUps, changes := dialogues()
	for _, embedding := range embeddings {
		store := index(t, documents, "*.md", embedding)
		for _, ranker := range []*config.Model{nil, {URL: standIn, Name: config.StandInReranking}} {
			t.Run(fmt.Sprintf("%s, reranking %v", filepath.Base(embedding.Name), ranker != nil), func(t *testing.T) {
				service := newService(store, embedding, config.Hybrid, ranker, nil)
				alone := countFound(t, service, followUps, lastQuestion)
				found := countFound(t, service, followUps, inConversation)
				kept := countFound(t, service, changes, inConversation)
				best := countFound(t, service, changes, lastQuestion)
				t.Logf("follow-ups: %d of %d, %d by the last question alone; changes of subject: %d of %d, %d by the last question alone",
					found, len(followUps), alone, kept, len(changes), best)
				if want := len(followUps) * 95 / 100; found < want {
					t.Errorf("of %d follow-ups %d were found, want at least %d", len(followUps), found, want)
				}
				if want := best - len(changes)/100; kept < want {
					t.Errorf("of %d changes of subject %d were found, want at least %d", len(changes), kept, want)
				}
			})
		}
	}
}

// lastQuestion finds the passages for the last question as a first one, inConversation for the whole conversation.
func lastQuestion(questions []string) []string   { return questions[len(questions)-1:] }
func inConversation(questions []string) []string { return questions }

func countFound(t *testing.T, service *query.Service, dialogues []dialogue, part func([]string) []string) (found int) {
	t.Helper()
	for _, d := range dialogues {
		var messages []model.Message
		for i, q := range part(d.questions) {
			if i > 0 {
				messages = append(messages, model.Message{Role: "assistant", Content: "That is in the documents [1]."})
			}
			messages = append(messages, model.Message{Role: "user", Content: q})
		}
		result, err := service.Answer(t.Context(), query.Request{Messages: messages})
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(result.Passages, d.isAnsweredBy) {
			found++
		}
	}
	return found
}

func (d dialogue) isAnsweredBy(p query.Passage) bool {
	name := strings.TrimSuffix(filepath.Base(p.Document), ".md")
	return slices.Contains(d.documents, name) && strings.Contains(p.Text, d.text)
}
