package office

import (
	"slices"
	"strings"
)

// paper is what stands behind the text of a slide, as far as it decides whether white text is seen. Where it is not
// sure, the text is.
type paper struct {
	background ground
	covered    []area // by pictures, tables and shapes with a colour
	grouped    bool   // shapes in groups have places of their own
}

// ground is the background of a slide.
type ground int

const (
	inheritedGround ground = iota // from the layout, or from the master
	whiteGround
	colouredGround
)

// colours are the elements by which DrawingML fills a shape.
var colours = []string{"solidFill", "gradFill", "blipFill", "pattFill", "grpFill"}

// paperOf is what a slide, a layout or a master has behind its text. whiteTheme reports whether the first background
// of its theme is white.
func paperOf(root *node, whiteTheme bool) paper {
	var p paper
	if background := root.at("cSld", "bg"); background != nil {
		p.background = colouredGround
		fill := background.at("bgPr", "solidFill")
		if reference := background.at("bgRef"); reference != nil {
			fill = reference
		}
		if isWhite(fill, whiteTheme) {
			p.background = whiteGround
		}
	}
	for _, shape := range root.at("cSld", "spTree").orEmpty().children {
		switch shape.name {
		case "pic", "graphicFrame":
			place := areaOf(shape.at("spPr", "xfrm"))
			if !place.known {
				place = areaOf(shape.at("xfrm"))
			}
			p.cover(place)
		case "sp":
			if isFilled(shape) {
				p.cover(areaOf(shape.at("spPr", "xfrm")))
			}
		case "grpSp", "AlternateContent":
			p.grouped = true
		}
	}
	return p
}

// cover takes note of something that stands in a place. If the place is not known, it may be any.
func (p *paper) cover(place area) {
	if !place.known {
		p.grouped = true
	}
	p.covered = append(p.covered, place)
}

// isFilled reports whether a shape has a colour of its own, or one that its style gives it.
func isFilled(shape *node) bool {
	properties := shape.at("spPr")
	if slices.ContainsFunc(colours, func(name string) bool { return properties.at(name) != nil }) {
		return true
	}
	style := shape.at("style", "fillRef")
	return style != nil && style.attr("idx") != "0" && properties.at("noFill") == nil
}

// isWhite reports whether a fill has the colour white.
func isWhite(fill *node, whiteTheme bool) bool {
	switch scheme := fill.at("schemeClr"); {
	case fill == nil:
		return false
	case scheme != nil:
		return whiteTheme && (scheme.attr("val") == "bg1" || scheme.attr("val") == "lt1") && len(scheme.children) == 0
	}
	return strings.EqualFold(fill.at("srgbClr").attr("val"), "FFFFFF") || fill.at("prstClr").attr("val") == "white"
}

// isWhiteRun reports whether a run is painted white, and nothing but that.
func isWhiteRun(properties *node, whiteTheme bool) bool {
	return isWhite(properties.at("solidFill"), whiteTheme) && properties.at("ln") == nil &&
		properties.at("effectLst") == nil && properties.at("highlight") == nil
}

// isWhiteTheme reports whether the first background of a master's theme is white.
func isWhiteTheme(master, theme *node) bool {
	mapped := master.at("clrMap").attr("bg1")
	light := theme.orEmpty().find("lt1")
	return mapped == "lt1" && light != nil &&
		(isWhite(light, false) || strings.EqualFold(light.at("sysClr").attr("lastClr"), "FFFFFF"))
}

// isOnWhite reports whether white text in a place of the slide that is being read is not seen.
func (r *pptxReader) isOnWhite(shape *node, place area, layout *slideLayout) bool {
	if !place.known || isFilled(shape) {
		return false
	}
	background := r.paper.background
	papers := []paper{r.paper}
	for l := layout; l != nil; l = l.base {
		if background == inheritedGround {
			background = l.paper.background
		}
		papers = append(papers, l.paper)
	}
	return background == whiteGround && !slices.ContainsFunc(papers, func(p paper) bool {
		return p.grouped || slices.ContainsFunc(p.covered, place.overlaps)
	})
}

// overlaps reports whether two areas share more than an edge.
func (a area) overlaps(b area) bool {
	return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}
