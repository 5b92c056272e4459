#!/usr/bin/env python3
"""Writes the corpus through real programs: python3 generate.py, with the programs below installed.

    apt-get install --no-install-recommends pandoc chromium libreoffice-{writer,impress,calc,math}-nogui \
        fonts-dejavu fonts-noto-core fonts-noto-cjk
    pip install python-docx python-pptx openpyxl reportlab

The documents and their truth go to ../testdata. They are kept, so that the tests need none of these programs.
"""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import books
import office
import pages
import sources
import truth

OUT = pathlib.Path(__file__).resolve().parent.parent / "testdata"
WORK = pathlib.Path(tempfile.mkdtemp())
SOURCES = {"manual": sources.MANUAL, "clauses": sources.CLAUSES, "languages": sources.LANGUAGES,
           "tables": sources.TABLES, "paper": sources.PAPER}
files = []


def run(*command):
    subprocess.run(["nice", *map(str, command)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def keep(path, source, program, *without):
    """Adds a document to the corpus; without are the kinds of blocks of its source that it does not hold."""
    name = f"{source}.{program}{path.suffix}"
    shutil.copyfile(path, OUT / "documents" / name)
    files.append({"file": name, "source": source, "program": program, "without": without})


def convert(path, suffix, filters=""):
    """Lets LibreOffice convert a document; the result stands in a directory of its own."""
    out = WORK / ("lo-" + path.stem + suffix)
    run("soffice", "--headless", f"-env:UserInstallation=file://{WORK}/profile", "--convert-to",
        suffix[1:] + (":" + filters if filters else ""), "--outdir", out, path)
    return next(out.iterdir())


def printed(page):
    out = WORK / (page.stem + ".printed.pdf")
    run("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
        f"--print-to-pdf={out}", page.as_uri())
    return out


def write_texts():
    reference = WORK / "reference.docx"
    office.reference(reference, sources.CLAUSES_RUNNING)
    for name, blocks in SOURCES.items():
        tree = WORK / (name + ".json")
        tree.write_text(json.dumps(books.document(blocks)))
        for suffix, options in {".docx": [], ".odt": [], ".epub": [], ".html": ["-s", "--mathml"],
                                ".md": ["-t", "gfm", "--wrap=none"]}.items():
            if suffix == ".md" and name in ("manual", "tables", "paper"):
                continue  # Markdown has no merged cells, powers or fractions
            if suffix == ".odt" and name in ("manual", "tables"):
                continue  # pandoc writes the first row of a header only
            out = WORK / f"{name}{suffix}"
            if suffix == ".docx" and name == "clauses":
                options = ["--reference-doc", reference]
            run("pandoc", "-f", "json", tree, "-o", out, "--metadata", "title= ", *options)
            keep(out, name, "pandoc", *([] if suffix == ".docx" else ["running"]))
        page = WORK / (name + ".page.html")
        page.write_text(books.styled((WORK / (name + ".html")).read_text(), name, sources.CLAUSES_RUNNING))
        keep(printed(page), name, "chromium")
        word, program = WORK / f"{name}.docx", "pandoc"
        if name in ("manual", "languages", "tables"):  # python-docx knows neither footnotes nor equations
            word, program = WORK / f"{name}.python.docx", "python-docx"
            office.word(word, blocks)
            keep(word, name, program)
        for suffix in (".odt", ".pdf"):
            keep(convert(word, suffix), name, "libreoffice")
        odt = convert(word, ".odt")
        keep(convert(odt, ".docx"), name, "libreoffice")
        if name in ("languages",):
            continue  # reportlab shapes neither Arabic nor Hindi
        pdf = WORK / f"{name}.reportlab.pdf"
        pages.write(pdf, blocks, columns=2 if name == "paper" else 1,
                    running=sources.CLAUSES_RUNNING if name == "clauses" else None)
        keep(pdf, name, "reportlab")


def write_slides_and_sheets():
    slides = WORK / "slides.pptx"
    office.slides(slides, sources.SLIDES)
    keep(slides, "slides", "python-pptx")
    keep(convert(slides, ".odp"), "slides", "libreoffice")
    keep(convert(slides, ".pdf"), "slides", "libreoffice", "speaker")
    sheets = WORK / "sheets.xlsx"
    office.sheets(sheets, sources.SHEETS)
    keep(sheets, "sheets", "openpyxl")
    keep(convert(sheets, ".ods"), "sheets", "libreoffice")
    ods = convert(sheets, ".ods")
    keep(convert(ods, ".xlsx"), "sheets", "libreoffice")
    hours = WORK / "hours.csv"
    hours.write_text("\n".join(",".join(map(str, row)) for row in sources.SHEETS[1][2]) + "\n")
    keep(hours, "hours", "python")


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT / "documents")
    write_texts()
    write_slides_and_sheets()
    everything = {name: truth.of_text(blocks) for name, blocks in SOURCES.items()}
    everything["clauses"] += [{"kind": "running", "text": text} for text in sources.CLAUSES_RUNNING]
    everything["slides"] = truth.of_slides(sources.SLIDES)
    everything["sheets"] = truth.of_sheets(sources.SHEETS)
    everything["hours"] = truth.of_sheets(sources.SHEETS[1:])[1:]
    everything = {"documents": sorted(files, key=lambda f: f["file"]), "truth": everything}
    (OUT / "corpus.json").write_text(json.dumps(everything, ensure_ascii=False, indent=1) + "\n")
    shutil.rmtree(WORK)


if __name__ == "__main__":
    main()
