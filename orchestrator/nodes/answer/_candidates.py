"""Candidates: the sentences of passages that an answer may quote, and what each must come with."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from orchestrator.nodes.answer._field_lines import is_field, record_leads
from orchestrator.text.sentences import Sentence, introduces

#: The most lines of a command; longer code is an example.
COMMAND = 2
# A question of so few words may well be said by chance; so many beside it are no answer.
_ECHOED, _BESIDE = 4, 2
# A heading of fewer words, the mark of its level among them, says nothing by itself.
_SAYING = 3
# Drawings say nothing when they are quoted.
_DRAWING = re.compile(r"\s*(?:`{3,}|~{3,})\s*(?:mermaid|dot|graphviz|plantuml|svg)\b", re.IGNORECASE)
_REFERS = re.compile(
    r"(?:it|its|this|that|these|those|they|their|he|she|his|her|such|so|then|but|however|therefore"
    r"|otherwise|instead)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
# Where links lead, defined below a text for all of it, and marks of places in reStructuredText.
_DEFINED = re.compile(r"\s*(?:\[[^\]\n]+\]:\s*\S+|(?:\.\.\s+)?_(?:`[^`\n]+`|[^\s:`]+):\s*\S*)\s*(?:$|\n)")
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\s]*\)")
# A directive of reStructuredText: what is indented below it is what it says.
_DIRECTIVE = re.compile(r"\.\. [\w+:-]+::")
# With as few words beside its links, a line says where to read, not what.
_POINTS = 8
# What may stand behind the mark that ends a question.
_AROUND = "*_` #\n\"'”’»」"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of passage number `passage`. `needs` are the candidates that it must come with.

    `follows` holds the sentence before in its paragraph, `introduces` tells a line that announces
    what comes next, as a question does whose answer follows.
    `alone` is False for what can only come with others: headings, headers of tables, lines that
    introduce a list, drawings in code, and sentences that an earlier passage holds too.
    """

    passage: int
    sentence: Sentence
    text: str
    needs: tuple[int, ...]
    follows: tuple[int, ...]
    introduces: bool
    alone: bool


def candidates_of(
    text: str, parts: Sequence[Sentence], passage: int, first: int, seen: set[str]
) -> Iterator[Candidate]:
    """The sentences of a passage as candidates, numbered from `first`; their words join those `seen`."""
    leads = record_leads(text, parts)
    named = set(leads.values())
    for number, part in enumerate(parts):
        needs = _closure(parts, part)
        after_prose = number > 0 and part.kind == parts[number - 1].kind == "prose"
        if after_prose and _REFERS.match(text, part.start):
            # "It does so …": the sentence before says who.
            needs = sorted({*needs, number - 1})
        piece = text[part.start : part.end]
        goes_on = after_prose and text.count("\n", parts[number - 1].end, part.start) < 2
        goes_on = goes_on and not is_field(piece)
        lead = introduces(text, part) or _is_asked(text, parts, number) or number in named
        lead = lead or bool(_DIRECTIVE.match(piece))
        if number in leads:
            # The first field of a record says whose the others are.
            needs = sorted({*needs, leads[number]})
        if number and _is_asked(text, parts, number - 1):
            needs = sorted({*needs, number - 1})
        # Passages of one document may overlap.
        words = " ".join(piece.split())
        header = part.kind == "row" and "\n" in piece
        if part.kind == "heading":
            header = not _says_all(text, parts, number)
        yield Candidate(
            passage,
            part,
            piece,
            needs=tuple(first + one for one in needs),
            follows=(first + number - 1,) if goes_on else (),
            introduces=lead,
            alone=not (lead or header or words in seen or _DRAWING.match(piece) or _DEFINED.match(piece)),
        )
        seen.add(words)


def points(candidate: Candidate) -> bool:
    """Whether a list item or a table's row mostly links to other pages, as in a table of contents."""
    if candidate.sentence.kind not in ("item", "row") or not _LINK.search(candidate.text):
        return False
    return len(_WORD.findall(_LINK.sub(" ", candidate.text))) <= _POINTS


def _echoes(candidate: Candidate, asked: str) -> bool:
    """Whether a sentence says what was asked, word for word, and next to nothing else; code may say more."""
    words, wanted = (f" {' '.join(_WORD.findall(text.casefold()))} " for text in (candidate.text, asked))
    if wanted.count(" ") <= _ECHOED or wanted not in words:
        return False
    return candidate.sentence.kind == "code" or words.count(" ") - wanted.count(" ") <= _BESIDE


def _closure(parts: Sequence[Sentence], part: Sentence) -> list[int]:
    """Numbers of the sentences that `part` needs, and they in turn, its heading among them."""
    found: set[int] = set()
    waiting = [*part.needs, part.heading]
    while waiting:
        number = waiting.pop()
        if number >= 0 and number not in found:
            found.add(number)
            # The heading of a heading is another section's.
            waiting += parts[number].needs
    return sorted(found)


def _says_all(text: str, parts: Sequence[Sentence], number: int) -> bool:
    """Whether nothing stands below a heading of some words, as where numbers are listed as headings."""
    here = text[parts[number].start : parts[number].end]
    if len(here.split()) < _SAYING:
        return False
    if number + 1 == len(parts):
        return any(map(str.isdigit, here))
    below = text[parts[number + 1].start : parts[number + 1].end]
    return parts[number + 1].kind == "heading" and _level(below) <= _level(here)


def _level(heading: str) -> int:
    return len(heading) - len(heading.lstrip("#"))


def _is_asked(text: str, parts: Sequence[Sentence], number: int) -> bool:
    """Whether a sentence is a question that the next one answers: one that is not a question or a heading."""
    if number + 1 >= len(parts) or not _is_question(text, parts[number]):
        return False
    return parts[number + 1].kind != "heading" and not _is_question(text, parts[number + 1])


def _is_question(text: str, sentence: Sentence) -> bool:
    written = text[sentence.start : sentence.end].rstrip(_AROUND)
    return sentence.kind in ("prose", "item", "heading") and written.endswith(("?", "？", "؟"))


def led_by(candidates: Sequence[Candidate], asked: str) -> tuple[list[Candidate], Collection[int]]:
    """The candidates where what was asked is not quoted alone, and leads what stands behind it.

    With them, the numbers of the examples in code that ask it.
    """
    echoes = {row for row, candidate in enumerate(candidates) if _echoes(candidate, asked)}
    found: list[Candidate] = []
    for row, one in enumerate(candidates):
        after = row - 1 in echoes and one.passage == candidates[row - 1].passage
        if row in echoes:
            found.append(replace(one, alone=False, introduces=one.sentence.kind != "code"))
        elif after and one.sentence.kind != "heading":
            found.append(replace(one, needs=tuple(sorted({*one.needs, row - 1}))))
        else:
            found.append(one)
    return found, {row for row in echoes if candidates[row].sentence.kind == "code"}


def is_example(candidate: Candidate) -> bool:
    """Whether a candidate is code longer than a command."""
    return candidate.sentence.kind == "code" and candidate.text.count("\n") > COMMAND + 1
