package model

import (
	"encoding/json"
	"strings"
	"unicode"
)

// maxMessage bounds, in code points, what is kept of a server's words.
const maxMessage = 200

// serverMessage finds the words in an error's body, of which these shapes are known: {"error": text},
// {"error": {"message": text}}, {"detail": text}, {"detail": [{"msg": text}]}, {"message": text},
// {"title": text}, a JSON string, and plain text. What is known in none of them is not repeated.
func serverMessage(body string) string {
	body = strings.TrimSpace(body)
	var v any
	if json.Unmarshal([]byte(body), &v) == nil {
		return words(v, 3)
	}
	if strings.HasPrefix(body, "{") || strings.HasPrefix(body, "[") || strings.HasPrefix(body, "<") {
		return ""
	}
	return body
}

// words looks depth levels deep for the first text under a known key. Objects hold the offending input under
// other keys, as FastAPI's validation errors do.
func words(v any, depth int) string {
	if depth < 0 {
		return ""
	}
	switch v := v.(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			return words(v[0], depth-1)
		}
	case map[string]any:
		for _, key := range []string{"error", "message", "msg", "detail", "title"} {
			if s := words(v[key], depth-1); s != "" {
				return s
			}
		}
	}
	return ""
}

// clean makes a server's message fit for logs and users: printable, short, without the key, and empty when it
// quotes the texts of the request.
func clean(message, key string, texts []string) string {
	if message == "" {
		return ""
	}
	if key != "" {
		message = strings.ReplaceAll(message, key, "[key]")
	}
	message = message[:min(len(message), 8*maxMessage)]
	printable := []rune(strings.Join(strings.FieldsFunc(message, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " "))
	// Quotes are looked for a little beyond what is kept, lest the cut leave the beginning of one.
	beyond := printable[:min(len(printable), maxMessage+quoteLength)]
	if quotes(string(beyond), append([]string{key}, texts...)) {
		return ""
	}
	return string(printable[:min(len(printable), maxMessage)])
}

// quoteLength is how many letters and digits in a row, the same in a message and a text, make a quotation.
const quoteLength = 16

// quotes says whether message repeats a part of one of the texts, or the whole of a short one, however it is
// escaped, wrapped or punctuated.
func quotes(message string, texts []string) bool {
	said := letters(message)
	for _, text := range texts {
		text := letters(text)
		if n := len(text); n > 2 && n < quoteLength && strings.Contains(string(said), string(text)) {
			return true
		}
		if len(text) < quoteLength {
			continue
		}
		haystack := string(text)
		for i := 0; i+quoteLength <= len(said); i++ {
			if strings.Contains(haystack, string(said[i:i+quoteLength])) {
				return true
			}
		}
	}
	return false
}

// letters keeps the letters and digits of s, in lower case.
func letters(s string) []rune {
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			out = append(out, unicode.ToLower(r))
		}
	}
	return out
}
