package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// WarningReason names in one word what of an indexed document is not in the index, or may be wrong there. The list is
// closed, as that of Reason is.
type WarningReason string

// The reasons of warnings.
const (
	PagesWithoutText WarningReason = "PagesWithoutText" // pages or slides that show only images
	UndecodableText  WarningReason = "UndecodableText"  // characters whose meaning the document does not tell
	EncodingGuessed  WarningReason = "EncodingGuessed"  // the encoding is not declared; places name the guess
	LinesSkipped     WarningReason = "LinesSkipped"     // lines or records that the format does not allow
	HiddenText       WarningReason = "HiddenText"       // text that no reader of the document sees
	Truncated        WarningReason = "Truncated"        // the rest is past a bound
	PagesWaiting     WarningReason = "PagesWaiting"     // pages that the extraction server failed to read; tried again
	PartsIgnored     WarningReason = "PartsIgnored"     // attachments, embedded objects and other parts that are not read
	MetadataConflict WarningReason = "MetadataConflict" // metadata of another type than in most documents
	MetadataIgnored  WarningReason = "MetadataIgnored"  // fields of the document's own that cannot be metadata
)

// Warning is one kind of loss in a document.
type Warning struct {
	Reason WarningReason `json:"reason"`
	// Count is how often it happened.
	Count int `json:"count"`
	// Places are the first ten places, as "page 3", "line 17" or the name of a part.
	Places []string `json:"places,omitempty"`
}

// Bounds of a Warning's places.
const (
	maxPlaces     = 10
	maxPlaceBytes = 100
)

// String is the warning for people, as "LinesSkipped: 2 (line 3, line 9)".
func (w Warning) String() string {
	text := fmt.Sprintf("%s: %d", w.Reason, w.Count)
	if len(w.Places) == 0 {
		return text
	}
	places := strings.Join(w.Places, ", ")
	if len(w.Places) < w.Count && len(w.Places) == maxPlaces {
		places += ", ..."
	}
	return text + " (" + places + ")"
}

// Warnings are the warnings of one document, one for each reason.
type Warnings []Warning

// Add counts count more of a reason, at places. Nothing is added for a count of zero.
func (w *Warnings) Add(reason WarningReason, count int, places ...string) {
	if count <= 0 {
		return
	}
	i := slices.IndexFunc(*w, func(other Warning) bool { return other.Reason == reason })
	if i < 0 {
		i = len(*w)
		*w = append(*w, Warning{Reason: reason})
	}
	one := &(*w)[i]
	one.Count += count
	for _, place := range places {
		if len(one.Places) == maxPlaces {
			return
		}
		if place = cutPlace(place); place != "" && !slices.Contains(one.Places, place) {
			one.Places = append(one.Places, place)
		}
	}
}

// Merge adds the warnings of a part of the document.
func (w *Warnings) Merge(others Warnings) {
	for _, other := range others {
		w.Add(other.Reason, other.Count, other.Places...)
	}
}

// Has reports whether one of the warnings has the reason.
func (w Warnings) Has(reason WarningReason) bool {
	return slices.ContainsFunc(w, func(one Warning) bool { return one.Reason == reason })
}

// Encode returns the warnings as JSON for a ledger, and an empty text for an empty list.
func (w Warnings) Encode() (string, error) {
	if len(w) == 0 {
		return "", nil
	}
	b, err := json.Marshal(w)
	return string(b), err
}

// DecodeWarnings reads what Encode wrote.
func DecodeWarnings(s string) (Warnings, error) {
	if s == "" {
		return nil, nil
	}
	var w Warnings
	err := json.Unmarshal([]byte(s), &w)
	return w, err
}

// cutPlace bounds what of a foreign name gets into a warning: one line of printable characters.
func cutPlace(s string) string {
	words := strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool { return r <= ' ' || r == 0x7f })
	s = strings.Join(words, " ")
	if len(s) <= maxPlaceBytes {
		return s
	}
	end := maxPlaceBytes
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
