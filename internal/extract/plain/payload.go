package plain

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Data in base64 is found by its length: nothing that people write has so many of its characters in a row.
var (
	dataURI = regexp.MustCompile(`data:[\w.+-]*/?[\w.+-]*(?:;[\w-]+=?[\w.-]*)*;base64,` +
		`(?:[A-Za-z0-9+/_-]|%2[BbFf]|\\n)*(?:\r?\n[ \t]*[A-Za-z0-9+/_-]+)*(?:=|%3[Dd])*`)
	base64Run   = regexp.MustCompile(`[A-Za-z0-9+/_-]{200,}={0,2}`)
	base64Lines = regexp.MustCompile(`(?m)(?:^[ \t>]*[A-Za-z0-9+/]{60,}\r?\n){3,}(?:^[ \t>]*[A-Za-z0-9+/]+={0,2}$)?`)
	// uuencoded are files in the form that mails had before MIME.
	uuencoded    = regexp.MustCompile("(?m)^begin [0-7]{3,4} [^\n]+\n(?:[ -`]{1,62}\r?\n)+end\r?$")
	payloadCases = []*regexp.Regexp{regexp.MustCompile(`[a-z]`), regexp.MustCompile(`[A-Z]`),
		regexp.MustCompile(`[0-9+/]`)}
)

// WithoutPayloads is a text without the images and files that stand in it in base64, and how many those are.
func WithoutPayloads(s string) (string, int) {
	n := 0
	drop := func(match string) string {
		if !isPayload(match) {
			return match // an identifier, a hash, a sequence of genes
		}
		n++
		return wordBelow(match)
	}
	if strings.Contains(s, ";base64,") {
		s = dataURI.ReplaceAllStringFunc(s, func(match string) string { n++; return wordBelow(match) })
	}
	if strings.Contains(s, "begin ") {
		s = uuencoded.ReplaceAllStringFunc(s, func(string) string { n++; return "" })
	}
	if hasRun(s, minLine) {
		s = base64Run.ReplaceAllStringFunc(base64Lines.ReplaceAllStringFunc(s, drop), drop)
	}
	return s, n
}

func isPayload(s string) bool {
	return !slices.ContainsFunc(payloadCases, func(has *regexp.Regexp) bool { return !has.MatchString(s) })
}

// wordBelow is the last line of a match if that is a word and not the end of the data.
func wordBelow(match string) string {
	at := strings.LastIndexByte(match, '\n') + 1
	if last := match[at:]; at > 0 && !strings.HasSuffix(last, "=") && !isPayload(last) && strings.TrimSpace(last) != "" {
		return "\n" + last
	}
	return ""
}

// minLine is how many characters of base64 a line has at least.
const minLine = 60

// hasRun reports whether so many characters of base64 stand in a row anywhere: most texts have no such run, and the
// patterns are slow.
func hasRun(s string, n int) bool {
	run := 0
	for i := range len(s) {
		if !isBase64[s[i]] {
			run = 0
		} else if run++; run == n {
			return true
		}
	}
	return false
}

var isBase64 = func() (table [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-") {
		table[c] = true
	}
	return table
}()

// Payloads counts them as parts that are not read.
func Payloads(w *config.Warnings, n int) {
	if n > 0 {
		w.Add(config.PartsIgnored, n, "data in base64")
	}
}
