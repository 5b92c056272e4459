"""Documents through python-docx, python-pptx and openpyxl."""
import datetime
import re

import docx
import openpyxl
import pptx
from pptx.util import Inches

from truth import cell_of


def runs(paragraph, text):
    if re.search("[\u0590-\u06ff]", text):
        properties = paragraph._p.get_or_add_pPr()
        properties.append(properties.makeelement(docx.oxml.ns.qn("w:bidi"), {}))
    for part in re.split(r"(\^\{.*?\}|_\{.*?\})", text):
        if not part:
            continue
        run = paragraph.add_run(part[2:-1] if part[0] in "^_" and part[1:2] == "{" else part)
        if part.startswith("^{"):
            run.font.superscript = True
        elif part.startswith("_{"):
            run.font.subscript = True


def reference(path, running):
    """A template with a header and a footer on its pages."""
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = running[0]
    document.sections[0].footer.paragraphs[0].text = running[1]
    document.save(path)


def word(path, blocks):
    document = docx.Document()
    for block in blocks:
        kind = block["kind"]
        if kind == "heading":
            runs(document.add_heading("", block["level"]), block["text"])
        elif kind == "text":
            runs(document.add_paragraph(), block["text"])
        elif kind == "list":
            word_list(document, block, 1)
        elif kind == "table":
            if block["caption"]:
                document.add_paragraph(block["caption"], style="Caption")
            word_table(document, block)
    document.save(path)


def word_list(document, block, level):
    style = ("List Number" if block["ordered"] else "List Bullet") + ("" if level == 1 else f" {level}")
    for item in block["items"]:
        text, below = item if isinstance(item, tuple) else (item, [])
        runs(document.add_paragraph(style=style), text)
        word_list(document, {"items": below, "ordered": block["ordered"]}, level + 1)


def place(rows):
    """Each cell with its row, its column, its text, and how many columns and rows it covers."""
    taken = set()
    for r, row in enumerate(rows):
        c = 0
        for cell in row:
            while (r, c) in taken:
                c += 1
            text, columns, height = cell_of(cell)
            taken |= {(r + y, c + x) for y in range(height) for x in range(columns)}
            yield r, c, text, columns, height
            c += columns


def fill(table, rows, write):
    for r, c, text, columns, height in place(rows):
        cell = table.cell(r, c)
        if columns > 1 or height > 1:
            cell.merge(table.cell(r + height - 1, c + columns - 1))
        write(cell, text)


def word_table(document, block):
    rows = block["header"] + block["rows"]
    table = document.add_table(len(rows), sum(cell_of(cell)[1] for cell in rows[0]), style="Table Grid")
    fill(table, rows, lambda cell, text: runs(cell.paragraphs[0], text))
    for r in range(len(block["header"])):
        properties = table.rows[r]._tr.get_or_add_trPr()
        properties.append(properties.makeelement(docx.oxml.ns.qn("w:tblHeader"), {}))


def slides(path, content):
    deck = pptx.Presentation()
    for slide in content:
        write_slide(deck, slide)
    deck.save(path)


def write_slide(deck, content):
    layout = 0 if content.get("layout") == "title" else 3 if "left" in content else 1 if "bullets" in content else 5
    slide = deck.slides.add_slide(deck.slide_layouts[layout])
    slide.shapes.title.text = content["title"]
    if layout == 0:
        slide.placeholders[1].text = "\n".join(content["texts"])
    if layout == 1:
        outline(slide.placeholders[1].text_frame, content["bullets"])
    if layout == 3:
        # The right one first: a reader sees where they stand, not when they were drawn.
        slide.placeholders[2].text = "\n".join(content["right"])
        slide.placeholders[1].text = "\n".join(content["left"])
    if "table" in content:
        rows = content["table"]["header"] + content["table"]["rows"]
        frame = slide.shapes.add_table(len(rows), len(rows[0]), Inches(1), Inches(2), Inches(7), Inches(2))
        fill(frame.table, rows, lambda cell, text: setattr(cell, "text", text))
    for text, position in reversed(content.get("boxes", [])):
        box = slide.shapes.add_textbox(Inches(1), Inches(2 + 1.2 * position), Inches(5), Inches(0.8))
        box.text_frame.text = text
    if "notes" in content:
        slide.notes_slide.notes_text_frame.text = content["notes"]


def outline(frame, items):
    first = True
    for item in items:
        text, below = item if isinstance(item, tuple) else (item, [])
        for level, line in [(0, text), *((1, b) for b in below)]:
            paragraph = frame.paragraphs[0] if first else frame.add_paragraph()
            paragraph.text, paragraph.level, first = line, level, False


def sheets(path, content):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, title, rows in content:
        sheet = book.create_sheet(name)
        if title:
            sheet.append([title])
            sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(rows[0]))
            sheet.append([])
        for row in rows:
            sheet.append([day(value) for value in row])
            if name == "Pumps":
                sheet.cell(sheet.max_row, 4).number_format = "yyyy-mm-dd"
                sheet.cell(sheet.max_row, 5).number_format = "0.0%"
    book.save(path)


def day(value):
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return datetime.date.fromisoformat(value)
    return value
