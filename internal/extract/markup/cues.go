package markup

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/extract/records"
)

// Subtitles and cards.

var (
	cueTime  = regexp.MustCompile(`^\s*((?:\d{1,3}:)?\d{1,2}:\d{2})[.,]\d{1,3}\s*-->\s*(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}.*$`)
	cueVoice = regexp.MustCompile(`<v(?:\.[^ >]*)?[ \t]+([^>]+)>`)
	cueAside = regexp.MustCompile(`^(?:NOTE|STYLE|REGION)\b`)
	cueTag   = regexp.MustCompile(`</?(?:[biuc]|v|ruby|rt|lang|font)\b[^>]*>|<[\d:.]+>|\{\\[^}]*\}`)
)

// paragraphOfCues is how many bytes of cues make a paragraph, if a sentence ends there.
const paragraphOfCues = 500

// joinedCues are subtitles (SRT, WebVTT) as they are spoken: sentences that run over cues are whole, and each paragraph
// begins with its time. A text without times stays as it is.
func joinedCues(text string) string {
	lines := strings.Split(text, "\n")
	var b strings.Builder
	length, spoken := 0, false
	for i := 0; i < len(lines); i++ {
		m := cueTime.FindStringSubmatch(lines[i])
		if m == nil {
			continue
		}
		spoken = true
		if length == 0 {
			b.WriteString("[" + m[1] + "] ")
		}
		for i++; i < len(lines) && !beginsCue(lines, i); i++ {
			if isAside(lines, i) {
				i = nextBlank(lines, i)
				continue
			}
			line := cueVoice.ReplaceAllString(lines[i], "$1: ")
			if line = strings.TrimSpace(cueTag.ReplaceAllString(line, "")); line != "" {
				b.WriteString(line + " ")
				length += len(line) + 1
			}
		}
		i--
		if length > 2*paragraphOfCues || length > paragraphOfCues && endsSentence(b.String()) {
			b.WriteString("\n\n")
			length = 0
		}
	}
	if !spoken {
		return text
	}
	return b.String()
}

// beginsCue reports whether a line has the times of a cue, or its number or name, which stands above them.
func beginsCue(lines []string, i int) bool {
	if cueTime.MatchString(lines[i]) {
		return true
	}
	_, err := strconv.Atoi(strings.TrimSpace(lines[i]))
	named := err == nil || i > 0 && records.IsBlank(lines[i-1]) && !records.IsBlank(lines[i])
	return named && i+1 < len(lines) && cueTime.MatchString(lines[i+1])
}

// isAside reports whether a line begins a block of WebVTT that nobody speaks.
func isAside(lines []string, i int) bool {
	return cueAside.MatchString(lines[i]) && i > 0 && records.IsBlank(lines[i-1])
}

func nextBlank(lines []string, i int) int {
	for i < len(lines) && !records.IsBlank(lines[i]) {
		i++
	}
	return i
}

func endsSentence(text string) bool {
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(text, " \"”»’)"))
	return strings.ContainsRune(".!?…。！？", last)
}

// quotedField is a field of a card (vCard 2.1) in quoted-printable, whose lines go on behind an equals sign.
var quotedField = regexp.MustCompile(`(?mi)^([^:\n]*);ENCODING=QUOTED-PRINTABLE([^:\n]*):((?:[^\n]*=\r?\n)*[^\n]*)`)

var fieldBreaks = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ")

// withoutQuotedPrintable is a card with the bytes that its fields in quoted-printable stand for. Their encoding is then
// found for all of them at once.
func withoutQuotedPrintable(card []byte) []byte {
	if !bytes.HasPrefix(bytes.TrimPrefix(card, []byte("\xef\xbb\xbf")), []byte("BEGIN:V")) {
		return card
	}
	return quotedField.ReplaceAllFunc(card, func(field []byte) []byte {
		m := quotedField.FindSubmatch(field)
		value, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(m[3])))
		if err != nil {
			return field
		}
		return slices.Concat(m[1], m[2], []byte(":"+strings.TrimSpace(fieldBreaks.Replace(string(value)))))
	})
}
