package pdf

import (
	"bytes"
	"errors"
	"image/png"

	"github.com/klippa-app/go-pdfium/requests"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Drawing is a page of a PDF as a picture.
type Drawing struct {
	// PNG is the picture, at most maxPixels wide and high.
	PNG []byte
	// Box is the part of the page that is seen: left, bottom, right and top in points of the page's own
	// coordinates, as those of a Line. It is zero for a page that is shown rotated, on which they are others.
	Box [4]float64
}

// maxPixels bounds either side of a Drawing: text of an ordinary page can be read, and no page is too large.
const maxPixels = 1400

// Draw draws a page, which counts from 1. Its errors are those of read.
func (p *Reader) Draw(data []byte, page int) (d *Drawing, err error) {
	err = p.with(func(current *pdfium) error {
		d, err = current.draw(data, page)
		return err
	})
	return d, err
}

func (p *pdfium) draw(data []byte, number int) (*Drawing, error) {
	opened, err := p.OpenDocument(&requests.OpenDocument{File: &data})
	if err != nil {
		return nil, openError(err)
	}
	//nolint:errcheck // a PDFium that fails is not used again
	defer p.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: opened.Document})
	count, err := p.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: opened.Document})
	if err != nil {
		return nil, err
	}
	if number < 1 || number > count.PageCount {
		return nil, config.Failf(config.Malformed, "the PDF has no page %d", number)
	}
	page := requests.Page{ByIndex: &requests.PageByIndex{Document: opened.Document, Index: number - 1}}
	d := &Drawing{}
	if d.Box, err = p.seen(page); err != nil {
		return nil, err
	}
	rendered, err := p.RenderPageInPixels(&requests.RenderPageInPixels{Page: page, Width: maxPixels, Height: maxPixels})
	if err != nil {
		return nil, err
	}
	defer rendered.Cleanup()
	if rendered.Result.RenderedImage == nil {
		return nil, errors.New("PDFium drew nothing")
	}
	var picture bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&picture, rendered.Result.RenderedImage); err != nil {
		return nil, err
	}
	d.PNG = picture.Bytes()
	return d, nil
}

// seen returns the box of a page; zero if the page is shown rotated.
func (p *pdfium) seen(page requests.Page) (box [4]float64, err error) {
	turned, err := p.FPDFPage_GetRotation(&requests.FPDFPage_GetRotation{Page: page})
	if err != nil || turned.PageRotation != 0 {
		return box, err
	}
	got, err := p.FPDF_GetPageBoundingBox(&requests.FPDF_GetPageBoundingBox{Page: page})
	if err != nil {
		return box, err
	}
	r := got.Rect
	return [4]float64{
		tenth(float64(r.Left)), tenth(float64(r.Bottom)), tenth(float64(r.Right)), tenth(float64(r.Top)),
	}, nil
}
