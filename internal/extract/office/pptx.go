package office

import (
	"context"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// maxSlides bounds a presentation. The largest that people show have some hundreds.
const maxSlides = 5_000

// ReadPPTX reads a presentation: each slide is a page, with its title first, then its shapes as they are read from
// the slide, its speaker notes and its comments.
func ReadPPTX(ctx context.Context, s document.Source) (*document.Document, error) {
	pack, title, err := openTitled(ctx, s)
	if err != nil {
		return nil, err
	}
	slides, height, err := shownSlides(pack)
	if err != nil {
		return nil, err
	}
	r := &pptxReader{
		ooxml: pack, layouts: map[string]*slideLayout{}, shown: map[string]bool{}, read: map[string]bool{},
		running: map[runningText]bool{}, height: height, slides: len(slides),
	}
	d := &document.Document{Title: title}
	for i, shown := range slides {
		out := &document.Flow{Context: ctx, Limit: pack.limit}
		if err := r.slide(shown, i+1, out); err != nil {
			return nil, err
		}
		slide := out.Page(i + 1)
		slide.Slide = true
		d.Pages = append(d.Pages, slide)
	}
	d.Warnings.Add(config.PagesWithoutText, len(r.images), r.images...)
	d.Warnings.Add(config.HiddenText, r.hidden)
	d.Warnings.Add(config.PartsIgnored, len(r.ignored), r.ignored...)
	d.WarnOfSymbols()
	if err := refusePictures(len(r.images), len(d.Pages)); err != nil {
		return nil, err
	}
	return document.WithText(d, config.NoTextLayer, "no slide holds text, perhaps only images; there is no OCR")
}

// refusePictures fails a presentation that is mostly pictures: what little text it has would stand for the whole.
func refusePictures(pictures, slides int) error {
	if pictures*2 <= slides || pictures == slides {
		return nil
	}
	return config.Failf(config.NoTextLayer,
		"%d of %d slides hold no text, only images; there is no OCR: give the document a text layer first",
		pictures, slides)
}

// shownSlide is a slide of a presentation.
type shownSlide struct {
	part    string
	section string // that begins with it
}

// shownSlides are the slides in the order in which they are shown, each once, and their height.
func shownSlides(pack *ooxml) (slides []shownSlide, height int, err error) {
	relations, err := pack.relationships(pack.main)
	if err != nil {
		return nil, 0, err
	}
	root, err := pack.tree(pack.main)
	if err != nil {
		return nil, 0, err
	}
	sections := sectionsOf(root)
	seen := map[string]bool{}
	listed := 0
	for id := range root.at("sldIdLst").elements("sldId") {
		if listed++; listed > maxSlides {
			return nil, 0, config.Failf(config.TooComplex, "the presentation shows more than %d slides: split it", maxSlides)
		}
		if part := relations.target(id.relationshipID("id")); pack.has(part) && !seen[partKey(part)] {
			seen[partKey(part)] = true
			slides = append(slides, shownSlide{part, sections[id.plain("id")]})
		}
	}
	if len(slides) == 0 {
		return nil, 0, config.Failf(config.Malformed, "the presentation has no slides")
	}
	height, _ = strconv.Atoi(root.at("sldSz").attr("cy"))
	return slides, height, nil
}

// sectionsOf are the names of sections by the id of their first slides.
func sectionsOf(presentation *node) map[string]string {
	sections := map[string]string{}
	for section := range presentation.at("extLst").descendants("section") {
		name := section.attr("name")
		if first := section.at("sldIdLst", "sldId"); first != nil && name != "Default Section" && name != "Untitled Section" {
			sections[first.plain("id")] = name
		}
	}
	return sections
}

// pptxReader turns PresentationML (ECMA-376 part 1, section 19) into blocks.
type pptxReader struct {
	*ooxml
	layouts   map[string]*slideLayout
	shown     map[string]bool // texts that stand on many slides, and were written
	read      map[string]bool // embedded documents
	relations relationships   // of the slide that is being read
	running   map[runningText]bool
	inGroup   int // how many groups are around the shape that is being read
	height    int // of the slides, 0 if it is not known
	slides    int
	number    int // of the slide that is being read

	paper    paper    // of the slide that is being read
	pictures int      // on it
	images   []string // slides that show pictures, and no text
	hidden   int      // runs and shapes that are not shown
	ignored  []string // parts that cannot be read
}

// slideLayout is the layout or master that a slide takes its places from.
type slideLayout struct {
	places map[string]area  // by index, or by kind
	texts  []document.Block // what it shows on each slide
	base   *slideLayout
	paper  paper
	light  bool // a master's theme has a white background
}

// whiteTheme reports whether the first background of the theme is white.
func (l *slideLayout) whiteTheme() bool {
	for ; l != nil; l = l.base {
		if l.light {
			return true
		}
	}
	return false
}

func (r *pptxReader) slide(shown shownSlide, number int, out *document.Flow) error {
	root, err := r.tree(shown.part)
	if err != nil {
		return err
	}
	r.number = number
	if r.relations, err = r.relationships(shown.part); err != nil {
		return err
	}
	layout, err := r.layout(r.relations.first("slideLayout"), 0)
	if err != nil {
		return err
	}
	r.pictures, r.paper = 0, paperOf(root, layout.whiteTheme())
	shapes, err := r.shapes(root.at("cSld", "spTree"), layout)
	if err != nil {
		return err
	}
	if len(shapes) == 0 && (r.pictures > 0 || root.at("cSld", "bg").find("blip") != nil) {
		r.images = append(r.images, "slide "+strconv.Itoa(number))
	}
	w := document.BlockWriter{Out: out}
	for _, s := range readingOrder(shapes) {
		if err := w.WriteAll(s.blocks); err != nil {
			return err
		}
	}
	if shown.section != "" {
		if err := w.Write(document.Block{Text: "Section: " + shown.section}); err != nil {
			return err
		}
	}
	if err := r.beside(&w, layout); err != nil {
		return err
	}
	return w.Flush()
}

// beside writes what belongs to a slide but stands outside of it.
func (r *pptxReader) beside(w *document.BlockWriter, layout *slideLayout) error {
	for ; layout != nil; layout = layout.base {
		if err := w.WriteAll(r.once(layout.texts)); err != nil {
			return err
		}
	}
	notes, err := r.notes(r.relations.first("notesSlide"))
	if err != nil {
		return err
	}
	if err := w.WriteAll(notes); err != nil {
		return err
	}
	for part := range r.relations.all("comments") {
		root, err := r.tree(part)
		if err != nil {
			return err
		}
		if err := w.WriteAll(r.comments(root)); err != nil {
			return err
		}
	}
	return nil
}

// once drops the texts that another slide has shown already.
func (r *pptxReader) once(blocks []document.Block) []document.Block {
	var fresh []document.Block
	for _, b := range blocks {
		if text := plain.Fold(b.Text); text != "" && !r.shown[text] {
			r.shown[text] = true
			fresh = append(fresh, b)
		}
	}
	return fresh
}

// notes are the speaker notes of a slide.
func (r *pptxReader) notes(part string) ([]document.Block, error) {
	root, err := r.tree(part)
	var blocks []document.Block
	for shape := range root.at("cSld", "spTree").descendants("sp") {
		switch shape.at("nvSpPr", "nvPr", "ph").attr("type") {
		case "sldImg", "sldNum", "hdr", "ftr", "dt":
		default:
			blocks = append(blocks, drawingText(shape.child("txBody"), &r.hidden)...)
		}
	}
	if len(blocks) > 0 {
		blocks[0].Text = "Notes: " + blocks[0].Text
	}
	return blocks, err
}

// comments are those of the reviewers of a slide, in the form before and since 2021, with the replies.
func (r *pptxReader) comments(root *node) []document.Block {
	var blocks []document.Block
	add := func(n *node) {
		text := n.at("text").content()
		if body := n.child("txBody"); body != nil {
			text = document.OneLineOf(drawingText(body, &r.hidden))
		}
		if text = strings.TrimSpace(text); text != "" {
			blocks = append(blocks, document.Block{Text: "Comment: " + text})
		}
	}
	for comment := range root.descendants("cm") {
		add(comment)
		for reply := range comment.descendants("reply") {
			add(reply)
		}
	}
	return blocks
}

// layout reads a layout, or the master that it is based on.
func (r *pptxReader) layout(part string, depth int) (*slideLayout, error) {
	if known, ok := r.layouts[part]; ok || part == "" || depth > 1 {
		return known, nil
	}
	layout := &slideLayout{places: map[string]area{}}
	r.layouts[part] = layout
	root, err := r.tree(part)
	if err != nil {
		return nil, err
	}
	for shape := range root.at("cSld", "spTree").descendants("sp") {
		if ph := shape.at("nvSpPr", "nvPr", "ph"); ph != nil {
			layout.keep(placeholderOf(ph), areaOf(shape.at("spPr", "xfrm")))
		} else {
			layout.texts = append(layout.texts, drawingText(shape.child("txBody"), &r.hidden)...)
		}
	}
	relations, err := r.relationships(part)
	if err != nil {
		return nil, err
	}
	if root.attr("showMasterSp") != "0" || depth == 0 {
		layout.base, err = r.layout(relations.first("slideMaster"), depth+1)
	}
	if theme := relations.first("theme"); theme != "" && err == nil {
		colours, damaged := r.tree(theme)
		if err = damaged; document.IsMalformed(err) {
			err = nil
		}
		layout.light = isWhiteTheme(root, colours)
	}
	layout.paper = paperOf(root, layout.whiteTheme())
	return layout, err
}
