package plain

import (
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// WithoutPayloads is a text without the images and files that stand in it in base64, and how many those are. It passes
// the text a few times, whatever stands there.
func WithoutPayloads(s string) (string, int) {
	n := 0
	drop := func(match string) string {
		if !isPayload(match) {
			return match // an identifier, a hash, a sequence of genes
		}
		n++
		return wordBelow(match)
	}
	if strings.Contains(s, dataURIMark) {
		s = replaced(s, dataURI, func(match string) string { n++; return wordBelow(match) })
	}
	if strings.Contains(s, fileMark) {
		s = replaced(s, uuencoded, func(string) string { n++; return "" })
	}
	return replaced(replaced(s, base64Lines, drop), base64Run, drop), n
}

// finder finds the first of something in a text from a place on.
type finder func(s string, from int) (start, end int, found bool)

// replaced is the text with other texts in the place of all that is found.
func replaced(s string, find finder, by func(match string) string) string {
	var b strings.Builder
	kept := 0
	for {
		start, end, found := find(s, kept)
		if !found {
			break
		}
		b.WriteString(s[kept:start])
		b.WriteString(by(s[start:end]))
		kept = end
	}
	if kept == 0 {
		return s
	}
	b.WriteString(s[kept:])
	return b.String()
}

// isPayload reports whether capitals, small letters, and figures or signs stand in what may be data in base64.
func isPayload(s string) bool {
	var lower, upper, other bool
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z':
			lower = true
		case 'A' <= c && c <= 'Z':
			upper = true
		case '0' <= c && c <= '9', c == '+', c == '/':
			other = true
		}
		if lower && upper && other {
			return true
		}
	}
	return false
}

// wordBelow is the last line of a match if that is a word and not the end of the data.
func wordBelow(match string) string {
	at := strings.LastIndexByte(match, '\n') + 1
	if last := match[at:]; at > 0 && !strings.HasSuffix(last, "=") && !isPayload(last) && strings.TrimSpace(last) != "" {
		return "\n" + last
	}
	return ""
}

// Payloads counts them as parts that are not read.
func Payloads(w *config.Warnings, n int) {
	if n > 0 {
		w.Add(config.PartsIgnored, n, "data in base64")
	}
}
