"""The truth of a source: the blocks that a reader of the document sees, in order.

A heading has its level. A table has its rows of cells, in which a merged cell stands in each of its places, and how
many of them are its header; "once" is its text with each cell once. A note may stand anywhere. "optional" is what may
be read but need not be, such as the mark of a footnote.
"""
import re


def plain(text):
    """A text without its notes; what is raised or lowered is marked as ^ and _."""
    text = re.sub(r"\[\^(.*?)\]", "", text)
    return re.sub(r"_\{(.*?)\}", r"\1", re.sub(r"\^\{(.*?)\}", r"^\1", text))


def notes(text):
    return re.findall(r"\[\^(.*?)\]", text)


def cell_of(cell):
    text, columns, rows = cell if isinstance(cell, tuple) else (cell, 1, 1)
    return ("" if text is None else str(text)), columns, rows


def laid_out(rows):
    """The rows with each merged cell in each of its places."""
    grid = {}
    for r, row in enumerate(rows):
        c = 0
        for cell in row:
            while (r, c) in grid:
                c += 1
            text, columns, height = cell_of(cell)
            for y in range(height):
                for x in range(columns):
                    grid[r + y, c + x] = plain(text)
            c += columns
    width = 1 + max(c for _, c in grid)
    return [[grid.get((r, c), "") for c in range(width)] for r in range(len(rows))]


def of_table(block):
    rows = block["header"] + block["rows"]
    once = " ".join(plain(cell_of(cell)[0]) for row in rows for cell in row)
    found = {"kind": "table", "rows": laid_out(rows), "header": len(block["header"]), "text": once}
    return ([{"kind": "text", "text": block["caption"]}] if block["caption"] else []) + [found]


def of_list(block, out):
    for n, item in enumerate(block["items"], 1):
        text, below = item if isinstance(item, tuple) else (item, [])
        out.append({"kind": "text", "text": (f"{n} " if block["ordered"] else "") + plain(text)})
        of_list({"items": below, "ordered": block["ordered"]}, out)


def of_text(blocks):
    out, found = [], []
    for block in blocks:
        if block["kind"] == "heading":
            out.append({"kind": "heading", "level": block["level"], "text": block["text"]})
        elif block["kind"] == "text":
            out.append({"kind": "text", "text": plain(block["text"])})
            found += notes(block["text"])
        elif block["kind"] == "list":
            of_list(block, out)
        elif block["kind"] == "table":
            out += of_table(block)
        elif block["kind"] == "fraction":
            out.append({"kind": "text", "text": "{before} {above}/{below} {after}".format(**block)})
    for n, note in enumerate(found, 1):
        out.append({"kind": "note", "text": note})
        out.append({"kind": "optional", "text": f"{n} {n}"})
    return out


def of_slides(slides):
    out = []
    for slide in slides:
        out.append({"kind": "heading", "level": 1, "text": slide["title"]})
        lines = list(slide.get("texts", []))
        for item in slide.get("bullets", []) + slide.get("left", []) + slide.get("right", []):
            text, below = item if isinstance(item, tuple) else (item, [])
            lines += [text, *below]
        lines += [text for text, _ in slide.get("boxes", [])]
        out += [{"kind": "text", "text": line} for line in lines]
        if "table" in slide:
            out += of_table(slide["table"])
        if "notes" in slide:
            out.append({"kind": "speaker", "text": slide["notes"]})
            out.append({"kind": "optional", "text": "Notes"})
    return out


def of_sheets(sheets):
    out = []
    for name, title, rows in sheets:
        out.append({"kind": "heading", "level": 1, "text": name})
        if title:
            out.append({"kind": "text", "text": title})
        shown = [[shown_as(value, name, row is rows[0], n) for n, value in enumerate(row)] for row in rows]
        out.append({"kind": "table", "rows": shown, "header": 1, "text": " ".join(" ".join(row) for row in shown)})
    return out


def shown_as(value, sheet, header, column):
    """A value as its cell's format shows it: the shares of the first sheet are percentages with one decimal."""
    if value is None:
        return ""
    if sheet == "Pumps" and not header and column == 4:
        return "%.1f%%" % (value * 100)
    return str(value)
