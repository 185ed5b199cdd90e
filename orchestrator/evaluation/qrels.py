"""Relevance judgements from files: which documents answer which query, and how well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from orchestrator.text.numbered_lines import Line, identifier, lines


class Judgement(NamedTuple):
    """A document's grade for a query, or for one aspect of it; above zero is relevant."""

    query: str
    document: str
    grade: int
    aspect: str = ""
    line: Line | None = None


def read_qrels(path: Path) -> Iterator[Judgement]:
    """Judgements in BEIR's form (query, document, grade) or TREC's (query, iteration, document, grade).

    Fields are separated by tabs; TREC's may be by spaces. A first line that ends in no number is a heading.
    """
    return _judgements(path, aspects=False)


def read_aspects(path: Path) -> Iterator[Judgement]:
    """Judgements of aspects, as TREC's diversity qrels: query, aspect, document, grade."""
    return _judgements(path, aspects=True)


def _judgements(path: Path, *, aspects: bool) -> Iterator[Judgement]:
    first = True
    for line in lines(path):
        fields = line.text.split("\t") if "\t" in line.text else line.text.split()
        grade = _grade(fields[-1])
        heading, first = first and grade is None, False
        if heading:
            continue
        if len(fields) not in ((4,) if aspects else (3, 4)):
            expected = "query, aspect, document, grade" if aspects else "query, document, grade"
            line.fault(
                f"has {len(fields)} fields, and {expected} were expected",
                "Separate them by tabs; ids may have spaces in them only then.",
            )
        if grade is None:
            line.fault(f"has the grade {fields[-1]!r}", "A grade is a whole number, such as 0 or 1.")
        yield Judgement(
            identifier(line, fields[0], "query id"),
            identifier(line, fields[-2], "document id"),
            grade,
            fields[1] if aspects else "",
            line,
        )


def _grade(text: str) -> int | None:
    try:
        number = float(text)
        return int(number) if number == int(number) else None
    except (ValueError, OverflowError):
        return None
