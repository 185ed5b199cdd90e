"""A text as sentences: exact spans, whatever it is written in.

Blocks come first (`orchestrator.text.blocks`): headings, list items, table rows and code are never
joined with prose or cut inside. Lines that are no wrapped prose, as those of logs, receipts and addresses,
stay by themselves (`orchestrator.text.own_lines`). Prose is then split where a sentence ends. The rules
need no language: a full stop ends a sentence unless the word before it is a known abbreviation, an initial
or a list number, or the next word begins in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.text.blocks import Block, Kind, blocks
from orchestrator.text.own_lines import own_lines
from orchestrator.text.tokens import token_count

#: The longest sentence in characters; longer ones are cut at a line, a clause or a word.
LONGEST = 800
# The same where a character is a token or nearly: in scripts without spaces.
_LONGEST_DENSE = 250


@dataclass(frozen=True, slots=True)
class Sentence:
    """The piece `text[start:end]`. `needs` are the sentences it makes no sense without, by number.

    A list item needs the line that introduces its list, a table row its header, code the sentence
    before it. `heading` is the number of the heading it stands under, or -1.
    """

    start: int
    end: int
    kind: Kind
    heading: int = -1
    needs: tuple[int, ...] = ()


def sentences(text: str) -> tuple[Sentence, ...]:
    """The sentences of `text` in order: disjoint, none without a word, all words of its blocks held."""
    found: list[Sentence] = []
    heading = -1
    # What the next item or row depends on, and at which indentation an item introduces others.
    header: int | None = None
    lead: int | None = None
    before: int | None = None
    parents: list[tuple[int, int]] = []
    for block in blocks(text):
        needs: tuple[int, ...] = ()
        if block.kind == "row":
            needs = () if header is None or block.header else (header,)
        elif block.kind == "item":
            parents = [(indent, number) for indent, number in parents if indent < block.indent]
            needs = (parents[-1][1],) if parents else () if lead is None else (lead,)
        elif block.kind == "code":
            needs = () if before is None else (before,)
        first = len(found)
        for start, end in _pieces(text, block):
            # Later pieces of an item follow its first one: that is the one with the subject.
            own = needs if len(found) == first or block.kind != "item" else (first,)
            found.append(Sentence(start, end, block.kind, heading, own))
        if len(found) == first:
            continue
        if block.kind == "heading":
            heading = first
        header = (first if block.header else header) if block.kind == "row" else None
        before = len(found) - 1 if block.kind in ("prose", "item") else None
        if block.kind == "item":
            if _introduces(text, found[-1]):
                parents.append((block.indent, len(found) - 1))
        elif block.kind != "code":
            parents = []
            lead = len(found) - 1 if _introduces(text, found[-1]) and block.kind != "row" else None
    return tuple(found)


def introduces(text: str, sentence: Sentence) -> bool:
    """Whether a sentence only announces what follows it, as one that ends in a colon does."""
    return _introduces(text, sentence)


def _introduces(text: str, sentence: Sentence) -> bool:
    return text[sentence.start : sentence.end].rstrip("*_` ").endswith((":", "："))


def _pieces(text: str, block: Block) -> Iterator[tuple[int, int]]:
    whole = block.kind in ("heading", "row", "code")
    spans = [(block.start, block.end)]
    if block.kind == "prose":
        spans = own_lines(text, block.start, block.end) or spans
    if not whole:
        spans = [sentence for start, end in spans for sentence in _prose(text, start, end)]
    for start, end in spans:
        while end - start > _LONGEST_DENSE and end - start > (limit := _longest(text, start)):
            cut = _cut(text, start, start + limit)
            yield from _trimmed(text, start, cut)
            start = cut
        yield from _trimmed(text, start, end)


def _longest(text: str, start: int) -> int:
    """How long a piece that starts here may be, in characters."""
    piece = text[start : start + LONGEST]
    return _LONGEST_DENSE if not piece.isascii() and token_count(piece) * 2 > len(piece) else LONGEST


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    # Lines of dots or dashes are decoration.
    if any(character.isalnum() for character in text[start:end]):
        yield start, end


def _cut(text: str, start: int, limit: int) -> int:
    """Where to cut an overlong piece: the last line end, clause or word before `limit`, in this order."""
    half = (start + limit) // 2
    for marks in ("\n",), ("; ", "；"), (", ", "，", "、"), (" ",):
        ends = [at + len(mark) for mark in marks if (at := text.rfind(mark, half, limit)) >= 0]
        if ends:
            return max(ends)
    return limit


# -- prose ---------------------------------------------------------------------------------------

_CLOSING = "\"'”’»›)]}*_`」』）】"
_STOP = re.compile(
    rf"(?P<stop>[.!?…؟۔।॥։]+[{re.escape(_CLOSING)}]*)(?=\s|$)|(?P<wide>[。！？]+[{re.escape(_CLOSING)}]*)"
)
_CODE = re.compile(r"(?<!`)(`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)\1(?!`)", re.DOTALL)
# No abbreviation is longer.
_LONGEST_WORD = 24
_LAST_WORD = re.compile(r"(?:[^\W_]\.)*[^\W_]+$|\d+$")
# Abbreviations that a sentence goes on after, whatever comes next.
_ALWAYS = frozenset(
    """
    mr mrs ms mx dr prof st sr jr rev gen col sgt capt lt hon messrs mme mlle
    fig figs eq eqs sec secs ch chap vol no nos nr art par p pp ed eds tab ref refs ex
    e.g i.e eg ie cf vs viz al approx ca resp incl excl min max avg est dept
    z.b d.h u.a s bzw ggf vgl sog bspw abb kap bd hr fr p.ex c.-à-d pág núm sra srta
    """.split()
)
_MONTH = re.compile(r"(?:Jan|Feb|März|Apr|Mai|Jun|Jul|Aug|Sept|Okt|Nov|Dez)\w*|Jahrhundert")


def _prose(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of the sentences within `text[start:end]`."""
    code = [match.span() for match in _CODE.finditer(text, start, end)]
    begin, inside = start, 0
    for match in _STOP.finditer(text, start, end):
        at = match.start()
        while inside < len(code) and code[inside][1] <= at:
            inside += 1
        if inside < len(code) and code[inside][0] < at:
            continue
        if match.group("wide") or _ends(text, begin, match, end):
            yield begin, match.end()
            begin = match.end()
    if begin < end:
        yield begin, end


def _ends(text: str, begin: int, match: re.Match[str], end: int) -> bool:
    """Whether the full stop, question or exclamation mark that was found ends its sentence."""
    following = match.end()
    while following < end and (text[following].isspace() or text[following] in "\"'“‘«(*_[>"):
        following += 1
    if following >= end:
        return True
    if text[following].islower():
        return False
    if match.group("stop").rstrip(_CLOSING) != ".":
        return True
    word = _LAST_WORD.search(text, max(begin, match.start() - _LONGEST_WORD), match.start())
    if word is None:
        return True
    if word.group().casefold() in _ALWAYS:
        return False
    if word.group().isdigit():
        # "1." opens an enumeration, "am 3. Mai" is a date; "on page 12." ends a sentence.
        return bool(text[begin : word.start()].strip()) and not _MONTH.match(text, following)
    # An initial, as in "J. Smith" or "z. B."; "vitamin C." goes on for one sentence too many.
    return len(word.group()) > 1
