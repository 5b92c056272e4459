package lexical

import (
	"regexp"
	"strings"
)

// vague are the terms that say when, which tell passages apart, but seldom the statements of one.
var vague = set("q1 q2 q3 q4 quarter month year fiscal first second third fourth three six nine twelv end ended " +
	"period date januari februari march april may june juli august septemb octob novemb decemb")

// common are the verbs and adjectives of questions, which seldom tell anything apart.
var common = set("mean use work make get need happen want take go come call keep tell know find let allow " +
	"much mani long big high quick quickli soon new old good one someth somebodi anyth thing now right")

// cue reports whether a statement has something that its kind of question asks for.
type cue func(q *question, s *quote) bool

var (
	asksFigure = regexp.MustCompile(
		`(?i)\b(how (many|much|large|big|long|high|old|far|soon|quick\w*|fast|precise|accurate)|` +
			`(price|cost|costs|maximum|limit|number|amount|most)\b|what (was|were)|in which year)\b`)
	asksTime   = regexp.MustCompile(`(?i)\b(when|what time|which day|how (soon|long|quickly)|until)\b`)
	asksPerson = regexp.MustCompile(`(?i)\bwho(m|se)?\b`)
	asksPlace  = regexp.MustCompile(`(?i)\bwhere\b`)
	asksReason = regexp.MustCompile(`(?i)\bwhy\b`)
	asksManner = regexp.MustCompile(`(?i)\bhow\b`)
	asksRule   = regexp.MustCompile(`(?i)^(can|may|must|should|(am|are) (i|we) allowed|do i have to|is it (allowed|ok))\b`)

	number = regexp.MustCompile(`(?i)\d|\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|` +
		`fifteen|sixteen|twenty|thirty|forty|fifty|sixty|ninety|hundred|half|quarter|third|free|unlimited|none)\b`)
	moment = regexp.MustCompile(`(?i)\d{1,2}:\d\d|\d(th|st|nd|rd)\b|\b(january|february|march|april|may|june|july|` +
		`august|september|october|november|december|monday|tuesday|wednesday|thursday|friday|saturday|sunday|morning|noon|` +
		`evening|day|days|week|weeks|month|months|hours?|minutes?|year|years)\b`)
	person = regexp.MustCompile(`\p{Lu}\p{L}+ \p{Lu}\p{L}+|@|(?i)\b(manager|head|lead|desk|team|officer|director|board|` +
		`department|owner|administrator)\b`)
	place  = regexp.MustCompile(`(?i)\b(at|in|on|beside|behind|opposite|under|floor|room|building|to)\b`)
	reason = regexp.MustCompile(`(?i)\b(because|so that|since|due to|therefore|cause|caused)\b`)
	manner = regexp.MustCompile("(?i)\\b(by|then|first|once|when|until|beside|after|choose|click|under)\\b|`")
	rule   = regexp.MustCompile(`(?i)\b(may|must|can|cannot|allowed|permitted|permit|welcome|not|never|only|up to)\b`)
)

// cueFor returns the cue of the question's kind.
func cueFor(text string) cue {
	matches := func(words *regexp.Regexp) cue {
		return func(_ *question, s *quote) bool { return words.MatchString(s.text) }
	}
	for _, kind := range []struct{ asks, answers *regexp.Regexp }{
		{asksPerson, person}, {asksPlace, place}, {asksReason, reason}, {asksTime, moment}, {asksFigure, number},
		{asksManner, manner}, {asksRule, rule},
	} {
		if kind.asks.MatchString(text) {
			return matches(kind.answers)
		}
	}
	return func(*question, *quote) bool { return false }
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}
