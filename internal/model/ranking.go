package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

const (
	// maxPassages is NIM's limit for one ranking request.
	maxPassages = 512

	rankingTimeout = time.Minute
)

// Ranker orders passages by how well they answer a question.
type Ranker struct {
	client *client
	forms  []rankingForm
	// form is the index of the form that the server takes; its own protocol's until another has worked.
	form atomic.Int32
	// settled reports whether the server has taken a form. searched is the Unix time in nanoseconds at
	// which all were tried in vain.
	settled  atomic.Bool
	searched atomic.Int64
	// most is how many passages the server takes, and ranks, in one request.
	most atomic.Int32
}

// NewRanker makes a client of the reranking model m. A nil key sends none.
func NewRanker(m config.Model, key Key, t Transport) *Ranker {
	r := &Ranker{client: newClient(config.StageReranking, m.Name, "", key, t), forms: rankingForms(m)}
	r.client.url = r.forms[0].url
	r.most.Store(maxPassages)
	return r
}

// Rank returns every passage once, the best first and ties by index. It ranks a passage over the
// model's limit by its beginning. Where the server takes, or ranks, only so many passages at once, it
// sends several requests.
func (r *Ranker) Rank(ctx context.Context, query string, passages []string) ([]Ranked, error) {
	k := &ranking{ranker: r, query: query, retry: interactive, passages: make([]passage, len(passages)),
		out: make([]Ranked, 0, len(passages))}
	for i, p := range passages {
		k.passages[i] = passage{index: i, text: p}
	}
	if err := k.rank(ctx, k.passages); err != nil {
		return nil, err
	}
	slices.SortFunc(k.out, func(a, b Ranked) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Index, b.Index))
	})
	return k.out, nil
}

// Probe ranks one short passage, once.
func (r *Ranker) Probe(ctx context.Context) error {
	_, err := r.post(ctx, probeText, []string{probeText}, probe)
	return err
}

// ranking is one call of Rank under way.
type ranking struct {
	ranker   *Ranker
	query    string
	passages []passage
	retry    retryPolicy
	out      []Ranked
	// tooLong and fits are how many code points a passage had that the server found too long by itself,
	// and how many are left of it; 0 until there is one.
	tooLong, fits int
}

type passage struct {
	index int
	text  string
}

// rank ranks a part of the passages, in as many requests as the server needs.
func (k *ranking) rank(ctx context.Context, part []passage) error {
	for most := int(k.ranker.most.Load()); len(part) > most; most = int(k.ranker.most.Load()) {
		if err := k.rank(ctx, part[:most]); err != nil {
			return err
		}
		part = part[most:]
	}
	if len(part) == 0 {
		return nil
	}
	k.shorten(part)
	texts := make([]string, len(part))
	for i, p := range part {
		texts[i] = p.text
	}
	ranked, err := k.ranker.post(ctx, k.query, texts, k.retry)
	if err != nil {
		return k.again(ctx, part, err)
	}
	k.take(part, ranked)
	return nil
}

func (k *ranking) take(part []passage, ranked []Ranked) {
	for _, p := range ranked {
		k.out = append(k.out, Ranked{Index: part[p.Index].index, Score: p.Score})
	}
}

// again ranks a part, for which one request failed, in smaller requests if that may help.
func (k *ranking) again(ctx context.Context, part []passage, err error) error {
	if cut, ok := errors.AsType[*cutError](err); ok && len(cut.ranked) > 0 {
		return k.rest(ctx, part, cut, err)
	}
	limit, countsPassages := passageLimit(err, len(part))
	switch {
	case countsPassages && len(part) > 1:
		return k.inParts(ctx, part, limit)
	case FailureOf(err) != config.InputTooLong:
		return err
	case len(part) > 1:
		half := len(part) / 2
		if err := k.rank(ctx, part[:half]); err != nil {
			return err
		}
		return k.rank(ctx, part[half:])
	}
	return k.halve(ctx, part, err)
}

// inParts ranks a part, which was refused for the number of its passages, at most limit at once. The limit is
// remembered once it has helped: a question that is refused in such words must not cut the requests of others.
func (k *ranking) inParts(ctx context.Context, part []passage, limit int) error {
	for chunk := range slices.Chunk(part, limit) {
		if err := k.rank(ctx, chunk); err != nil {
			return err
		}
	}
	k.ranker.takesAtMost(limit)
	return nil
}

// rest ranks the passages that a server left out of its answer, as many at once as it did rank.
func (k *ranking) rest(ctx context.Context, part []passage, cut *cutError, err error) error {
	left := slices.Clone(part)
	for _, p := range cut.ranked {
		left[p.Index].index = -1
	}
	left = slices.DeleteFunc(left, func(p passage) bool { return p.index < 0 })
	k.take(part, cut.ranked)
	for chunk := range slices.Chunk(left, len(cut.ranked)) {
		texts := make([]string, len(chunk))
		for i, p := range chunk {
			texts[i] = p.text
		}
		ranked, again := k.ranker.post(ctx, k.query, texts, k.retry)
		if again != nil {
			return err
		}
		k.take(chunk, ranked)
		if len(chunk) == len(cut.ranked) {
			k.ranker.takesAtMost(len(cut.ranked))
		}
	}
	return nil
}

// halve shortens a single passage that is too long until the server accepts it.
func (k *ranking) halve(ctx context.Context, part []passage, err error) error {
	const least = 50 // code points; below it, the passage is not what is too long
	length := utf8.RuneCountInString(part[0].text)
	if length/2 < least {
		return err
	}
	k.tooLong, k.fits = length, length/2
	return k.rank(ctx, part)
}

// shorten cuts the passages that are as long as one that was too long.
func (k *ranking) shorten(part []passage) {
	for i, p := range part {
		if k.tooLong > 0 && utf8.RuneCountInString(p.text) >= k.tooLong {
			part[i].text = string([]rune(p.text)[:k.fits])
		}
	}
}

// takesAtMost remembers how many passages the server takes at once.
func (r *Ranker) takesAtMost(n int) {
	for known := r.most.Load(); int32(n) < known; known = r.most.Load() {
		if r.most.CompareAndSwap(known, int32(n)) {
			r.client.learned(fmt.Sprintf("ranks at most %d passages a request", n))
			return
		}
	}
}

// countWords are the words by which servers refuse the number of passages of a request.
var countWords = []string{"batch size", "batch_size", "too many documents", "too many passages", "too many texts",
	"too many inputs", "number of documents", "number of passages", "number of texts", "number of inputs", "maximum of",
	"at most", "number of items", "item count", "maxitems", "max_items", "array length", "array with maximum length",
	"input array", "数组最大", "too many items", "single input", "one input", "only one text",
	"one document at a time"}

// countPhrases finds other words for it, such as "must not contain more than 10 items" and "up to 100 documents".
var countPhrases = regexp.MustCompile(`(?:more than|up to|maximum|max\.?|limit of|limited to|exceeds?|between 1 and):? ` +
	`(?:is |of )?\d[\d,]* (?:items|documents|docs|texts|inputs|passages|elements|records|sentences|chunks|pairs|strings)`)

// tokenWords show that a limit is one of tokens. The physical batch size is llama.cpp's.
var tokenWords = []string{"token", "physical batch size"}

var numbers = regexp.MustCompile(`\d[\d,]*`)

// passageLimit reports whether a server refused a request for its number of passages, and how many it
// takes: the largest smaller number that it names, or else half.
func passageLimit(err error, sent int) (limit int, ok bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Failure != config.InputTooLong && e.Failure != config.ModelRejected {
		return 0, false
	}
	said := strings.ToLower(e.Message)
	if !containsAny(said, countWords) && !countPhrases.MatchString(said) || containsAny(said, tokenWords) {
		return 0, false
	}
	for _, digits := range numbers.FindAllString(said, -1) {
		n, err := strconv.Atoi(strings.ReplaceAll(digits, ",", ""))
		if err == nil && n > 0 && n < sent {
			limit = max(limit, n)
		}
	}
	return cmp.Or(limit, max(sent/2, 1)), true
}

// searchEvery is how often all forms are tried for a server that takes none.
const searchEvery = time.Minute

// post ranks passages in one request, in the form that the server takes. As long as it has taken none,
// post tries the other forms when it refuses one.
func (r *Ranker) post(ctx context.Context, query string, passages []string, retry retryPolicy) ([]Ranked, error) {
	form := int(r.form.Load())
	searches := !r.settled.Load() && time.Now().UnixNano()-r.searched.Load() >= int64(searchEvery)
	ranked, err := r.postIn(ctx, r.forms[form], query, passages, retry, searches)
	if takes(err) {
		r.settled.Store(true)
		return ranked, err
	}
	badURL, badBody := refusesForm(err)
	if _, counts := passageLimit(err, len(passages)); counts || !badURL && !badBody {
		return ranked, err
	}
	if learned := int(r.form.Load()); learned != form { // by another call, meanwhile
		return r.postIn(ctx, r.forms[learned], query, passages, retry, false)
	}
	if !searches {
		return ranked, err
	}
	return r.search(ctx, query, passages, retry, badURL, err)
}

// search tries the other forms than the first, of which badURL reports whether its url does not exist. It
// returns the error of the first if the server takes none.
func (r *Ranker) search(
	ctx context.Context, query string, passages []string, retry retryPolicy, badURL bool, err error,
) ([]Ranked, error) {
	missing := map[string]bool{r.forms[0].url: badURL}
	retry.attempts = 1
	for i, f := range r.forms[1:] {
		if missing[f.url] {
			continue
		}
		ranked, other := r.postIn(ctx, f, query, passages, retry, true)
		switch {
		case takes(other):
			r.form.Store(int32(i + 1))
			r.settled.Store(true)
			r.client.learned(f.fact)
			return ranked, other
		case ctx.Err() != nil:
			return nil, other
		}
		missing[f.url], _ = refusesForm(other)
	}
	r.searched.Store(time.Now().UnixNano())
	r.client.observe(config.StageReranking, 0, err)
	return nil, err
}

// takes reports whether the server has taken the form of a request.
func takes(err error) bool {
	_, cut := errors.AsType[*cutError](err)
	return err == nil || cut || FailureOf(err) == config.InputTooLong
}

// postIn ranks passages in one request of that form. searching reports whether another form follows if
// the server refuses this one.
func (r *Ranker) postIn(
	ctx context.Context, f rankingForm, query string, passages []string, retry retryPolicy, searching bool,
) (ranked []Ranked, err error) {
	err = r.client.do(ctx, call{
		operation: "ranking",
		url:       f.url,
		body:      r.body(f, query, passages),
		texts:     append([]string{query}, passages...),
		retry:     retry,
		timeout:   rankingTimeout,
		teaches: func(err error) bool {
			badURL, badBody := refusesForm(err)
			return searching && (badURL || badBody)
		},
		read: r.client.readsWhole(func(answer []byte) (err error) {
			ranked, err = parseRanking(answer, len(passages))
			return err
		}),
	})
	return ranked, err
}

func (r *Ranker) body(f rankingForm, query string, passages []string) []byte {
	b := make([]byte, 0, capacity(passages...)+len(query))
	b = append(b, `{"model":`...)
	b = appendString(b, r.client.model)
	return f.body.write(b, query, passages)
}

// AreLogits reports whether the scores of a ranking, which come best first, are logits, and not a
// relevance in 0..1. A NIM gives logits. Of the servers with OpenAI's protocol, some give logits
// too (llama.cpp), others a relevance (vLLM).
func AreLogits(p config.Protocol, ranking []Ranked) bool {
	return p != config.OpenAI || len(ranking) == 0 || ranking[0].Score > 1 || ranking[len(ranking)-1].Score < 0
}

// join puts a route after a base url that ends in /v1.
func join(base, route string) string { return strings.TrimRight(base, "/") + route }

// rankingURL is the url at which m ranks. A NIM has {url}/ranking, or its url itself if that
// already names the route; NVIDIA's hosted API has a host and a path for each model;
// OpenAI-compatible servers have {url}/rerank.
func rankingURL(m config.Model) string {
	if m.Protocol == config.OpenAI {
		return join(m.URL, "/rerank")
	}
	for _, route := range []string{"/ranking", "/reranking", "/rerank"} {
		if strings.HasSuffix(m.URL, route) {
			return m.URL
		}
	}
	if isHosted(m.URL) {
		name := strings.TrimPrefix(m.Name, "nvidia/")
		return "https://ai.api.nvidia.com/v1/retrieval/nvidia/" + strings.ReplaceAll(name, ".", "_") + "/reranking"
	}
	return join(m.URL, "/ranking")
}

// isHosted reports whether the url is of NVIDIA's hosted API.
func isHosted(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return host == "integrate.api.nvidia.com" || host == "ai.api.nvidia.com"
}
