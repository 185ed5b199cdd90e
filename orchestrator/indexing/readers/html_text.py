"""The text of a web page as Markdown: headings, paragraphs, lists, definitions, code and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from orchestrator.indexing.readers.tables import Cell, header_rows, markdown_table

_BLOCKS = frozenset(
    """
    address article aside blockquote body caption center dd details dir div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu ol p section summary table tbody
    td tfoot th thead tr ul optgroup nav
    """.split()
)
_HEADINGS = {f"h{level}": f"{'#' * level} " for level in range(1, 7)}
_SPACE = re.compile(r"\s+")
_BREAK = "\0"
_AROUND_BREAK = re.compile(r" *\0 *")
#: What stands in the link of a heading to itself.
_ANCHOR = re.compile(r"\s*[¶§#🔗]+\s*")
_POWER = re.compile(r"[-−+]?\d+")
#: Lists deeper than this are indented no further, and tables within tables read as text.
_DEEPEST = 6
#: The longest text of a cell in a table that holds data, where the page does not mark it as such: in one
#: of several rows, and in one of a single row.
_LONGEST_CELL, _LONGEST_ALONE = 500, 100


def markdown(elements: list[Any]) -> str:
    """The Markdown of elements in order; only tables in tables take recursion, however deep the page."""
    writer = _Writer()
    for element in elements:
        writer.write(element)
    # A soft hyphen shows where a word may be broken, and is no part of it.
    return writer.text().replace("\xad", "")


@dataclass(slots=True)
class _Writer:
    depth: int = 0
    _written: list[str] = field(default_factory=list[str])
    _inline: list[str] = field(default_factory=list[str])
    #: What the next block begins with: the mark of a heading or item.
    _mark: str = ""
    _item_before: bool = False
    #: The open lists: the number of the last item, or None where they are not numbered.
    _lists: list[int | None] = field(default_factory=list[int | None])
    #: Terms that wait for their definition.
    _terms: list[str] = field(default_factory=list[str])
    _in_term: bool = False

    def text(self) -> str:
        self._end()
        self._end_terms()
        return "".join(self._written).strip("\n")

    def write(self, root: Any) -> None:
        """Write an element and what it holds."""
        waiting: list[tuple[Any, bool]] = [(root, False)]
        while waiting:
            element, closing = waiting.pop()
            if not closing:
                if isinstance(element.tag, str) and not self._whole(element):
                    self._open(element)
                    waiting.append((element, True))
                    waiting.extend((each, False) for each in reversed(element))
                    continue
            else:
                self._close(element)
            if element is not root and element.tail:
                self._inline.append(element.tail)

    def _whole(self, element: Any) -> bool:
        """Write what is not read piece by piece: code, and tables of data."""
        if element.tag in ("pre", "listing", "xmp"):
            self._end()
            code = "".join(_with_breaks(element)).strip("\n")
            if code.strip():
                fence = "~~~" if "```" in code else "```"
                self._put(f"{fence}\n{code.rstrip()}\n{fence}")
            return True
        if (
            element.tag == "a"
            and self._mark.startswith("#")
            and _ANCHOR.fullmatch("".join(element.itertext()))
        ):
            return True
        if element.tag == "table":
            self._end()
            rows = list(_rows(element))
            if self.depth < _DEEPEST and not _is_layout(element, rows):
                self._table(element, rows)
                return True
        return False

    def _open(self, element: Any) -> None:
        tag = element.tag
        if tag == "br":
            self._inline.append(_BREAK)
        elif tag in _BLOCKS:
            self._end()
            if tag in ("ul", "ol", "menu", "dir"):
                self._end_terms()
                self._lists.append(_number(element, "start", 1) - 1 if tag == "ol" else None)
            elif tag == "li":
                self._end_terms()
                self._mark = self._item_mark(element)
            elif tag in _HEADINGS:
                self._mark = _HEADINGS[tag]
            elif tag == "dt":
                self._in_term = True
        elif tag == "sup" and _POWER.fullmatch((element.text or "").strip()) and self._after_digit():
            # Ten to the sixth is not one hundred and six.
            self._inline.append("^")
        if element.text:
            self._inline.append(element.text)

    def _close(self, element: Any) -> None:
        tag = element.tag
        if tag not in _BLOCKS:
            return
        self._end()
        if tag == "dt":
            self._in_term = False
        elif tag == "dl":
            self._end_terms()
        elif tag in ("ul", "ol", "menu", "dir") and self._lists:
            self._lists.pop()
        if tag == "li" or tag in _HEADINGS:
            self._mark = ""

    def _after_digit(self) -> bool:
        return bool(self._inline) and self._inline[-1][-1:].isdigit()

    def _item_mark(self, element: Any) -> str:
        if not self._lists:
            return "- "
        indent = "  " * min(len(self._lists) - 1, _DEEPEST)
        last = self._lists[-1]
        if last is None:
            return f"{indent}- "
        number = _number(element, "value", last + 1)
        self._lists[-1] = number
        return f"{indent}{number}. "

    def _end(self) -> None:
        """End the block that is being written."""
        text = _AROUND_BREAK.sub(_BREAK, _SPACE.sub(" ", "".join(self._inline))).strip(f" {_BREAK}")
        self._inline.clear()
        if not text:
            return
        if self._mark.startswith("#"):
            text = text.rstrip("¶🔗 ")
        if self._in_term:
            self._terms.append(text.replace(_BREAK, " "))
            return
        if self._mark.startswith("#") or self._mark.strip():
            self._end_terms()
        if self._terms:
            term = ", ".join(self._terms)
            self._terms.clear()
            text = f"{term}{'' if term[-1] in ':?!.…？：' else ':'} {text}"
        for paragraph in text.split(_BREAK * 2):
            if paragraph := paragraph.strip(_BREAK):
                if self._mark.startswith("#"):
                    paragraph = paragraph.replace(_BREAK, " ")
                self._put(paragraph.replace(_BREAK, "\n"))

    def _end_terms(self) -> None:
        """Terms that nothing defines."""
        if self._terms:
            terms, self._terms = self._terms, []
            self._put(", ".join(terms))

    def _put(self, text: str) -> None:
        if self._terms:
            self._end_terms()
        mark, self._mark = self._mark, ""
        item = bool(mark) and not mark.startswith("#")
        if self._lists and not item:
            mark = "  " * min(len(self._lists), _DEEPEST)
        if self._lists:
            indent = "  " * min(len(self._lists), _DEEPEST)
            text = text.replace("\n", f"\n{indent}")
        self._written += ["\n" if item and self._item_before else "\n\n", mark, text]
        # A line right below a table would be one of its rows.
        self._item_before = item or (bool(self._lists) and not text.startswith("|"))

    # -- tables ------------------------------------------------------------------------------------

    def _table(self, element: Any, rows: list[list[Any]]) -> None:
        """A table; those within its cells follow the row that they stand in, and the header stands again."""
        for caption in element.iterchildren("caption"):
            self._inline.append("".join(_flat(caption)))
            self._end()
        headers = len(
            [row for row in rows if row and next(row[0].iterancestors("thead", "table")).tag == "thead"]
        )
        cells: list[list[Cell]] = []
        nested: list[list[Any]] = []
        for row in rows:
            cells.append([])
            nested.append([])
            for cell in row:
                text = " ".join("".join(_flat(cell, nested[-1])).split())
                cells[-1].append(Cell(text, _span(cell, "colspan"), _span(cell, "rowspan"), cell.tag == "th"))
        headers = headers or header_rows(cells)
        waiting: list[list[Cell]] = []
        first = 0
        for row, tables in zip(cells, nested, strict=True):
            waiting.append(row)
            if tables:
                self._shown(waiting, headers, first)
                for table in tables:
                    self._nested(table)
                first = headers
                waiting = waiting[:first]
        self._shown(waiting, headers, first)

    def _shown(self, rows: list[list[Cell]], headers: int, first: int) -> None:
        if len(rows) > first and (text := markdown_table(rows, headers)):
            self._mark = ""
            self._put(text)

    def _nested(self, table: Any) -> None:
        inner = _Writer(self.depth + 1)
        inner.write(table)
        if text := inner.text():
            self._put(text)


def _rows(table: Any) -> Iterator[list[Any]]:
    """The cells of a table's own rows."""
    for part in table:
        if part.tag == "tr":
            yield [cell for cell in part if cell.tag in ("td", "th")]
        elif part.tag in ("thead", "tbody", "tfoot", "form"):
            yield from _rows(part)


def _is_layout(table: Any, rows: list[list[Any]]) -> bool:
    """Whether a table only places text: it has one column or row, or holds what no cell of data does."""
    if table.get("role") in ("presentation", "none"):
        return True
    filled = [sum(1 for cell in row if any(text.strip() for text in cell.itertext())) for row in rows]
    if max(filled, default=0) < 2:
        return True
    if any(cell.tag == "th" for row in rows for cell in row):
        return False
    for row in rows:
        for cell in row:
            longest = _LONGEST_CELL if len(rows) > 1 else _LONGEST_ALONE
            if sum(len(text) for text in cell.itertext()) > longest:
                return True
            if any(each.tag in ("h1", "h2", "h3", "table", "pre", "hr") for each in cell.iter()):
                return True
    return False


def _flat(cell: Any, nested: list[Any] | None = None) -> list[str]:
    """The text of a cell in pieces; tables within it are put into `nested`."""
    pieces: list[str] = []
    waiting: list[tuple[Any, bool]] = [(cell, False)]
    while waiting:
        element, closing = waiting.pop()
        block = element.tag in _BLOCKS or element.tag in ("br", "pre")
        if closing or (element.tag == "table" and nested is not None):
            if not closing and nested is not None:
                nested.append(element)
            pieces.append(" " if block else "")
            if element is not cell:
                pieces.append(element.tail or "")
            continue
        pieces += [" " if block else "", element.text or ""]
        waiting.append((element, True))
        waiting.extend((each, False) for each in reversed(element))
    return pieces


def _span(cell: Any, attribute: str) -> int:
    # Nought spans what is left of the table.
    return _number(cell, attribute, 1) or 1_000


def _number(element: Any, attribute: str, otherwise: int) -> int:
    """The number that an attribute says, if it is one of a few digits."""
    given = element.get(attribute, "").strip()
    return int(given) if given.isdecimal() and len(given) <= 6 else otherwise


def _with_breaks(element: Any) -> Iterator[str]:
    """The text of code as it stands."""
    waiting: list[tuple[Any, bool]] = [(element, False)]
    while waiting:
        each, closing = waiting.pop()
        if closing:
            yield (each.tail or "") if each is not element else ""
            continue
        yield "\n" if each.tag == "br" else each.text or ""
        waiting.append((each, True))
        waiting.extend((inner, False) for inner in reversed(each))
