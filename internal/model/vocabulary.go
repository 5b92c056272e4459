package model

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// vocabulary are words of servers' messages. They tell nothing of a text that has them, too.
var vocabulary = wordsOf(`
	able aborted about above accept accepted accepts access account across active additional after again all allow
	allowed already also and another any api are argument arguments array assistant attempt authentication
	authorization available backend bad balance base64 batch be because been before being below between bill billing
	body both bound but by cancelled cannot capacity change character characters chat check choose client closed
	code complete completion completions conflict connection contact contain contains content context control
	correct could create credit credits current daily data default denied deployment deprecated details did
	different dimension dimensions disabled document documents does done down due during each either element embed
	embedding embeddings empty enabled encoding encoding_format end endpoint engine enough entitled entitlement
	entity error errors exceed exceeded exceeding exceeds exhausted exist existing exists expected expired fail
	failed failure false field fields file find finish first for forbidden format found from full function gateway
	generate generation given gone had hard has have header help host hour http https image images implemented
	include included incomplete incorrect index inference information input input_type inputs instead instruction
	insufficient integer internal invalid is its json key keys known language large last later least length less
	limit limited limits list load loaded loading long longer make malformed many match max maximum may memory
	message messages method min minimum minute missing mode model models month more most must name need needed needs
	new next not null number object of off ok one only open organization other out output over overloaded page
	parameter parameters parse part passage passages path payload payment pending per permission permissions plan
	please policy pool possible post precondition process processing project prompt property provide provided proxy
	query queue quota range rank ranking rate reach reached read ready received refused region reject rejected
	remove reply request requested requests require required requires rerank reranking resource response result
	retired retry return returned role roles route rule running same schema second seconds see sending sent sequence
	server servers service set shape shorten should single size some something start started state status stop
	stream string subscription such supplied support supported supports system take takes temperature temporarily
	terminated terms text texts than that the their them then there these they this those tier time timed timeout
	title to together token tokens took tool tools total truncate try type types unable unauthenticated unauthorized
	unavailable undefined under unexpected unknown unprocessable unsupported until upgrade upstream url usage use
	used user using valid validation value values vector vectors version violation wait was were what when where
	which will with without word worker wrong you your`)

func wordsOf(text string) map[string]bool {
	set := map[string]bool{}
	for _, word := range fieldsOf(text) {
		set[strings.ToLower(word)] = true
	}
	return set
}

// fieldsOf cuts a text at everything but letters, digits and the signs within names and numbers.
func fieldsOf(text string) []string { return strings.FieldsFunc(text, notOfWord) }

func notOfWord(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-'
}

// leastSecret is the length, in code points, from which a word may give a text away.
const leastSecret = 4

// mask replaces every word of a server's message that one of the texts has as well and that is not in the vocabulary:
// a server may quote a single word, and that may be the one that matters. Short numbers stay: they are limits.
func mask(message string, texts []string) string {
	var asked map[string]bool
	return replaceWords(message, func(word string) bool {
		lower := strings.ToLower(word)
		if utf8.RuneCountInString(word) < leastSecret || vocabulary[lower] || isLimit(word) {
			return false
		}
		if asked == nil {
			asked = wordsOf(strings.Join(texts, "\n"))
		}
		return asked[lower]
	})
}

// isLimit reports whether a word is a number of at most six digits.
func isLimit(word string) bool {
	return len(word) <= 6 && !strings.ContainsFunc(word, func(r rune) bool { return r < '0' || r > '9' })
}

// replaceWords puts an ellipsis in the place of the words that hides accepts.
func replaceWords(message string, hides func(word string) bool) string {
	var out strings.Builder
	for rest := message; rest != ""; {
		start := strings.IndexFunc(rest, func(r rune) bool { return !notOfWord(r) })
		if start < 0 {
			out.WriteString(rest)
			break
		}
		end := strings.IndexFunc(rest[start:], notOfWord)
		if end < 0 {
			end = len(rest) - start
		}
		word := rest[start : start+end]
		out.WriteString(rest[:start])
		if hides(word) {
			out.WriteString("[…]")
		} else {
			out.WriteString(word)
		}
		rest = rest[start+end:]
	}
	return out.String()
}
