package office

import "strings"

// The names of elements that texts are made of, in the vocabularies that people write: DITA, DocBook, JATS, TEI, and
// those of HTML, without prefixes.
var (
	// xmlParagraphs hold text, in which white space divides words.
	xmlParagraphs = xmlNames(`p para simpara title subtitle head label term dt dd li listitem entry stentry td th cmd
		shortdesc note titleabbrev glossterm phrase caption article-title subject bridgehead speech line l ab`)
	// xmlBlocks are never within a line.
	xmlBlocks = xmlNames(`p para simpara formalpara ul ol sl dl parml list itemizedlist orderedlist variablelist
		simplelist procedure steps steps-unordered substeps table informaltable simpletable properties choicetable
		table-wrap fig figure informalfigure example informalexample codeblock programlisting screen literallayout pre
		msgblock lq blockquote section sect1 sect2 sect3 sect4 sect5 sec div note warning caution tip important danger
		hazardstatement sidebar abstract glosslist qandaset disp-quote boxed-text equation informalequation disp-formula`)
	// xmlSigns are those that only texts have.
	xmlSigns = xmlNames(`p para simpara conbody taskbody refbody shortdesc glossdef itemizedlist orderedlist
		variablelist programlisting codeblock sect1`)
	xmlCells = xmlNames(`td th entry stentry`)
	// xmlRoots are the roots of texts.
	xmlRoots = xmlNames(`topic concept task reference troubleshooting glossentry glossgroup dita book article chapter
		section sect1 set part appendix preface refentry TEI html document doc`)
	// xmlTitles name what they stand in.
	xmlTitles = xmlNames(`title head article-title glossterm refname`)
	// xmlCaptioned are those whose title is that of a figure or a table, and heads no section.
	xmlCaptioned = xmlNames(`figure fig informalfigure example table informaltable simpletable table-wrap equation
		itemizedlist orderedlist variablelist procedure sidebar note warning caution tip important formalpara
		disp-formula boxed-text`)
	// xmlVerbatim keep their lines.
	xmlVerbatim = xmlNames(`codeblock programlisting screen literallayout pre msgblock synopsis screenco`)
	xmlTables   = xmlNames(`table informaltable simpletable properties choicetable entrytbl`)
	xmlRows     = xmlNames(`row tr strow sthead property prophead chrow chhead`)
	// xmlListed hold items; those of the value true number them.
	xmlListed = map[string]bool{
		"ul": false, "sl": false, "list": false, "itemizedlist": false, "simplelist": false, "choices": false,
		"steps-unordered": false, "ol": true, "orderedlist": true, "procedure": true, "steps": true, "substeps": true,
	}
	// xmlTerms hold terms and what they mean.
	xmlTerms = xmlNames(`dl parml variablelist glosslist def-list`)
	// xmlAdmonitions say by their name how their text is meant.
	xmlAdmonitions = xmlNames(`note warning caution tip important danger`)
	// xmlMatter tells of the text, by names and values.
	xmlMatter = xmlNames(`prolog info bookinfo articleinfo chapterinfo sectioninfo front teiHeader docinfo metadata meta`)
	// xmlSilent are no text, but for indexes and programs.
	xmlSilent = xmlNames(`indexterm primary secondary tertiary data-about colspec colgroup col spanspec related-links
		anchor script style`)
	// xmlRemarks are those of editors.
	xmlRemarks = xmlNames(`remark draft-comment required-cleanup`)
)

func xmlNames(list string) map[string]bool {
	names := map[string]bool{}
	for name := range strings.FieldsSeq(list) {
		names[name] = true
	}
	return names
}

// isText reports whether an element is one of a text, not of data: by its own name and what is in it, or by a title
// above paragraphs.
func (n *node) isText() bool {
	if xmlRoots[n.name] && n.holds(xmlSigns) {
		return true
	}
	if n.xmlTitle() == nil {
		return false
	}
	for _, c := range n.children {
		if xmlSigns[c.name] || c.name != "" && c.isText() {
			return true
		}
	}
	return false
}

// holds reports whether an element with one of the names is within n, at any depth.
func (n *node) holds(names map[string]bool) bool {
	for _, c := range n.children {
		if names[c.name] || c.holds(names) {
			return true
		}
	}
	return false
}

// xmlTitle is the element that is the title of n, or nil.
func (n *node) xmlTitle() *node {
	for _, c := range n.children {
		switch {
		case xmlTitles[c.name]:
			return c
		case c.name == "title-group", c.name == "article-meta", c.name == "front", c.name == "refnamediv",
			strings.HasSuffix(c.name, "info") && xmlMatter[c.name]:
			if title := c.xmlTitle(); title != nil {
				return title
			}
		}
	}
	return nil
}
