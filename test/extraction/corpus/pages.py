"""PDFs through reportlab, which writes neither tags nor an outline: all structure must be seen."""
import re

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import cm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (BaseDocTemplate, Frame, ListFlowable, ListItem, PageTemplate, Paragraph, Spacer, Table,
                                TableStyle)

from office import place
from truth import notes

FONTS = "/usr/share/fonts/truetype/dejavu/DejaVuSans%s.ttf"


def styles():
    pdfmetrics.registerFont(TTFont("Sans", FONTS % ""))
    pdfmetrics.registerFont(TTFont("Sans-Bold", FONTS % "-Bold"))
    sheet = getSampleStyleSheet()
    body = ParagraphStyle("body", parent=sheet["BodyText"], fontName="Sans", fontSize=9.5, leading=13)
    made = {"body": body, "note": ParagraphStyle("note", parent=body, fontSize=7.5, leading=10)}
    for level, size in ((1, 18), (2, 14), (3, 11.5)):
        made[level] = ParagraphStyle("h%d" % level, parent=body, fontName="Sans-Bold", fontSize=size,
                                     leading=size * 1.3, spaceBefore=8, spaceAfter=4, keepWithNext=1)
    return made


def marked(text, count):
    text = text.replace("&", "&amp;")
    text = re.sub(r"\[\^.*?\]", lambda _: "<super>%d</super>" % next(count), text)
    return re.sub(r"_\{(.*?)\}", r"<sub>\1</sub>", re.sub(r"\^\{(.*?)\}", r"<super>\1</super>", text))


def listed(block, look, count):
    items = []
    for item in block["items"]:
        text, below = item if isinstance(item, tuple) else (item, [])
        content = [Paragraph(marked(text, count), look["body"])]
        if below:
            content.append(listed({"items": below, "ordered": block["ordered"]}, look, count))
        items.append(ListItem(content))
    return ListFlowable(items, bulletType="1" if block["ordered"] else "bullet", bulletFontName="Sans",
                        bulletFormat="%s." if block["ordered"] else None)


def tabled(block, look, count):
    rows = block["header"] + block["rows"]
    cells, spans = {}, []
    for r, c, text, columns, height in place(rows):
        cells[r, c] = Paragraph(marked(text, count), look["body"])
        spans.append(("SPAN", (c, r), (c + columns - 1, r + height - 1)))
    width = 1 + max(c + x for r, c, _, columns, _ in place(rows) for x in range(columns))
    grid = [[cells.get((r, c), "") for c in range(width)] for r in range(len(rows))]
    return Table(grid, repeatRows=len(block["header"]), hAlign="LEFT", spaceBefore=4, spaceAfter=6,
                 style=TableStyle([("GRID", (0, 0), (-1, -1), 0.5, colors.black), ("VALIGN", (0, 0), (-1, -1), "TOP"),
                                   *spans]))


def story(blocks, look, count):
    for block in blocks:
        kind = block["kind"]
        if kind == "heading":
            yield Paragraph(block["text"], look[block["level"]])
        elif kind == "text":
            yield Paragraph(marked(block["text"], count), look["body"])
        elif kind == "list":
            yield listed(block, look, count)
        elif kind == "table":
            if block["caption"]:
                yield Paragraph(block["caption"], look["body"])
            yield tabled(block, look, count)
        elif kind == "fraction":
            yield Paragraph("{before} {above}/{below} {after}".format(**block), look["body"])
    found = [note for block in blocks if block["kind"] == "text" for note in notes(block["text"])]
    if found:
        yield Spacer(1, 12)
    for n, note in enumerate(found, 1):
        yield Paragraph("<super>%d</super> %s" % (n, note), look["note"])


def write(path, blocks, columns, running):
    def lines(canvas, _):
        canvas.setFont("Sans", 8)
        if running:
            canvas.drawString(2 * cm, A4[1] - 1.2 * cm, running[0])
            canvas.drawString(2 * cm, 1.2 * cm, running[1])
    gap = 0.8 * cm
    width = (A4[0] - 4 * cm - (columns - 1) * gap) / columns
    frames = [Frame(2 * cm + n * (width + gap), 2 * cm, width, A4[1] - 4 * cm, 0, 0, 0, 0) for n in range(columns)]
    count = iter(range(1, 100))
    template = BaseDocTemplate(str(path), pagesize=A4, invariant=1)
    template.addPageTemplates(PageTemplate(frames=frames, onPage=lines))
    template.build(list(story(blocks, styles(), count)))
