package retrieval

import (
	"fmt"
	"maps"
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
	answers   []string // are the assistant's; where one is missing, it only says that it is in the documents
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
			dialogue{questions: []string{first, "And in 2023?"}, documents: both[1:], text: figures},
			dialogue{questions: []string{first, "How many employees did it have in 2023?"}, documents: both[1:], text: figures},
			dialogue{questions: []string{first, "Where was its headquarters?"}, documents: both, text: figures},
			dialogue{questions: []string{first, "What about " + other + "?"}, documents: []string{strings.ToLower(other) + "-2022"}, text: figures},
			dialogue{questions: []string{first, "And in 2023?", "How many employees?"}, documents: both[1:], text: figures},
			dialogue{questions: []string{first, "Thanks.", "And in 2023?"}, documents: both[1:], text: figures},
			dialogue{questions: []string{"How many weeks of parental leave do employees get?", "When does it begin?"}, documents: []string{"leave"}, text: ""},
		)
		changes = append(changes,
			dialogue{questions: []string{first, "How many employees did " + other + " have in 2023?"}, documents: []string{strings.ToLower(other) + "-2023"}, text: figures},
			dialogue{questions: []string{first, "How many weeks of parental leave do employees get?"}, documents: []string{"leave"}, text: ""},
			dialogue{questions: []string{first, "Where can I park?"}, documents: []string{"parking"}, text: ""},
			dialogue{questions: []string{first, "How many days of vacation may be carried over?"}, documents: []string{"vacation"}, text: ""},
			dialogue{questions: []string{first, "I lost my laptop, what now?"}, documents: []string{"security"}, text: ""},
			dialogue{questions: []string{first, "Hotel price limit"}, documents: []string{"travel"}, text: ""},
			dialogue{questions: []string{"How many vacation days are there?", first}, documents: both[:1], text: figures},
		)
	}
	return followUps, changes
}

// reports are the documents that dialogues ask about, by name: each report has a chunk with the figures and eight that
// go on about the company.
func reports() map[string]string {
	documents := maps.Clone(rules)
	for i, name := range companies {
		for year := 2022; year <= 2023; year++ {
			text := fmt.Sprintf("# %s annual report %d\nThe revenue of %s in %d was %d million euros. %s had %d employees, and its "+
				"headquarters was in town %d.\n", name, year, name, year, 10+i+year%100, name, 100+7*i, i)
			for section := range strings.FieldsSeq("Regions Risks Outlook Research Board Dividend Sustainability Audit") {
				text += "\n## " + section + "\n" + strings.Repeat(fmt.Sprintf("This section of the report of %s for %d explains how "+
					"the revenue developed, and what %s plans about it. ", name, year, name), 6) + "\n"
			}
			documents[fmt.Sprintf("%s-%d", strings.ToLower(name), year)] = text
		}
	}
	return documents
}

func write(t *testing.T, documents map[string]string) (directory string) {
	t.Helper()
	directory = t.TempDir()
	for name, text := range documents {
		if err := os.WriteFile(filepath.Join(directory, name+".md"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
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
	for name, set := range map[string]struct {
		documents map[string]string
		dialogues func() (followUps, changes []dialogue)
	}{"reports": {reports(), dialogues}, "manuals and rules": {otherDocuments(), otherDialogues}} {
		documents := write(t, set.documents)
		followUps, changes := set.dialogues()
		for _, embedding := range embeddings {
			store := index(t, documents, "*.md", embedding)
			for _, ranker := range []*config.Model{nil, {URL: standIn, Name: config.StandInReranking}} {
				t.Run(fmt.Sprintf("%s, %s, reranking %v", name, filepath.Base(embedding.Name), ranker != nil), func(t *testing.T) {
					service := newService(store, embedding, config.Hybrid, ranker, nil)
					judge(t, service, followUps, changes)
				})
			}
		}
	}
}

func judge(t *testing.T, service *query.Service, followUps, changes []dialogue) {
	t.Helper()
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
				answer := "According to the documents, " + strings.Trim(part(d.questions)[i-1], "?.") + ": 42 [1]."
				if i <= len(d.answers) {
					answer = d.answers[i-1]
				}
				messages = append(messages, model.Message{Role: "assistant", Content: answer})
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
