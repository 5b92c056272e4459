package markup

import (
	"io"
	"mime/quotedprintable"
	"regexp"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/charset"
)

// Subtitles and cards.

var (
	cueTime  = regexp.MustCompile(`^\s*((?:\d{1,3}:)?\d{1,2}:\d{2})[.,]\d{1,3}\s*-->\s*(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}.*$`)
	cueVoice = regexp.MustCompile(`<v(?:\.[^ >]*)?[ \t]+([^>]+)>`)
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
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) != ""; i++ {
			line := cueVoice.ReplaceAllString(lines[i], "$1: ")
			line = strings.TrimSpace(cueTag.ReplaceAllString(line, ""))
			b.WriteString(line + " ")
			length += len(line) + 1
		}
		if s := strings.TrimSpace(b.String()[max(b.Len()-4, 0):]); length > 2*paragraphOfCues ||
			length > paragraphOfCues && strings.HasSuffix(strings.TrimRight(s, `"”»`), ".") {
			b.WriteString("\n\n")
			length = 0
		}
	}
	if !spoken {
		return text
	}
	return b.String()
}

// quotedField is a field of a card (vCard 2.1) in quoted-printable, whose lines go on behind an equals sign.
var quotedField = regexp.MustCompile(`(?mi)^([^:\n]*);ENCODING=QUOTED-PRINTABLE([^:\n]*):((?:[^\n]*=\r?\n)*[^\n]*)`)

// withoutQuotedPrintable is a card whose fields are text.
func withoutQuotedPrintable(text string) string {
	return quotedField.ReplaceAllStringFunc(text, func(field string) string {
		m := quotedField.FindStringSubmatch(field)
		value, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(m[3])))
		if err != nil {
			return field
		}
		decoded, _ := charset.Decode(value)
		return m[1] + m[2] + ":" + strings.Join(strings.Fields(decoded), " ")
	})
}
