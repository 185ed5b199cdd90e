"""Readers of files beside the libraries that they stand on: processor seconds by the megabyte.

    python -m benchmarks.readers [--record]

A file of each kind is made of the same sentences, in its usual form: paragraphs below headings, a table, rows
or records. "Library" is the least that can be done with it: to parse the file and to take its text in the
order of the file, by the parser that the reader uses or, for Word, by `python-docx`. "Split" is the splitting
into passages, which is the same whatever the format. The best of three times, by the megabyte of text.
"""

from __future__ import annotations

import csv
import io
import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import harness
from orchestrator.indexing.file_documents import Recipe
from orchestrator.indexing.readers import reader_for
from orchestrator.indexing.readers.file import FileDocument, FileReader
from tests.indexing.pdf_samples import Written, pdf_of

TIMES = 3
SECTIONS, PARAGRAPHS, ROWS, PAGES = 300, 8, 6, 60
WORDS = (
    "pump valve tank harbour crane office rule paper ship engine north south water steel gate bridge clock "
    "keeper night morning river channel winter summer report budget letter answer question number"
).split()


def sections() -> list[tuple[str, list[str], list[tuple[str, str]]]]:
    """Heading, paragraphs and the rows of a table."""
    chance = random.Random(13)

    def some(count: int) -> str:
        return " ".join(chance.choice(WORDS) for _ in range(count))

    def sentence() -> str:
        return f"{some(12).capitalize()}, {some(6)}."

    return [
        (
            some(4).capitalize(),
            [" ".join(sentence() for _ in range(4)) for _ in range(PARAGRAPHS)],
            [(some(2), str(chance.randrange(10_000))) for _ in range(ROWS)],
        )
        for _ in range(SECTIONS)
    ]


def files() -> dict[str, bytes]:
    """A file of each kind, by the end of its name."""
    made = sections()
    markdown: list[str] = []
    html: list[str] = ["<!doctype html><html><head><title>Manual</title></head><body><main>"]
    records: list[dict[str, str]] = []
    for heading, paragraphs, rows in made:
        markdown += [f"## {heading}", *paragraphs]
        markdown.append(
            "\n".join(["| name | value |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in rows)])
        )
        html += [f"<h2>{heading}</h2>", *(f"<p>{each}</p>" for each in paragraphs)]
        cells = "".join(f"<tr><td>{a}</td><td>{b}</td></tr>" for a, b in rows)
        html.append(f"<table><tr><th>name</th><th>value</th></tr>{cells}</table>")
        records += [{"title": heading, "text": each, "value": rows[0][1]} for each in paragraphs]
    html.append("</main></body></html>")
    table = io.StringIO()
    writer = csv.DictWriter(table, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return {
        ".txt": "\n\n".join(markdown).encode(),
        ".md": "\n\n".join(markdown).encode(),
        ".html": "\n".join(html).encode(),
        ".csv": table.getvalue().encode(),
        ".jsonl": "\n".join(map(json.dumps, records)).encode(),
        ".json": json.dumps(records).encode(),
        ".docx": _word(made),
        ".pdf": _pages(made),
    }


def _word(made: list[tuple[str, list[str], list[tuple[str, str]]]]) -> bytes:
    import docx

    document = docx.Document()
    for heading, paragraphs, rows in made[:100]:
        document.add_heading(heading, 2)
        for each in paragraphs:
            document.add_paragraph(each)
        table = document.add_table(rows=0, cols=2)
        for pair in rows:
            for cell, value in zip(table.add_row().cells, pair, strict=True):
                cell.text = value
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()


def _pages(made: list[tuple[str, list[str], list[tuple[str, str]]]]) -> bytes:
    def lines(paragraphs: list[str]) -> list[Written]:
        words = " ".join(paragraphs).split()
        broken = [" ".join(words[at : at + 13]) for at in range(0, len(words), 13)]
        return [Written(60, 740 - 13 * number, line) for number, line in enumerate(broken[:50])]

    return pdf_of(lines(paragraphs) for _, paragraphs, _ in made[:PAGES])


def _html_library(data: bytes) -> str:
    import importlib

    etree: Any = importlib.import_module("lxml.etree")  # which has no types
    return "".join(etree.fromstring(data, etree.HTMLParser(encoding="utf-8")).itertext())


def _docx_library(data: bytes) -> str:
    import docx

    document = docx.Document(io.BytesIO(data))
    found = [paragraph.text for paragraph in document.paragraphs]
    found += [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join(found)


def _pdf_library(data: bytes) -> str:
    from pypdfium2 import PdfDocument  # pyright: ignore[reportMissingTypeStubs]

    return "\n".join(page.get_textpage().get_text_range() for page in PdfDocument(data))


LIBRARIES: Mapping[str, tuple[str, Callable[[bytes], object]]] = {
    ".txt": ("`bytes.decode`", bytes.decode),
    ".md": ("`bytes.decode`", bytes.decode),
    ".html": ("lxml", _html_library),
    ".csv": ("`csv.DictReader`", lambda data: list(csv.DictReader(io.StringIO(data.decode())))),
    ".jsonl": ("`json.loads`", lambda data: [json.loads(line) for line in data.decode().splitlines()]),
    ".json": ("`json.loads`", json.loads),
    ".docx": ("python-docx", _docx_library),
    ".pdf": ("pypdfium2", _pdf_library),
}


def main() -> None:
    """Print a line a kind."""
    given = harness.Arguments(__doc__, record=True).parse_args()
    rows: list[list[object]] = []
    for suffix, data in files().items():
        reader = reader_for(suffix)
        assert isinstance(reader, FileReader)
        documents = [each for each in reader.read(data, f"a{suffix}") if isinstance(each, FileDocument)]
        # By the text that is read: what a file weighs beside it, as compressed or in marks, says little.
        size = sum(len(each.text) for each in documents) / 1e6
        name, library = LIBRARIES[suffix]
        alone = _best(lambda library=library, data=data: library(data)) / size
        ours = _best(lambda reader=reader, data=data: list(reader.read(data, "a"))) / size
        split = _best(lambda reader=reader, documents=documents: _split(reader, documents)) / size
        rows.append(
            [
                suffix,
                f"{size:.2f}",
                name,
                f"{alone:.3f}",
                f"{ours:.3f}",
                f"{ours / alone:.1f}",
                f"{split:.3f}",
            ]
        )
    head = ["kind", "MB of text", "library", "library, s a MB", "reader", "times the library", "split"]
    text = f"{harness.table(head, rows)}\n\n{harness.machine('lxml', 'python-docx', 'pypdfium2')}"
    print(text)
    if given.record:
        harness.record("readers", text)


def _split(reader: FileReader, documents: list[FileDocument]) -> None:
    splitting = Recipe().splitting
    for each in documents:
        splitting.split(each.text, markdown=reader.markdown)


def _best(call: Callable[[], object]) -> float:
    taken: list[float] = []
    for _ in range(TIMES):
        begun = time.process_time()
        call()
        taken.append(time.process_time() - begun)
    return min(taken)


if __name__ == "__main__":
    main()
