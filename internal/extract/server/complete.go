package server

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
)

// complete gives the pages without text of a partly read document the text that the server finds on them. If the
// server cannot read the document, its warnings stay; if the server failed, they tell that the pages wait for it.
func (e *Extractor) complete(
	ctx context.Context, name string, data []byte, d *extract.Document, wanted []int,
) (*extract.Document, error) {
	numbers := make([]int, len(wanted))
	for n, i := range wanted {
		numbers[n] = d.Pages[i].Number
	}
	stamped := slices.ContainsFunc(wanted, func(i int) bool { return d.Pages[i].Text != "" })
	read, err := e.read(ctx, name, data, stamped)
	reason, own := config.ReasonOf(err)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case own && reason == config.ServerFailed:
		e.Log.Warn("Pages wait for the extraction server", "document", name, "pages", len(wanted), "error", err)
		d.Warnings = settled(d.Warnings, numbers, nil)
		for _, number := range numbers {
			d.Warnings.Add(config.PagesWaiting, 1, place(number))
		}
		return d, nil
	case err != nil:
		e.Log.Warn("The extraction server did not read a document's pages without text", "document", name, "error", err)
		return d, nil
	}
	found := map[int]extract.Page{}
	for _, p := range read.Pages {
		found[p.Number] = p
	}
	var missing []int
	for _, i := range wanted {
		own := &d.Pages[i]
		if p := found[own.Number]; utf8.RuneCountInString(p.Text) > utf8.RuneCountInString(own.Text) {
			*own = p
		} else {
			missing = append(missing, own.Number)
		}
	}
	d.Warnings = settled(d.Warnings, numbers, missing)
	d.Readers = d.Readers.With("html", strings.ToLower(string(e.Config.Server.Protocol)))
	return d, nil
}

// fewLetters is the text of a scan that a stamp or a page number was printed on, as the built-in reader of PDFs has it.
const fewLetters = 150 // code points

// withoutText are the indices of the pages that warnings tell of and that have little or no text. Warnings name ten
// places; of the pages beyond those, it is the ones without any text.
func withoutText(d *extract.Document) []int {
	named, unnamed := map[int]bool{}, false
	for _, w := range d.Warnings {
		if pageWarning(w.Reason) {
			for _, place := range w.Places {
				named[pageOf(place)] = true
			}
			unnamed = unnamed || w.Count > len(w.Places)
		}
	}
	var pages []int
	for i, p := range d.Pages {
		short := utf8.RuneCountInString(p.Text) <= fewLetters
		if p.Number > 0 && short && (named[p.Number] || unnamed && p.Text == "") {
			pages = append(pages, i)
		}
	}
	return pages
}

// pageWarning reports whether the warning's places are pages that a server may read.
func pageWarning(r config.WarningReason) bool {
	return r == config.PagesWithoutText || r == config.UndecodableText
}

// settled are the warnings without those of the pages that were wanted and are not missing any more.
func settled(warnings config.Warnings, wanted, missing []int) config.Warnings {
	still := map[int]bool{} // by number: whether a wanted page is missing
	for _, number := range wanted {
		still[number] = slices.Contains(missing, number)
	}
	var left config.Warnings
	for _, w := range warnings {
		if !pageWarning(w.Reason) {
			left = append(left, w)
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(w.Places), func(place string) bool {
			missing, was := still[pageOf(place)]
			return was && !missing
		})
		count := w.Count - (len(w.Places) - len(kept))
		if w.Count > len(w.Places) { // of the pages beyond those that are named, the wanted ones are known
			count = min(count, len(kept)+len(missing))
		}
		left.Add(w.Reason, count, kept...)
	}
	return left
}

// place names a page as the built-in readers do.
func place(number int) string { return "page " + strconv.Itoa(number) }

// pageOf is the number in the name of a page or slide, 0 for other places.
func pageOf(place string) int {
	for _, kind := range []string{"page ", "slide "} {
		if number, ok := strings.CutPrefix(place, kind); ok {
			n, _ := strconv.Atoi(number)
			return n
		}
	}
	return 0
}

// fileName is the last segment of a document's path, which tells a server its format.
func fileName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
