#!/usr/bin/env python3
"""peers.py DIRECTORY: reads the documents of a directory with the other programs, and writes their texts as JSON.

It needs `pip install 'markitdown[all]' pypdf fonttools pypandoc-binary`; the last of them brings pandoc.
"""
import importlib.metadata
import json
import logging
import pathlib
import subprocess
import sys
import warnings

import pypandoc
from markitdown import MarkItDown, UnsupportedFormatException
from pypdf import PdfReader

warnings.simplefilter("ignore")
logging.getLogger("pdfminer").setLevel(logging.ERROR)
PANDOC = {".docx", ".odt", ".epub", ".html", ".md", ".csv"}


def markitdown(path):
    try:
        return MarkItDown().convert(str(path)).text_content
    except UnsupportedFormatException:
        return None


def pypdf(path):
    return "\n".join(page.extract_text() for page in PdfReader(path).pages) if path.suffix == ".pdf" else None


def pandoc(path):
    if path.suffix not in PANDOC:
        return None
    command = [pypandoc.get_pandoc_path(), "-t", "gfm", "--wrap=none", path]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def read(reader, path):
    try:
        return reader(path)
    except Exception as failure:  # a program that cannot read a document has read none of its words
        print(f"{reader.__name__}: {path.name}: {failure}", file=sys.stderr)
        return ""


def main():
    paths = sorted(path for path in pathlib.Path(sys.argv[1]).iterdir() if path.is_file())
    versions = {"MarkItDown": importlib.metadata.version("markitdown"), "pypdf": importlib.metadata.version("pypdf"),
                "pandoc": str(pypandoc.get_pandoc_version())}
    peers = []
    for name, reader in (("MarkItDown", markitdown), ("pandoc", pandoc), ("pypdf", pypdf)):
        texts = {path.name: read(reader, path) for path in paths}
        peers.append({"name": name, "version": versions[name],
                      "texts": {name: text for name, text in texts.items() if text is not None}})
    json.dump(peers, sys.stdout, ensure_ascii=False)


if __name__ == "__main__":
    main()
