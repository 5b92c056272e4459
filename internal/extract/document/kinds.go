package document

// The kinds of documents, named as a message names them.
const (
	PDF      Kind = "PDF"
	DOCX     Kind = "Word document"
	PPTX     Kind = "PowerPoint presentation"
	XLSX     Kind = "Excel workbook"
	ODF      Kind = "OpenDocument file"
	EPUB     Kind = "EPUB book"
	HTML     Kind = "HTML page"
	Markdown Kind = "Markdown text"
	CSV      Kind = "CSV table"
	JSON     Kind = "JSON document"
	Notebook Kind = "notebook"
	Mail     Kind = "mail"
	XML      Kind = "XML document"
	Text     Kind = "text"
)

// Kind is what a document's bytes are.
type Kind string

// FormatOf is the name that config.Readers has for the reader of each kind.
var FormatOf = map[Kind]string{
	PDF: "pdf", DOCX: "docx", PPTX: "pptx", XLSX: "xlsx", ODF: "odf", EPUB: "epub", HTML: "html", Markdown: "markdown",
	CSV: "csv", JSON: "json", Notebook: "notebook", Mail: "mail", XML: "xml",
	Text: "text",
}
