"""Documents through pandoc: a source as pandoc's own tree, in its JSON form, and a page made ready for printing."""
import re

from truth import cell_of

VERSION = [1, 22, 2]
NO_ATTRIBUTES = ["", [], []]


def words(text):
    out = []
    for part in re.split(r"( )", text):
        out.append({"t": "Space"} if part == " " else {"t": "Str", "c": part})
    return [part for part in out if part.get("c") != ""]


def inlines(text):
    out = []
    for part in re.split(r"(\^\{.*?\}|_\{.*?\}|\[\^.*?\])", text):
        if part.startswith("^{"):
            out.append({"t": "Superscript", "c": words(part[2:-1])})
        elif part.startswith("_{"):
            out.append({"t": "Subscript", "c": words(part[2:-1])})
        elif part.startswith("[^"):
            out.append({"t": "Note", "c": [{"t": "Para", "c": words(part[2:-1])}]})
        else:
            out += words(part)
    return out


def listed(block):
    items = []
    for item in block["items"]:
        text, below = item if isinstance(item, tuple) else (item, [])
        content = [{"t": "Plain", "c": inlines(text)}]
        if below:
            content.append(listed({"items": below, "ordered": block["ordered"]}))
        items.append(content)
    if block["ordered"]:
        return {"t": "OrderedList", "c": [[1, {"t": "Decimal"}, {"t": "Period"}], items]}
    return {"t": "BulletList", "c": items}


def row(cells):
    out = []
    for cell in cells:
        text, columns, rows = cell_of(cell)
        content = [{"t": "Plain", "c": inlines(text)}] if text else []
        out.append([NO_ATTRIBUTES, {"t": "AlignDefault"}, rows, columns, content])
    return [NO_ATTRIBUTES, out]


def tabled(block):
    width = sum(cell_of(cell)[1] for cell in block["header"][0])
    caption = [{"t": "Plain", "c": inlines(block["caption"])}] if block["caption"] else []
    return {"t": "Table", "c": [
        NO_ATTRIBUTES, [None, caption], [[{"t": "AlignDefault"}, {"t": "ColWidthDefault"}]] * width,
        [NO_ATTRIBUTES, [row(r) for r in block["header"]]],
        [[NO_ATTRIBUTES, 0, [], [row(r) for r in block["rows"]]]], [NO_ATTRIBUTES, []]]}


def of_block(block):
    kind = block["kind"]
    if kind == "heading":
        return {"t": "Header", "c": [block["level"], NO_ATTRIBUTES, inlines(block["text"])]}
    if kind == "text":
        return {"t": "Para", "c": inlines(block["text"])}
    if kind == "list":
        return listed(block)
    if kind == "table":
        return tabled(block)
    equation = r"\frac{%s}{%s}" % (block["above"], block["below"])
    math = {"t": "Math", "c": [{"t": "InlineMath"}, equation]}
    return {"t": "Para", "c": [*inlines(block["before"]), {"t": "Space"}, math, {"t": "Space"},
                               *inlines(block["after"])]}


def document(blocks):
    return {"pandoc-api-version": VERSION, "meta": {}, "blocks": [of_block(block) for block in blocks]}


STYLE = """<style>
body { font: 11pt "Noto Sans", "DejaVu Sans", sans-serif; max-width: none; padding: 0 }
p, h1, h2 { unicode-bidi: plaintext }
table { border-collapse: collapse } td, th { border: 1px solid; padding: 2pt 6pt; text-align: left }
.columns { columns: 2; text-align: justify }
@page { margin: 2.2cm; %s }
</style>"""


def styled(page, name, running):
    """A page of pandoc's as it is printed: the article in two columns with hyphens, the lease with running lines."""
    lines = ""
    if name == "clauses":
        lines = '@top-left { content: "%s" } @bottom-left { content: "%s" }' % running
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.S).replace("</head>", STYLE % lines + "</head>")
    page = re.sub(r'<header id="title-block-header">.*?</header>', "", page, flags=re.S)
    if name == "paper":
        page = re.sub(r"<body>(.*)</body>", lambda m: '<body><div class="columns">%s</div></body>' % hyphened(m[1]),
                      page, flags=re.S)
    return page


def hyphened(page):
    """Soft hyphens in long words of paragraphs, roughly where they belong."""
    def word(m):
        return re.sub(r"([aeiou][bcdfglmnprstv])([bcdfglmnprstv][aeiou])", "\\1&shy;\\2", m[0])
    return re.sub(r"<p>(.*?)</p>", lambda m: "<p>%s</p>" % re.sub(r"\b[a-z]{9,}\b", word, m[1]), page, flags=re.S)
