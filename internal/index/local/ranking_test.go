package local

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// Both retrievers, with and without filters, agree with references that know nothing about
// postings, ordinals or compaction, while random documents are added, changed and removed.
func TestRankingAgreesWithReference(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	r, live := newRanking(), map[string][]ranked{}
	compactions, chunks := 0, 0
	for step := range 5000 {
		document := fmt.Sprintf("s%d/%d", random.IntN(3), random.IntN(300))
		var put []ranked
		if random.IntN(4) > 0 {
			put = randomDocument(random, document, &chunks)
		}
		deleted := r.deleted
		if random.IntN(10) == 0 {
			stage(r, put)
			r.rollback()
		}
		stage(r, put)
		r.replace(document, len(r.entries)-len(put))
		if live[document] = put; r.deleted < deleted {
			compactions++
		}
		if step%250 == 0 || r.deleted < deleted {
			agree(t, random, r, live)
		}
	}
	if compactions < 2 {
		t.Errorf("%d compactions, the test wants some", compactions)
	}
	for document := range live {
		r.remove(document)
		r.compact()
	}
	if r.chunks() != 0 || r.terms != 0 || len(r.ordinals) != 0 || len(r.documents) != 0 {
		t.Errorf("an emptied ranking has %d chunks, %d terms", r.chunks(), r.terms)
	}
}

// ranked is a chunk with what it is ranked by.
type ranked struct {
	chunk  index.Chunk
	terms  []string
	vector []float32
}

func stage(r *ranking, chunks []ranked) {
	s := newSegment(len(chunks))
	for i := range chunks {
		c := &chunks[i]
		s.add(1, &c.chunk, c.vector)
		s.postings.add(joinedTerms(&c.chunk))
	}
	r.stage(s)
}

func randomDocument(random *rand.Rand, document string, chunks *int) []ranked {
	source, _, _ := strings.Cut(document, "/")
	put := make([]ranked, 1+random.IntN(5))
	for i := range put {
		var words []string
		for range random.IntN(30) {
			words = append(words, "w"+letters(int(math.Exp(random.Float64()*5))))
		}
		*chunks++
		c := index.Chunk{
			ID:       fmt.Sprintf("%08x-%d", random.Uint32(), *chunks),
			Document: document, Source: source, Text: strings.Join(words, " "),
			Metadata: config.Metadata{"parity": config.Text(fmt.Sprint(len(document) % 2))},
		}
		v := vector.Unit([]float32{float32(random.IntN(5)), float32(random.IntN(5)), float32(random.IntN(5) - 2), 1})
		put[i] = ranked{c, index.Analyse(c.Embedded()), v}
	}
	return put
}

func letters(n int) string { return strings.Repeat(string(rune('a'+n%26)), 1+n/26) }

// agree compares answers to a few random questions.
func agree(t *testing.T, random *rand.Rand, r *ranking, live map[string][]ranked) {
	t.Helper()
	for range 6 {
		filter := []*index.Filter{
			nil, nil, index.AnyOf("source", "s1", "s2"), index.All(index.AnyOf("parity", "0"), index.AnyOf("source", "s0")),
			index.AnyOf("document", "s0/1", "s1/7", "s2/200"), index.AnyOf("none", "x"),
		}[random.IntN(6)]
		var all, allowed []ranked
		for _, document := range live {
			for _, c := range document {
				if all = append(all, c); passes(c, filter) {
					allowed = append(allowed, c)
				}
			}
		}
		limit := 1 + random.IntN(60)
		question := []string{"wa", "w" + letters(random.IntN(100)), "w" + letters(random.IntN(100)), "wa", "unheard"}
		compare(t, r.keyword(question, limit, filter), referenceBM25(question, all, allowed), limit)

		q := []float32{float32(random.IntN(5)), float32(random.IntN(5)), float32(random.IntN(5)), 1}
		vector.Normalise(q)
		one := &search{unit: q, limit: limit, filter: filter}
		r.nearest([]*search{one})
		compare(t, one.hits, referenceCosine(q, allowed), limit)
	}
}

// passes evaluates filters that are nil, AnyOf or All of such.
func passes(c ranked, filter *index.Filter) bool {
	if filter == nil {
		return true
	}
	for _, operand := range filter.Filters {
		if !passes(c, operand) {
			return false
		}
	}
	own := map[string]string{
		"source": c.chunk.Source, "document": c.chunk.Document, "parity": c.chunk.Metadata["parity"].String(),
	}[filter.Key]
	return filter.Operator == index.And ||
		slices.Contains(filter.Values, config.Scalar{Type: config.TextType, Text: own})
}

// referenceBM25 is the formula, word for word.
func referenceBM25(question []string, all, allowed []ranked) (hits []index.Hit) {
	var average float64
	for _, c := range all {
		average += float64(len(c.terms)) / float64(len(all))
	}
	containing := map[string]float64{}
	for _, c := range all {
		for _, term := range slices.Compact(slices.Sorted(slices.Values(c.terms))) {
			containing[term]++
		}
	}
	for _, c := range allowed {
		var score float64
		for _, term := range question {
			var tf float64
			for _, t := range c.terms {
				if t == term {
					tf++
				}
			}
			idf := math.Log(1 + (float64(len(all))-containing[term]+0.5)/(containing[term]+0.5))
			score += idf * tf * (1.2 + 1) / (tf + 1.2*(1-0.75+0.75*float64(len(c.terms))/average))
		}
		if score > 0 {
			hits = append(hits, index.Hit{ID: c.chunk.ID, Score: score, Digest: index.Digest(c.chunk.Text)})
		}
	}
	return hits
}

func referenceCosine(q []float32, allowed []ranked) (hits []index.Hit) {
	for _, c := range allowed {
		var score float64
		for i := range q {
			score += float64(q[i]) * float64(c.vector[i])
		}
		hits = append(hits, index.Hit{ID: c.chunk.ID, Score: score, Digest: index.Digest(c.chunk.Text)})
	}
	return hits
}

// compare allows for rounding in the scores, and therefore in the order of scores that are that
// close.
func compare(t *testing.T, got, want []index.Hit, limit int) {
	t.Helper()
	scores := map[string]index.Hit{}
	for _, h := range want {
		scores[h.ID] = h
	}
	slices.SortFunc(want, func(a, b index.Hit) int { return int(math.Copysign(1, b.Score-a.Score)) })
	if len(got) != min(limit, len(want)) {
		t.Fatalf("%d hits, want %d of %d", len(got), limit, len(want))
	}
	for i, h := range got {
		own, there := scores[h.ID]
		if !there || math.Abs(own.Score-h.Score) > 1e-6 || math.Abs(want[i].Score-h.Score) > 1e-6 || own.Digest != h.Digest {
			t.Fatalf("hit %d is %+v; its score should be %v, and that of this rank %v", i, h, own.Score, want[i].Score)
		}
		if i > 0 && (got[i-1].Score < h.Score || got[i-1].Score == h.Score && got[i-1].ID >= h.ID) {
			t.Fatalf("hit %+v comes before %+v", got[i-1], h)
		}
	}
}

// Frequencies past what a posting holds count as the largest it holds, and do not run over into the
// ordinal.
func TestPostingHoldsItsFrequency(t *testing.T) {
	p := newPostings()
	p.add(strings.Repeat("many ", 9_999) + "many")
	p.add("many")
	list := listsOf(&p)[termOf("many")]
	if len(list) != 2 || list[0].ordinal() != 0 || list[0].frequency() != maxFrequency ||
		list[1].ordinal() != 1 || list[1].frequency() != 1 {
		t.Errorf("postings are %x", list)
	}
}

// Loading an index gives the postings that adding its chunks one after the other gives.
func TestBuiltPostingsAreThoseThatWereAdded(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	words := []string{"a", "ab", "eightlet", "ninelette", "ninelettr", "eightlett", "größe", "漢字", strings.Repeat("long", 50)}
	for i := range 500 {
		words = append(words, letters(i*37))
	}
	added, built := newPostings(), newBuilder()
	chunks := make([]loaded, 300)
	for i := range chunks {
		terms := make([]string, random.IntN(60))
		for j := range terms {
			terms[j] = words[int(float64(len(words))*math.Pow(random.Float64(), 3))]
		}
		if i == 7 {
			terms = slices.Repeat([]string{"many"}, 1000)
		}
		chunks[i].terms = strings.Join(terms, " ")
		added.add(chunks[i].terms)
	}
	for segment := range slices.Chunk(chunks, 64) {
		built.add(count(segment))
	}
	got := built.postings()
	if len(added.terms) < 100 {
		t.Fatalf("only %d terms are compared", len(added.terms))
	}
	if diff := cmp.Diff(listsOf(&added), listsOf(&got)); diff != "" {
		t.Errorf("lists (-added +built):\n%s", diff)
	}
	if diff := cmp.Diff(added.lengths, got.lengths); diff != "" {
		t.Errorf("lengths (-added +built):\n%s", diff)
	}
	before := listsOf(&got)
	got.add("a ab eightlet")
	after := listsOf(&got)
	for term, list := range before { // no list has grown into another
		if diff := cmp.Diff(list, after[term][:len(list)]); diff != "" {
			t.Fatalf("%x after another chunk (-want +got):\n%s", term, diff)
		}
	}
	added.add("a ab eightlet")
	live, kept, moved := newBitset(len(got.lengths)), []uint32{}, make([]uint32, len(got.lengths))
	for i := uint32(0); int(i) < len(got.lengths); i += 2 {
		live.set(i)
		moved[i] = uint32(len(kept))
		kept = append(kept, i)
	}
	added.keep(kept, moved, live)
	got.keep(kept, moved, live)
	if diff := cmp.Diff(listsOf(&added), listsOf(&got)); diff != "" {
		t.Errorf("lists of every second chunk (-added +built):\n%s", diff)
	}
}

func listsOf(p *postings) map[term][]posting {
	lists := map[term][]posting{}
	for term, i := range p.all {
		parts := p.of(i)
		lists[term] = slices.Concat(parts[0], parts[1])
	}
	return lists
}

// A question as long as a request may be takes no longer than its distinct terms do.
func TestALongQuestionIsNoMoreWorkThanItsTerms(t *testing.T) {
	p := newPostings()
	for range 20_000 {
		p.add("common")
	}
	scores := make([]float64, 20_000)
	p.score(scores, slices.Repeat([]string{"common"}, 1_000_000), corpus{chunks: 20_000, terms: 20_000}, nil)
	once := make([]float64, 20_000)
	p.score(once, []string{"common"}, corpus{chunks: 20_000, terms: 20_000}, nil)
	if math.Abs(scores[7]/once[7]-1e6) > 1 {
		t.Errorf("a term that comes a million times counts %v times", scores[7]/once[7])
	}
}
