"""The draft of a report: sections that are written side by side and read one after the other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.graph.run_context import Run
from orchestrator.nodes.answer._quoting import citation
from orchestrator.types import Answer, Citation, Passage

#: Start and end of a piece of a passage's text.
Span = tuple[int, int]

_MARK = re.compile(r"\[(\d{1,9})\]")


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that a section may cite, and the spans of it that the section stands on."""

    passage: Passage
    spans: tuple[Span, ...]


@dataclass
class Draft:
    """A report while it is written. `headings` has one per section, empty for a section without a heading.

    A section is held back until those before it have ended. Its citations are numbered by itself; the
    reader sees them numbered by first appearance in the report, each passage once. After every piece the
    report so far is offered to the run, so that it is the result if the budget runs out. Without a run,
    nobody reads along.
    """

    run: Run | None
    headings: Sequence[str]
    _turn: int = 0
    _ended: set[int] = field(default_factory=set[int])
    _waiting: dict[int, list[tuple[str, tuple[Source, ...]]]] = field(
        default_factory=dict[int, list[tuple[str, tuple[Source, ...]]]]
    )
    _begun: set[int] = field(default_factory=set[int])
    _written: list[str] = field(default_factory=list[str])
    _numbers: dict[str, int] = field(default_factory=dict[str, int])
    _sources: dict[str, Source] = field(default_factory=dict[str, Source])

    def say(self, section: int, text: str, cited: Sequence[Source]) -> None:
        """Add to a section a text whose `[n]` is number n of `cited`, from 1."""
        if section == self._turn:
            self._write(section, text, cited)
        else:
            self._waiting.setdefault(section, []).append((text, tuple(cited)))

    def end(self, section: int) -> None:
        """A section is complete: the next one may speak."""
        self._ended.add(section)
        while self._turn in self._ended:
            self._turn += 1
            for text, cited in self._waiting.pop(self._turn, []):
                self._write(self._turn, text, cited)

    @property
    def answer(self) -> Answer:
        """The report so far."""
        return Answer(
            "".join(self._written),
            tuple(
                citation(n, self._sources[one].passage, self._sources[one].spans)
                for one, n in self._numbers.items()
            ),
        )

    def _write(self, section: int, text: str, cited: Sequence[Source]) -> None:
        if not text:
            return
        if section not in self._begun:
            self._begun.add(section)
            heading = f"## {self.headings[section]}\n\n" if self.headings[section] else ""
            text = ("\n\n" if self._written else "") + heading + text.lstrip()
        shown = _MARK.sub(lambda mark: self._mark(int(mark.group(1)), cited), text)
        self._written.append(shown)
        if self.run is not None:
            self.run.offer(self.answer)
            self.run.emit(shown)

    def _mark(self, number: int, cited: Sequence[Source]) -> str:
        # A number that is no citation must not pass for one.
        return f"[{self._number(cited[number - 1])}]" if 1 <= number <= len(cited) else f"[ {number} ]"

    def _number(self, source: Source) -> int:
        one = source.passage.id
        before = self._sources.get(one, source)
        self._sources[one] = Source(source.passage, merged((*before.spans, *source.spans)))
        return self._numbers.setdefault(one, len(self._numbers) + 1)


@dataclass
class Part:
    """The output of one section: its text and citations go to the draft."""

    draft: Draft
    section: int
    sources: Mapping[str, Source]
    _cited: tuple[Source, ...] = ()

    def offer(self, value: Any) -> None:
        """The section so far, with its citations."""
        citations: tuple[Citation, ...] = value.citations
        self._cited = tuple(self.sources[one.id] for one in citations)

    def emit(self, text: str) -> None:
        """A piece of the section."""
        self.draft.say(self.section, text, self._cited)

    def degrade(self, reason: str) -> None:
        """What the section lacks, the run lacks."""
        if self.draft.run is not None:
            self.draft.run.degrade(reason)


def merged(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans in the order of the text, those that touch or overlap made one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)
