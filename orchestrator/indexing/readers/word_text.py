"""The text of a Word document in reading order, as blocks of Markdown.

Content controls, smart tags, tracked insertions and moves, links and fields are looked through to the
text that they show. Deleted and hidden text, instructions of fields, and comments are left out. What
stands beside a paragraph (text boxes, drawings, footnotes and endnotes) follows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from orchestrator.indexing.readers.tables import Cell, header_rows, markdown_table
from orchestrator.indexing.readers.word_drawings import chart, diagram
from orchestrator.indexing.readers.word_equations import equation
from orchestrator.indexing.readers.word_package import WordPackage, attribute, child, is_on, name, value
from orchestrator.indexing.readers.word_styles import Numbering, Styles, number, outline_level
from orchestrator.indexing.readers.word_symbols import symbol

#: Elements that stand for what they hold.
_THROUGH = frozenset("w:sdt w:sdtContent w:customXml w:smartTag w:ins w:moveTo w:dir w:bdo".split())
#: Elements without text of the document as it stands.
_LEFT_OUT = frozenset(
    "w:del w:moveFrom w:delText w:delInstrText w:instrText w:pPr w:rPr w:sdtPr w:sdtEndPr w:tblPr w:trPr "
    "w:tcPr w:tblGrid w:rt w:rubyPr w:fldData w:sectPr".split()
)
_BREAKS = {"w:tab": "\t", "w:ptab": "\t", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "-"}
#: In the place of the text of a cell that is merged with the one above.
_ABOVE = "\0"
#: The longest text of a cell that stands in a table of one row.
_LONGEST_ALONE = 100
_SPACE = re.compile(r"[^\S\n\t]+")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, list item or table; items follow each other without an empty line."""

    text: str
    item: bool = False
    table: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a table: its cells, and what they hold in order, with the tables within them."""

    cells: list[Cell]
    blocks: list[Block]
    header: bool

    @property
    def tables(self) -> list[Block]:
        return [block for block in self.blocks if block.table]


def joined(blocks: Iterable[Block]) -> str:
    """Blocks as one text."""
    written: list[str] = []
    before = False
    for block in blocks:
        written += ["\n" if before and block.item else "\n\n", block.text]
        before = block.item
    return "".join(written).strip("\n")


@dataclass(slots=True)
class WordText:
    """Reads one part after another: the body, then what it refers to."""

    package: WordPackage
    part: str
    styles: Styles
    numbering: Numbering
    #: Reads a file that stands in the place of paragraphs, by its name and bytes.
    read_file: Callable[[str, bytes], str]
    _notes: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    #: What is shown beside the paragraph that is being read.
    _beside: list[Block] = field(default_factory=list[Block])
    #: Open fields: whether their result has begun.
    _fields: list[bool] = field(default_factory=list[bool])
    #: The text of a paragraph whose end is deleted: it goes on in the next.
    _unended: str = ""

    @classmethod
    def of(cls, package: WordPackage, read_file: Callable[[str, bytes], str]) -> WordText:
        """The text of the main part."""

        def related(kind: str) -> Any:
            found = package.related(package.main, kind)
            return package.root(found[0]) if found else None

        found = cls(
            package, package.main, Styles(related("styles")), Numbering(related("numbering")), read_file
        )
        for kind, element in (("footnotes", "w:footnote"), ("endnotes", "w:endnote")):
            root = related(kind)
            found._notes[element] = {
                attribute(each, "w:id"): each
                for each in (() if root is None else root)
                if name(each) == element
            }
        return found

    def other(self, part: str) -> list[Block]:
        """The blocks of another part: a header or footer."""
        root = self.package.root(part)
        own, self.part = self.part, part
        found = [] if root is None else self._apart(root)
        self.part = own
        return found

    def blocks(self, container: Any) -> Iterator[Block]:
        """The blocks in an element: a body, a cell, a text box, a note."""
        yield from self._blocks(container)
        yield from self._end()

    def _blocks(self, container: Any) -> Iterator[Block]:
        for element in container:
            kind = name(element)
            if kind == "w:p":
                yield from self._paragraph(element)
            elif kind == "w:tbl":
                yield from self._end()
                yield from self._table(element)
            elif kind == "w:altChunk":
                yield from self._inserted(attribute(element, "r:id"))
            elif kind == "mc:AlternateContent":
                yield from self._alternative(element)
            elif kind in ("m:oMathPara", "m:oMath"):
                if text := equation(element):
                    yield Block(text)
            elif kind not in _LEFT_OUT:
                yield from self._blocks(element)

    def _inserted(self, identifier: str) -> Iterator[Block]:
        target = self.package.target(self.part, identifier)
        data = self.package.bytes(target) if target else None
        if target and data and (text := self.read_file(target, data)):
            yield Block(text)

    def _end(self) -> Iterator[Block]:
        """A paragraph whose deleted end has no paragraph behind it."""
        text, self._unended = self._unended.strip(), ""
        if text:
            yield Block(text)

    def _alternative(self, element: Any) -> list[Block]:
        """The first of the alternatives that shows anything; all are the same to a reader."""
        for each in element:
            if name(each) in ("mc:Choice", "mc:Fallback") and (found := list(self._blocks(each))):
                return found
        return []

    # -- paragraphs --------------------------------------------------------------------------------

    def _paragraph(self, element: Any) -> Iterator[Block]:
        # An instruction ends with its paragraph at the latest: one that is never closed hides no more.
        while self._fields and not self._fields[-1]:
            self._fields.pop()
        outer, self._beside = self._beside, []
        text = self._unended + "".join(self._inline(element))
        beside, self._beside = self._beside, outer
        self._unended = ""
        properties = child(element, "w:pPr")
        if child(properties, "w:rPr", "w:del") is not None:
            self._unended = text
            yield from beside
            return
        text = "\n".join(filter(None, map(str.strip, _SPACE.sub(" ", text).split("\n"))))
        if text:
            yield self._marked(properties, text)
        yield from beside

    def _marked(self, properties: Any, text: str) -> Block:
        """A paragraph as what its style and numbering make of it."""
        style = self.styles.style(value(properties, "w:pStyle") or "")
        outline = value(properties, "w:outlineLvl")
        level = style.level or (0 if outline is None else outline_level(outline))
        own = child(properties, "w:numPr")
        list_id = value(own, "w:numId") or style.list_id
        depth = number(value(own, "w:ilvl"), style.list_level)
        label = self.numbering.label(list_id, depth)
        if level:
            named = f"{label} " if label and label != "-" else ""
            return Block(f"{'#' * level} {named}{' '.join(text.split())}")
        if label is None:
            return Block(text)
        indent = "  " * min(depth, 6)
        return Block(f"{indent}{label} " + text.replace("\n", f"\n{indent}  "), item=True)

    def _inline(self, element: Any) -> Iterator[str]:
        """The text that an element shows within a paragraph."""
        for each in element:
            kind = name(each)
            if kind == "w:r":
                if not is_on(each, "w:rPr", "w:vanish"):
                    yield from self._inline(each)
            elif kind in ("w:t", "a:t"):
                if all(self._fields):
                    yield (each.text or "").replace("\xad", "")
            elif kind in _BREAKS:
                yield _BREAKS[kind]
            elif kind in _LEFT_OUT:
                continue
            elif kind == "w:fldChar":
                yield self._field(each)
            elif kind in ("m:oMath", "m:oMathPara"):
                yield f" {equation(each)} "
            elif kind == "w:sym":
                yield symbol(attribute(each, "w:font"), attribute(each, "w:char"))
            elif kind in ("w:footnoteReference", "w:endnoteReference"):
                self._note(kind, attribute(each, "w:id"))
            elif kind == "mc:AlternateContent":
                yield from self._inline_alternative(each)
            elif kind == "w:txbxContent":
                self._beside.extend(self._apart(each))
            elif kind == "dgm:relIds":
                self._beside.extend(map(Block, diagram(self.package, self.part, attribute(each, "r:dm"))))
            elif kind == "c:chart":
                self._beside.extend(map(Block, chart(self.package, self.part, attribute(each, "r:id"))))
            elif kind == "v:textpath":
                self._beside.append(Block(each.get("string", "")))
            elif kind == "a:p":
                self._beside.append(Block("".join(self._inline(each))))
            else:
                yield from self._inline(each)

    def _inline_alternative(self, element: Any) -> list[str]:
        for each in element:
            if name(each) in ("mc:Choice", "mc:Fallback"):
                before = len(self._beside)
                found = list(self._inline(each))
                if any(text.strip() for text in found) or len(self._beside) > before:
                    return found
        return []

    def _apart(self, container: Any) -> list[Block]:
        """The blocks of what has paragraphs of its own within a paragraph."""
        fields, self._fields = self._fields, []
        unended, self._unended = self._unended, ""
        found = list(self.blocks(container))
        self._fields, self._unended = fields, unended
        return found

    def _note(self, kind: str, identifier: str) -> None:
        """A note follows the paragraph that refers to it, once."""
        note = self._notes.get(kind.removesuffix("Reference"), {}).pop(identifier, None)
        if note is not None:
            self._beside.extend(self._apart(note))

    def _field(self, element: Any) -> str:
        """Follow the marks of fields; the text that a form field keeps in its settings."""
        kind = attribute(element, "w:fldCharType")
        if kind == "begin":
            self._fields.append(False)
            return _form_value(child(element, "w:ffData"))
        if kind == "separate" and self._fields:
            self._fields[-1] = True
        elif kind == "end" and self._fields:
            self._fields.pop()
        return ""

    # -- tables ------------------------------------------------------------------------------------

    def _table(self, element: Any) -> Iterator[Block]:
        """A table; tables within its cells follow the row that they stand in, and the header stands again."""
        rows = [
            self._row(row, child(row, "w:trPr"))
            for row in _looked_through(element, "w:tr")
            if child(row, "w:trPr", "w:del") is None
        ]
        filled = [sum(bool(cell.text) and cell.text != _ABOVE for cell in row.cells) for row in rows]
        if max(filled, default=0) < 2 or (len(rows) == 1 and _is_frame(rows[0])):
            # One column, or one row of long texts, is a frame about text.
            yield from (block for row in rows for block in row.blocks)
            return
        merged = _merged([row.cells for row in rows])
        marked = next((at for at, row in enumerate(rows) if not row.header), len(rows))
        headers = marked or header_rows(merged)
        waiting: list[list[Cell]] = []
        first = 0
        for row, cells in zip(rows, merged, strict=True):
            waiting.append(cells)
            if row.tables:
                yield from _shown(waiting, headers, first)
                yield from row.tables
                first = headers
                waiting = waiting[:first]
        yield from _shown(waiting, headers, first)

    def _row(self, row: Any, properties: Any) -> _Row:
        cells = [Cell("")] * min(number(value(properties, "w:gridBefore")), 100)
        blocks: list[Block] = []
        for cell in _looked_through(row, "w:tc"):
            settings = child(cell, "w:tcPr")
            found = self._apart(cell)
            blocks += found
            text = " ".join(block.text.strip() for block in found if not block.table)
            merged = value(settings, "w:vMerge")
            if merged is not None and merged != "restart" and not text:
                text = _ABOVE
            cells.append(Cell(text, number(value(settings, "w:gridSpan"), 1)))
        return _Row(cells, blocks, is_on(properties, "w:tblHeader"))


def _is_frame(row: _Row) -> bool:
    return len(row.blocks) > len(row.cells) or any(len(block.text) > _LONGEST_ALONE for block in row.blocks)


def _shown(rows: list[list[Cell]], headers: int, first: int) -> Iterator[Block]:
    """Rows as a table, unless none is left behind the `first`, which have been shown before."""
    if len(rows) > first and (text := markdown_table(rows, headers)):
        yield Block(text, table=True)


def _merged(rows: list[list[Cell]]) -> list[list[Cell]]:
    """The rows with the text of merged cells in each row that they span, if it is short."""
    above: dict[int, str] = {}
    found: list[list[Cell]] = []
    for row in rows:
        at = 0
        cells: list[Cell] = []
        for cell in row:
            text = above.get(at, "") if cell.text == _ABOVE else cell.text
            above[at] = text
            cells.append(Cell(text if cell.text != _ABOVE or len(text) <= 80 else "", cell.columns))
            at += cell.columns
        found.append(cells)
    return found


def _looked_through(element: Any, wanted: str) -> Iterator[Any]:
    """The rows of a table or the cells of a row, also those in content controls and insertions."""
    for each in element:
        kind = name(each)
        if kind == wanted:
            yield each
        elif kind in _THROUGH:
            yield from _looked_through(each, wanted)


def _form_value(settings: Any) -> str:
    """What a form field of the older kind shows: the choice of a list, or a box with or without its tick."""
    if (choice := child(settings, "w:ddList")) is not None:
        entries = [attribute(each, "w:val") for each in choice if name(each) == "w:listEntry"]
        at = number(value(choice, "w:result") or value(choice, "w:default"))
        return entries[at] if 0 <= at < len(entries) else ""
    if (box := child(settings, "w:checkBox")) is not None:
        ticked = is_on(box, "w:checked") if child(box, "w:checked") is not None else is_on(box, "w:default")
        return "☒ " if ticked else "☐ "
    return ""
