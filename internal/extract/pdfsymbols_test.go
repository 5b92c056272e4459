package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

func TestPDFPrivateCharactersAreThoseOfTheirFont(t *testing.T) {
	codes := map[byte]rune{}
	for code := byte('!'); code <= '~'; code++ {
		codes[code] = plain.PrivateUse + rune(code)
	}
	codes['y'] = plain.PrivateUse + 0xfc
	for _, c := range []struct {
		name, font, shown, want string
		warned                  bool
	}{
		{"a tick of Wingdings", "ABCDEF+Wingdings-Regular", "y", "✓", false},
		{"a tick of Wingdings 2", "Wingdings2", "P", "✓", false},
		{"a sign that no table knows", "Wingdings2", "p y", "⑦ \ufffd", true},
		{"Greek of Symbol", "ABCDEF+SymbolMT", "abgd", "αβγδ", false},
		{"a sign of another font", "ABCDEF+T1", "a", "α", false},
		{"words of another font", "ABCDEF+T1", "The relief valve is shut.", "The relief valve is shut.", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := pdftest.Document{Unicode: codes, Pages: []pdftest.Page{{
				Content: shown + "BT /F3 10 Tf 60 600 Td (" + c.shown + ") Tj ET",
			}}}
			data := strings.Replace(string(d.Bytes()), // PDFium finds the objects again that this moves
				"/BaseFont/Helvetica/Encoding/WinAnsiEncoding/ToUnicode",
				"/BaseFont/"+c.font+"/Encoding/WinAnsiEncoding/ToUnicode", 1)
			got, err := shared.Extract(t.Context(), "a.pdf", []byte(data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("A line that is seen.\n"+c.want, got.Pages[0].Text); diff != "" {
				t.Error(diff)
			}
			if warned := len(got.Warnings) > 0 && got.Warnings[0].Reason == config.UndecodableText; warned != c.warned {
				t.Errorf("got the warnings %v", got.Warnings)
			}
		})
	}
}

func TestPDFPicturesOfFontsWithoutAMap(t *testing.T) {
	for _, c := range []struct{ font, shown, want string }{
		{"ABCDEF+Wingdings-Regular", "\\374", "✓ done"},
		{"Wingdings", "\\250", "☐ done"},
		{"Wingdings", "\\340", "→ done"},
		{"Wingdings2", "R", "☑ done"},
		{"Helvetica", "\\374", "ü done"},
	} {
		t.Run(c.font+" "+c.shown, func(t *testing.T) {
			content := shown + "BT /F2 10 Tf 60 600 Td (" + c.shown + ") Tj /F1 10 Tf ( done) Tj ET"
			data := strings.Replace(string(pdftest.Document{Pages: []pdftest.Page{{Content: content}}}.Bytes()),
				"/BaseFont/Helvetica-Bold", "/BaseFont/"+c.font, 1)
			got, err := shared.Extract(t.Context(), "a.pdf", []byte(data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("A line that is seen.\n"+c.want, got.Pages[0].Text); diff != "" {
				t.Error(diff)
			}
		})
	}
}
