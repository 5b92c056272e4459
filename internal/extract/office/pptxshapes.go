package office

import (
	"slices"
	"strconv"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// slideShape is what stands in one place of a slide: text, a table, a chart, or a group of shapes.
type slideShape struct {
	area
	title  bool
	blocks []document.Block
}

// placeholder names the place in a layout that a shape takes.
type placeholder struct{ kind, index string }

func placeholderOf(ph *node) placeholder {
	p := placeholder{kind: ph.attr("type"), index: ph.attr("idx")}
	switch p.kind {
	case "":
		p.kind = "obj"
	case "ctrTitle":
		p.kind = "title"
	}
	return p
}

// keep notes where a placeholder of the layout stands; the first of a kind holds for those without an index.
func (l *slideLayout) keep(p placeholder, place area) {
	if p.index != "" {
		l.places["index "+p.index] = place
	}
	if !l.places[p.kind].known {
		l.places[p.kind] = place
	}
}

// place finds the area of a placeholder in a layout by its index, or in its master by its kind.
func (l *slideLayout) place(p placeholder) area {
	for ; l != nil; l = l.base {
		if a := l.places["index "+p.index]; a.known && p.index != "" {
			return a
		}
		if p.index != "" && l.base != nil {
			p.index = ""
		} else if a := l.places[p.kind]; a.known {
			return a
		}
		if p.kind == "obj" || p.kind == "subTitle" {
			p.kind = "body"
		}
	}
	return area{}
}

// areaOf reads the offset and the extent of a shape.
func areaOf(transform *node) area {
	offset, extent := transform.at("off"), transform.at("ext")
	x, errX := strconv.Atoi(offset.attr("x"))
	y, errY := strconv.Atoi(offset.attr("y"))
	if errX != nil || errY != nil {
		return area{}
	}
	width, _ := strconv.Atoi(extent.attr("cx"))
	height, _ := strconv.Atoi(extent.attr("cy"))
	return area{known: true, left: x, top: y, right: x + max(width, 0), bottom: y + max(height, 0)}
}

// shapes are those of a slide or a group that hold anything.
func (r *pptxReader) shapes(tree *node, layout *slideLayout) ([]slideShape, error) {
	if tree == nil {
		return nil, nil
	}
	var shapes []slideShape
	for _, n := range tree.children {
		s, err := r.shape(n, layout)
		if err != nil {
			return nil, err
		}
		if len(s.blocks) > 0 {
			shapes = append(shapes, s)
		}
	}
	return shapes, nil
}

func (r *pptxReader) shape(n *node, layout *slideLayout) (slideShape, error) {
	switch n.name {
	case "sp":
		return r.textShape(n, layout), nil
	case "cxnSp":
		return slideShape{area: areaOf(n.at("spPr", "xfrm")), blocks: r.text(n.child("txBody"))}, nil
	case "pic":
		r.pictures++
		return slideShape{area: areaOf(n.at("spPr", "xfrm")), blocks: r.described(n.at("nvPicPr", "cNvPr"))}, nil
	case "grpSp":
		return r.group(n, layout)
	case "graphicFrame":
		return r.frame(n)
	case "AlternateContent":
		return r.alternative(n, layout)
	}
	return slideShape{}, nil
}

// alternative reads the Choice, or the Fallback when there is nothing to read in the Choice.
func (r *pptxReader) alternative(n *node, layout *slideLayout) (slideShape, error) {
	for _, c := range n.children {
		shapes, err := r.shapes(c, layout)
		if err != nil || len(shapes) > 0 {
			return joinedShapes(area{}, shapes), err
		}
	}
	return slideShape{}, nil
}

// textShape is a shape with text of its own.
func (r *pptxReader) textShape(n *node, layout *slideLayout) slideShape {
	properties := n.child("nvSpPr")
	if r.isHidden(properties.at("cNvPr"), n) {
		return slideShape{}
	}
	body := n.child("txBody")
	if body == nil {
		body = n
	}
	s := slideShape{area: areaOf(n.at("spPr", "xfrm"))}
	ph := properties.at("nvPr", "ph")
	if ph != nil && !s.known {
		s.area = layout.place(placeholderOf(ph))
	}
	reading := drawingReading{hidden: &r.hidden}
	if r.isOnWhite(n, s.area, layout) {
		reading.unseen = func(run *node) bool { return isWhiteRun(run, layout.whiteTheme()) }
	}
	if ph == nil || placeholderOf(ph).kind != "title" {
		reading.linked = r.relations.address
	}
	s.blocks = reading.blocks(body)
	if ph == nil {
		r.followShape(&s, properties.at("cNvPr", "hlinkClick"))
		if n.at("spPr", "blipFill") != nil {
			r.pictures++
		}
		if r.isRunning(s) {
			s.blocks = nil
		}
		s.blocks = append(s.blocks, r.described(properties.at("cNvPr"))...)
		return s
	}
	switch placeholderOf(ph).kind {
	case "sldNum":
		s.blocks = nil
	case "dt", "ftr", "hdr":
		s.blocks = r.once(s.blocks)
	case "title":
		if title := document.OneLineOf(s.blocks); title != "" {
			s.title = true
			s.blocks = []document.Block{{Kind: document.HeadingBlock, Level: 1, Text: title}}
		}
	}
	return s
}

// followShape writes where a shape leads that is a link as a whole, behind the last of its lines.
func (r *pptxReader) followShape(s *slideShape, click *node) {
	if n := len(s.blocks); n > 0 {
		last := &s.blocks[n-1]
		last.Text = withAddress(last.Text, r.relations.address(click.relationshipID("id")))
	}
}

// isHidden reports whether a shape is not shown, and counts its text.
func (r *pptxReader) isHidden(properties, n *node) bool {
	if !isTrue(properties.attr("hidden")) {
		return false
	}
	if n.find("t") != nil {
		r.hidden++
	}
	return true
}

func isTrue(attribute string) bool { return attribute == "1" || attribute == "true" }

// text is that of a part of the slide that is being read.
func (r *pptxReader) text(body *node) []document.Block {
	return drawingReading{hidden: &r.hidden, linked: r.relations.address}.blocks(body)
}

// described is what an author wrote about a picture.
func (r *pptxReader) described(properties *node) []document.Block {
	return alternativeText(properties.attr("title"), properties.attr("descr"))
}

func (r *pptxReader) group(n *node, layout *slideLayout) (slideShape, error) {
	if r.isHidden(n.at("nvGrpSpPr", "cNvPr"), n) {
		return slideShape{}, nil
	}
	r.inGroup++
	shapes, err := r.shapes(n, layout)
	r.inGroup--
	place := areaOf(n.at("grpSpPr", "xfrm"))
	place.known = place.left < place.right || place.top < place.bottom // or it is where its shapes are
	group := joinedShapes(place, shapes)
	group.blocks = append(group.blocks, r.described(n.at("nvGrpSpPr", "cNvPr"))...)
	return group, err
}

// joinedShapes makes shapes that belong together one.
func joinedShapes(place area, shapes []slideShape) slideShape {
	joined := slideShape{area: place}
	for _, s := range readingOrder(shapes) {
		joined.title = joined.title || s.title
		joined.blocks = append(joined.blocks, s.blocks...)
		if !place.known {
			joined.area = joined.union(s.area)
		}
	}
	return joined
}

// frame is a table, a chart, a diagram or an embedded document.
func (r *pptxReader) frame(n *node) (slideShape, error) {
	s := slideShape{area: areaOf(n.child("xfrm"))}
	properties := n.at("nvGraphicFramePr", "cNvPr")
	if r.isHidden(properties, n) {
		return slideShape{}, nil
	}
	s.blocks = r.described(properties)
	blocks, err := r.graphics(n)
	s.blocks = append(s.blocks, blocks...)
	return s, err
}

// graphics are the contents of a frame, within elements that only wrap.
func (r *pptxReader) graphics(n *node) ([]document.Block, error) {
	var all []document.Block
	for _, c := range n.children {
		blocks, err := r.graphic(c)
		if err != nil {
			return nil, err
		}
		all = append(all, blocks...)
		if n.name == "AlternateContent" && len(all) > 0 {
			break
		}
	}
	return all, nil
}

func (r *pptxReader) graphic(data *node) ([]document.Block, error) {
	switch data.name {
	case "tbl":
		t, err := r.table(data)
		return []document.Block{{Kind: document.TableBlock, Table: t}}, err
	case "chart":
		return r.referred(chartBlocks, data.relationshipID("id"))
	case "relIds":
		return r.referred(diagramBlocks, data.relationshipID("dm"))
	case "oleObj":
		r.pictures++
		return r.embedded(r.relations.target(data.relationshipID("id")))
	}
	return r.graphics(data)
}

// referred are the blocks of a part that a shape refers to. A damaged one is passed over.
func (r *pptxReader) referred(read func(*ooxml, string) ([]document.Block, error), id string) ([]document.Block,
	error) {
	part := r.relations.target(id)
	blocks, err := read(r.ooxml, part)
	if document.IsMalformed(err) {
		r.ignored = append(r.ignored, part)
		err = nil
	}
	return blocks, err
}

// embedded is the text of a document that a slide holds.
func (r *pptxReader) embedded(part string) ([]document.Block, error) {
	if r.read[part] {
		return nil, nil
	}
	r.read[part] = true
	blocks, err := importPart(r.archive, r.imports, part)
	if blocks == nil {
		r.ignored = append(r.ignored, part)
	}
	return withoutHeadings(blocks), err
}

// table is a table of DrawingML. Its merged cells stand there, and say that they are covered.
func (r *pptxReader) table(n *node) (*document.BlockTable, error) {
	t := document.NewBlockTable(r.limit)
	header := isTrue(n.at("tblPr").attr("firstRow"))
	columns := len(slices.Collect(n.at("tblGrid").elements("gridCol")))
	for tr := range n.elements("tr") {
		if err := t.AddRow(r.cells(tr, columns), header); err != nil {
			return nil, err
		}
		header = false
	}
	return t, nil
}

// cells are those of a row. Where a row has fewer than the table has columns, its merged cells do not stand there.
func (r *pptxReader) cells(tr *node, columns int) []document.BlockCell {
	all := slices.Collect(tr.elements("tc"))
	var cells []document.BlockCell
	for _, tc := range all {
		if last := len(cells) - 1; last >= 0 && isTrue(tc.attr("hMerge")) {
			cells[last].Cols = max(cells[last].Cols, 1) + 1
			continue
		}
		c := document.BlockCell{Blocks: r.text(tc.child("txBody")), Above: isTrue(tc.attr("vMerge"))}
		if span, err := strconv.Atoi(tc.attr("gridSpan")); err == nil && len(all) < columns {
			c.Cols = min(span, document.MaxColumns+1)
		}
		cells = append(cells, c)
	}
	return cells
}
