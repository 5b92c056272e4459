package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/access"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// PagePicture is a page of a document as it is seen.
type PagePicture struct {
	PNG []byte
	// Box is the part of the page that the picture shows, in the coordinates of a citation's boxes: left, bottom, right
	// and top. It is zero if the picture is turned, so that these do not fit it.
	Box [4]float64
}

// pageHeader has the box of a picture, its four numbers with blanks between them.
const pageHeader = "X-Page-Box"

const pagesInfix = "/pages/"

// cutPage cuts an identity from the number of a page behind it.
func cutPage(id string) (document string, page int, found bool) {
	at := strings.LastIndex(id, pagesInfix)
	if at < 0 {
		return "", 0, false
	}
	page, err := strconv.Atoi(id[at+len(pagesInfix):])
	return id[:at], page, err == nil && page > 0
}

// picture sends a page of a PDF as a PNG. It answers 204 if there is no picture: of another format, where the gateway
// does not reach the document's source, and of a page that cannot be drawn.
func (g *Gateway) picture(x *exchange, r *http.Request, row *index.Row, page int) error {
	var p *PagePicture
	release, err := g.held(x, r, func(ctx context.Context) (bytes int, err error) {
		p, err = g.drawn(ctx, row, page)
		if err == nil {
			return len(p.PNG), nil
		}
		if r.Context().Err() == nil {
			g.log.LogAttrs(ctx, slog.LevelDebug, "Page is not drawn", slog.String("cause", err.Error()))
			return 0, nil
		}
		return 0, err
	})
	if err != nil {
		return err
	}
	defer release()
	if p == nil {
		x.WriteHeader(http.StatusNoContent)
		return nil
	}
	access.Show(r.Context(), row.Document)
	h := x.Header()
	if p.Box != [4]float64{} {
		numbers := make([]string, len(p.Box))
		for i, n := range p.Box {
			numbers[i] = strconv.FormatFloat(n, 'f', -1, 64)
		}
		h.Set(pageHeader, strings.Join(numbers, " "))
	}
	h.Set("Cache-Control", "private, no-cache")
	return x.sendLarge(r, "image/png", p.PNG)
}

func (g *Gateway) drawn(ctx context.Context, row *index.Row, page int) (*PagePicture, error) {
	if g.draw == nil || contentType(row.Document) != "application/pdf" {
		return nil, errOutOfReach
	}
	pdf, err := g.original(ctx, row)
	if err != nil {
		return nil, err
	}
	return g.draw(ctx, pdf, page)
}
