package pdf

import (
	"regexp"
	"slices"
	"strings"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/structs"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// What a page may show beside its text is bounded, as are the entries of its lists that are looked at: each costs a
// call into PDFium, and a thousand fields may share one list of a thousand.
const (
	maxAnnotations = 5000
	maxOptions     = 200_000
)

// openForm makes PDFium read the form of a document that has one. The caller closes it with close.
func (r *pdfReader) openForm() (closeForm func(), err error) {
	kind, err := r.FPDF_GetFormType(&requests.FPDF_GetFormType{Document: r.doc})
	if err != nil || kind.FormType == enums.FPDF_FORMTYPE_NONE {
		return func() {}, err
	}
	r.xfa = kind.FormType != enums.FPDF_FORMTYPE_ACRO_FORM
	opened, err := r.FPDFDOC_InitFormFillEnvironment(&requests.FPDFDOC_InitFormFillEnvironment{
		Document:     r.doc,
		FormFillInfo: passiveForm(),
	})
	if err != nil {
		return nil, err
	}
	r.form = &opened.FormHandle
	return func() {
		_, _ = r.FPDFDOC_ExitFormFillEnvironment(&requests.FPDFDOC_ExitFormFillEnvironment{FormHandle: opened.FormHandle})
		r.form = nil
	}, nil
}

// passiveForm answers PDFium's calls for a form that nobody fills in.
func passiveForm() structs.FPDF_FORMFILLINFO {
	return structs.FPDF_FORMFILLINFO{
		FFI_Invalidate:         func(references.FPDF_PAGE, float64, float64, float64, float64) {},
		FFI_SetCursor:          func(enums.FXCT) {},
		FFI_SetTimer:           func(int, func(idEvent int)) int { return 0 },
		FFI_KillTimer:          func(int) {},
		FFI_GetLocalTime:       func() (t structs.FPDF_SYSTEMTIME) { return t },
		FFI_GetPage:            func(references.FPDF_DOCUMENT, int) *references.FPDF_PAGE { return nil },
		FFI_GetRotation:        func(references.FPDF_PAGE) enums.FPDF_PAGE_ROTATION { return 0 },
		FFI_ExecuteNamedAction: func(string) {},
	}
}

// isPleaseWait reports the page that stands for a form which only Adobe's programs show.
func (r *pdfReader) isPleaseWait(pages []pdfPage) bool {
	const shortest = 3
	if !r.xfa || len(pages) > shortest {
		return false
	}
	var text strings.Builder
	for _, p := range pages {
		text.WriteString(p.text)
	}
	return text.Len() == 0 || pleaseWait.MatchString(text.String())
}

// pleaseWait is the notice on that page. Adobe's programs write it in one language or another.
var pleaseWait = regexp.MustCompile(`(?i)please wait|proper contents of the document|adobe\.com/go/reader|adobe reader`)

var errXFA = config.Failf(config.Unsupported,
	"the PDF is an XFA form, which only Adobe Acrobat shows; its pages hold a notice: print it to a PDF from there")

// annotations is what a page shows beside its text: the values of a form's fields with their names, notes, and text
// that was written on the page.
func (r *pdfReader) annotations(page references.FPDF_PAGE) (string, error) {
	on := requests.Page{ByReference: &page}
	count, err := r.FPDFPage_GetAnnotCount(&requests.FPDFPage_GetAnnotCount{Page: on})
	if err != nil {
		return "", err
	}
	var lines []string
	r.drawsText, r.options = false, maxOptions
	for i := range min(count.Count, maxAnnotations) {
		got, err := r.FPDFPage_GetAnnot(&requests.FPDFPage_GetAnnot{Page: on, Index: i})
		if err != nil {
			continue // a reference to nothing
		}
		line := plain.Normalise(r.annotation(got.Annotation))
		if _, err := r.FPDFPage_CloseAnnot(&requests.FPDFPage_CloseAnnot{Annotation: got.Annotation}); err != nil {
			return "", err
		}
		if line == "" || slices.Contains(lines, line) { // a field may have several places
			continue
		}
		if err := r.limit.Take(len(line)); err != nil {
			return "", err
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n"), nil
}

// hiddenAnnotation are the flags of annotations that nobody sees, passwordField is that of a text field which hides its
// value (ISO 32000-1, table 228).
const (
	hiddenAnnotation = enums.FPDF_ANNOT_FLAG_HIDDEN | enums.FPDF_ANNOT_FLAG_NOVIEW
	passwordField    = 1 << 13
)

// annotation is the text of one, empty where it has none.
func (r *pdfReader) annotation(a references.FPDF_ANNOTATION) string {
	got, err := r.FPDFAnnot_GetFlags(&requests.FPDFAnnot_GetFlags{Annotation: a})
	if err == nil && got.Flags&hiddenAnnotation != 0 {
		r.ignored.Add(config.HiddenText, 1, "hidden annotations")
		return ""
	}
	subtype, err := r.FPDFAnnot_GetSubtype(&requests.FPDFAnnot_GetSubtype{Annotation: a})
	if err != nil {
		return ""
	}
	switch subtype.Subtype {
	case enums.FPDF_ANNOT_SUBTYPE_WIDGET:
		return r.field(a)
	case enums.FPDF_ANNOT_SUBTYPE_FILEATTACHMENT:
		r.ignored.Add(config.PartsIgnored, 1, r.attachedTo(a))
	case enums.FPDF_ANNOT_SUBTYPE_POPUP, enums.FPDF_ANNOT_SUBTYPE_LINK: // a popup shows the note of another
		return ""
	}
	r.drawsText = r.drawsText || r.isDrawnText(a, subtype.Subtype)
	said := r.entry(a, "Contents")
	if said == "" && subtype.Subtype == enums.FPDF_ANNOT_SUBTYPE_STAMP {
		return r.stampName(a)
	}
	return said
}

// field is a form field as "name: value", empty without a value.
func (r *pdfReader) field(a references.FPDF_ANNOTATION) string {
	if r.form == nil {
		return ""
	}
	kind, err := r.FPDFAnnot_GetFormFieldType(&requests.FPDFAnnot_GetFormFieldType{FormHandle: *r.form, Annotation: a})
	if err != nil {
		return ""
	}
	if r.isPassword(a) {
		return ""
	}
	value := ""
	switch kind.FormFieldType {
	case enums.FPDF_FORMFIELD_TYPE_PUSHBUTTON, enums.FPDF_FORMFIELD_TYPE_SIGNATURE:
		return ""
	case enums.FPDF_FORMFIELD_TYPE_CHECKBOX, enums.FPDF_FORMFIELD_TYPE_RADIOBUTTON:
		value = r.choice(a, kind.FormFieldType == enums.FPDF_FORMFIELD_TYPE_RADIOBUTTON)
	case enums.FPDF_FORMFIELD_TYPE_COMBOBOX, enums.FPDF_FORMFIELD_TYPE_LISTBOX:
		if value = r.selected(a); value == "" { // an entry that is not in the list
			value = r.fieldValue(a)
		}
	default:
		value = r.fieldValue(a)
	}
	if value == "" {
		return ""
	}
	if name := r.fieldName(a); name != "" {
		return name + ": " + value
	}
	return value
}

// isPassword reports whether a field hides its value, which must not be found then.
func (r *pdfReader) isPassword(a references.FPDF_ANNOTATION) bool {
	got, err := r.FPDFAnnot_GetFormFieldFlags(&requests.FPDFAnnot_GetFormFieldFlags{FormHandle: *r.form, Annotation: a})
	return err == nil && got.Flags&passwordField != 0
}

// choice is a box that is ticked or not, and of radio buttons the one that is chosen. The state of what the page shows
// tells, else the field's value.
func (r *pdfReader) choice(a references.FPDF_ANNOTATION, oneOfMany bool) string {
	state := r.entry(a, "AS")
	if state == "" {
		state = r.entry(a, "V")
	}
	isChosen := state != "" && state != "Off"
	if !isChosen {
		checked, err := r.FPDFAnnot_IsChecked(&requests.FPDFAnnot_IsChecked{FormHandle: *r.form, Annotation: a})
		isChosen = err == nil && checked.IsChecked
	}
	switch {
	case isChosen && oneOfMany && state != "":
		return state
	case isChosen:
		return "☒"
	case oneOfMany:
		return ""
	}
	return "☐"
}

// fieldValue is the value of a field as the document holds it.
func (r *pdfReader) fieldValue(a references.FPDF_ANNOTATION) string {
	got, err := r.FPDFAnnot_GetFormFieldValue(&requests.FPDFAnnot_GetFormFieldValue{FormHandle: *r.form, Annotation: a})
	if err != nil {
		return ""
	}
	return strings.TrimSpace(got.FormFieldValue)
}

// selected is what a list shows as selected, which may be several entries, and other texts than those of its value. It
// is empty, and counted as ignored, where the page has too many entries.
func (r *pdfReader) selected(a references.FPDF_ANNOTATION) string {
	count, err := r.FPDFAnnot_GetOptionCount(&requests.FPDFAnnot_GetOptionCount{FormHandle: *r.form, Annotation: a})
	if err != nil {
		return ""
	}
	const most = 1000 // entries that are looked at
	looks := min(count.OptionCount, most)
	if r.options -= looks; r.options < 0 {
		r.ignored.Add(config.PartsIgnored, 1, "names of entries in lists of a form")
		return ""
	}
	var labels []string
	for i := range looks {
		is, err := r.FPDFAnnot_IsOptionSelected(&requests.FPDFAnnot_IsOptionSelected{
			FormHandle: *r.form, Annotation: a, Index: i,
		})
		if err != nil || !is.IsOptionSelected {
			continue
		}
		label, err := r.FPDFAnnot_GetOptionLabel(&requests.FPDFAnnot_GetOptionLabel{
			FormHandle: *r.form, Annotation: a, Index: i,
		})
		if err == nil && strings.TrimSpace(label.OptionLabel) != "" {
			labels = append(labels, strings.TrimSpace(label.OptionLabel))
		}
	}
	return strings.Join(labels, ", ")
}

// entry is a text or name of the annotation's dictionary, empty when it has none.
func (r *pdfReader) entry(a references.FPDF_ANNOTATION, key string) string {
	got, err := r.FPDFAnnot_GetStringValue(&requests.FPDFAnnot_GetStringValue{Annotation: a, Key: key})
	if err != nil {
		return ""
	}
	return strings.TrimRight(got.Value, "\x00")
}

// fieldName is the name that the form shows to people, else the one that programs use.
func (r *pdfReader) fieldName(a references.FPDF_ANNOTATION) string {
	shown, err := r.FPDFAnnot_GetFormFieldAlternateName(&requests.FPDFAnnot_GetFormFieldAlternateName{
		FormHandle: *r.form, Annotation: a,
	})
	if err == nil && shown.FormFieldAlternateName != "" {
		return shown.FormFieldAlternateName
	}
	name, err := r.FPDFAnnot_GetFormFieldName(&requests.FPDFAnnot_GetFormFieldName{FormHandle: *r.form, Annotation: a})
	if err != nil {
		return ""
	}
	return name.FormFieldName
}

// attachedTo is the name of the file that hangs on a page.
func (r *pdfReader) attachedTo(a references.FPDF_ANNOTATION) string {
	file, err := r.FPDFAnnot_GetFileAttachment(&requests.FPDFAnnot_GetFileAttachment{Annotation: a})
	if err != nil {
		return ""
	}
	return r.attachmentName(file.Attachment)
}

// attachments counts the files in the document, which are not read.
func (r *pdfReader) attachments() {
	count, err := r.FPDFDoc_GetAttachmentCount(&requests.FPDFDoc_GetAttachmentCount{Document: r.doc})
	if err != nil || count.AttachmentCount <= 0 {
		return
	}
	var names []string
	const named = 10
	for i := range min(count.AttachmentCount, named) {
		file, err := r.FPDFDoc_GetAttachment(&requests.FPDFDoc_GetAttachment{Document: r.doc, Index: i})
		if err == nil {
			names = append(names, r.attachmentName(file.Attachment))
		}
	}
	r.ignored.Add(config.PartsIgnored, count.AttachmentCount, names...)
}

func (r *pdfReader) attachmentName(file references.FPDF_ATTACHMENT) string {
	name, err := r.FPDFAttachment_GetName(&requests.FPDFAttachment_GetName{Attachment: file})
	if err != nil {
		return ""
	}
	return name.Name
}
