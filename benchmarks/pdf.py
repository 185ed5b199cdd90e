"""PDF readers side by side: order of columns, rows of tables, running heads, headings, and time a page.

    python -m benchmarks.pdf [FILE.pdf ...]

Two files are made, in which every sentence, row, head and heading is known: a manual in two columns under
titles that span both, and a table of 300 contacts over twelve pages. Files that are named are timed as well.
`sentences` is the share that is found whole, white space and divided words aside; `rows` that of the table's
rows that stand on one line, cell by cell; `heads` how many running heads and page numbers are left in the
text of the manual's pages; `headings` the share of titles that are marked as such. Peers are measured where
they are installed (`pip install pypdf pdfplumber pdf_oxide playa-pdf`); those under a licence that the
library cannot depend on (PyMuPDF: AGPL) are not.
"""

from __future__ import annotations

import io
import re
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from benchmarks import harness
from tests.application.test_cited_pages import FIRST, LAST, PAGES, contacts, manual

Reader = Callable[[bytes], str]
TIMES = 2


def orchestrated(data: bytes) -> str:
    """The library's reader."""
    from orchestrator.indexing.readers.file import FileDocument
    from orchestrator.indexing.readers.pdf import PdfReader

    return next(each for each in PdfReader().read(data, "a.pdf") if isinstance(each, FileDocument)).text


def pypdf(data: bytes) -> str:
    """The reader of before."""
    from pypdf import PdfReader

    return "\n\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def pypdf_layout(data: bytes) -> str:
    """Lines padded with blanks, as they stand on the page."""
    from pypdf import PdfReader

    return "\n\n".join(
        page.extract_text(extraction_mode="layout") for page in PdfReader(io.BytesIO(data)).pages
    )


def pypdfium2(data: bytes) -> str:
    """PDFium's own text, in the order of the file."""
    from pypdfium2 import PdfDocument

    document = PdfDocument(data)
    return "\n\n".join(page.get_textpage().get_text_range().replace("\r\n", "\n") for page in document)


def pdfminer(data: bytes) -> str:
    """Text boxes by pdfminer's layout analysis."""
    from pdfminer.high_level import extract_text

    return extract_text(io.BytesIO(data))


def pdfplumber(data: bytes) -> str:
    """Words by pdfplumber, and the tables that it finds by their text."""
    import pdfplumber as peer

    with peer.open(io.BytesIO(data)) as document:
        return "\n\n".join(page.extract_text() or "" for page in document.pages)


def playa(data: bytes) -> str:
    """Text in the order of the file."""
    import playa as peer

    with peer.parse(data) as document:
        return "\n\n".join(page.extract_text() for page in document.pages)


def pdf_oxide(data: bytes) -> str:
    """Markdown by pdf_oxide."""
    from pdf_oxide import PdfDocument

    document = PdfDocument.from_bytes(data)
    return "\n\n".join(document.to_markdown(page) for page in range(document.page_count()))


READERS: Mapping[str, tuple[str, Reader]] = {
    "orchestrator": ("pypdfium2", orchestrated),
    "pypdfium2, its text": ("pypdfium2", pypdfium2),
    "pypdf": ("pypdf", pypdf),
    "pypdf, layout": ("pypdf", pypdf_layout),
    "pdfminer.six": ("pdfminer", pdfminer),
    "pdfplumber": ("pdfplumber", pdfplumber),
    "playa-pdf": ("playa", playa),
    "pdf_oxide": ("pdf_oxide", pdf_oxide),
}


def main() -> None:
    """Print a line a reader."""
    parser = harness.Arguments(__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    files: list[Path] = parser.parse_args().files
    data, asked = manual()
    facts = [(question, code) for question, (code, _) in asked.items()]
    listed, _ = contacts()
    lines: list[list[object]] = []
    for name, (module, read) in READERS.items():
        if find_spec(module) is None:
            print(f"{name}: not installed")
            continue
        text, table = read(data), read(listed)
        whole = _dense(text)
        sentences = statistics.mean(_dense(_sentence(question, code)) in whole for question, code in facts)
        heads = len(re.findall(r"Handbook of the Harbour", text))
        marked = len(re.findall(r"^#+ Part \d+: what the", text, re.MULTILINE))
        lines.append(
            [
                name,
                f"{sentences:.2f}",
                f"{_rows(table):.2f}",
                heads,
                f"{marked / PAGES:.2f}",
                *(
                    _milliseconds(read, each)
                    for each in (data, listed, *(file.read_bytes() for file in files))
                ),
            ]
        )
    head = ["reader", "sentences", "rows", "heads", "headings", "manual, ms a page", "table"]
    print(harness.machine("pypdfium2", "pypdf", "pdfminer.six", "pdfplumber", "playa-pdf", "pdf_oxide"))
    print(harness.table([*head, *(file.name for file in files)], lines))


def _sentence(question: str, code: str) -> str:
    found = re.fullmatch(r"What is the code of the (.+) at the (.+)\?", question)
    assert found is not None
    return f"The code of the {found[1]} at the {found[2]} is {code} this year."


def _dense(text: str) -> str:
    return re.sub(r"[\s*|]+", "", text)


def _rows(text: str) -> float:
    row = re.compile(rf"\b({'|'.join(FIRST)}) ({'|'.join(LAST)})[\s|]+(Legal|Sales|IT)[\s|]+555-\d{{4}}\b")
    return sum(row.search(line) is not None for line in text.split("\n")) / 300


def _milliseconds(read: Reader, data: bytes) -> str:
    from pypdfium2 import PdfDocument

    pages = len(PdfDocument(data))
    taken: list[float] = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        read(data)
        taken.append(time.perf_counter() - begun)
    return f"{1000 * min(taken) / pages:.1f}"


if __name__ == "__main__":
    main()
