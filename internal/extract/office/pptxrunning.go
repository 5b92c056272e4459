package office

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// runningText is a text box at the edge of a slide.
type runningText struct {
	area
	text string
}

// maxRunning bounds the text that people repeat on each slide, in bytes.
const maxRunning = 300

// slideNumber is a box with the number of its slide, perhaps out of all.
var slideNumber = regexp.MustCompile(`(?i)^(?:page|slide|seite|folie|diapositive|p\.)?\s*(\d+)(?:\s*(?:/|\||of|von|sur|de)\s*(\d+))?$`)

// isRunning reports whether a text box without a placeholder is a running line of the presentation: it gives the
// slide's number, or it stands at the edge of the slide, as on one before.
func (r *pptxReader) isRunning(s slideShape) bool {
	text := document.OneLineOf(s.blocks)
	if r.inGroup > 0 || !s.known || text == "" || len(text) > maxRunning || !r.isAtEdge(s.area) {
		return false
	}
	if m := slideNumber.FindStringSubmatch(text); m != nil && m[1] == strconv.Itoa(r.number) {
		return m[2] == "" || m[2] == strconv.Itoa(r.slides)
	}
	key := runningText{s.area, strings.ToLower(text)}
	before := r.running[key]
	r.running[key] = true
	return before
}

// isAtEdge reports whether a place lies in the upper or the lower eighth of a slide.
func (r *pptxReader) isAtEdge(place area) bool {
	return place.bottom*8 <= r.height || r.height > 0 && place.top*8 >= r.height*7
}

// isSlideNumber reports whether a paragraph gives nothing but the number of its slide, which a field stands for.
func isSlideNumber(text string, fields []string) bool {
	for _, field := range fields {
		text = strings.Replace(text, field, "1", 1)
	}
	return len(fields) > 0 && slideNumber.MatchString(strings.TrimSpace(text))
}
