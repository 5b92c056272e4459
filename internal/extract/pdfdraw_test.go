package extract

import (
	"bytes"
	"image/png"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// The picture shows ink where the boxes of the lines say that they stand.
func TestAPageIsDrawnAsItsBoxesSay(t *testing.T) {
	document := pdftest.Document{Pages: []pdftest.Page{
		{}, {Content: "BT /F1 20 Tf 100 500 Td (Here and nowhere else) Tj ET\n"},
	}}
	drawing, err := shared.Draw(document.Bytes(), 2)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(drawing.PNG))
	if err != nil {
		t.Fatal(err)
	}
	scale := float64(picture.Bounds().Dx()) / (drawing.Box[2] - drawing.Box[0])
	if high := float64(picture.Bounds().Dy()) / scale; high < drawing.Box[3]-drawing.Box[1]-1 || high > drawing.Box[3]-drawing.Box[1]+1 {
		t.Errorf("the picture is %v high, and its box %v", high, drawing.Box)
	}
	inside, outside := 0, 0
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			if r, _, _, _ := picture.At(x, y).RGBA(); r > 0x8000 {
				continue
			}
			at, from := float64(x)/scale, drawing.Box[3]-float64(y)/scale
			if at > 99 && from > 493 && from < 520 {
				inside++
			} else {
				outside++
			}
		}
	}
	if inside < 100 || outside > 0 {
		t.Errorf("%d dark pixels in the line, and %d elsewhere", inside, outside)
	}
}

func TestAPageThatIsNotThereIsNotDrawn(t *testing.T) {
	document := pdftest.Document{Pages: []pdftest.Page{{}}}
	for name, tc := range map[string]struct {
		data []byte
		page int
	}{
		"page 0": {document.Bytes(), 0}, "page 2": {document.Bytes(), 2}, "not a PDF": {[]byte("text"), 1}, "nothing": {nil, 1},
	} {
		_, err := shared.Draw(tc.data, tc.page)
		if _, failed := config.ReasonOf(err); !failed {
			t.Errorf("%s: %v", name, err)
		}
	}
}
