package pdf

import (
	"regexp"
	"strings"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/responses"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// What a stamp says, and what was written on a page, may stand in the drawing of the annotation only. PDFium gives the
// text of pages alone, so that such annotations become the page: it loses all else, which was read before.

// maxRemoved bounds the objects that make room for annotations, each of which costs calls into PDFium.
const maxRemoved = 20_000

// isDrawnText reports whether the text of an annotation may stand in its drawing only: what a stamp has beside that is
// a remark of the one who stamped.
func (r *pdfReader) isDrawnText(a references.FPDF_ANNOTATION, subtype enums.FPDF_ANNOTATION_SUBTYPE) bool {
	switch subtype {
	case enums.FPDF_ANNOT_SUBTYPE_STAMP, enums.FPDF_ANNOT_SUBTYPE_WATERMARK:
	case enums.FPDF_ANNOT_SUBTYPE_FREETEXT:
		if r.entry(a, "Contents") != "" {
			return false
		}
	default:
		return false
	}
	has, err := r.FPDFAnnot_HasKey(&requests.FPDFAnnot_HasKey{Annotation: a, Key: "AP"})
	return err == nil && has.HasKey
}

// drawnTexts are the lines of text that annotations of a page draw. Nothing else is left on the page then.
func (r *pdfReader) drawnTexts(page references.FPDF_PAGE, index int) []string {
	on := requests.Page{ByReference: &page}
	if !r.keepDrawn(on) || !r.removeObjects(on) {
		return nil
	}
	flat, err := r.FPDFPage_Flatten(&requests.FPDFPage_Flatten{Page: on})
	if err != nil || flat.Result != responses.FPDFPage_FlattenResultSuccess {
		return nil
	}
	loaded, err := r.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: r.doc, Index: index})
	if err != nil {
		return nil
	}
	//nolint:errcheck // a PDFium that fails is not used again
	defer r.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: loaded.Page})
	text, err := r.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: requests.Page{ByReference: &loaded.Page}})
	if err != nil {
		return nil
	}
	defer r.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: text.TextPage}) //nolint:errcheck // as above
	count, err := r.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: text.TextPage})
	if err != nil || count.Count <= 0 {
		return nil
	}
	raw, err := r.rawText(text.TextPage, count.Count)
	if err != nil {
		return nil
	}
	return strings.Split(plain.Normalise(plainLetters(joinHyphens(raw))), "\n")
}

// withDrawn adds the lines that annotations draw to what is known of them, but for those that it has.
func (r *pdfReader) withDrawn(beside string, lines []string) (string, error) {
	for _, line := range lines {
		if strings.Contains(strings.ToLower(beside), strings.ToLower(line)) {
			continue
		}
		if err := r.limit.Take(len(line)); err != nil {
			return "", err
		}
		beside = strings.TrimLeft(beside+"\n"+line, "\n")
	}
	return beside, nil
}

// keepDrawn removes the annotations that have their text elsewhere.
func (r *pdfReader) keepDrawn(on requests.Page) bool {
	count, err := r.FPDFPage_GetAnnotCount(&requests.FPDFPage_GetAnnotCount{Page: on})
	if err != nil || count.Count > maxAnnotations {
		return false
	}
	for i := count.Count - 1; i >= 0; i-- {
		keep := false
		if got, err := r.FPDFPage_GetAnnot(&requests.FPDFPage_GetAnnot{Page: on, Index: i}); err == nil {
			kind, err := r.FPDFAnnot_GetSubtype(&requests.FPDFAnnot_GetSubtype{Annotation: got.Annotation})
			keep = err == nil && r.isDrawnText(got.Annotation, kind.Subtype)
			if _, err := r.FPDFPage_CloseAnnot(&requests.FPDFPage_CloseAnnot{Annotation: got.Annotation}); err != nil {
				return false
			}
		}
		if keep {
			continue
		}
		if _, err := r.FPDFPage_RemoveAnnot(&requests.FPDFPage_RemoveAnnot{Page: on, Index: i}); err != nil {
			return false
		}
	}
	return true
}

// removeObjects leaves a page blank. The objects live on, since the text of the page refers to them.
func (r *pdfReader) removeObjects(on requests.Page) bool {
	count, err := r.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: on})
	if err != nil || count.Count > maxRemoved {
		return false
	}
	for i := count.Count - 1; i >= 0; i-- {
		object, err := r.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: on, Index: i})
		if err != nil {
			return false
		}
		_, err = r.FPDFPage_RemoveObject(&requests.FPDFPage_RemoveObject{Page: on, PageObject: object.PageObject})
		if err != nil {
			return false
		}
	}
	_, err = r.FPDFPage_GenerateContent(&requests.FPDFPage_GenerateContent{Page: on})
	return err == nil
}

// standardStamp is the name of a stamp that every viewer draws (ISO 32000-1, table 181), perhaps as shapes.
var standardStamp = regexp.MustCompile(`^(#?[A-Z]{1,2})?(Approved|Experimental|NotApproved|AsIs|Expired|` +
	`NotForPublicRelease|Confidential|Final|Sold|Departmental|ForComment|TopSecret|Draft|ForPublicRelease)$`)

// capital is where a word begins in such a name.
var capital = regexp.MustCompile(`([a-z])([A-Z])`)

// stampName is what the name of a standard stamp says, empty for others.
func (r *pdfReader) stampName(a references.FPDF_ANNOTATION) string {
	found := standardStamp.FindStringSubmatch(r.entry(a, "Name"))
	if found == nil {
		return ""
	}
	return capital.ReplaceAllString(found[2], "$1 $2")
}
