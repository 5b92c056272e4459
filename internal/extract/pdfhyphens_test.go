package extract

import (
	"fmt"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

func TestPDFWordsThatALineEndDivides(t *testing.T) {
	for _, c := range []struct{ first, second, want string }{
		{"Write to support@", "example.com before noon.", "Write to support@example.com before noon."},
		{"It holds from 10\\226", "20 bar in summer.", "It holds from 10–20 bar in summer."},
		{"It holds from 10-", "20 bar in summer.", "It holds from 10-20 bar in summer."},
		{"The new pumps are self-", "priming ones.", "The new pumps are self-priming ones."},
		{"The foreman is never self-", "ish about tools.", "The foreman is never selfish about tools."},
		{"See https://example.com/parts/", "pump-9.html for it.", "See https://example.com/parts/pump-9.html for it."},
		{"See www.example.com/find?kind=", "pump for it.", "See www.example.com/find?kind=pump for it."},
		{"The parts are at https://example.com/", "pumps are not.", "The parts are at https://example.com/\npumps are not."},
		{"The flow is in litres/", "h or in m/s.", "The flow is in litres/\nh or in m/s."},
		{"The reply is due @", "noon or so.", "The reply is due @\nnoon or so."},
	} {
		content := fmt.Sprintf("BT /F1 11 Tf 60 700 Td (%s) Tj ET\nBT /F1 11 Tf 60 686 Td (%s) Tj ET\n", c.first, c.second)
		got := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: content}}}).Pages[0].Text
		if got != c.want {
			t.Errorf("%q and %q: got %q, want %q", c.first, c.second, got, c.want)
		}
	}
}
